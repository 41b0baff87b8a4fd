package report

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/influxdata/telegraf"

	"telegraf-qlik-sense-version/internal/poll"
	"telegraf-qlik-sense-version/plugins/inputs/qlik_sense_version"
)

// Gather asks all servers of the blocks once, as one round of the plugin. The error
// is that of a ctx that ended before the round did.
func Gather(ctx context.Context, blocks []*qlik_sense_version.QlikSenseVersion, program string, only []string) (*Report, error) {
	r := &Report{Schema: Schema, Program: program, AskedAt: time.Now().UTC(), Only: only, Blocks: make([]Block, len(blocks))}
	collectors := make([]collector, len(blocks))
	var group sync.WaitGroup
	for i, block := range blocks {
		group.Go(func() { block.GatherContext(ctx, &collectors[i]) })
	}
	group.Wait()
	if ctx.Err() != nil {
		return nil, errors.New("interrupted before all servers were asked")
	}

	for i, block := range blocks {
		r.Blocks[i] = collectors[i].block(block)
		if len(only) > 0 {
			for j := range r.Blocks[i].Servers {
				r.Blocks[i].Servers[j].VersionMismatch = nil
			}
		}
		r.addCatalog(block)
	}
	r.summarise()
	r.listAdvisories(blocks)
	return r, nil
}

// Limit leaves only the named servers to be asked. A name is that of a server with or
// without what else the settings say of it (port, path); one that no server has is
// an error.
func Limit(blocks []*qlik_sense_version.QlikSenseVersion, only []string) ([]*qlik_sense_version.QlikSenseVersion, error) {
	if len(only) == 0 {
		return blocks, nil
	}
	found := make(map[string]bool, len(only))
	var left []*qlik_sense_version.QlikSenseVersion
	for _, block := range blocks {
		block.Keep(func(s *poll.Server) bool {
			kept := false
			for _, name := range only {
				if slices.ContainsFunc([]string{s.Source(), s.HostPort(), s.String()}, func(own string) bool { return strings.EqualFold(name, own) }) {
					found[name], kept = true, true
				}
			}
			return kept
		})
		if len(block.Servers()) > 0 {
			left = append(left, block)
		}
	}
	for _, name := range only {
		if !found[name] {
			return nil, fmt.Errorf("--only %s: the settings have no such server: write it as in hosts, with or without the port", name)
		}
	}
	return left, nil
}

// collector is an accumulator that keeps what a block adds: a point of each server,
// and the error of each that failed. The plugin uses no other methods.
type collector struct {
	telegraf.Accumulator
	mu     sync.Mutex
	fields map[string]map[string]any // by source
	errors map[string]*qlik_sense_version.PollError
}

// AddFields keeps the point of a server.
func (c *collector) AddFields(_ string, fields map[string]any, tags map[string]string, _ ...time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fields == nil {
		c.fields = make(map[string]map[string]any)
	}
	c.fields[tags["source"]] = fields
}

// AddError keeps why a server has no version.
func (c *collector) AddError(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.errors == nil {
		c.errors = make(map[string]*qlik_sense_version.PollError)
	}
	if e, ok := errors.AsType[*qlik_sense_version.PollError](err); ok {
		c.errors[e.Server.Source()] = e
	}
}

// block puts together what was collected of a block.
func (c *collector) block(settings *qlik_sense_version.QlikSenseVersion) Block {
	b := Block{Tags: settings.Tags, Catalog: settings.CatalogName()}
	if b.Tags == nil {
		b.Tags = map[string]string{}
	}
	if minimum := settings.Minimum(); !minimum.IsZero() {
		b.MinimumRelease = minimum.String()
	}
	for _, s := range settings.Servers() {
		server := fromPoint(c.fields[s.Source()])
		server.Source, server.Host = s.Source(), s.String()
		if e := c.errors[s.Source()]; e != nil {
			server.Failure = failure(&e.Outcome)
		} else {
			judged := settings.Judge().Judge(server.ReleaseLabel, server.Version, settings.Minimum())
			server.Remark = judged.Remark
		}
		b.Servers = append(b.Servers, server)
	}
	return b
}

// fromPoint takes the fields of a point.
func fromPoint(fields map[string]any) Server {
	s := Server{
		Result: stringField(fields, "result"),

		ReleaseLabel: stringField(fields, "release_label"), Version: stringField(fields, "version"), ProductName: stringField(fields, "product_name"),
		DeploymentType: stringField(fields, "deployment_type"), SenseID: stringField(fields, "sense_id"), ContentHash: stringField(fields, "content_hash"),
		DeprecatedProductVersion: stringField(fields, "deprecated_product_version"), CopyrightYearRange: stringField(fields, "copyright_year_range"),

		ResponseTime: optional[float64](fields, "response_time"), HTTPResponseCode: optional[int](fields, "http_response_code"),

		Compliance: stringField(fields, "compliance"), ComplianceCode: optional[int](fields, "compliance_code"),
		ReleaseYear: optional[int](fields, "release_year"), ReleaseMonth: optional[int](fields, "release_month"),
		Patch: optional[int](fields, "patch"), LatestPatch: optional[int](fields, "latest_patch"), PatchesBehind: optional[int](fields, "patches_behind"),
		AdvisoryCount: optional[int](fields, "advisory_count"), ExploitedAdvisoryCount: optional[int](fields, "exploited_advisory_count"),
		MaxCVSS: optional[float64](fields, "max_cvss"), FixedIn: optional[string](fields, "fixed_in"),
		SupportDaysLeft: optional[int](fields, "support_days_left"), BelowMinimum: optional[int](fields, "below_minimum"),
		VersionMismatch: optional[int](fields, "version_mismatch"),
	}
	if code := optional[int](fields, "result_code"); code != nil {
		s.ResultCode = *code
	}
	if seconds := optional[int64](fields, "certificate_expiry"); seconds != nil {
		expiry := int(*seconds)
		s.CertificateExpiry = &expiry
	}
	if ids := stringField(fields, "advisories"); ids != "" {
		s.Advisories = strings.Split(ids, ",")
	}
	return s
}

func stringField(fields map[string]any, name string) string {
	value, _ := fields[name].(string)
	return value
}

func optional[T any](fields map[string]any, name string) *T {
	if value, known := fields[name].(T); known {
		return &value
	}
	return nil
}

// Package qlik_sense_version is a Telegraf input that asks Qlik Sense servers
// which version they run.
package qlik_sense_version

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/plugins/common/proxy"
	"github.com/influxdata/telegraf/plugins/common/tls"
	"github.com/influxdata/telegraf/plugins/inputs"

	assets "telegraf-qlik-sense-version"
	"telegraf-qlik-sense-version/internal/discovery"
	"telegraf-qlik-sense-version/internal/fleet"
	"telegraf-qlik-sense-version/internal/poll"
)

const (
	measurement     = "qlik_sense_version"
	siteMeasurement = "qlik_sense_site"
)

// QlikSenseVersion is one block of the settings: the servers of one Qlik Sense
// site or environment.
type QlikSenseVersion struct {
	Hosts                 []string          `toml:"hosts"`
	Discover              []string          `toml:"discover"`
	DiscoverUser          string            `toml:"discover_user"`
	Timeout               Duration          `toml:"timeout"`
	MaxConcurrentRequests int               `toml:"max_concurrent_requests"`
	TLSVerify             string            `toml:"tls_verify"`
	TokenFile             string            `toml:"token_file"`
	Headers               map[string]string `toml:"headers"`
	MinimumRelease        string            `toml:"minimum_release"`
	RequireSupport        bool              `toml:"require_support"`
	SameVersion           bool              `toml:"same_version"`
	CatalogFile           string            `toml:"catalog_file"`
	CatalogURL            string            `toml:"catalog_url"`
	CatalogMaxAge         Duration          `toml:"catalog_max_age"`
	Tags                  map[string]string `toml:"tags"`
	Log                   telegraf.Logger   `toml:"-"`
	tls.ClientConfig
	proxy.HTTPProxy

	process *fleet.Process
	block   *fleet.Block
	history map[*poll.Server]*history
}

// process is shared by all blocks, which Telegraf creates one by one.
var process = fleet.NewProcess(time.Now)

// New returns a block with the defaults of every setting.
func New() *QlikSenseVersion {
	return &QlikSenseVersion{
		DiscoverUser:          discovery.DefaultUser,
		Timeout:               Duration(10 * time.Second),
		MaxConcurrentRequests: 64,
		TLSVerify:             poll.VerifyFull,
		SameVersion:           true,
		CatalogMaxAge:         Duration(180 * 24 * time.Hour),
		process:               process,
	}
}

// SampleConfig returns the settings, each one explained.
func (*QlikSenseVersion) SampleConfig() string {
	return assets.SampleConfig
}

// Init checks every setting and reads the certificates once. It needs no network. The error
// joins *poll.SettingErrors.
func (q *QlikSenseVersion) Init() error {
	block, err := fleet.New(fleet.Settings{
		Hosts:                 q.Hosts,
		Discover:              q.Discover,
		DiscoverUser:          q.DiscoverUser,
		MaxConcurrentRequests: q.MaxConcurrentRequests,
		Poll: poll.Settings{
			Timeout:   time.Duration(q.Timeout),
			TLS:       q.ClientConfig,
			TLSVerify: q.TLSVerify,
			Proxy:     q.HTTPProxy,
			TokenFile: q.TokenFile,
			Headers:   q.Headers,
		},
		MinimumRelease: q.MinimumRelease,
		RequireSupport: q.RequireSupport,
		SameVersion:    q.SameVersion,
		CatalogFile:    q.CatalogFile,
		CatalogURL:     q.CatalogURL,
		CatalogMaxAge:  time.Duration(q.CatalogMaxAge),
		Tags:           q.Tags,
	}, q.process)
	if err != nil {
		return err
	}
	q.block = block
	q.history = make(map[*poll.Server]*history, len(block.Servers()))
	q.logNotices()
	return nil
}

// Block is the block of the fleet that the settings describe, after Init.
func (q *QlikSenseVersion) Block() *fleet.Block { return q.block }

// Gather asks every server of the block once and adds one point for each, and with discover
// one for the site.
func (q *QlikSenseVersion) Gather(acc telegraf.Accumulator) error {
	q.GatherContext(context.Background(), acc)
	return nil
}

// GatherContext is Gather that gives up when ctx ends. A server that has not answered by then
// gets no point in this round.
func (q *QlikSenseVersion) GatherContext(ctx context.Context, acc telegraf.Accumulator) {
	round := q.block.Round(ctx, nil)
	q.logNotices()
	if site := round.Site; site != nil {
		acc.AddFields(siteMeasurement, fields(fleet.SiteFields, site), q.tags(site.Source()), round.Start)
		if !site.Listed {
			acc.AddError(fmt.Errorf("site %s: %s", site.Source(), site.Problem()))
		}
	}
	for i := range round.Results {
		r := &round.Results[i]
		acc.AddFields(measurement, fields(fleet.Fields, r), q.tags(r.Server), round.Start)
		if !r.Answered() {
			acc.AddError(fmt.Errorf("%s: %s: %s; %s", r.Server, r.Outcome.Result, r.Outcome.Cause, r.Outcome.Hint))
		}
		q.logResult(r)
	}
	if !round.CutOff {
		q.forgetOthers(round)
	}
	q.Log.Debugf("Round of polls ended; servers: %d, time: %s", round.Servers, time.Since(round.Start).Round(time.Millisecond))
}

// fields are the fields of a point, without unknown ones.
func fields[T any](table []fleet.FieldOf[T], from *T) map[string]interface{} {
	values := make(map[string]interface{}, len(table))
	for i := range table {
		field := &table[i]
		switch value := field.Value(from).(type) {
		case nil:
		case []string:
			values[field.Name] = strings.Join(value, ",")
		default:
			values[field.Name] = value
		}
	}
	return values
}

// tags are the tags of a point: those of the block, and the server.
func (q *QlikSenseVersion) tags(server *poll.Server) map[string]string {
	tags := make(map[string]string, len(q.Tags)+1)
	maps.Copy(tags, q.Tags)
	tags["source"] = server.Source()
	return tags
}

func init() {
	inputs.Add("qlik_sense_version", func() telegraf.Input { return New() })
}

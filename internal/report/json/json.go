// Package json writes a report as a JSON document, which deploy/check-json.md describes.
package json

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/discovery"
	"telegraf-qlik-sense-version/internal/fleet"
	"telegraf-qlik-sense-version/internal/poll"
	"telegraf-qlik-sense-version/internal/report"
)

// Schema is the version of the document's format.
const Schema = 1

// Write writes the report as one indented document. No array of it is null.
func Write(w io.Writer, r *report.Report) error { return encode(w, newDocument(r)) }

func encode(w io.Writer, document any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(document)
}

func newDocument(r *report.Report) *document {
	return &document{
		Schema: Schema, Program: r.Program, AskedAt: r.AskedAt.UTC(), Origin: newOrigin(r.Origin), Only: r.Only, Summary: newSummary(r, &r.Summary),
		Catalogs:   each(r.Catalogs, newCatalogue),
		Blocks:     each(r.Blocks, func(b *report.Block) block { return newBlock(r, b) }),
		Advisories: each(r.Advisories, func(a *report.Advisory) advisory { return newAdvisory(r, a) }),
		Undecided: each(r.Undecided, func(a report.Entry) undecided {
			return undecided{
				ID: a.ID, Summary: a.Summary, ExploitedSince: optional(a.ExploitedSince), Catalog: a.Catalog,
				ReadBy: a.ReadBy, Source: a.Source, Note: a.Note, References: nonNil(a.References),
			}
		}),
		Dismissed: each(r.Dismissed, func(a report.Entry) dismissed {
			return dismissed{ID: a.ID, Summary: a.Summary, Reason: a.Dismissed, Catalog: a.Catalog, References: nonNil(a.References)}
		}),
		Notice: catalog.NVDNotice, Baseline: newBaseline(r.Since),
	}
}

func newCatalogue(c *report.Catalog) catalogue {
	return catalogue{
		Name: c.Name, ReleasesAsOf: c.Releases.AsOf.String(), AdvisoriesAsOf: c.Advisories.AsOf.String(), ExploitedAsOf: c.Exploited.AsOf.String(),
		ReleasesAge: c.Releases.Days, AdvisoriesAge: c.Advisories.Days, ExploitedAge: c.Exploited.Days,
		Digest: c.Digest, Weaker: nonNil(c.Weaker),
	}
}

func newOrigin(o report.Origin) report.Origin {
	o.Settings = nonNil(o.Settings)
	return o
}

// newSummary leaves the mismatched versions unknown where they were not compared.
func newSummary(r *report.Report, s *report.Summary) summary {
	mismatched := &s.Mismatched
	if len(r.Only) > 0 {
		mismatched = nil
	}
	return summary{
		Servers: s.Servers, Answered: s.Answered, Failed: s.Failed, Compliant: s.Compliant, NonCompliant: s.NonCompliant, Unknown: s.Unknown,
		ProvenPercent: percent(s.Compliant, s.Servers), AnsweredPercent: percent(s.Compliant, s.Answered),
		Vulnerable: s.Vulnerable, Exploited: s.Exploited, BelowMinimum: s.BelowMinimum, Mismatched: mismatched, OutOfSupport: s.OutOfSupport,
		Versions: nonNil(s.Versions),
	}
}

// percent is null for a share of nothing.
func percent(n, whole int) *float64 {
	if whole == 0 {
		return nil
	}
	share := 100 * float64(n) / float64(whole)
	return &share
}

func newBlock(r *report.Report, b *report.Block) block {
	settings := b.Round.Block
	c := block{
		Tags: tagsOf(b.Tags()), MinimumRelease: settings.Minimum(), RequireSupport: settings.RequireSupport, SameVersion: settings.SameVersion,
		CatalogMaxAge: int(settings.CatalogMaxAge.Hours() / 24), Catalog: b.Round.Catalog, CatalogProblem: b.Round.Problem,
		Summary: newSummary(r, &b.Summary), Servers: each(b.Servers, func(s *report.Server) server { return server{s} }),
	}
	if b.Site() != nil {
		c.Site = &site{b}
	}
	return c
}

// server is an object with the members of fleet.Fields, in their order, and what a report has beyond
// them.
type server struct{ *report.Server }

// MarshalJSON leaves out what is unknown.
func (s server) MarshalJSON() ([]byte, error) {
	object := object{}
	object.add("id", s.ID())
	object.add("source", s.Server.Server.Source())
	object.add("host", s.Server.Server.String())
	for i := range fleet.Fields {
		if value := fleet.Fields[i].Value(s.Result); value != nil {
			object.add(fleet.Fields[i].Name, value)
		}
	}
	if s.Judgement.Remark != "" {
		object.add("remark", s.Judgement.Remark)
	}
	if !s.Answered() {
		object.add("failure", newFailure(&s.Outcome))
	}
	return object.bytes()
}

// site is an object with the members of fleet.SiteFields, in their order, and what a report has beyond
// them.
type site struct{ *report.Block }

// MarshalJSON leaves out what is unknown.
func (s *site) MarshalJSON() ([]byte, error) {
	object, site := object{}, s.Site()
	object.add("source", site.Source().Source())
	object.add("host", site.Source().String())
	object.add("complete", site.Complete())
	for i := range fleet.SiteFields {
		if value := fleet.SiteFields[i].Value(site); value != nil {
			object.add(fleet.SiteFields[i].Name, value)
		}
	}
	object.add("nodes_elsewhere", site.Elsewhere)
	object.add("failed_attempts", each(s.FailedAttempts(), func(a *discovery.Attempt) attempt {
		return attempt{Host: a.Server.String(), Result: a.Result.String(), Failure: newFailure(&a.Outcome)}
	}))
	return object.bytes()
}

// object is a JSON object whose members have an order.
type object struct {
	text bytes.Buffer
	err  error
}

func (o *object) add(name string, value any) {
	if o.text.Len() > 0 {
		o.text.WriteByte(',')
	}
	o.text.WriteString(`"` + name + `":`)
	encoder := json.NewEncoder(&o.text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil && o.err == nil {
		o.err = err
	}
}

func (o *object) bytes() ([]byte, error) { return []byte("{" + o.text.String() + "}"), o.err }

func newFailure(o *poll.Outcome) failure {
	return failure{
		Step: o.Step.String(), Cause: o.Cause, Hint: o.Hint,
		ServerCertificate: newCertificate(o.ServerCertificate), ClientCertificate: newCertificate(o.ClientCertificate),
	}
}

func newCertificate(c *poll.Certificate) *certificate {
	if c == nil {
		return nil
	}
	return &certificate{Subject: c.Subject, Names: nonNil(c.Names), Issuer: c.Issuer, NotBefore: c.NotBefore, NotAfter: c.NotAfter}
}

func newAdvisory(r *report.Report, a *report.Advisory) advisory {
	c := advisory{
		ID: a.ID, Summary: a.Summary, Published: a.Published.String(), CVSS: a.CVSS, CVSSSource: a.CVSSSource, Severity: catalog.Severity(a.CVSS),
		ExploitedSince: optional(a.ExploitedSince), ExploitedDue: optional(a.ExploitedDue), Ransomware: a.Ransomware,
		ReadBy: a.ReadBy, Source: a.Source, Note: a.Note,
		Fixed: nonNil(a.Fixed), References: nonNil(a.References), Affected: each(a.Affected, func(a report.Affected) affected {
			return affected{Block: a.Server.Block.Index, Source: a.Server.Server.Source(), FixedIn: optional(a.FixedIn)}
		}),
	}
	if days, known := a.ExposedDays(r); known {
		c.ExposedDays = &days
	}
	return c
}

// optional is "" for the zero value.
func optional[T interface {
	fmt.Stringer
	IsZero() bool
}](value T) string {
	if value.IsZero() {
		return ""
	}
	return value.String()
}

// each converts the elements of a slice; the result is never nil, which would be null.
func each[S, T any](all []S, convert func(S) T) []T {
	converted := make([]T, 0, len(all))
	for _, element := range all {
		converted = append(converted, convert(element))
	}
	return converted
}

func nonNil[T any](all []T) []T {
	if all == nil {
		return []T{}
	}
	return all
}

func tagsOf(tags map[string]string) map[string]string {
	if tags == nil {
		return map[string]string{}
	}
	return tags
}

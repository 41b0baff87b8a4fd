// Package json writes a report as a JSON document, which deploy/check-json.md describes.
package json

import (
	"bytes"
	"encoding/json"
	"io"

	"telegraf-qlik-sense-version/internal/catalog"
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
	d := &document{
		Schema: Schema, Program: r.Program, AskedAt: r.AskedAt.UTC(), Origin: newOrigin(&r.Origin), Only: r.Only, Summary: newSummary(r, &r.Summary),
		Catalogs: newCatalogs(r), Blocks: make([]block, 0, len(r.Blocks)),
		Advisories: make([]advisory, 0, len(r.Advisories)), Undecided: make([]undecided, 0, len(r.Undecided)),
		Dismissed: make([]dismissed, 0, len(r.Dismissed)), Notice: catalog.NVDNotice, Baseline: newBaseline(r.Since),
	}
	for i := range r.Blocks {
		d.Blocks = append(d.Blocks, newBlock(r, &r.Blocks[i]))
	}
	for i := range r.Advisories {
		d.Advisories = append(d.Advisories, newAdvisory(r, &r.Advisories[i]))
	}
	for _, a := range r.Undecided {
		d.Undecided = append(d.Undecided, undecided{
			ID: a.ID, Summary: a.Summary, ExploitedSince: optionalDay(a.ExploitedSince), Catalog: a.Catalog,
			ReadBy: a.ReadBy, Source: a.Source, Note: a.Note, References: list(a.References),
		})
	}
	for _, a := range r.Dismissed {
		d.Dismissed = append(d.Dismissed, dismissed{ID: a.ID, Summary: a.Summary, Reason: a.Dismissed, Catalog: a.Catalog, References: list(a.References)})
	}
	return d
}

func newCatalogs(r *report.Report) []catalogue {
	all := make([]catalogue, 0, len(r.Catalogs))
	for _, c := range r.Catalogs {
		all = append(all, catalogue{
			Name: c.Name, ReleasesAsOf: c.Releases.AsOf.String(), AdvisoriesAsOf: c.Advisories.AsOf.String(), ExploitedAsOf: c.Exploited.AsOf.String(),
			ReleasesAge: c.Releases.Days, AdvisoriesAge: c.Advisories.Days, ExploitedAge: c.Exploited.Days,
			Digest: c.Digest, Weaker: list(c.Weaker),
		})
	}
	return all
}

func newOrigin(o *report.Origin) origin {
	c := origin{Machine: o.Machine, Account: o.Account, Settings: make([]file, 0, len(o.Settings))}
	for _, one := range o.Settings {
		c.Settings = append(c.Settings, file(one))
	}
	return c
}

// newSummary knows nothing of versions out of step where they were not compared.
func newSummary(r *report.Report, s *report.Summary) summary {
	mismatched := &s.Mismatched
	if len(r.Only) > 0 {
		mismatched = nil
	}
	c := summary{
		Servers: s.Servers, Answered: s.Answered, Failed: s.Failed, Compliant: s.Compliant, NonCompliant: s.NonCompliant, Unknown: s.Unknown,
		ProvenPercent: percent(s.Compliant, s.Servers), AnsweredPercent: percent(s.Compliant, s.Answered),
		Vulnerable: s.Vulnerable, Exploited: s.Exploited, BelowMinimum: s.BelowMinimum, Mismatched: mismatched, OutOfSupport: s.OutOfSupport,
		Versions: make([]version, 0, len(s.Versions)),
	}
	for _, v := range s.Versions {
		c.Versions = append(c.Versions, version(v))
	}
	return c
}

// percent is null for a share of nothing.
func percent(n, of int) *float64 {
	if of == 0 {
		return nil
	}
	share := 100 * float64(n) / float64(of)
	return &share
}

func newBlock(r *report.Report, b *report.Block) block {
	settings := b.Round.Block
	c := block{
		Tags: b.Tags(), RequireSupport: settings.RequireSupport, SameVersion: settings.SameVersion,
		CatalogMaxAge: int(settings.CatalogMaxAge.Hours() / 24), Catalog: b.Round.Catalog, CatalogProblem: b.Round.Problem,
		Summary: newSummary(r, &b.Summary), Servers: make([]server, 0, len(b.Servers)),
	}
	if c.Tags == nil {
		c.Tags = map[string]string{}
	}
	if b.Site() != nil {
		c.Site = &site{b}
	}
	if minimum := settings.Minimum(); !minimum.IsZero() {
		c.MinimumRelease = minimum.String()
	}
	for i := range b.Servers {
		c.Servers = append(c.Servers, server{b.ID(&b.Servers[i]), &b.Servers[i]})
	}
	return c
}

// server is an object whose members are those of fleet.Fields, in their order, and what a
// report has beyond them.
type server struct {
	id string
	*report.Server
}

// MarshalJSON leaves out what is not known.
func (s server) MarshalJSON() ([]byte, error) {
	object := object{}
	object.add("id", s.id)
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

// site is an object whose members are those of fleet.SiteFields, in their order, and what a
// report has beyond them.
type site struct{ *report.Block }

// MarshalJSON leaves out what is not known.
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
	failed := s.FailedAttempts()
	attempts := make([]attempt, 0, len(failed))
	for _, a := range failed {
		attempts = append(attempts, attempt{Host: a.Server.String(), Result: a.Result.String(), Failure: newFailure(&a.Outcome)})
	}
	object.add("failed_attempts", attempts)
	return object.bytes()
}

// object is a JSON object whose members keep their order.
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
	return &certificate{Subject: c.Subject, Names: list(c.Names), Issuer: c.Issuer, NotBefore: c.NotBefore, NotAfter: c.NotAfter}
}

func newAdvisory(r *report.Report, a *report.Advisory) advisory {
	c := advisory{
		ID: a.ID, Summary: a.Summary, Published: a.Published.String(), CVSS: a.CVSS, CVSSSource: a.CVSSSource, Severity: catalog.Severity(a.CVSS),
		ExploitedSince: optionalDay(a.ExploitedSince), ExploitedDue: optionalDay(a.ExploitedDue), Ransomware: a.Ransomware,
		ReadBy: a.ReadBy, Source: a.Source, Note: a.Note,
		Fixed: make([]string, 0, len(a.Fixed)), References: list(a.References), Affected: make([]affected, 0, len(a.Affected)),
	}
	if days, known := a.ExposedDays(r); known {
		c.ExposedDays = &days
	}
	for _, fix := range a.Fixed {
		c.Fixed = append(c.Fixed, fix.String())
	}
	for _, one := range a.Affected {
		fix := ""
		if !one.FixedIn.IsZero() {
			fix = one.FixedIn.String()
		}
		c.Affected = append(c.Affected, affected{Block: one.Block, Source: one.Server.Server.Source(), FixedIn: fix})
	}
	return c
}

// optionalDay is "" for no day.
func optionalDay(d catalog.Day) string {
	if d.IsZero() {
		return ""
	}
	return d.String()
}

func list(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// Package html writes a report as one HTML page for people, to attach to a ticket or an audit.
package html

import (
	"bufio"
	"crypto/sha256"
	_ "embed" // for the style sheet and the script
	"encoding/base64"
	"io"
	"slices"
	"strings"
	"time"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"telegraf-qlik-sense-version/internal/plan"
	"telegraf-qlik-sense-version/internal/report"
)

var (
	//go:embed report.css
	styleSheet string
	//go:embed report.js
	script string
)

// Write writes the report as one page that needs no other file, loads nothing and can be read without
// its script. Everything from servers, settings and catalogues is escaped. Its plan has no waves.
func Write(w io.Writer, r *report.Report) error {
	planned, err := plan.New(r, plan.Options{})
	if err != nil {
		return err
	}
	return WritePlan(w, planned)
}

// WritePlan writes the page of a plan's report.
func WritePlan(w io.Writer, planned *plan.Plan) error {
	buffered := bufio.NewWriter(w)
	if err := h.Doctype(newPage(planned).document()).Render(buffered); err != nil {
		return err
	}
	return buffered.Flush()
}

// page is a page under construction.
type page struct {
	report   *report.Report
	planned  *plan.Plan
	lines    []string                     // of the plan
	rows     map[*report.Server]*plan.Row // of the plan
	advisory map[string]int               // index in the report's advisories, by identifier
	failed   []*report.Server
	failure  map[*report.Server]int // index in failed
	cards    []card
}

func newPage(planned *plan.Plan) *page {
	r := planned.Report
	p := &page{
		report: r, planned: planned, lines: planned.Lines(), rows: make(map[*report.Server]*plan.Row),
		advisory: make(map[string]int, len(r.Advisories)), failure: make(map[*report.Server]int), cards: cardsOf(r),
	}
	for _, wave := range planned.Waves {
		for _, row := range wave.Rows {
			p.rows[row.Server] = row
		}
	}
	for i, a := range r.Advisories {
		p.advisory[a.ID] = i
	}
	for s := range r.Servers() {
		if !s.Answered() {
			p.failure[s] = len(p.failed)
			p.failed = append(p.failed, s)
		}
	}
	return p
}

func (p *page) document() g.Node {
	return h.HTML(h.Lang("en"),
		p.head(),
		h.Body(
			newLine, h.A(h.Class("skip"), h.Href("#main"), plain("Skip to the content")),
			p.header(),
			newLine, h.Main(h.ID("main"),
				p.notices(),
				p.overview(),
				p.plan(),
				p.since(),
				p.servers(),
				p.advisories(),
				p.failures(),
				p.data(),
				p.claims(),
				p.origin(),
			),
			newLine, h.Footer(h.P(plain("This page holds everything that it shows. It loads nothing, and sends nothing anywhere."))),
			newLine, h.Script(g.Raw(unixLines(script))),
		),
	)
}

func (p *page) head() g.Node {
	meta := func(name, content string) g.Node { return g.Group{newLine, h.Meta(h.Name(name), h.Content(content))} }
	return h.Head(
		h.Meta(h.Charset("utf-8")),
		newLine, h.Meta(g.Attr("http-equiv", "Content-Security-Policy"), h.Content(p.contentSecurityPolicy())),
		meta("viewport", "width=device-width, initial-scale=1"),
		meta("color-scheme", "light dark"),
		meta("referrer", "no-referrer"),
		meta("robots", "noindex"),
		meta("format-detection", "telephone=no"), // a build is not a telephone number
		newLine, h.TitleEl(plain("Qlik Sense versions, "+day(p.report.AskedAt))),
		newLine, h.StyleEl(g.Raw(p.style())),
	)
}

// contentSecurityPolicy lets the page use its own style sheet and script, and nothing else.
func (p *page) contentSecurityPolicy() string {
	hash := func(text string) string {
		sum := sha256.Sum256([]byte(unixLines(text)))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return "default-src 'none'; style-src " + hash(p.style()) + "; script-src " + hash(script) + "; base-uri 'none'; form-action 'none'"
}

// unixLines normalises line ends, which git may have converted, as browsers do before they compare the
// hash.
func unixLines(text string) string { return strings.ReplaceAll(text, "\r\n", "\n") }

func (p *page) header() g.Node {
	r := p.report
	type navLink struct{ to, name string }
	links := []navLink{
		{"summary", "Summary"},
		{"plan", "What to install"},
		{"servers", "Servers"},
		{"advisories", "Advisories"},
		{"failures", "Failures"},
		{"data", "Data"},
		{"claims", "What “compliant” means"},
	}
	if r.Since != nil {
		links = slices.Insert(links, 2, navLink{"since", "What changed"})
	}
	return g.Group{newLine, h.Header(
		h.H1(plain("Qlik Sense versions")),
		h.P(h.Class("asked"),
			plain(plural(r.Summary.Servers, "server")+" in "+plural(len(r.Blocks), "environment")+", asked on "),
			h.Time(h.DateTime(r.AskedAt.UTC().Format(time.RFC3339)), plain(r.AskedAt.UTC().Format("2006-01-02 at 15:04 UTC"))),
			plain(" by "+r.Program+"."),
		),
		g.If(len(r.Only) > 0, h.P(h.Class("asked"), h.ID("only"),
			h.Strong(plain("Limited to ")), plain(strings.Join(r.Only, ", ")+". The other servers of the settings were not asked.")),
		),
		newLine, h.Nav(h.Aria("label", "Sections"), h.Ul(
			g.Map(links, func(link navLink) g.Node {
				return h.Li(h.A(h.Href("#"+link.to), plain(link.name)))
			}),
		)),
	)}
}

// chapter is a section of the page.
func chapter(id, heading string, content ...g.Node) g.Node {
	return section(h.H2, id, heading, content)
}

// subsection is a section of a chapter.
func subsection(id, heading string, content ...g.Node) g.Node {
	return section(h.H3, id, heading, content)
}

func section(headingOf func(...g.Node) g.Node, id, heading string, content g.Group) g.Node {
	return g.Group{newLine, h.Section(h.ID(id), h.Aria("labelledby", id+"-heading"),
		headingOf(h.ID(id+"-heading"), plain(heading)), content)}
}

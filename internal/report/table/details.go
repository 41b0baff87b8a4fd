package table

import (
	"fmt"
	"strconv"
	"strings"

	pretty "github.com/jedib0t/go-pretty/v6/text"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/poll"
	"telegraf-qlik-sense-version/internal/report"
)

// section writes a heading and the servers that match, unless there are none.
func (p *sheet) section(r *report.Report, heading string, matches func(*report.Server) bool, write func(*report.Server)) {
	for s := range r.Servers() {
		if matches(s) {
			p.headingOnce(&heading)
			write(s)
		}
	}
}

// headingOnce writes a heading and clears it.
func (p *sheet) headingOnce(heading *string) {
	if *heading != "" {
		p.heading(*heading)
		*heading = ""
	}
}

func (p *sheet) failures(r *report.Report) {
	heading := "Nodes that did not list their site"
	for _, b := range r.Blocks {
		for _, a := range b.FailedAttempts() {
			p.headingOnce(&heading)
			p.failure(nameInFleet(b, a.Server), &a.Outcome)
		}
	}
	p.section(r, "Failures", func(s *report.Server) bool { return !s.Answered() }, func(s *report.Server) {
		p.failure(nameInFleet(s.Block, s.Server), &s.Outcome)
	})
}

func (p *sheet) failure(name string, o *poll.Outcome) {
	p.line(0, name, red)
	p.member(2, "step", o.Step.String())
	p.member(2, "cause", o.Cause)
	p.member(2, "what to do", o.Hint)
	p.certificate("certificate of the server", o.ServerCertificate)
	p.certificate("certificate of the client", o.ClientCertificate)
}

func (p *sheet) member(indent int, name, value string) {
	if value != "" {
		p.line(indent, name+": "+value, nil)
	}
}

func (p *sheet) certificate(heading string, c *poll.Certificate) {
	if c == nil {
		return
	}
	names := "none"
	if len(c.Names) > 0 {
		names = strings.Join(c.Names, ", ")
	}
	p.line(2, heading, nil)
	p.member(4, "subject", c.Subject)
	p.member(4, "names", names)
	p.member(4, "issuer", c.Issuer)
	const instant = "2006-01-02 15:04"
	p.member(4, "valid", c.NotBefore.UTC().Format(instant)+" to "+c.NotAfter.UTC().Format(instant)+" UTC")
}

// remarks writes why versions are not judged, and then the remarks about those that are.
func (p *sheet) remarks(r *report.Report) {
	remarked := func(judged bool) func(*report.Server) bool {
		return func(s *report.Server) bool { return s.Judgement.Remark != "" && (s.Judgement.Verdict != nil) == judged }
	}
	write := func(s *report.Server) { p.line(0, nameInFleet(s.Block, s.Server)+": "+s.Judgement.Remark, nil) }
	p.section(r, "Not judged", remarked(false), write)
	p.section(r, "Judged by the release label", remarked(true), write)
}

// advisories writes a line for each that applies.
func (p *sheet) advisories(r *report.Report) {
	if len(r.Advisories) == 0 {
		return
	}
	p.heading("Advisories that apply")
	g := &grid{columns: []column{
		{head: "ADVISORY", wordWidth: 20}, {head: "CVSS", align: pretty.AlignRight, wordWidth: 4}, {head: "EXPLOITED", wordWidth: 10},
		{head: "SERVERS", align: pretty.AlignRight, wordWidth: 7}, {head: "SUMMARY", wordWidth: 16, plain: true},
	}}
	for _, a := range r.Advisories {
		score, exploited := "-", textCell("-")
		if a.CVSS > 0 {
			score = strconv.FormatFloat(a.CVSS, 'f', 1, 64)
		}
		if a.Exploited() {
			exploited = cell{{text: a.ExploitedSince.String(), ink: red}}
		}
		g.rows = append(g.rows, []cell{
			textCell(shorten(a.ID, maxText)), textCell(score), exploited, textCell(strconv.Itoa(len(a.Affected))),
			textCell(shorten(a.Summary, 10*p.width)),
		})
	}
	if g.fit(p.width, 0, 2, 4) {
		for _, row := range g.rows { // one line each
			row[4] = textCell(shorten(row[4].join(), g.widths[4]))
		}
	}
	p.rows(g)
}

// data writes what the versions were judged by, and its limits.
func (p *sheet) data(r *report.Report) {
	if len(r.Catalogs) == 0 {
		return
	}
	p.heading("Data")
	for _, c := range r.Catalogs {
		p.line(0, fmt.Sprintf("%s: releases of %s, advisories of %s, known exploitation of %s",
			c.Name, age(c.Releases), age(c.Advisories), age(c.Exploited)), nil)
	}
	for _, problem := range r.Problems {
		p.line(0, "Judged by other data, because the catalogue cannot be read: "+problem, yellow)
	}
	for _, c := range r.Catalogs {
		for _, weaker := range c.Weaker {
			p.line(0, "Weaker than what is built into the program: "+weaker+" ("+c.Name+")", yellow)
		}
	}
	for _, warning := range r.Warnings() {
		p.line(0, warning.Text, yellow)
	}
	if read := r.ReadByMachine(); len(read) > 0 {
		p.line(0, "Read by machine, not reviewed by a person: "+strings.Join(read, ", "), yellow)
	}
	p.line(0, "The built-in ends of support are estimates.", dim)
	p.line(0, catalog.NVDNotice, dim)
}

// undecided writes what a person must know to decide about advisories, and those that were dismissed.
func (p *sheet) undecided(r *report.Report) {
	const maxSummary = 1000 // the rest is behind the link
	if len(r.Undecided) > 0 {
		p.heading("Undecided advisories, which nobody can map to releases yet")
	}
	for _, a := range r.Undecided {
		id, ink := a.ID, yellow
		if a.Exploited() {
			id, ink = a.ID+" (exploited: no server is proven compliant)", red
		}
		p.line(0, id, ink)
		details := []string{a.Summary}
		if a.ByMachine() {
			details = append(details, a.Note)
		}
		for _, detail := range append(details, a.References[:min(len(a.References), 1)]...) {
			if detail = shorten(detail, maxSummary); detail != "" {
				p.line(2, detail, nil)
			}
		}
		if a.Exploited() {
			p.member(2, "to decide it", a.Decision(a.Catalog))
		}
	}
	if len(r.Dismissed) > 0 {
		p.heading("Dismissed advisories, which decide nothing")
	}
	for _, a := range r.Dismissed {
		p.line(0, a.ID+": "+shorten(a.Dismissed, maxSummary), nil)
	}
}

// age is a day, with its age if that is worth a warning.
func age(a report.Age) string {
	switch {
	case a.Future:
		return fmt.Sprintf("%s (in%cthe%cfuture)", a.AsOf, nbsp, nbsp)
	case a.Old():
		return fmt.Sprintf("%s (%d%cdays%cold)", a.AsOf, a.Days, nbsp, nbsp)
	}
	return a.AsOf.String()
}

package table

import (
	"fmt"
	"strconv"
	"strings"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/poll"
	"telegraf-qlik-sense-version/internal/report"
	"telegraf-qlik-sense-version/internal/terminal"
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
		p.Heading(*heading)
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
	p.Line(0, name, terminal.Red)
	p.member(2, "step", o.Step.String())
	p.member(2, "cause", o.Cause)
	p.member(2, "what to do", o.Hint)
	p.certificate("certificate of the server", o.ServerCertificate)
	p.certificate("certificate of the client", o.ClientCertificate)
}

func (p *sheet) member(indent int, name, value string) {
	if value != "" {
		p.Line(indent, name+": "+value, terminal.Plain)
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
	p.Line(2, heading, terminal.Plain)
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
	write := func(s *report.Server) {
		p.Line(0, nameInFleet(s.Block, s.Server)+": "+s.Judgement.Remark, terminal.Plain)
	}
	p.section(r, "Not judged", remarked(false), write)
	p.section(r, "Judged by the release label", remarked(true), write)
}

// maxSummary bounds the text of an advisory. The rest is behind its link.
const maxSummary = 1000

// advisories writes a line for each that applies.
func (p *sheet) advisories(r *report.Report) {
	if len(r.Advisories) == 0 {
		return
	}
	p.Heading("Advisories that apply")
	g := &terminal.Table{Columns: []terminal.Column{
		{Head: "ADVISORY", WordWidth: 20}, {Head: "CVSS", Right: true}, {Head: "EXPLOITED"},
		{Head: "SERVERS", Right: true}, {Head: "SUMMARY", WordWidth: 16, Short: true, Bare: true},
	}}
	for _, a := range r.Advisories {
		score, exploited := "-", terminal.Text("-")
		if a.CVSS > 0 {
			score = strconv.FormatFloat(a.CVSS, 'f', 1, 64)
		}
		if a.Exploited() {
			exploited = terminal.Cell{{Text: a.ExploitedSince.String(), Ink: terminal.Red}}
		}
		g.Rows = append(g.Rows, []terminal.Cell{
			terminal.Text(terminal.Shorten(a.ID, maxText)), terminal.Text(score), exploited, terminal.Text(strconv.Itoa(len(a.Affected))),
			terminal.Text(terminal.Shorten(a.Summary, maxSummary)),
		})
	}
	p.Table(g)
}

// data writes what the versions were judged by, and its limits.
func (p *sheet) data(r *report.Report) {
	if len(r.Catalogs) == 0 {
		return
	}
	p.Heading("Data")
	for _, c := range r.Catalogs {
		p.Line(0, fmt.Sprintf("%s: releases of %s, advisories of %s, known exploitation of %s",
			c.Name, age(c.Releases), age(c.Advisories), age(c.Exploited)), terminal.Plain)
	}
	for _, problem := range r.Problems {
		p.Line(0, "Judged by other data, because the catalogue cannot be read: "+problem, terminal.Yellow)
	}
	for _, c := range r.Catalogs {
		for _, weaker := range c.Weaker {
			p.Line(0, "Weaker than what is built into the program: "+weaker+" ("+c.Name+")", terminal.Yellow)
		}
	}
	for _, warning := range r.Warnings() {
		p.Line(0, warning.Text, terminal.Yellow)
	}
	if read := r.ReadByMachine(); len(read) > 0 {
		p.Line(0, "Read by machine, not reviewed by a person: "+strings.Join(read, ", "), terminal.Yellow)
	}
	p.Line(0, "The built-in ends of support are estimates.", terminal.Dim)
	p.Line(0, catalog.NVDNotice, terminal.Dim)
}

// undecided writes what a person must know to decide about advisories, and those that were dismissed.
func (p *sheet) undecided(r *report.Report) {
	if len(r.Undecided) > 0 {
		p.Heading("Undecided advisories, which nobody can map to releases yet")
	}
	for _, a := range r.Undecided {
		id, ink := a.ID, terminal.Yellow
		if a.Exploited() {
			id, ink = a.ID+" (exploited: no server is proven compliant)", terminal.Red
		}
		p.Line(0, id, ink)
		details := []string{a.Summary}
		if a.ByMachine() {
			details = append(details, a.Note)
		}
		for _, detail := range append(details, a.References[:min(len(a.References), 1)]...) {
			if detail = terminal.Shorten(detail, maxSummary); detail != "" {
				p.Line(2, detail, terminal.Plain)
			}
		}
		if a.Exploited() {
			p.member(2, "to decide it", a.Decision(a.Catalog))
		}
	}
	if len(r.Dismissed) > 0 {
		p.Heading("Dismissed advisories, which decide nothing")
	}
	for _, a := range r.Dismissed {
		p.Line(0, a.ID+": "+terminal.Shorten(a.Dismissed, maxSummary), terminal.Plain)
	}
}

// age is a day, with its age if that is worth a warning.
func age(a report.Age) string {
	switch {
	case a.Future:
		return a.AsOf.String() + " " + terminal.NonBreaking("(in the future)")
	case a.Old():
		return a.AsOf.String() + " " + terminal.NonBreaking(fmt.Sprintf("(%d days old)", a.Days))
	}
	return a.AsOf.String()
}

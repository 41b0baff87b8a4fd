package table

import (
	"fmt"
	"strconv"
	"strings"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/poll"
	"telegraf-qlik-sense-version/internal/report"
)

// each calls write for the servers that match, under a heading.
func (p *sheet) each(r *report.Report, heading string, matches func(*report.Server) bool, write func(*report.Block, *report.Server)) {
	for i := range r.Blocks {
		b := &r.Blocks[i]
		for j := range b.Servers {
			if !matches(&b.Servers[j]) {
				continue
			}
			if heading != "" {
				p.heading(heading)
				heading = ""
			}
			write(b, &b.Servers[j])
		}
	}
}

func (p *sheet) failures(r *report.Report) {
	p.sites(r)
	p.each(r, "Failures", func(s *report.Server) bool { return !s.Answered() }, func(b *report.Block, s *report.Server) {
		p.failure(nameInFleet(b, s.Server), &s.Outcome)
	})
}

// sites writes which nodes did not list those of their site.
func (p *sheet) sites(r *report.Report) {
	heading := "Nodes that did not list their site"
	for i := range r.Blocks {
		b := &r.Blocks[i]
		for _, a := range b.FailedAttempts() {
			if heading != "" {
				p.heading(heading)
				heading = ""
			}
			p.failure(nameInFleet(b, a.Server), &a.Outcome)
		}
	}
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

// remarks writes why versions are not judged, and then what else was found in those
// that are.
func (p *sheet) remarks(r *report.Report) {
	remark := func(b *report.Block, s *report.Server) {
		p.line(0, nameInFleet(b, s.Server)+": "+s.Judgement.Remark, nil)
	}
	p.each(r, "Not judged", func(s *report.Server) bool { return s.Judgement.Remark != "" && s.Judgement.Verdict == nil }, remark)
	p.each(r, "Judged by the release label", func(s *report.Server) bool { return s.Judgement.Remark != "" && s.Judgement.Verdict != nil }, remark)
}

// advisories writes a line of each that applies.
func (p *sheet) advisories(r *report.Report) {
	if len(r.Advisories) == 0 {
		return
	}
	p.heading("Advisories that apply")
	g := &grid{columns: []column{
		{head: "ADVISORY", enough: 20}, {head: "CVSS", right: true, enough: 4}, {head: "EXPLOITED", enough: 10},
		{head: "SERVERS", right: true, enough: 7}, {head: "SUMMARY", enough: 16},
	}}
	for i := range r.Advisories {
		a := &r.Advisories[i]
		score, exploited := "-", textCell("-")
		if a.CVSS > 0 {
			score = strconv.FormatFloat(a.CVSS, 'f', 1, 64)
		}
		if a.Exploited() {
			exploited = cell{{text: a.ExploitedSince.String(), ink: red}}
		}
		g.rows = append(g.rows, []cell{
			textCell(shorten(a.ID, maxShown)), textCell(score), exploited, textCell(strconv.Itoa(len(a.Affected))),
			textCell(shorten(a.Summary, 10*p.width)),
		})
	}
	widths, fits := g.widths(p.width, 0, 2, 4)
	if !fits {
		p.records(g)
		return
	}
	for i := range g.rows {
		g.rows[i][4] = textCell(shorten(r.Advisories[i].Summary, widths[4]))
	}
	p.grid(g, widths)
}

// data writes what the versions were judged by, and what that cannot prove.
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
		p.line(0, "Judged by other data, for the catalogue cannot be read: "+problem, yellow)
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
		p.line(0, "Read by machine, and by nobody since: "+strings.Join(read, ", "), yellow)
	}
	p.line(0, "The built-in ends of support are estimates.", dim)
	p.line(0, catalog.NVDNotice, dim)
}

// undecided writes what a person must know to decide what nobody has decided yet, and what
// was set aside.
func (p *sheet) undecided(r *report.Report) {
	const enough = 1000 // of a text that is behind the link as a whole
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
		for _, one := range append(details, a.References[:min(len(a.References), 1)]...) {
			if one = shorten(one, enough); one != "" {
				p.line(2, one, nil)
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
		p.line(0, a.ID+": "+shorten(a.Dismissed, enough), nil)
	}
}

// age is a day, with its age where that must be said.
func age(a report.Age) string {
	switch {
	case a.Future:
		return fmt.Sprintf("%s (in%cthe%cfuture)", a.AsOf, nbsp, nbsp)
	case a.Old():
		return fmt.Sprintf("%s (%d%cdays%cold)", a.AsOf, a.Days, nbsp, nbsp)
	}
	return a.AsOf.String()
}

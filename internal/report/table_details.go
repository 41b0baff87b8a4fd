package report

import (
	"fmt"
	"strconv"
	"strings"

	"telegraf-qlik-sense-version/internal/catalog"
)

// each calls do for the servers that it holds for, under a heading.
func (p *sheet) each(r *Report, title string, holds func(*Server) bool, do func(*Block, *Server)) {
	for i := range r.Blocks {
		b := &r.Blocks[i]
		for j := range b.Servers {
			if !holds(&b.Servers[j]) {
				continue
			}
			if title != "" {
				p.heading(title)
				title = ""
			}
			do(b, &b.Servers[j])
		}
	}
}

// named tells a server from those of other blocks.
func (s *Server) named(b *Block) string {
	if len(b.Tags) == 0 {
		return s.Host
	}
	return s.Host + " (" + b.title() + ")"
}

func (p *sheet) failures(r *Report) {
	p.each(r, "Failures", func(s *Server) bool { return s.Failure != nil }, func(b *Block, s *Server) {
		p.line(0, s.named(b), red)
		p.member(2, "step", s.Failure.Step)
		p.member(2, "cause", s.Failure.Cause)
		p.member(2, "what to do", s.Failure.Hint)
		p.certificate("certificate of the server", s.Failure.ServerCertificate)
		p.certificate("certificate of the client", s.Failure.ClientCertificate)
	})
}

func (p *sheet) member(indent int, name, value string) {
	if value != "" {
		p.line(indent, name+": "+value, nil)
	}
}

func (p *sheet) certificate(whose string, c *Certificate) {
	if c == nil {
		return
	}
	names := "none"
	if len(c.Names) > 0 {
		names = strings.Join(c.Names, ", ")
	}
	p.line(2, whose, nil)
	p.member(4, "subject", c.Subject)
	p.member(4, "names", names)
	p.member(4, "issuer", c.Issuer)
	const instant = "2006-01-02 15:04"
	p.member(4, "valid", c.NotBefore.UTC().Format(instant)+" to "+c.NotAfter.UTC().Format(instant)+" UTC")
}

// remarks tells why versions are not judged, and then what else was found in those
// that are.
func (p *sheet) remarks(r *Report) {
	judged := func(s *Server) bool { return s.Compliance == "compliant" || s.Compliance == "non_compliant" }
	remark := func(b *Block, s *Server) { p.line(0, s.named(b)+": "+s.Remark, nil) }
	p.each(r, "Not judged", func(s *Server) bool { return s.Remark != "" && !judged(s) }, remark)
	p.each(r, "Judged by the release label", func(s *Server) bool { return s.Remark != "" && judged(s) }, remark)
}

// advisories writes a line of each that applies.
func (p *sheet) advisories(r *Report) {
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
		score, exploited := "-", just("-")
		if a.CVSS > 0 {
			score = strconv.FormatFloat(a.CVSS, 'f', 1, 64)
		}
		if a.ExploitedSince != "" {
			exploited = cell{{text: shorten(a.ExploitedSince, maxShown), ink: red}}
		}
		g.rows = append(g.rows, []cell{
			just(shorten(a.ID, maxShown)), just(score), exploited, just(strconv.Itoa(len(a.Affected))), just(shorten(a.Summary, 10*p.width)),
		})
	}
	widths, fits := g.widths(p.width, 0, 2, 4)
	if !fits {
		p.records(g)
		return
	}
	for i := range g.rows {
		g.rows[i][4] = just(shorten(r.Advisories[i].Summary, widths[4]))
	}
	p.grid(g, widths)
}

// data tells what the versions were judged by, and what its age means.
func (p *sheet) data(r *Report) {
	if len(r.Catalogs) == 0 {
		return
	}
	p.heading("Data")
	oldReleases, oldAdvisories, oldExploited := false, false, false
	for _, c := range r.Catalogs {
		releases, old := r.age(c.ReleasesAsOf)
		oldReleases = oldReleases || old
		advisories, old := r.age(c.AdvisoriesAsOf)
		oldAdvisories = oldAdvisories || old
		exploited, old := r.age(c.ExploitedAsOf)
		oldExploited = oldExploited || old
		p.line(0, fmt.Sprintf("%s: releases of %s, advisories of %s, known exploitation of %s", c.Name, releases, advisories, exploited), nil)
	}
	if oldReleases {
		p.line(0, "With old releases the patches behind may be too low.", yellow)
	}
	if oldAdvisories {
		p.line(0, "With old advisories servers may be open to newer ones.", yellow)
	}
	if oldExploited {
		p.line(0, "With an old list of exploited vulnerabilities those exploited since count as not exploited.", yellow)
	}
	p.line(0, "The built-in ends of support are estimates.", dim)
}

// age gives a day with its age where that is old.
func (r *Report) age(day string) (shown string, old bool) {
	days, known := age(day, r.AskedAt)
	if !known || days <= catalog.OldAfter {
		return day, false
	}
	return fmt.Sprintf("%s (%d%cdays%cold)", day, days, nbsp, nbsp), true
}

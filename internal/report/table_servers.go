package report

import (
	"strconv"
	"strings"

	pretty "github.com/jedib0t/go-pretty/v6/text"
)

// maxShown bounds what a server tells in the columns of the table, so that it cannot
// fill the screen. The name of a server is never cut.
const maxShown = 60

// The columns of a server, in their order.
const (
	colServer = iota
	colRelease
	colBuild
	colBehind
	colAdvisories
	colFix
	colSupport
	colResult
)

// Widths: enough keeps "November 2025", "Patch 15", "4 exploited" and "not compliant"
// in one piece, a fair one "August 2023 Patch 16".
const (
	enough       = 13
	enoughResult = 15 // "authentication_"
	fairRelease  = 20
)

var wideColumns = []column{
	colServer:     {head: "SERVER", enough: 24},
	colRelease:    {head: "RELEASE", enough: enough, fair: fairRelease},
	colBuild:      {head: "BUILD", enough: enough},
	colBehind:     {head: "BEHIND", enough: enough, right: true},
	colAdvisories: {head: "ADVISORIES", enough: enough, fair: enough + 1},
	colFix:        {head: "FIX", enough: enough, fair: fairRelease},
	colSupport:    {head: "SUPPORT", enough: enough, fair: enough},
	colResult:     {head: "RESULT", enough: enoughResult},
}

// In a narrower terminal columns share a place.
var mediumColumns = []column{
	{head: "SERVER", enough: 12, fair: 24},
	{head: "RELEASE, BUILD", enough: enough, fair: fairRelease},
	{head: "ADVISORIES, FIX", enough: enough, fair: fairRelease},
	{head: "SUPPORT", enough: enough},
	{head: "RESULT", enough: enoughResult},
}

// servers writes a table of each block, all of them in the same columns: one column
// for each thing where the width suffices, fewer else, and at last none.
func (p *sheet) servers(r *Report) {
	wide := &grid{columns: wideColumns}
	for i := range r.Blocks {
		for j := range r.Blocks[i].Servers {
			wide.rows = append(wide.rows, r.Blocks[i].Servers[j].row())
		}
	}
	shown := wide
	widths, fits := wide.widths(p.width, colRelease, colResult, colAdvisories, colFix, colSupport, colServer, colBuild)
	if !fits {
		shown = &grid{columns: mediumColumns, rows: make([][]cell, len(wide.rows))}
		for i, row := range wide.rows {
			shown.rows[i] = merged(row)
		}
		widths, fits = shown.widths(p.width, 0, 1, 4, 2, 3)
	}
	if !fits {
		shown = wide
	}

	n := 0
	for i := range r.Blocks {
		b := &r.Blocks[i]
		p.block(r, b)
		part := &grid{columns: shown.columns, rows: shown.rows[n : n+len(b.Servers)]}
		n += len(b.Servers)
		switch {
		case len(b.Servers) == 0:
			p.line(0, "no servers", dim)
		case fits:
			p.grid(part, widths)
		default:
			p.records(part)
		}
	}
}

func (p *sheet) block(r *Report, b *Block) {
	title := b.title()
	if b.MinimumRelease != "" {
		title += ", minimum " + b.MinimumRelease
	}
	if len(r.Catalogs) > 1 {
		title += ", catalogue " + b.Catalog
	}
	p.heading(title)
}

// merged puts the cells of a wide row into fewer columns.
func merged(row []cell) []cell {
	build := cell{{text: row[colBuild].joined()}}
	if behind := row[colBehind].joined(); behind != "" {
		build = append(build, phrase{text: behind + string(nbsp) + "behind"})
	}
	release := append(append(cell{}, row[colRelease]...), phrase{text: build.joined()})
	advisories := append(append(cell{}, row[colAdvisories]...), row[colFix]...)
	return []cell{row[colServer], said(release), said(advisories), row[colSupport], row[colResult]}
}

// said leaves out the phrases that are empty.
func said(c cell) cell {
	var kept cell
	for _, part := range c {
		if part.text != "" {
			kept = append(kept, part)
		}
	}
	return kept
}

// row tells of a server what the columns want to know.
func (s *Server) row() []cell {
	row := make([]cell, len(wideColumns))
	row[colServer] = just(s.Source)
	row[colResult] = s.resultCell()
	if !s.Answered() {
		return row
	}
	row[colRelease] = just(glued(s.ReleaseLabel))
	row[colBuild] = just(shorten(s.Version, maxShown))
	row[colBehind] = just(known(s.PatchesBehind))
	row[colAdvisories] = cell{{text: known(s.AdvisoryCount), ink: s.ink()}}
	if s.exploited() {
		row[colAdvisories][0].text += ", " + known(s.ExploitedAdvisoryCount) + string(nbsp) + "exploited"
	}
	row[colFix] = just(s.fix())
	row[colSupport] = s.support()
	return row
}

// known is "?" for what is not known.
func known(n *int) string {
	if n == nil {
		return "?"
	}
	return strconv.Itoa(*n)
}

// glued keeps "May 2025" and "Patch 15" together where a line breaks.
func glued(label string) string {
	words := strings.Fields(shorten(label, maxShown))
	if len(words) == 4 || len(words) == 2 {
		for i := 0; i < len(words); i += 2 {
			words[i/2] = words[i] + string(nbsp) + words[i+1]
		}
		words = words[:len(words)/2]
	}
	return strings.Join(words, " ")
}

// fix is what to install against the advisories that apply.
func (s *Server) fix() string {
	switch {
	case !s.Vulnerable():
		return ""
	case s.FixedIn == nil:
		return "?"
	case *s.FixedIn == "":
		return "no" + string(nbsp) + "patch: upgrade"
	}
	return glued(*s.FixedIn)
}

func (s *Server) support() cell {
	days := s.SupportDaysLeft
	switch {
	case days == nil:
		return just("?")
	case *days < 0:
		return just("ended " + strconv.Itoa(-*days) + string(nbsp) + "d")
	}
	return just(strconv.Itoa(*days) + string(nbsp) + "d")
}

// resultCell is the judgement, or how the poll failed, and what else is out of order.
func (s *Server) resultCell() cell {
	result := "unknown"
	switch {
	case !s.Answered():
		result = shorten(s.Result, maxShown)
	case s.Compliance == "compliant":
		result = "compliant"
	case s.Compliance == "non_compliant":
		result = "not" + string(nbsp) + "compliant" // never the second word alone
	}
	c := cell{{text: result, ink: s.ink()}}
	if is(s.BelowMinimum) {
		c = append(c, phrase{text: "below" + string(nbsp) + "minimum", ink: yellow})
	}
	if is(s.VersionMismatch) {
		c = append(c, phrase{text: "out of step", ink: yellow})
	}
	return c
}

// ink goes with the judgement.
func (s *Server) ink() pretty.Colors {
	switch {
	case !s.Answered(), s.exploited():
		return red
	case s.Compliance == "compliant":
		return green
	case s.Compliance == "non_compliant":
		return yellow
	}
	return dim
}

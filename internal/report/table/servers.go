package table

import (
	"slices"
	"strconv"
	"strings"

	pretty "github.com/jedib0t/go-pretty/v6/text"

	"telegraf-qlik-sense-version/internal/fleet"
	"telegraf-qlik-sense-version/internal/judgement"
	"telegraf-qlik-sense-version/internal/plan"
	"telegraf-qlik-sense-version/internal/poll"
	"telegraf-qlik-sense-version/internal/report"
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

// Widths: enough keeps "November 2025", "Patch 15", "4 exploited" and "not compliant:"
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
// for each value where the width suffices, fewer else, and at last none.
func (p *sheet) servers(r *report.Report) {
	wide := &grid{columns: wideColumns}
	for i := range r.Blocks {
		for j := range r.Blocks[i].Servers {
			wide.rows = append(wide.rows, row(&r.Blocks[i], &r.Blocks[i].Servers[j]))
		}
	}
	chosen := wide
	widths, fits := wide.widths(p.width, colRelease, colAdvisories, colFix, colSupport, colServer, colBuild, colResult)
	if !fits {
		chosen = &grid{columns: mediumColumns, rows: make([][]cell, len(wide.rows))}
		for i, row := range wide.rows {
			chosen.rows[i] = merged(row)
		}
		widths, fits = chosen.widths(p.width, 0, 1, 2, 3, 4)
	}
	if !fits {
		chosen = wide
	}

	n := 0
	for i := range r.Blocks {
		b := &r.Blocks[i]
		p.block(r, b)
		part := &grid{columns: chosen.columns, rows: chosen.rows[n : n+len(b.Servers)]}
		n += len(b.Servers)
		if len(b.Servers) == 0 {
			p.line(0, "no servers", dim)
		}
		p.rows(part, widths, fits)
	}
}

// block writes the name of a block, what its servers must fulfil, and how many do.
func (p *sheet) block(r *report.Report, b *report.Block) {
	heading := title(b)
	settings := b.Round.Block
	if minimum := settings.Minimum(); !minimum.IsZero() {
		heading += ", minimum " + minimum.String()
	}
	if settings.RequireSupport {
		heading += ", support required"
	}
	if len(r.Catalogs) > 1 {
		heading += ", catalogue " + b.Round.Catalog
	}
	p.heading(heading + ": " + b.Summary.Proven(b.Round.Judge.Undecided))
	words, problem := b.SiteWords()
	if words != "" {
		p.line(0, words, dim)
	}
	if problem != "" {
		p.line(0, problem, red)
	}
}

// title names a block by its tags.
func title(b *report.Block) string { return tagTitle(b.Tags()) }

func tagTitle(all map[string]string) string {
	if len(all) == 0 {
		return "no tags"
	}
	tags := make([]string, 0, len(all))
	for key, value := range all {
		if key, value = printable(key), printable(value); strings.ContainsAny(value, ` ="`) {
			value = strconv.Quote(value)
		}
		tags = append(tags, key+"="+value)
	}
	slices.Sort(tags)
	return strings.Join(tags, " ")
}

// merged puts the cells of a wide row into fewer columns.
func merged(row []cell) []cell {
	build := cell{{text: row[colBuild].joined()}}
	if behind := row[colBehind].joined(); behind != "" {
		build = append(build, phrase{text: behind + string(nbsp) + "behind"})
	}
	release := append(append(cell{}, row[colRelease]...), phrase{text: build.joined()})
	advisories := append(append(cell{}, row[colAdvisories]...), row[colFix]...)
	return []cell{row[colServer], nonEmpty(release), nonEmpty(advisories), row[colSupport], row[colResult]}
}

// nonEmpty leaves out the phrases that are empty.
func nonEmpty(c cell) cell {
	var kept cell
	for _, part := range c {
		if part.text != "" {
			kept = append(kept, part)
		}
	}
	return kept
}

// row returns the cells of a server in column order.
func row(b *report.Block, s *report.Server) []cell {
	row := make([]cell, len(wideColumns))
	row[colServer] = textCell(s.Server.Source())
	if node := s.NodeWords(); node != "" {
		row[colServer] = append(row[colServer], phrase{text: shorten(node, maxShown), ink: dim})
	}
	row[colResult] = resultCell(s)
	if !s.Answered() {
		return row
	}
	row[colRelease] = textCell(glued(s.Outcome.Info.ReleaseLabel))
	row[colBuild] = textCell(shorten(s.Outcome.Info.Version, maxShown))
	row[colBehind] = textCell(numberOr(s.Judgement.PatchesBehind()))
	row[colAdvisories] = cell{{text: numberOr(len(s.Applying()), s.Judgement.Verdict != nil), ink: ink(s)}}
	if n := s.Exploited(); n > 0 {
		row[colAdvisories][0].text += ", " + strconv.Itoa(n) + string(nbsp) + "exploited"
	}
	row[colFix] = textCell(fix(b, s))
	row[colSupport] = textCell(support(s))
	return row
}

// numberOr returns "?" for a number that is not known.
func numberOr(n int, known bool) string {
	if !known {
		return "?"
	}
	return strconv.Itoa(n)
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

// fix is what to install, as the plan has it.
func fix(b *report.Block, s *report.Server) string {
	row := plan.RowOf(b, s)
	if row.Action != plan.Patch && row.Action != plan.Upgrade {
		return ""
	}
	return glued(row.Do())
}

func support(s *report.Server) string {
	days, known := s.Judgement.SupportDaysLeft()
	switch {
	case !known:
		return "?"
	case days < 0:
		return "ended " + strconv.Itoa(-days) + string(nbsp) + "d"
	}
	return strconv.Itoa(days) + string(nbsp) + "d"
}

// resultCell is the judgement with its reasons, or how the poll failed, and a version
// that is out of step.
func resultCell(s *report.Server) cell {
	if !s.Answered() {
		return cell{{text: shorten(s.Outcome.Result.String(), maxShown), ink: red}}
	}
	word, details := s.Verdict()
	for i := range details {
		details[i] = strings.ReplaceAll(details[i], " ", string(nbsp))
	}
	result := strings.ReplaceAll(word, " ", string(nbsp)) // never "compliant" alone of "not compliant"
	if len(details) > 0 {
		separator := ": "
		if s.Proven() {
			separator = ", "
		}
		result += separator + strings.Join(details, ", ")
	}
	c := cell{{text: result, ink: ink(s)}}
	if s.Comparison == fleet.Different {
		c = append(c, phrase{text: "out" + string(nbsp) + "of" + string(nbsp) + "step", ink: yellow})
	}
	return c
}

// ink goes with the judgement.
func ink(s *report.Server) pretty.Colors {
	switch {
	case !s.Answered(), s.Exploited() > 0:
		return red
	case s.Judgement.Compliance == judgement.Compliant:
		return green
	case s.Judgement.Compliance == judgement.NonCompliant:
		return yellow
	}
	return dim
}

// nameInFleet tells a server from those of other blocks.
func nameInFleet(b *report.Block, s *poll.Server) string {
	host := s.String()
	if len(b.Tags()) == 0 {
		return host
	}
	return host + " (" + title(b) + ")"
}

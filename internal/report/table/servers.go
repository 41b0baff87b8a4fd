package table

import (
	"slices"
	"strconv"
	"strings"

	"telegraf-qlik-sense-version/internal/fleet"
	"telegraf-qlik-sense-version/internal/judgement"
	"telegraf-qlik-sense-version/internal/plan"
	"telegraf-qlik-sense-version/internal/poll"
	"telegraf-qlik-sense-version/internal/report"
	"telegraf-qlik-sense-version/internal/terminal"
)

// maxText bounds text from servers and catalogues in a cell, so that it cannot fill the screen. The name
// of a server is never cut.
const maxText = 60

// The columns, in their order.
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

const (
	resultWidth  = 15 // "authentication_" is not broken
	releaseWidth = 20 // nor "August 2023 Patch 16", if there is space
)

var serverColumns = []terminal.Column{
	colServer:     {Head: "SERVER", WordWidth: 24},
	colRelease:    {Head: "RELEASE", FairWidth: releaseWidth, Bare: true},
	colBuild:      {Head: "BUILD"},
	colBehind:     {Head: "BEHIND", Right: true},
	colAdvisories: {Head: "ADVISORIES", FairWidth: 14},
	colFix:        {Head: "FIX", FairWidth: releaseWidth},
	colSupport:    {Head: "SUPPORT", FairWidth: 13},
	colResult:     {Head: "RESULT", WordWidth: resultWidth, OnTop: true},
}

// servers writes a table for each block, all of them with the same columns.
func (p *sheet) servers(r *report.Report) {
	all := &terminal.Table{Columns: serverColumns}
	for s := range r.Servers() {
		all.Rows = append(all.Rows, row(s))
	}
	p.Fit(all)
	for _, b := range r.Blocks {
		p.block(r, b)
		if len(b.Servers) == 0 {
			p.Line(0, "no servers", terminal.Dim)
		}
		p.Table(all.Next(len(b.Servers)))
	}
}

// block writes the name of a block, its policy, and how many servers are proven compliant.
func (p *sheet) block(r *report.Report, b *report.Block) {
	heading := title(b.Tags())
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
	p.Heading(heading + ": " + b.Summary.Proven(b.Round.Judge.Undecided))
	words, problem := b.SiteWords()
	if words != "" {
		p.Line(0, words, terminal.Dim)
	}
	if problem != "" {
		p.Line(0, problem, terminal.Red)
	}
}

// title names a block by its tags.
func title(all map[string]string) string {
	if len(all) == 0 {
		return "no tags"
	}
	tags := make([]string, 0, len(all))
	for key, value := range all {
		if key, value = terminal.Printable(key), terminal.Printable(value); strings.ContainsAny(value, ` ="`) {
			value = strconv.Quote(value)
		}
		tags = append(tags, key+"="+value)
	}
	slices.Sort(tags)
	return strings.Join(tags, " ")
}

// row returns the cells of a server in column order.
func row(s *report.Server) []terminal.Cell {
	row := make([]terminal.Cell, len(serverColumns))
	row[colServer] = withNode(terminal.Text(s.Server.Source()), s)
	row[colResult] = resultCell(s)
	if !s.Answered() {
		return row
	}
	row[colRelease] = terminal.Text(glue(s.Outcome.Info.ReleaseLabel))
	row[colBuild] = terminal.Text(terminal.Shorten(s.Outcome.Info.Version, maxText))
	row[colBehind] = terminal.Text(numberOr(s.Judgement.PatchesBehind()))
	row[colAdvisories] = terminal.Cell{{Text: numberOr(len(s.Applying()), s.Judgement.Verdict != nil), Ink: ink(s)}}
	if n := s.Exploited(); n > 0 {
		row[colAdvisories][0].Text += ", " + terminal.NonBreaking(strconv.Itoa(n)+" exploited")
	}
	if planned := plan.RowOf(s); planned.Action == plan.Patch || planned.Action == plan.Upgrade {
		row[colFix] = terminal.Text(glue(planned.Do()))
	}
	row[colSupport] = terminal.Text(support(s))
	return row
}

// withNode adds the name and the roles of a discovered node to the name of a server.
func withNode(name terminal.Cell, s *report.Server) terminal.Cell {
	if node := s.NodeWords(); node != "" {
		return append(name, terminal.Phrase{Text: terminal.Shorten(node, maxText), Ink: terminal.Dim})
	}
	return name
}

// numberOr returns "?" for an unknown number.
func numberOr(n int, known bool) string {
	if !known {
		return "?"
	}
	return strconv.Itoa(n)
}

// glue keeps "May 2025" and "Patch 15" together where a line breaks.
func glue(label string) string {
	words := strings.Fields(terminal.Shorten(label, maxText))
	if len(words) == 4 || len(words) == 2 {
		for i := 0; i < len(words); i += 2 {
			words[i/2] = terminal.NonBreaking(words[i] + " " + words[i+1])
		}
		words = words[:len(words)/2]
	}
	return strings.Join(words, " ")
}

func support(s *report.Server) string {
	days, known := s.Judgement.SupportDaysLeft()
	switch {
	case !known:
		return "?"
	case days < 0:
		return "ended " + terminal.NonBreaking(strconv.Itoa(-days)+" d")
	}
	return terminal.NonBreaking(strconv.Itoa(days) + " d")
}

// resultCell is the judgement with its reasons, or how the poll failed, and whether the version is out
// of step.
func resultCell(s *report.Server) terminal.Cell {
	if !s.Answered() {
		return terminal.Cell{{Text: terminal.Shorten(s.Outcome.Result.String(), maxText), Ink: terminal.Red}}
	}
	word, details := s.Verdict()
	for i := range details {
		details[i] = terminal.NonBreaking(details[i])
	}
	result := terminal.NonBreaking(word) // so that no line has the "compliant" of "not compliant" alone
	if len(details) > 0 {
		separator := ": "
		if s.Proven() {
			separator = ", "
		}
		result += separator + strings.Join(details, ", ")
	}
	c := terminal.Cell{{Text: result, Ink: ink(s)}}
	if s.Comparison == fleet.Different {
		c = append(c, terminal.Phrase{Text: terminal.NonBreaking("out of step"), Ink: terminal.Yellow})
	}
	return c
}

// ink is the colour of the judgement.
func ink(s *report.Server) terminal.Ink {
	switch {
	case !s.Answered(), s.Exploited() > 0:
		return terminal.Red
	case s.Judgement.Compliance == judgement.Compliant:
		return terminal.Green
	case s.Judgement.Compliance == judgement.NonCompliant:
		return terminal.Yellow
	}
	return terminal.Dim
}

// nameInFleet is the name of a server with its block, because another block may have the name too.
func nameInFleet(b *report.Block, s *poll.Server) string {
	host := s.String()
	if len(b.Tags()) == 0 {
		return host
	}
	return host + " (" + title(b.Tags()) + ")"
}

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

// Widths: within wordWidth, "November 2025", "Patch 15", "4 exploited" and "not compliant:" are not
// broken, within releaseWidth "August 2023 Patch 16".
const (
	wordWidth    = 13
	resultWidth  = 15 // "authentication_"
	releaseWidth = 20
)

var serverColumns = []column{
	colServer:     {head: "SERVER", wordWidth: 24},
	colRelease:    {head: "RELEASE", wordWidth: wordWidth, fairWidth: releaseWidth, plain: true},
	colBuild:      {head: "BUILD", wordWidth: wordWidth},
	colBehind:     {head: "BEHIND", wordWidth: wordWidth, align: pretty.AlignRight},
	colAdvisories: {head: "ADVISORIES", wordWidth: wordWidth, fairWidth: wordWidth + 1},
	colFix:        {head: "FIX", wordWidth: wordWidth, fairWidth: releaseWidth},
	colSupport:    {head: "SUPPORT", wordWidth: wordWidth, fairWidth: wordWidth},
	colResult:     {head: "RESULT", wordWidth: resultWidth, onTop: true},
}

// servers writes a table for each block, all of them with the same columns.
func (p *sheet) servers(r *report.Report) {
	all := &grid{columns: serverColumns}
	for s := range r.Servers() {
		all.rows = append(all.rows, row(s))
	}
	all.fit(p.width, colRelease, colAdvisories, colFix, colSupport, colServer, colBuild, colResult)
	for _, b := range r.Blocks {
		p.block(r, b)
		if len(b.Servers) == 0 {
			p.line(0, "no servers", dim)
		}
		p.rows(all.next(len(b.Servers)))
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
func title(all map[string]string) string {
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

// row returns the cells of a server in column order.
func row(s *report.Server) []cell {
	row := make([]cell, len(serverColumns))
	row[colServer] = withNode(textCell(s.Server.Source()), s)
	row[colResult] = resultCell(s)
	if !s.Answered() {
		return row
	}
	row[colRelease] = textCell(glue(s.Outcome.Info.ReleaseLabel))
	row[colBuild] = textCell(shorten(s.Outcome.Info.Version, maxText))
	row[colBehind] = textCell(numberOr(s.Judgement.PatchesBehind()))
	row[colAdvisories] = cell{{text: numberOr(len(s.Applying()), s.Judgement.Verdict != nil), ink: ink(s)}}
	if n := s.Exploited(); n > 0 {
		row[colAdvisories][0].text += ", " + strconv.Itoa(n) + string(nbsp) + "exploited"
	}
	if planned := plan.RowOf(s); planned.Action == plan.Patch || planned.Action == plan.Upgrade {
		row[colFix] = textCell(glue(planned.Do()))
	}
	row[colSupport] = textCell(support(s))
	return row
}

// withNode adds the name and the roles of a discovered node to the name of a server.
func withNode(name cell, s *report.Server) cell {
	if node := s.NodeWords(); node != "" {
		return append(name, phrase{text: shorten(node, maxText), ink: dim})
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
	words := strings.Fields(shorten(label, maxText))
	if len(words) == 4 || len(words) == 2 {
		for i := 0; i < len(words); i += 2 {
			words[i/2] = words[i] + string(nbsp) + words[i+1]
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
		return "ended " + strconv.Itoa(-days) + string(nbsp) + "d"
	}
	return strconv.Itoa(days) + string(nbsp) + "d"
}

// resultCell is the judgement with its reasons, or how the poll failed, and whether the version is out
// of step.
func resultCell(s *report.Server) cell {
	if !s.Answered() {
		return cell{{text: shorten(s.Outcome.Result.String(), maxText), ink: red}}
	}
	word, details := s.Verdict()
	for i := range details {
		details[i] = nonBreaking(details[i])
	}
	result := nonBreaking(word) // so that no line has the "compliant" of "not compliant" alone
	if len(details) > 0 {
		separator := ": "
		if s.Proven() {
			separator = ", "
		}
		result += separator + strings.Join(details, ", ")
	}
	c := cell{{text: result, ink: ink(s)}}
	if s.Comparison == fleet.Different {
		c = append(c, phrase{text: nonBreaking("out of step"), ink: yellow})
	}
	return c
}

// ink is the colour of the judgement.
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

// nameInFleet is the name of a server with its block, because another block may have the name too.
func nameInFleet(b *report.Block, s *poll.Server) string {
	host := s.String()
	if len(b.Tags()) == 0 {
		return host
	}
	return host + " (" + title(b.Tags()) + ")"
}

package show

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/terminal"
	"telegraf-qlik-sense-version/internal/text"
)

// Table writes a catalogue for people. name is its file, or "built in".
func Table(w io.Writer, c *catalog.Catalog, name string, today catalog.Day, options terminal.Options) error {
	p := terminal.NewPage(options)
	p.Line(0, "Catalogue: "+name, terminal.Bold)
	for _, d := range c.Days() {
		p.Line(0, d.String()+", "+age(d.Day, today), terminal.Plain)
	}

	p.Heading("")
	releases := &terminal.Table{Columns: []terminal.Column{
		{Head: "RELEASE"}, {Head: "TRACK"}, {Head: "LATEST PATCH"}, {Head: "AS OF"}, {Head: "END OF SUPPORT"}, {Head: "BUILDS KNOWN"},
	}}
	for i := range c.Releases {
		releases.Rows = append(releases.Rows, releaseRow(&c.Releases[i]))
	}
	p.Table(releases)
	p.Heading("")
	p.Line(0, "~ an estimate, 24 months after the release: no day published by the vendor was found", terminal.Plain)

	if len(c.Advisories) > 0 {
		p.Heading("")
		advisories := &terminal.Table{Columns: []terminal.Column{
			{Head: "ADVISORY", WordWidth: 20}, {Head: "CVSS", Right: true}, {Head: "EXPLOITED SINCE"},
			{Head: "FIXED IN", WordWidth: 23}, {Head: "USE"}, // "November 2025 Patch 10,"
		}}
		for i := range c.Advisories {
			advisories.Rows = append(advisories.Rows, advisoryRow(&c.Advisories[i]))
		}
		p.Table(advisories)
		details(p, c, name)
	}

	list(p, "Notes", c.Notes)
	list(p, "Sources", c.Sources)
	p.Heading("")
	p.Line(0, catalog.NVDNotice, terminal.Plain)
	return p.Print(w)
}

func list(p *terminal.Page, heading string, entries []string) {
	if len(entries) > 0 {
		p.Heading(heading)
	}
	for _, entry := range entries {
		p.Line(2, entry, terminal.Plain)
	}
}

func age(day, today catalog.Day) string {
	switch days := today.DaysSince(day); {
	case days < 0:
		return "in the future: check the clock of this machine"
	case days == 0:
		return "today"
	default:
		return text.Plural(days, "day") + " old"
	}
}

func releaseRow(r *catalog.Release) []terminal.Cell {
	track, latest, asOf, end := "-", "-", "-", "-"
	if r.Track != nil {
		track = r.Track.String()
	}
	if r.LatestPatch != nil {
		latest, asOf = strconv.Itoa(*r.LatestPatch), r.LatestPatchAsOf.String()
	}
	if !r.EndOfSupport.IsZero() {
		end = r.EndOfSupport.String()
		if r.EndOfSupportEstimate {
			end = "~" + end
		}
	}
	return texts(r.Label.String(), track, latest, asOf, end, builds(r))
}

func texts(cells ...string) []terminal.Cell {
	row := make([]terminal.Cell, len(cells))
	for i, s := range cells {
		row[i] = terminal.Text(s)
	}
	return row
}

// builds describes the known builds of a release.
func builds(r *catalog.Release) string {
	sure := 0
	for _, p := range r.Patches {
		if p.Basis.Sure() {
			sure++
		}
	}
	known := "none"
	switch n := len(r.Patches); {
	case n == 1:
		known = fmt.Sprintf("1, %s, ", r.Patches[0].Build)
	case n > 1:
		known = fmt.Sprintf("%d, %s to %s, ", n, r.Patches[0].Build, r.Patches[n-1].Build)
	}
	if len(r.Patches) > 0 {
		known += terminal.NonBreaking(fmt.Sprintf("%d sure", sure))
	}
	if !r.Verified {
		known += " (only announced: not judged)"
	}
	return known
}

// details writes what people need to decide the undecided advisories, why others were
// dismissed, and the remarks of the last update.
func details(p *terminal.Page, c *catalog.Catalog, name string) {
	for _, section := range []struct {
		heading string
		write   func(*catalog.Advisory) []string
	}{
		{"Undecided: nobody can map them to releases yet", func(a *catalog.Advisory) []string {
			if !a.Undecided() {
				return nil
			}
			lines := append([]string{a.Summary, a.Note}, a.References...)
			if a.Exploited() {
				lines = append(lines, "It is exploited, so no server is proven compliant. To decide it: "+a.Decision(name))
			}
			return lines
		}},
		{"Dismissed: they decide nothing", func(a *catalog.Advisory) []string { return []string{a.Dismissed} }},
		{"Remarks of the last update", func(a *catalog.Advisory) []string { return []string{a.Remark} }},
	} {
		first := true
		for i := range c.Advisories {
			a := &c.Advisories[i]
			lines := slices.DeleteFunc(section.write(a), func(line string) bool { return line == "" })
			if len(lines) == 0 {
				continue
			}
			if first {
				p.Heading(section.heading)
				first = false
			}
			p.Line(2, a.ID, terminal.Plain)
			for _, line := range lines {
				p.Line(4, line, terminal.Plain)
			}
		}
	}
}

func advisoryRow(a *catalog.Advisory) []terminal.Cell {
	row := texts(a.ID, "-", "-", "not known", "undecided")
	if a.CVSS > 0 {
		row[1] = terminal.Text(fmt.Sprintf("%.1f", a.CVSS))
	}
	if a.Exploited() {
		row[2] = terminal.Text(a.ExploitedSince.String())
	}
	if a.Ransomware {
		row[2] = append(row[2], terminal.Phrase{Text: "by ransomware"})
	}
	if len(a.Fixed) > 0 {
		fixes := make([]string, 0, len(a.Fixed))
		for _, fix := range a.Fixed {
			fixes = append(fixes, terminal.NonBreaking(fix.String()))
		}
		row[3] = terminal.Text(strings.Join(fixes, ", "))
	}
	switch {
	case a.Decides():
		row[4] = terminal.Text("decides")
	case a.Dismissed != "":
		row[4] = terminal.Text("dismissed")
	}
	if a.ByMachine() {
		row[4] = append(row[4], terminal.Phrase{Text: "machine-read"})
	}
	return row
}

package show

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/text"
)

// Widths that keep a table within 100 characters.
const (
	tableWidth = 100
	buildWidth = 34
	fixWidth   = 41
)

// Table writes a catalogue for people. name is its file, or "built in".
func Table(w io.Writer, c *catalog.Catalog, name string, today catalog.Day) error {
	var out strings.Builder
	fmt.Fprintf(&out, "Catalogue: %s\n\n", text.OneLine(name))
	grid(&out, nil, c.Days(), func(p *catalog.PartDay) table.Row {
		return table.Row{p.Part, "as of " + p.Day.String(), age(p.Day, today)}
	})

	out.WriteString("\n")
	grid(&out, table.Row{"RELEASE", "TRACK", "LATEST PATCH", "AS OF", "END OF SUPPORT", "BUILDS KNOWN"}, c.Releases, releaseRow)
	out.WriteString("\n~ an estimate, 24 months after the release: the vendor has not published the day\n")

	if len(c.Advisories) > 0 {
		out.WriteString("\n")
		grid(&out, table.Row{"ADVISORY", "CVSS", "EXPLOITED SINCE", "FIXED IN", "USE"}, c.Advisories, advisoryRow)
		details(&out, c, name)
	}

	list(&out, "Notes", c.Notes)
	list(&out, "Sources", c.Sources)
	out.WriteString("\n" + catalog.NVDNotice + "\n")
	_, err := io.WriteString(w, out.String())
	return err
}

func list(w *strings.Builder, heading string, entries []string) {
	if len(entries) == 0 {
		return
	}
	w.WriteString("\n" + heading + "\n")
	for _, entry := range entries {
		paragraph(w, entry, "  ")
	}
}

// paragraph writes one text as indented lines.
func paragraph(w *strings.Builder, content, indent string) {
	wrapped := wrap(strings.Fields(text.OneLine(content)), tableWidth-len(indent))
	w.WriteString(indent + strings.ReplaceAll(wrapped, "\n", "\n"+indent) + "\n")
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

func releaseRow(r *catalog.Release) table.Row {
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
	return table.Row{r.Label.String(), track, latest, asOf, end, builds(r)}
}

// builds describes the known builds of a release.
func builds(r *catalog.Release) string {
	sure := 0
	for _, p := range r.Patches {
		if p.Basis.Sure() {
			sure++
		}
	}
	var parts []string
	switch n := len(r.Patches); n {
	case 0:
		parts = []string{"none"}
	case 1:
		parts = []string{fmt.Sprintf("1, %s,", r.Patches[0].Build), fmt.Sprintf("%d sure", sure)}
	default:
		parts = []string{fmt.Sprintf("%d, %s to %s,", n, r.Patches[0].Build, r.Patches[n-1].Build), fmt.Sprintf("%d sure", sure)}
	}
	if !r.Verified {
		parts = append(parts, "(only announced: not judged)")
	}
	return wrap(parts, buildWidth)
}

// details writes what people need to decide the undecided advisories, why others were
// dismissed, and the remarks of the last update.
func details(w *strings.Builder, c *catalog.Catalog, name string) {
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
		heading := "\n" + section.heading + "\n"
		for i := range c.Advisories {
			a := &c.Advisories[i]
			lines := slices.DeleteFunc(section.write(a), func(line string) bool { return line == "" })
			if len(lines) == 0 {
				continue
			}
			w.WriteString(heading + "  " + text.OneLine(a.ID) + "\n")
			heading = ""
			for _, line := range lines {
				paragraph(w, line, "    ")
			}
		}
	}
}

func advisoryRow(a *catalog.Advisory) table.Row {
	score, exploited, use := "-", "-", "undecided"
	if a.CVSS > 0 {
		score = fmt.Sprintf("%.1f", a.CVSS)
	}
	if a.Exploited() {
		exploited = a.ExploitedSince.String()
	}
	if a.Ransomware {
		exploited += "\nby ransomware"
	}
	switch {
	case a.Decides():
		use = "decides"
	case a.Dismissed != "":
		use = "dismissed"
	}
	if a.ByMachine() {
		use += "\nmachine-read"
	}
	fixes := []string{"not known"}
	if len(a.Fixed) > 0 {
		fixes = fixes[:0]
		for _, fix := range a.Fixed {
			fixes = append(fixes, fix.String()+",")
		}
		fixes[len(fixes)-1] = strings.TrimSuffix(fixes[len(fixes)-1], ",")
	}
	return table.Row{a.ID, score, exploited, wrap(fixes, fixWidth), use}
}

// grid writes a header, unless it is nil, and a row for each entry as columns without borders.
func grid[E any](w *strings.Builder, header table.Row, entries []E, row func(*E) table.Row) {
	t := table.NewWriter()
	t.SetStyle(table.Style{
		Box:     table.BoxStyle{PaddingRight: "  "},
		Options: table.OptionsNoBordersAndSeparators,
	})
	t.SuppressTrailingSpaces()
	if header != nil {
		t.AppendHeader(header)
	}
	for i := range entries {
		t.AppendRow(row(&entries[i]))
	}
	w.WriteString(t.Render() + "\n")
}

// wrap joins parts with spaces into lines of at most width bytes, but at least one part each.
func wrap(parts []string, width int) string {
	var out strings.Builder
	length := 0
	for i, part := range parts {
		switch {
		case i == 0:
		case length+1+len(part) <= width:
			out.WriteByte(' ')
			length++
		default:
			out.WriteByte('\n')
			length = 0
		}
		out.WriteString(part)
		length += len(part)
	}
	return out.String()
}

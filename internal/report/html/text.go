package html

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/judgement"
	"telegraf-qlik-sense-version/internal/report"
	"telegraf-qlik-sense-version/internal/text"
)

// newLine keeps the lines of the page short, so that two pages can be compared.
var newLine = g.Raw("\n")

// plain is text, escaped. All text of the page passes through sanitize, most of it from here.
func plain(s string) g.Node { return g.Text(sanitize(s)) }

// sanitize makes a text a single line without characters that change the direction of writing, which
// could make one name look like another.
func sanitize(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\u061c', r == '\u200e', r == '\u200f', '\u202a' <= r && r <= '\u202e', '\u2066' <= r && r <= '\u2069':
			return '\ufffd'
		}
		return r
	}, text.OneLine(s))
}

// badge is a word in the colour of a state, which only repeats what the word says.
func badge(state, word string) g.Node {
	return h.Span(h.Class("badge "+state), plain(word))
}

// exploitedMark follows the identifier of an exploited advisory.
func exploitedMark(a *catalog.Advisory) g.Node {
	return g.If(a.Exploited(), g.Group{plain(" "), badge("bad", "exploited")})
}

// stateOf is the state that colours a judgement.
func stateOf(c judgement.Compliance) string {
	return [...]string{judgement.Compliant: "ok", judgement.NonCompliant: "bad", judgement.Unknown: "unknown"}[c]
}

// The longest parts of host names and identifiers of advisories that are kept on one line, as the
// columns of the tables have room for.
const (
	maxLabel = 24
	maxID    = len("CVE-2024-123456")
)

// host is the name of a server, which breaks only after its dots. Copied text has no breaks.
func host(name string) g.Node {
	labels := strings.SplitAfter(sanitize(name), ".")
	return h.Span(h.Class(nameClass(maxLabel, labels...)), g.Text(labels[0]),
		g.Map(labels[1:], func(label string) g.Node { return g.Group{h.Wbr(), g.Text(label)} }))
}

// nameClass keeps each part of a name on one line, unless it is too long for that.
func nameClass(longest int, parts ...string) string {
	if slices.ContainsFunc(parts, func(part string) bool { return len(part) > longest }) {
		return "unbroken long"
	}
	return "unbroken"
}

// advisoryLink links to an advisory of the report.
func (p *page) advisoryLink(id string) g.Node {
	return h.A(h.Class(nameClass(maxID, id)), h.Href("#"+p.advisoryID(id)), plain(id))
}

// small is a remark in small print.
func small(s string) g.Node { return h.Small(plain(s)) }

// code is a term such as tls_error, which may break after an underscore.
func code(s string) g.Node {
	words := strings.SplitAfter(s, "_")
	return h.Code(plain(words[0]), g.Map(words[1:], func(word string) g.Node { return g.Group{h.Wbr(), plain(word)} }))
}

// empty is a sentence in place of an empty list.
func empty(s string) g.Node { return h.P(h.Class("empty"), plain(s)) }

// items are the items of a list, a line each.
func items(lines []string) g.Node {
	return g.Map(lines, func(line string) g.Node { return g.Group{newLine, h.Li(plain(line))} })
}

// table is a table whose caption is for screen readers only.
func table(class, caption string, columns []string, rows g.Node, attributes ...g.Node) g.Node {
	return h.Table(h.Class("list "+class), g.Group(attributes), h.Caption(h.Class("unseen"), plain(caption)), tableHead(columns...), h.TBody(rows))
}

// tableHead is the row of headings of a table.
func tableHead(columns ...string) g.Node {
	return h.THead(h.Tr(g.Map(columns, func(name string) g.Node { return h.Th(h.Scope("col"), plain(name)) })))
}

// formatInt writes 2000 as 2,000.
func formatInt(n int) string {
	digits := strconv.Itoa(n)
	start := 0
	if n < 0 {
		start = 1
	}
	for i := len(digits) - 3; i > start; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// plural is text.Plural with digits grouped.
func plural(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return formatInt(n) + " " + thing
}

func are(n int) string { return report.Inflect(n, "is", "are") }

// enumeration is "a", "a and b" or "a, b and c".
func enumeration(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " and " + words[last]
}

// day writes the day of an instant.
func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// blockName names a block by the values of its tags.
func blockName(b *report.Block) string {
	if len(b.Tags()) == 0 {
		return "environment " + strconv.Itoa(b.Index+1) + ", without tags"
	}
	return tagNames(b.Tags())
}

func blockID(b *report.Block) string   { return "environment-" + strconv.Itoa(b.Index+1) }
func blockLink(b *report.Block) g.Node { return link(blockID(b), blockName(b)) }

// tagNames are the values of tags, "" without any.
func tagNames(tags map[string]string) string {
	names := make([]string, 0, len(tags))
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		names = append(names, cmp.Or(tags[key], key))
	}
	return strings.Join(names, " · ")
}

func (p *page) advisoryID(id string) string { return "advisory-" + strconv.Itoa(p.advisory[id]+1) }

func link(to, name string) g.Node { return h.A(h.Href("#"+to), plain(name)) }

// sortKey is what a row is sorted by instead of the text of the cell.
func sortKey(key string) g.Node { return g.Attr("data-k", key) }

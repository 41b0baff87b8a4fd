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

	"telegraf-qlik-sense-version/internal/text"
)

// newLine keeps the lines of the page's source short enough to compare two pages.
var newLine = g.Raw("\n")

// plain is text, whatever it holds. All text of the page goes through here.
func plain(s string) g.Node { return g.Text(visible(s)) }

// visible makes one line of a text in which each character stands where it is written:
// characters that turn the direction of writing round could make a name look like another.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\u061c', r == '\u200e', r == '\u200f', '\u202a' <= r && r <= '\u202e', '\u2066' <= r && r <= '\u2069':
			return '\ufffd'
		}
		return r
	}, text.OneLine(s))
}

// labelled has a word in the colour of a state; the word says it as well.
func labelled(state, word string) g.Node {
	return h.Span(h.Class("badge "+state), plain(word))
}

// The longest parts of host names and identifiers of advisories that are kept on one line: the
// columns of the tables have room for them.
const (
	maxLabel = 24
	maxID    = len("CVE-2024-123456")
)

// host is the name of a server, which breaks at its dots and nowhere else. What is copied has no
// breaks.
func host(name string) g.Node {
	labels := strings.SplitAfter(visible(name), ".")
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

// advisoryLink leads to an advisory of the report.
func (p *page) advisoryLink(id string) g.Node {
	return h.A(h.Class(nameClass(maxID, id)), h.Href("#"+advisoryID(p.advisory[id])), plain(id))
}

// small is a remark in small print.
func small(s string) g.Node { return h.Small(plain(s)) }

// code is something that a program wrote; its words may stand on lines of their own.
func code(s string) g.Node {
	words := strings.SplitAfter(s, "_")
	return h.Code(plain(words[0]), g.Map(words[1:], func(word string) g.Node { return g.Group{h.Wbr(), plain(word)} }))
}

// empty is what stands in the place of nothing.
func empty(s string) g.Node { return h.P(h.Class("empty"), plain(s)) }

// tableHead is the row of headings of a table.
func tableHead(columns ...string) g.Node {
	return h.THead(h.Tr(g.Map(columns, func(name string) g.Node { return h.Th(h.Scope("col"), plain(name)) })))
}

// grouped writes 2000 as 2,000.
func grouped(n int) string {
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

// counted is text.Plural with large numbers grouped.
func counted(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return grouped(n) + " " + thing
}

// are is the verb for a number of things.
func are(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// day writes the day of an instant.
func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// blockName tells a block from the others by the values of its tags.
func (p *page) blockName(block int) string {
	tags := p.report.Blocks[block].Tags()
	if len(tags) == 0 {
		return "environment " + strconv.Itoa(block+1) + ", without tags"
	}
	return tagNames(tags)
}

// tagNames are the values of tags, "" without any.
func tagNames(tags map[string]string) string {
	names := make([]string, 0, len(tags))
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		names = append(names, cmp.Or(tags[key], key))
	}
	return strings.Join(names, " · ")
}

func blockID(block int) string    { return "environment-" + strconv.Itoa(block+1) }
func advisoryID(place int) string { return "advisory-" + strconv.Itoa(place+1) }
func headingID(place int) string  { return advisoryID(place) + "-heading" }
func failureID(place int) string  { return "failure-" + strconv.Itoa(place+1) }
func link(to, name string) g.Node { return h.A(h.Href("#"+to), plain(name)) }
func sortKey(parts string) g.Node { return g.Attr("data-k", parts) }

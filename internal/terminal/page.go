// Package terminal lays text and tables out for a terminal. No line is wider than the terminal, and
// none has a control character other than those for colours, whatever the text is.
package terminal

import (
	"io"
	"strings"

	pretty "github.com/jedib0t/go-pretty/v6/text"
)

// Options describe the terminal.
type Options struct {
	Width  int  // in columns, at least 20; 0 means 100
	Colour bool // with ANSI sequences
}

const (
	defaultWidth = 100
	minWidth     = 20
)

// Ink is a colour. It should only repeat what words say, because not every terminal shows it.
type Ink pretty.Color

// The colours that a page can have.
const (
	Plain  Ink = 0
	Bold       = Ink(pretty.Bold)
	Dim        = Ink(pretty.Faint)
	Red        = Ink(pretty.FgRed)
	Green      = Ink(pretty.FgGreen)
	Yellow     = Ink(pretty.FgYellow)
)

// Page is a text under construction.
type Page struct {
	text   strings.Builder
	width  int
	colour bool
}

// NewPage returns an empty page.
func NewPage(options Options) *Page {
	p := &Page{width: max(options.Width, minWidth), colour: options.Colour}
	if options.Width == 0 {
		p.width = defaultWidth
	}
	return p
}

// Print writes the page.
func (p *Page) Print(w io.Writer) error {
	_, err := io.WriteString(w, p.text.String())
	return err
}

// Heading adds an empty line, and a title unless that is "".
func (p *Page) Heading(title string) {
	p.text.WriteString("\n")
	if title != "" {
		p.Line(0, title, Bold)
	}
}

// Line adds a text; lines that do not fit are continued with a deeper indent.
func (p *Page) Line(indent int, s string, ink Ink) {
	blanks := strings.Repeat(" ", indent)
	lines := wrap(s, p.width-indent)
	if len(lines) > 1 {
		lines = wrap(s, p.width-indent-len(gap))
	}
	for i, line := range lines {
		if i == 1 {
			blanks += gap
		}
		p.text.WriteString(blanks + p.paint(line, ink) + "\n")
	}
}

func (p *Page) paint(line string, ink Ink) string {
	if !p.colour || ink == Plain || line == "" {
		return line
	}
	return pretty.Escape(line, pretty.Color(ink).EscapeSeq()) // Color.Sprint would heed NO_COLOR and the like
}

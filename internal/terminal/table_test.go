package terminal

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func printed(t *testing.T, width int, colour bool, write func(*Page)) string {
	t.Helper()
	p := NewPage(Options{Width: width, Colour: colour})
	write(p)
	var out bytes.Buffer
	require.NoError(t, p.Print(&out))
	return "\n" + out.String()
}

func cities() *Table {
	return &Table{
		Columns: []Column{{Head: "CITY"}, {Head: "NOTE", Bare: true, Short: true}, {Head: "STATE", OnTop: true}, {Head: "COUNT", Right: true}},
		Rows: [][]Cell{
			{{{Text: "Bern"}, {Text: "west"}}, Text("a note that is\nlong"), {{Text: "good", Ink: Green}}, Text("7")},
			{Text("漢字"), Text(""), {{Text: "bad\x1b", Ink: Red}}, Text("1024")},
		},
	}
}

func TestTable(t *testing.T) {
	table := func(p *Page) { p.Table(cities()) }
	require.Equal(t, `
CITY  NOTE                 STATE  COUNT
Bern  a note that is long  good       7
west
漢字                       bad     1024
`, printed(t, 100, false, table))
	require.Equal(t, `
CITY  NOTE        STATE  COUNT
Bern  a note...   good       7
west
漢字              bad     1024
`, printed(t, 30, false, table))
	require.Equal(t, `
Bern  good
  west; a note
    that is long;
    count 7
漢字  bad
  count 1024
`, printed(t, 20, false, table))
	require.Equal(t, "\n\x1b[32mBern  good\x1b[0m\n  west; a note\n    that is long;\n    count 7\n\x1b[31m漢字  bad\x1b[0m\n  count 1024\n",
		printed(t, 20, true, table))
	require.Equal(t, "\n", printed(t, 100, false, func(p *Page) { p.Table(&Table{Columns: cities().Columns}) }))
}

// Parts of a table have the same widths.
func TestNext(t *testing.T) {
	require.Equal(t, `
CITY  NOTE                 STATE  COUNT
Bern  a note that is long  good       7
west

CITY  NOTE                 STATE  COUNT
漢字                       bad     1024
`, printed(t, 100, false, func(p *Page) {
		all := cities()
		p.Fit(all)
		p.Table(all.Next(1))
		p.Heading("")
		p.Table(all.Next(1))
	}))
}

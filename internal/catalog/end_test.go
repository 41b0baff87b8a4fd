package catalog

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// announced returns a catalogue as a file with ends_with and [end].
func announced(t *testing.T, c *Catalog) string {
	t.Helper()
	content, err := c.Encode("comment")
	require.NoError(t, err)
	return string(content)
}

func TestAnnouncedEnd(t *testing.T) {
	c := good(t)
	text := announced(t, c)
	for _, tail := range []string{"", "\n\n", "# a comment", " # a comment\n", "\t\r\n"} {
		got, err := Parse([]byte(strings.TrimSuffix(text, "\n") + tail))
		require.NoError(t, err)
		require.Equal(t, "end", got.EndsWith)
		got.EndsWith = ""
		require.Equal(t, c, got)
	}
	got, err := Parse([]byte(strings.ReplaceAll(text, "\n", "\r\n")))
	require.NoError(t, err)
	require.Equal(t, "end", got.EndsWith)
}

// A file that was cut off anywhere is refused: a small one at every byte, the built-in one in
// front of every table.
func TestCutOffFiles(t *testing.T) {
	small := announced(t, good(t))
	for cut := range len(small) {
		_, err := Parse([]byte(small[:cut]))
		require.Equal(t, cut < strings.LastIndex(small, "]")+1, err != nil, "cut at byte %d of %d: %v", cut, len(small), err)
	}

	builtIn := announced(t, BuiltIn())
	lines := strings.SplitAfter(builtIn, "\n")
	require.Greater(t, len(lines), 700)
	cut := 0
	for i, line := range lines[:len(lines)-2] {
		if strings.HasPrefix(line, "[[") { // only the missing [end] reveals the cut
			_, err := Parse([]byte(builtIn[:cut]))
			require.EqualError(t, err, `the file was cut off: its head says ends_with = "end", but [end] is missing: copy or update it again`, "line %d", i+1)
		}
		cut += len(line)
	}
	require.Equal(t, "[end]\n", builtIn[cut:])
}

// A cut within a line causes a syntax error, which gets a hint.
func TestCutOffWithinLine(t *testing.T) {
	text := announced(t, good(t))
	const hint = ": the file was cut off, because [end] is missing: copy or update it again"
	cut := strings.Index(text, `summary = "An`)
	_, err := Parse([]byte(text[:cut+12]))
	require.ErrorContains(t, err, "line ")
	require.ErrorContains(t, err, hint)

	_, err = Parse([]byte(strings.Replace(text, `verified = true`, `verified = yes`, 1)))
	require.ErrorContains(t, err, "line ")
	require.NotContains(t, err.Error(), hint)

	_, err = Parse([]byte(strings.Replace(text, "ends_with = \"end\"\n", "", 1)[:cut]))
	require.ErrorContains(t, err, "line ")
	require.NotContains(t, err.Error(), hint)
}

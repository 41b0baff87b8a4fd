package text

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestOneLine(t *testing.T) {
	require.Equal(t, "a  b c d  é😀", OneLine("a\r\nb\tc\x1bd\x00\u0085é😀"))
	require.Empty(t, OneLine(""))
}

func TestTruncate(t *testing.T) {
	require.Equal(t, "abc", Truncate("abc", 3))
	require.Equal(t, "ab", Truncate("abc", 2))
	require.Equal(t, "a", Truncate("aé", 2), "no split characters")
	for limit := range 20 {
		cut := Truncate("aé😀漢字x", limit)
		require.LessOrEqual(t, len(cut), limit)
		require.True(t, utf8.ValidString(cut))
	}
}

func TestExcerpt(t *testing.T) {
	require.Equal(t, "a b", Excerpt("a\nb", 3))
	require.Equal(t, "a ...", Excerpt("a\nbc", 2))
}

func TestQuote(t *testing.T) {
	require.Equal(t, `"a\nb"`, Quote("a\nb"))
	require.Equal(t, `"`+strings.Repeat("a", 60)+`..."`, Quote(strings.Repeat("a", 61)))
	require.Equal(t, `"`+strings.Repeat("é", 60)+`"`, Quote(strings.Repeat("é", 60)))
	require.LessOrEqual(t, len(Quote(strings.Repeat("\x00", 1<<20))), 4*60+5)
}

func TestPlural(t *testing.T) {
	require.Equal(t, "0 servers", Plural(0, "server"))
	require.Equal(t, "1 server", Plural(1, "server"))
	require.Equal(t, "2 servers", Plural(2, "server"))
}

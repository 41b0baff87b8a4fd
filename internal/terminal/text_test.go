package terminal

import (
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWrap(t *testing.T) {
	for _, test := range []struct {
		text    string
		columns int
		want    []string
	}{
		{"", 10, []string{""}},
		{"  a   b  ", 10, []string{"a b"}},
		{"one two three", 7, []string{"one two", "three"}},
		{"qlik1.example.com", 10, []string{"qlik1.", "example.", "com"}},
		{"response_status_code_mismatch", 15, []string{"response_", "status_code_", "mismatch"}},
		{"abcdefgh", 3, []string{"abc", "def", "gh"}},
		{"x abcdefgh y", 4, []string{"x", "abcd", "efgh", "y"}},
		{"漢字漢字", 3, []string{"漢", "字", "漢", "字"}},
		{"May\u00a02025 Patch\u00a015", 9, []string{"May 2025", "Patch 15"}},
		{"Patch\u00a0100", 6, []string{"Patch", "100"}},
		{"e\u0301\u0302\u0303\u0304 e\u0301", 20, []string{"e\u0301\u0302 e\u0301"}},
		{"a\tb\x1bc\u202ed", 20, []string{"a b c\ufffdd"}},
	} {
		require.Equal(t, test.want, wrap(test.text, test.columns), "%q in %d", test.text, test.columns)
	}
}

func TestShorten(t *testing.T) {
	for _, test := range []struct {
		text    string
		columns int
		want    string
	}{
		{"", 10, ""},
		{"  a \t b  ", 10, "a b"},
		{"one two three", 13, "one two three"},
		{"one two three", 12, "one two t..."},
		{"one two three", 11, "one two..."},
		{"abcdefgh", 7, "abcd..."},
		{"漢字 漢字", 8, "漢字..."},
		{"\u00a0 May\u00a02025 \u00a0 Patch\u00a015", 20, "May 2025 Patch 15"},
		{"a" + strings.Repeat(" ", 100), 1, "a"},
	} {
		require.Equal(t, test.want, Shorten(test.text, test.columns), "%q in %d", test.text, test.columns)
	}
}

// A catalogue may have texts of hundreds of kilobytes: allocation must not be quadratic in their length.
func TestLongTexts(t *testing.T) {
	allocated := func(f func()) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	for name, text := range map[string]string{
		"short words":  strings.Repeat("ab ", 100_000),
		"joined words": strings.Repeat("ab\u00a0", 100_000),
		"one word":     strings.Repeat("x", 300_000),
		"parted names": strings.Repeat("ab.", 100_000),
	} {
		t.Run(name, func(t *testing.T) {
			for _, columns := range []int{60, 1_000, 2 * len(text)} {
				require.Less(t, allocated(func() { wrap(text, columns) }), uint64(20*len(text)), "wrapped to %d columns", columns)
				require.Less(t, allocated(func() { Shorten(text, columns) }), uint64(20*len(text)), "cut to %d columns", columns)
			}
		})
	}
}

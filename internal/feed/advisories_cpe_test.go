package feed

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// cpes returns vulnerable names of Qlik Sense, each with version and update.
func cpes(names ...string) []configuration {
	n := node{}
	for _, name := range names {
		n.Names = append(n.Names, struct {
			Vulnerable bool   `json:"vulnerable"`
			Criteria   string `json:"criteria"`
		}{true, "cpe:2.3:a:qlik:qlik_sense:" + name + ":*:*:enterprise:windows:*:*"})
	}
	return []configuration{{Nodes: []node{n}}}
}

func TestCPERuns(t *testing.T) {
	for name, tt := range map[string]struct {
		names    []string
		expected []string
	}{
		"a whole run":              {[]string{"may_2027:-", "may_2027:patch_1", "may_2027:patch_2"}, []string{"May 2027 Patch 3"}},
		"written in two ways":      {[]string{"may_2027:-", "may_2027:patch1", "may_2027:patch_2", "may_2027:patch_2"}, []string{"May 2027 Patch 3"}},
		"the initial release":      {[]string{"may_2027:-"}, []string{"May 2027 Patch 1"}},
		"newest first":             {[]string{"may_2026:-", "may_2027:-"}, []string{"May 2027 Patch 1", "May 2026 Patch 1"}},
		"one patch alone":          {[]string{"april_2020:patch4"}, nil},
		"a gap":                    {[]string{"may_2027:-", "may_2027:patch_2"}, nil},
		"without the initial one":  {[]string{"may_2027:patch_1", "may_2027:patch_2"}, nil},
		"the release as a whole":   {[]string{"may_2027:*"}, nil},
		"a build for a version":    {[]string{"14.212.13:*"}, nil},
		"an unknown form":          {[]string{"may_2027:sr_1", "2027_may:-", "mai_2027:-"}, nil},
		"a patch that cannot be":   {[]string{"may_2027:patch_100", "may_2016:-"}, nil},
		"a colon within the value": {[]string{`may_2027:-\:`, `may\:_2027:-`}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			a := readCPEs(cpes(tt.names...))
			require.True(t, a.qlik)
			require.Equal(t, labels(t, tt.expected...), a.firstFixed())
		})
	}
	all := make([]string, 0, 101)
	for i := range 100 {
		all = append(all, fmt.Sprintf("may_2027:patch_%d", i))
	}
	a := readCPEs(cpes(append(all, "may_2027:-")...))
	require.Empty(t, a.firstFixed(), "there is no patch behind the highest number")

	for _, other := range []string{
		"cpe:2.3:a:qlik:qlikview_server:12.00:*:*:*:*:*:*:*", "cpe:2.3:a:qlik:qlik_analytics:may_2027:-:*:*:*:*:*:*",
		"cpe:2.3:o:qlik:qlik_sense:may_2027:-:*:*:*:*:*:*", "",
	} {
		c := cpes("may_2027:-")
		c[0].Nodes[0].Names[0].Criteria = other
		require.False(t, func() bool { a := readCPEs(c); return a.qlik }(), other)
	}
	for _, other := range []string{
		"cpe:2.3:a:qlik:qlik_sense:may_2027:-:*:*:desktop:windows:*:*", "cpe:2.3:a:qlik:qlik_sense:may_2027:-:*:*:enterprise:kubernetes:*:*",
	} {
		c := cpes("may_2027:-")
		c[0].Nodes[0].Names[0].Criteria = other
		a := readCPEs(c)
		require.True(t, a.qlik)
		require.Empty(t, a.firstFixed(), other)
	}
	c := cpes("may_2027:-")
	c[0].Nodes[0].Names[0].Vulnerable = false
	a = readCPEs(c)
	require.Empty(t, a.firstFixed())
}

func TestCPEContradiction(t *testing.T) {
	const text = "May 2027|February 2027 Patch 2|November 2026 Patch 1"
	negated := cpes("february_2027:-")
	negated[0].Nodes[0].Negate = true
	whole := cpes("february_2027:-")
	whole[0].Negate = true
	for name, tt := range map[string]struct {
		cpes     []configuration
		expected string
	}{
		"none":                           {nil, ""},
		"equal":                          {cpes("february_2027:-", "february_2027:patch_1", "november_2026:-"), ""},
		"what says nothing":              {cpes("14.212.13:*", "february_2027:*", "august_2026:*"), ""},
		"a patch alone that is affected": {cpes("february_2027:patch_1"), ""},
		"an older release without a fix": {cpes("august_2026:patch_7"), ""},
		"a longer run": {cpes("february_2027:-", "february_2027:patch_1", "february_2027:patch_2", "november_2026:-"),
			"February 2027 Patch 3 is the first fixed patch"},
		"a shorter run":             {cpes("february_2027:-", "november_2026:-"), "February 2027 Patch 1 is the first fixed patch"},
		"a run that the text lacks": {cpes("february_2027:-", "february_2027:patch_1", "november_2026:-", "august_2026:-"), "August 2026 Patch 1"},
		"a run too few": {cpes("february_2027:-", "february_2027:patch_1"),
			"November 2026 Patch 1 is the first fixed patch of its release, NVD's CPEs do not"},
		"a patch alone that counts as fixed": {cpes("february_2027:patch_4"),
			"February 2027 Patch 4 is affected according to NVD's CPEs, but fixed according to the text"},
		"a release that counts as fixed": {cpes("may_2027:*"), "May 2027 is affected"},
		"a newer release":                {cpes("august_2027:patch_3"), "August 2027 Patch 3 is affected"},
		"a negation":                     {negated, "a negation"},
		"a negation of all":              {whole, "a negation"},
		"a negation and something else":  {append(whole, cpes("february_2027:-")...), "a negation"},
	} {
		t.Run(name, func(t *testing.T) {
			a := readCPEs(tt.cpes)
			got := a.contradiction(labels(t, strings.Split(text, "|")...))
			if tt.expected == "" {
				require.Empty(t, got)
			} else {
				require.Contains(t, got, tt.expected)
			}
		})
	}
}

func FuzzReadCPEs(f *testing.F) {
	for _, record := range samples(f) {
		content, err := json.Marshal(record.Configurations)
		require.NoError(f, err)
		f.Add(string(content), "May 2023 Patch 4")
	}
	f.Fuzz(func(t *testing.T, content, fix string) {
		var configurations []configuration
		if json.Unmarshal([]byte(content), &configurations) != nil {
			t.Skip("not JSON")
		}
		a := readCPEs(configurations)
		for _, run := range a.firstFixed() {
			require.Positive(t, run.Patch)
			require.Contains(t, a.patches[run.Initial()], run.Patch-1)
			require.NotContains(t, a.patches[run.Initial()], run.Patch)
		}
		if list, err := readText("This is fixed in " + fix + "."); err == nil && a.contradiction(list.fixed) == "" {
			for _, run := range a.firstFixed() {
				require.Contains(t, list.fixed, run, "both agree")
			}
		}
	})
}

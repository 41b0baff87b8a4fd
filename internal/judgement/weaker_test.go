package judgement

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/catalog"
)

func TestWeaker(t *testing.T) {
	const fixed = `fixed = ["May 2024 Patch 3", "August 2023 Patch 2"]`
	curated := made(t, advisory("CVE-2024-0001", fixed+"\nexploited_since = 2024-02-03")+advisory("CVE-2024-0002", `fixed = ["May 2024 Patch 1"]`))
	tests := []struct {
		name, advisories string
		want             []string
	}{
		{"the same", advisory("CVE-2024-0001", fixed+"\nexploited_since = 2024-02-03") + advisory("CVE-2024-0002", `fixed = ["May 2024 Patch 1"]`), nil},
		{"stricter", advisory("CVE-2024-0001", "fixed = [\"May 2024 Patch 9\"]\nexploited_since = 2024-02-01") +
			advisory("CVE-2024-0002", "fixed = [\"May 2024 Patch 1\"]\nexploited_since = 2024-02-03"), nil},
		{"an earlier patch, not exploited", advisory("CVE-2024-0001", strings.Replace(fixed, "3", "2", 1)) +
			advisory("CVE-2024-0002", `fixed = ["May 2024 Patch 1"]`),
			[]string{"CVE-2024-0001 does not apply to May 2024 Patch 2", "CVE-2024-0001 is not exploited"}},
		{"only newer releases", advisory("CVE-2024-0001", fixed+"\nexploited_since = 2024-02-03") +
			advisory("CVE-2024-0002", "fixed = [\"May 2024 Patch 1\"]\naffected_from = \"May 2024\""),
			[]string{"CVE-2024-0002 does not apply to February 2024"}},
		{"information", advisory("CVE-2024-0001", fixed+"\nexploited_since = 2024-02-03") + advisory("CVE-2024-0002", `fixed = []`),
			[]string{"CVE-2024-0002 does not apply to May 2024"}},
		{"dismissed", advisory("CVE-2024-0001", fixed+"\nexploited_since = 2024-02-03\ndismissed = \"not reachable\"") +
			advisory("CVE-2024-0002", `fixed = ["May 2024 Patch 1"]`),
			[]string{`CVE-2024-0001 is dismissed: "not reachable"`}},
		{"missing", advisory("CVE-2024-0001", fixed+"\nexploited_since = 2024-02-03"), []string{"CVE-2024-0002 does not apply to May 2024"}},
		{"dismissed, and the next one fixed earlier", advisory("CVE-2024-0001", fixed+"\nexploited_since = 2024-02-03\ndismissed = \"not reachable\"") +
			advisory("CVE-2024-0002", `fixed = ["February 2024 Patch 1"]`),
			[]string{`CVE-2024-0001 is dismissed: "not reachable"`, "CVE-2024-0002 does not apply to May 2024"}},
		{"superseded by one that was dismissed", advisory("CVE-2024-0001", fixed+"\nexploited_since = 2024-02-03\nsuperseded_by = [\"CVE-2024-0002\"]") +
			advisory("CVE-2024-0002", "fixed = [\"May 2024 Patch 1\"]\ndismissed = \"rejected\""),
			[]string{`CVE-2024-0002 is dismissed: "rejected"`}},
		{"superseded by another one", advisory("CVE-2024-0001", fixed+"\nexploited_since = 2024-02-03\nsuperseded_by = [\"CVE-2024-0002\"]") +
			advisory("CVE-2024-0002", `fixed = ["May 2024 Patch 1"]`),
			[]string{"CVE-2024-0001 does not apply to May 2024 Patch 1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, made(t, tt.advisories).Weaker(curated))
		})
	}

	// Dismissing an undecided advisory that is not exploited makes no server compliant.
	undecided := advisory("CVE-2024-0001", fixed) + advisory("CVE-2024-0003", `fixed = []`)
	dismissed := advisory("CVE-2024-0001", fixed) + advisory("CVE-2024-0003", "fixed = []\ndismissed = \"not ours\"")
	require.Empty(t, made(t, dismissed).Weaker(made(t, undecided)))
	require.Equal(t, []string{`CVE-2024-0003 is dismissed: "not ours"`},
		made(t, dismissed).Weaker(made(t, undecided+"exploited_since = 2024-02-03\n")))

	require.Empty(t, made(t, undecided+"exploited_since = 2024-02-03\n").Weaker(made(t, undecided+"exploited_since = 2024-02-03\n")))

	// Nor does deciding it, unless it is exploited.
	decided := advisory("CVE-2024-0001", fixed) + advisory("CVE-2024-0003", "fixed = [\"May 2024 Patch 2\", \"May 2023 Patch 1\"]\nexploited_since = 2024-02-03")
	require.Empty(t, made(t, decided).Weaker(made(t, undecided)))
	require.Equal(t, []string{"CVE-2024-0003, which is exploited and undecided, is decided: fixed from May 2023 Patch 1 on"},
		made(t, decided).Weaker(made(t, undecided+"exploited_since = 2024-02-03\n")))

	longer := made(t, advisory("CVE-2024-0001", fixed))
	for i := range longer.Catalog.Releases {
		r := &longer.Catalog.Releases[i]
		if r.EndOfSupport.IsZero() { // which contradicts no entry
			r.EndOfSupport = dayOf(2031, time.May, 31)
		} else {
			r.EndOfSupport = r.EndOfSupport.AddMonths(1)
		}
	}
	require.Equal(t, []string{"August 2024 is supported until 2026-09-30 instead of 2026-08-31"}, longer.Weaker(made(t, advisory("CVE-2024-0001", fixed))))
	require.Empty(t, BuiltIn().Weaker(BuiltIn()))
}

// A server that reports no label is judged by its build.
func TestWeakerBuilds(t *testing.T) {
	const first, second = `"May 2024"`, `"August 2024"`
	const text = `schema = 1
releases_as_of = 2026-01-01
advisories_as_of = 2026-01-01
exploited_as_of = 2026-01-01
[[release]]
label = "May 2024"
track = "14.200"
patches = [{ patch = 3, build = "14.200.5", basis = "stated" }]
verified = true
sources = ["test"]
[[release]]
label = "August 2024"
verified = true
sources = ["test"]
`
	judge := func(changes ...string) *Judge {
		c, err := catalog.Parse([]byte(strings.NewReplacer(changes...).Replace(text) + advisory("CVE-2024-0001", `fixed = ["May 2024 Patch 4"]`)))
		require.NoError(t, err)
		return New(c)
	}
	builtIn := judge()
	require.Equal(t, []string{"CVE-2024-0001"}, ids(judged(builtIn, "", "14.200.5").Verdict))
	require.Equal(t, []string{"build 14.200.5 counts as May 2024 Patch 4 instead of May 2024 Patch 3"}, judge("patch = 3", "patch = 4").Weaker(builtIn))
	counted := judge("patches = [", `patches = [{ patch = 1, build = "14.200.2", basis = "counted" }, `)
	require.Equal(t, []string{"build 14.200.5 counts as May 2024 Patch 4 instead of May 2024 Patch 3"}, judge("patch = 3", "patch = 4").Weaker(counted))
	require.Equal(t, []string{"build 14.200.5 counts as August 2024 Patch 3 instead of May 2024 Patch 3"}, judge(first, second, second, first).Weaker(builtIn))
	require.Empty(t, judge("patch = 3", "patch = 2").Weaker(builtIn))
	require.Empty(t, judge("patch = 3", "patch = 4", `"stated"`, `"counted"`).Weaker(builtIn), "nobody is judged by it")
	require.Empty(t, builtIn.Weaker(judge("patch = 3", "patch = 2", `"stated"`, `"counted"`)), "nobody was judged by it")
}

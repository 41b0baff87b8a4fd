package fleet

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/judgement"
	"telegraf-qlik-sense-version/internal/systeminfo"
)

// answers returns results with the versions "label/build"; "" is a failed poll.
func answers(versions ...string) []Result {
	results := make([]Result, len(versions))
	for i, version := range versions {
		if version == "" {
			continue
		}
		label, build, _ := strings.Cut(version, "/")
		results[i].Outcome.Info = &systeminfo.Info{ReleaseLabel: label, Version: build}
		results[i].Judgement = judgement.BuiltIn().Judge(label, build, &judgement.Policy{}, (&Round{Start: today}).Day())
	}
	return results
}

func comparisons(results []Result) string {
	var marks strings.Builder
	for _, r := range results {
		marks.WriteByte("-=!"[r.Comparison])
	}
	return marks.String()
}

func TestCompare(t *testing.T) {
	const (
		may2024  = "May 2024 Patch 1/14.187.5"
		may2025  = "May 2025/14.231.5"
		may2025P = "May 2025 Patch 3/14.231.8"
	)
	tests := []struct {
		name     string
		versions []string
		want     string // for each server: = the usual version, ! another one, - no answer
	}{
		{"one server", []string{may2024}, "="},
		{"one server that fails", []string{""}, "-"},
		{"none", nil, ""},
		{"two of the same", []string{may2024, may2024}, "=="},
		{"one differs", []string{may2025, may2024, may2024}, "!=="},
		{"a tie: the newest is usual", []string{may2024, may2025}, "!="},
		{"a tie of patches", []string{may2025P, may2025}, "=!"},
		{"one of two is silent", []string{may2024, ""}, "=-"},
		{"A, A, B with one A silent: the newer of the rest is usual", []string{may2024, "", may2025}, "!-="},
		{"and where A is newer, the healthy A is", []string{may2025, "", may2024}, "=-!"},
		{"most, though less than half", []string{may2024, may2024, may2025, may2025P, "x/1"}, "==!!!"},
		{"a tie at the top, a third version below", []string{may2024, may2025, may2024, may2025, may2025P}, "!=!=!"},
		{"builds without labels", []string{"/14.187.5", "/14.231.5"}, "!="},
		{"a build that cannot be read is older", []string{"/unreadable", "/14.187.5"}, "!="},
		{"the label counts where there is no build", []string{"May 2024/", "May 2025/"}, "!="},
		{"a rebuilt patch", []string{"May 2025 Patch 3/14.231.9", may2025P}, "=!"},
		{"nothing can be read: any, but always the same", []string{"b/y", "a/x"}, "=!"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			results := answers(tt.versions...)
			compare(results)
			require.Equal(t, tt.want, comparisons(results))
		})
	}
}

// The order of the servers makes no difference.
func TestCompareIgnoresOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	versions := []string{"", "May 2024/14.187.4", "May 2025/14.231.5", "/14.231.5", "May 2025/", "x/y", "November 2026/14.290.1", "May 2024/14.231.5"}
	for range 2000 {
		chosen := make([]string, 1+random.IntN(9))
		for i := range chosen {
			chosen[i] = versions[random.IntN(len(versions))]
		}
		first := marked(chosen)
		random.Shuffle(len(chosen), func(i, j int) { chosen[i], chosen[j] = chosen[j], chosen[i] })
		require.Equal(t, first, marked(chosen))
	}
}

func marked(versions []string) []string {
	results := answers(versions...)
	compare(results)
	marks := slices.Clone(versions)
	for i, mark := range comparisons(results) {
		marks[i] += string(mark)
	}
	slices.Sort(marks)
	return marks
}

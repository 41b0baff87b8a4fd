package fleet

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"telegraf-qlik-sense-version/internal/release"
	"telegraf-qlik-sense-version/internal/systeminfo"
)

// Comparison is the comparison of a server's version with the one that most servers of the
// block run.
type Comparison int

// The outcomes of a comparison.
const (
	NotCompared Comparison = iota
	Same
	Different
)

// candidate is a version, and who runs it.
type candidate struct {
	newest  *Result // the same build may come with several labels
	servers int
	central bool // the central node runs it
}

// compare compares each version with the one that most servers run; in a tie, with that of the
// central node, or else with the newest.
func compare(results []Result) {
	versions := make(map[string]*candidate)
	for i := range results {
		r := &results[i]
		if !r.Answered() {
			continue
		}
		version := versionOf(r.Outcome.Info)
		c := versions[version]
		if c == nil {
			c = &candidate{newest: r}
			versions[version] = c
		}
		c.servers++
		c.central = c.central || r.Node != nil && r.Node.Central()
		if compareVersions(r, c.newest) > 0 {
			c.newest = r
		}
	}
	if len(versions) == 0 {
		return
	}
	majority := slices.MaxFunc(slices.Collect(maps.Values(versions)), func(a, b *candidate) int {
		return cmp.Or(
			cmp.Compare(a.servers, b.servers),
			cmp.Compare(number(a.central), number(b.central)),
			compareVersions(a.newest, b.newest),
		)
	})
	for i := range results {
		switch r := &results[i]; {
		case !r.Answered():
		case versionOf(r.Outcome.Info) == versionOf(majority.newest.Outcome.Info):
			r.Comparison = Same
		default:
			r.Comparison = Different
		}
	}
}

// versionOf is the version by which servers are compared: the build or, if the reply lacks it,
// the label.
func versionOf(info *systeminfo.Info) string { return cmp.Or(info.Version, info.ReleaseLabel) }

// compareVersions compares by release, then by build. Unreadable ones are the oldest.
func compareVersions(a, b *Result) int {
	aBuild, bBuild := buildOf(a), buildOf(b)
	return cmp.Or(
		releaseOf(a).Compare(releaseOf(b)),
		aBuild.Track.Compare(bBuild.Track),
		cmp.Compare(aBuild.Number, bBuild.Number),
		strings.Compare(versionOf(a.Outcome.Info), versionOf(b.Outcome.Info)),
	)
}

func releaseOf(r *Result) release.Release {
	if !r.Judgement.HasMonth {
		return release.Release{}
	}
	return r.Judgement.Release
}

func buildOf(r *Result) release.Build {
	build, err := release.ParseBuild(r.Outcome.Info.Version)
	if err != nil {
		return release.Build{}
	}
	return build
}

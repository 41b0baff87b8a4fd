package fleet

import (
	"cmp"
	"strings"

	"telegraf-qlik-sense-version/internal/release"
	"telegraf-qlik-sense-version/internal/systeminfo"
)

// Comparison is that of a server's version with the one that is usual in its block.
type Comparison int

// The outcomes of a comparison.
const (
	NotCompared Comparison = iota
	Same
	Different
)

// compare holds each version against the one that most servers run; of several that
// equally many run, that of the central node or else the newest is the usual one.
func compare(results []Result) {
	type candidate struct {
		newest  *Result
		servers int
		central bool // the central node runs it
	}
	versions := make(map[string]*candidate)
	var usual *candidate
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
		if newer(r, c.newest) { // the same build under another label
			c.newest = r
		}
	}
	for _, c := range versions {
		switch {
		case usual == nil, c.servers > usual.servers:
			usual = c
		case c.servers < usual.servers, usual.central && !c.central:
		case c.central && !usual.central, newer(c.newest, usual.newest):
			usual = c
		}
	}
	for i := range results {
		switch r := &results[i]; {
		case !r.Answered():
		case versionOf(r.Outcome.Info) == versionOf(usual.newest.Outcome.Info):
			r.Comparison = Same
		default:
			r.Comparison = Different
		}
	}
}

// versionOf is what two servers of a block are compared by: the build or, where the
// reply lacks it, the label.
func versionOf(info *systeminfo.Info) string { return cmp.Or(info.Version, info.ReleaseLabel) }

// newer reports whether a runs a newer version than b: by release, then by build. What
// cannot be read is older than what can.
func newer(a, b *Result) bool {
	aBuild, bBuild := buildOf(a), buildOf(b)
	return cmp.Or(
		releaseOf(a).Compare(releaseOf(b)),
		aBuild.Track.Compare(bBuild.Track),
		cmp.Compare(aBuild.Number, bBuild.Number),
		strings.Compare(versionOf(a.Outcome.Info), versionOf(b.Outcome.Info)),
	) > 0
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

package catalog

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"telegraf-qlik-sense-version/internal/release"
	"telegraf-qlik-sense-version/internal/text"
)

// Listed is an entry of the vendor's list of releases.
type Listed struct {
	Release   release.Release
	Build     release.Build
	Published Day
}

func (l Listed) String() string { return fmt.Sprintf("%q is build %s", l.Release, l.Build) }

// listedRelease is a release in the vendor's list.
type listedRelease struct {
	label   release.Release
	entries []Listed // one for each patch, in ascending order
	remarks []string
	// contradiction is why the release is left out, "" if it is not.
	contradiction string
}

func (r *listedRelease) track() release.Track { return r.entries[0].Build.Track }

// contradictf records the first contradiction.
func (r *listedRelease) contradictf(format string, args ...any) {
	if r.contradiction == "" {
		r.contradiction = fmt.Sprintf(format, args...)
	}
}

// group sorts the vendor's list into releases, oldest first. Duplicate entries are ignored: the
// list may change while its pages are read. If a patch has two builds, the later one replaced
// the other.
func group(list []Listed) []*listedRelease {
	sorted := slices.SortedFunc(slices.Values(list), func(a, b Listed) int {
		return cmp.Or(a.Release.Compare(b.Release), a.Build.Track.Compare(b.Build.Track), cmp.Compare(a.Build.Number, b.Build.Number))
	})
	sorted = slices.CompactFunc(sorted, func(a, b Listed) bool { return a.Release == b.Release && a.Build == b.Build })

	var releases []*listedRelease
	for _, e := range sorted {
		label := e.Release.Initial()
		if n := len(releases); n == 0 || releases[n-1].label != label {
			releases = append(releases, &listedRelease{label: label, entries: []Listed{e}})
			continue
		}
		r := releases[len(releases)-1]
		if last := len(r.entries) - 1; r.entries[last].Release == e.Release && r.entries[last].Build.Track == e.Build.Track {
			r.remarks = append(r.remarks, fmt.Sprintf("%s: the vendor lists build %s and build %s; the later one is taken",
				e.Release, r.entries[last].Build, e.Build))
			r.entries = r.entries[:last]
		}
		r.entries = append(r.entries, e)
	}
	return releases
}

// compareEntries finds releases whose entries contradict each other.
func compareEntries(releases []*listedRelease) {
	for _, r := range releases {
		for i, e := range r.entries[1:] {
			switch previous := r.entries[i]; {
			case previous.Build.Track != e.Build.Track:
				r.contradictf("the vendor's list says that %s and that %s: builds of one release share a track", previous, e)
			case previous.Build.Number >= e.Build.Number:
				r.contradictf("the vendor's list says that %s and that %s: builds rise with patches", previous, e)
			}
		}
	}
}

// compareWithCatalog finds releases that contradict the catalogue.
func compareWithCatalog(c *Catalog, releases []*listedRelease, asOf Day) {
	own := c.byLabel()
	for _, r := range accepted(releases) {
		// Another track means another product, or broken data: taking it would drop all known
		// builds.
		if known := own[r.label]; known != nil && known.Track != nil && *known.Track != r.track() {
			r.contradictf("the vendor's list says that %s, but its builds begin with %s: is it the right list?", r.entries[0], known.Track)
			continue
		}
		merged, _ := c.with(asOf, r)
		if err := merged.Check(); err != nil {
			first, _, _ := strings.Cut(err.Error(), "\n")
			r.contradictf("the vendor's list does not fit the catalogue: %s", first)
		}
	}
}

// compareWithEachOther finds releases that contradict each other: each release has its own
// track, and tracks rise with releases. Both are left out, since nothing tells which one is
// right: if the catalogue knew one of the tracks, compareWithCatalog would have found the other
// release.
func compareWithEachOther(releases []*listedRelease) {
	candidates := accepted(releases)
	for i, older := range candidates {
		for _, newer := range candidates[i+1:] {
			reason := "builds rise with releases"
			switch order := older.track().Compare(newer.track()); {
			case order < 0:
				continue
			case order == 0:
				reason = "two releases cannot share a track"
			}
			for _, r := range []*listedRelease{older, newer} {
				r.contradictf("the vendor's list says that %s and that %s: %s", older.entries[0], newer.entries[0], reason)
			}
		}
	}
}

// accepted returns the releases without a contradiction.
func accepted(releases []*listedRelease) []*listedRelease {
	return slices.DeleteFunc(slices.Clone(releases), func(r *listedRelease) bool { return r.contradiction != "" })
}

// leftOut returns a line for each release with a contradiction.
func leftOut(releases []*listedRelease) (lines []string) {
	for _, r := range releases {
		if r.contradiction != "" {
			lines = append(lines, fmt.Sprintf("%s left out: %s", r.label, r.contradiction))
		}
	}
	return lines
}

// nothingTaken returns the error for a list of which every release was left out.
func nothingTaken(leftOut []string) error {
	const maxNamed = 10
	lines := append([]string{"nothing in the vendor's list can be used: is it the right list?"}, leftOut[:min(len(leftOut), maxNamed)]...)
	if more := len(leftOut) - maxNamed; more > 0 {
		lines = append(lines, text.Plural(more, "more release")+" left out")
	}
	return errors.New(strings.Join(lines, "\n"))
}

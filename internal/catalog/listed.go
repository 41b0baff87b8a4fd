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

// String returns what the entry says, for a message about a contradiction.
func (l Listed) String() string { return fmt.Sprintf("%q is build %s", l.Release, l.Build) }

// LeftOut is a release of the vendor's list that was not taken, with its patches.
type LeftOut struct {
	Release release.Release
	Reason  string
}

// String returns one line.
func (l LeftOut) String() string { return fmt.Sprintf("%s left out: %s", l.Release, l.Reason) }

// listedRelease is what the vendor's list says about a release.
type listedRelease struct {
	label   release.Release
	entries []Listed // one of each patch, from the initial release up
	remarks []string
	// contradiction says why the release cannot be taken, "" where nothing was found.
	contradiction string
}

func (r *listedRelease) track() release.Track { return r.entries[0].Build.Track }

// contradictedf notes the first contradiction; more of them say the same.
func (r *listedRelease) contradictedf(format string, args ...any) {
	if r.contradiction == "" {
		r.contradiction = fmt.Sprintf(format, args...)
	}
}

// group sorts the vendor's list into releases, oldest first. An entry may be there twice: a
// list that is read page by page moves meanwhile. Of a patch with two builds the later one
// counts, which replaced the other.
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

// compareEntries finds the releases of the list that contradict themselves.
func compareEntries(releases []*listedRelease) {
	for _, r := range releases {
		for i, e := range r.entries[1:] {
			switch previous := r.entries[i]; {
			case previous.Build.Track != e.Build.Track:
				r.contradictedf("the vendor's list says that %s and that %s: builds of a release begin alike", previous, e)
			case previous.Build.Number >= e.Build.Number:
				r.contradictedf("the vendor's list says that %s and that %s: builds of a release rise with its patches", previous, e)
			}
		}
	}
}

// compareWithCatalog finds the releases of the list that contradict the catalogue.
func compareWithCatalog(c *Catalog, releases []*listedRelease, asOf Day) {
	for _, r := range taken(releases) {
		// A list that moves a release to another track is another product's, or spoilt: it would
		// drop every build that is known.
		if known := c.trackOf(r.label); known != nil && *known != r.track() {
			r.contradictedf("the vendor's list says that %s, but its builds begin with %s: is it the right list?", r.entries[0], known)
			continue
		}
		merged, _ := c.with(asOf, r)
		if err := merged.Check(); err != nil {
			first, _, _ := strings.Cut(err.Error(), "\n")
			r.contradictedf("the vendor's list does not fit the catalogue: %s", first)
		}
	}
}

// compareWithEachOther finds the releases of the list that contradict each other: a track is
// that of one release, and tracks rise with releases. Both are left out, since nothing tells
// which one is right: if the catalogue knew the track of one of them, the other would
// contradict the catalogue and be left out by now.
func compareWithEachOther(releases []*listedRelease) {
	candidates := taken(releases)
	for i, older := range candidates {
		for _, newer := range candidates[i+1:] {
			reason := "builds rise with releases"
			switch order := older.track().Compare(newer.track()); {
			case order < 0:
				continue
			case order == 0:
				reason = "builds of two releases do not begin alike"
			}
			for _, r := range []*listedRelease{older, newer} {
				r.contradictedf("the vendor's list says that %s and that %s: %s", older.entries[0], newer.entries[0], reason)
			}
		}
	}
}

// taken returns the releases without a contradiction.
func taken(releases []*listedRelease) []*listedRelease {
	return slices.DeleteFunc(slices.Clone(releases), func(r *listedRelease) bool { return r.contradiction != "" })
}

func leftOut(releases []*listedRelease) []LeftOut {
	var out []LeftOut
	for _, r := range releases {
		if r.contradiction != "" {
			out = append(out, LeftOut{r.label, r.contradiction})
		}
	}
	return out
}

// nothingTaken is the error of a list of which every release was left out.
func nothingTaken(out []LeftOut) error {
	const maxNamed = 10
	errs := []error{errors.New("nothing in the vendor's list can be taken: is it the right list?")}
	for _, l := range out[:min(len(out), maxNamed)] {
		errs = append(errs, errors.New(l.String()))
	}
	if more := len(out) - maxNamed; more > 0 {
		errs = append(errs, errors.New(text.Plural(more, "more release")+" left out"))
	}
	return errors.Join(errs...)
}

// trackOf returns the track of a release, nil where the catalogue does not know it.
func (c *Catalog) trackOf(label release.Release) *release.Track {
	if i := slices.IndexFunc(c.Releases, func(r Release) bool { return r.Label == label }); i >= 0 {
		return c.Releases[i].Track
	}
	return nil
}

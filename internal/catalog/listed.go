package catalog

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"telegraf-qlik-sense-version/internal/release"
)

// group sorts the vendor's list into releases, oldest first, with their entries from the
// initial release up. That an entry is there twice is in order: a list that is read page by
// page moves meanwhile. Of a patch with two builds the later one counts, which replaced
// the other, and a remark says so. The error names entries that contradict each other.
func group(list []Listed) (groups [][]Listed, remarks []string, err error) {
	sorted := slices.SortedFunc(slices.Values(list), func(a, b Listed) int {
		return cmp.Or(a.Release.Compare(b.Release), a.Build.Track.Compare(b.Build.Track), cmp.Compare(a.Build.Number, b.Build.Number))
	})
	sorted = slices.CompactFunc(sorted, func(a, b Listed) bool { return a.Release == b.Release && a.Build == b.Build })

	var errs []error
	wrong := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("the vendor's list contradicts itself: "+format, args...))
	}
	labels := make(map[release.Build]release.Release, len(sorted))
	tracks := make(map[release.Track]Listed)
	for i, e := range sorted {
		if i == 0 || e.Release.Initial() != sorted[i-1].Release.Initial() {
			groups = append(groups, nil)
		}
		last := &groups[len(groups)-1]
		if n := len(*last); n > 0 {
			switch first, previous := (*last)[0], (*last)[n-1]; {
			case previous.Release == e.Release && previous.Build.Track == e.Build.Track:
				remarks = append(remarks, fmt.Sprintf("%s: the vendor lists build %s and build %s; the later one is taken", e.Release, previous.Build, e.Build))
				*last = (*last)[:n-1]
			case first.Build.Track != e.Build.Track:
				wrong("%q is build %s and %q is build %s: builds of a release begin alike", first.Release, first.Build, e.Release, e.Build)
			}
		}
		if other, taken := labels[e.Build]; taken && other != e.Release {
			wrong("build %s is both %q and %q", e.Build, other, e.Release)
		} else if owner, taken := tracks[e.Build.Track]; taken && owner.Release.Initial() != e.Release.Initial() {
			wrong("%q is build %s and %q is build %s: builds of two releases do not begin alike", owner.Release, owner.Build, e.Release, e.Build)
		}
		labels[e.Build] = e.Release
		tracks[e.Build.Track] = e
		*last = append(*last, e)
	}
	return groups, remarks, errors.Join(errs...)
}

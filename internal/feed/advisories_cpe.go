package feed

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"telegraf-qlik-sense-version/internal/release"
)

// configuration is NVD's analysis of a record: nodes of CPE 2.3 names that are vulnerable.
type configuration struct {
	Negate bool   `json:"negate"`
	Nodes  []node `json:"nodes"`
}

type node struct {
	Negate bool `json:"negate"`
	Names  []struct {
		Vulnerable bool   `json:"vulnerable"`
		Criteria   string `json:"criteria"`
	} `json:"cpeMatch"`
}

// affected are the releases that NVD's CPEs mark as vulnerable.
type affected struct {
	qlik    bool // at least one is about Qlik Sense
	negated bool // one of them is in a negation
	// patches are the named ones of each release; 0 is the initial release.
	patches map[release.Release][]int
	// whole are releases named without a patch, which says nothing about their patches.
	whole []release.Release
}

// cpeName matches version, update, edition and system in a name. A backslash escapes a colon
// within a value.
var cpeName = regexp.MustCompile(`^cpe:2\.3:a:qlik:qlik_sense:((?:[^:\\]|\\.)+):((?:[^:\\]|\\.)+):(?:[^:]*):(?:[^:]*):([^:]*):([^:]*):`)

var (
	cpeVersion = regexp.MustCompile(`^([a-z]+)_(\d{4})$`)
	cpePatch   = regexp.MustCompile(`^patch_?(\d+)$`)
)

// readCPEs collects the releases in CPEs of Qlik Sense. Builds as versions, ranges of builds and
// updates in an unknown form are ignored: they cannot be compared.
func readCPEs(configurations []configuration) affected {
	a := affected{patches: make(map[release.Release][]int)}
	for _, c := range configurations {
		for _, n := range c.Nodes {
			for _, name := range n.Names {
				if parts := cpeName.FindStringSubmatch(strings.ToLower(name.Criteria)); parts != nil {
					a.qlik = true
					a.negated = a.negated || c.Negate || n.Negate
					if name.Vulnerable {
						a.add(parts[1], parts[2], parts[3], parts[4])
					}
				}
			}
		}
	}
	return a
}

func (a *affected) add(version, update, edition, system string) {
	named := cpeVersion.FindStringSubmatch(version)
	if named == nil || !slices.Contains([]string{"enterprise", "*", "-"}, edition) || !slices.Contains([]string{"windows", "*", "-"}, system) {
		return
	}
	r, err := release.Parse(named[1] + " " + named[2])
	if err != nil {
		return
	}
	switch patch := cpePatch.FindStringSubmatch(update); {
	case update == "*":
		a.whole = append(a.whole, r)
	case update == "-":
		a.patches[r] = append(a.patches[r], 0)
	case patch != nil:
		if p, err := release.Parse(r.String() + " Patch " + patch[1]); err == nil {
			a.patches[r] = append(a.patches[r], p.Patch)
		}
	}
}

// firstFixed returns the first fixed patch of each release whose patches are all named from the initial
// release to the last affected one. A single patch or a gap proves nothing: CVE-2021-36761 names
// one patch, but nothing says that the next one has a fix.
func (a *affected) firstFixed() []release.Release {
	var runs []release.Release
	for r, patches := range a.patches {
		slices.Sort(patches)
		patches = slices.Compact(patches)
		if last := patches[len(patches)-1]; last == len(patches)-1 && last < release.MaxPatch {
			r.Patch = last + 1
			runs = append(runs, r)
		}
	}
	slices.SortFunc(runs, func(a, b release.Release) int { return cmp.Compare(0, a.Compare(b)) })
	return runs
}

// contradiction returns how the CPEs contradict a list of fixed releases, "" if they do not.
func (a *affected) contradiction(fixed []release.Release) string {
	if a.negated {
		return "NVD's CPEs have a negation, which is not understood"
	}
	newest := slices.MaxFunc(fixed, release.Release.Compare)
	fix := make(map[release.Release]release.Release, len(fixed))
	for _, r := range fixed {
		fix[r.Initial()] = r
	}
	runs := a.firstFixed()
	for _, run := range runs {
		if listed, found := fix[run.Initial()]; !found || listed != run {
			return fmt.Sprintf("according to NVD's CPEs, %s is the first fixed patch of its release; according to the text, it is not", run)
		}
	}
	// An initial release that has the fix is in no CPE.
	for _, r := range fixed {
		if len(runs) > 0 && r.Patch > 0 && !slices.Contains(runs, r) {
			return fmt.Sprintf("the text says that %s is the first fixed patch of its release, NVD's CPEs do not", r)
		}
	}
	named := slices.Clone(a.whole)
	for r, patches := range a.patches {
		r.Patch = slices.Max(patches)
		named = append(named, r)
	}
	slices.SortFunc(named, release.Release.Compare)
	for _, r := range named {
		listed, found := fix[r.Initial()]
		if found && listed.Compare(r) <= 0 || !found && r.Compare(newest) > 0 {
			return fmt.Sprintf("%s is affected according to NVD's CPEs, but fixed according to the text", r)
		}
	}
	return ""
}

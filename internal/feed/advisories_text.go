package feed

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"telegraf-qlik-sense-version/internal/release"
	"telegraf-qlik-sense-version/internal/text"
)

// textList is the list of fixed releases in the description of a record.
type textList struct {
	fixed    []release.Release
	sentence string // with the list
}

// errNoList is the error for a text without a list.
var errNoList = errors.New("the text has no list of fixed releases")

// maxFixed is the maximum number of releases in fixed of a catalogue.
const maxFixed = 100

const (
	month = `(?:January|February|March|April|May|June|July|August|September|October|November|December)`
	// A label as in records. SR is QlikView's word for patch.
	labelForm = month + ` \d{4}\b(?: (?:IR|Initial Release|(?:Patch|SR) ?\d+))?`
)

var (
	introduction = regexp.MustCompile(`(?i)\b(fixed in|fixed versions are|lack these patch levels):? `)
	// fixedItem is an entry of the list: label and build.
	fixedItem = regexp.MustCompile(`(?i)^(` + month + ` \d{4}(?: (?:IR|Initial Release|Patch ?\d+))?)(?: ?\((\d+\.\d+\.\d+)\))?`)
	separator = regexp.MustCompile(`(?i)^(?: ?, ?(?:and |or )?| (?:and|or) )`)
	fullStop  = regexp.MustCompile(`^ ?\.(?: |$)`)

	namedRelease = regexp.MustCompile(`(?i)(\b(?:before|prior to) (?:versions? )?)?\b(` + labelForm + `)`)
	namedPatch   = regexp.MustCompile(`(?i)\bpatch(?:es)? ?\d`)
	// doubts are words after a list that may change its meaning.
	doubts = regexp.MustCompile(`(?i)\b(?:incomplete\w*|partial\w*|insufficient\w*|still|not|never|until|unfixed|unless|` +
		`except\w*|revert\w*|withdraw\w*|re-?introduced|regression|again|remain\w*|later|newer|subsequent\w*)\b`)
	incompleteFix = regexp.MustCompile(`(?i)\bexists because of an incomplete fix (?:for|of) CVE-\d+-\d+`)
	otherProducts = regexp.MustCompile(`(?i)\b(?:QlikView|NPrinting|Talend|Qlik (?:Replicate|Compose|Catalog|Cloud|Enterprise Manager))\b`)
)

// clauses match what may precede an introduction within its sentence. Other words can change the
// meaning: "will be fixed in", "is not fixed in", "QlikView is fixed in".
var clauses = map[string]*regexp.Regexp{
	"fixed in": regexp.MustCompile(`(?i)^(?:(?:this|these|it|they|the|both|issues?|vulnerabilit(?:y|ies)|flaws?|problems?) )*` +
		`(?:(?:is|are|was|were|has been|have been) )?$`),
	"fixed versions are":      regexp.MustCompile(`(?i)^the $`),
	"lack these patch levels": regexp.MustCompile(`(?i)\bQlik Sense\b[^;]* installations that $`),
}

// readText reads the list of fixed releases in an English description. Every word of the list
// must be understood, from its introduction to the full stop; it must be the only list, and the
// rest of the text must not contradict it. Otherwise the error says why a person must decide.
func readText(description string) (*textList, error) {
	all := strings.Join(strings.Fields(description), " ")
	places := introduction.FindAllStringSubmatchIndex(all, -1)
	switch {
	case len(places) == 0:
		return nil, errNoList
	case len(places) > 1:
		return nil, errors.New("the text has more than one list of fixed releases")
	}
	place := places[0]
	start := strings.LastIndex(all[:place[0]], ". ") + 1
	clause := strings.TrimPrefix(all[start:place[0]], " ")
	if !clauses[strings.ToLower(all[place[2]:place[3]])].MatchString(clause) {
		return nil, fmt.Errorf("the words before the list are not understood: %s", text.Quote(clause))
	}
	fixed, length, err := readList(all[place[1]:])
	if err != nil {
		return nil, err
	}
	end := place[1] + length
	before, after := all[:place[0]], all[end:]
	if product := otherProducts.FindString(before + after); product != "" && !strings.Contains(strings.ToLower(clause), "qlik sense") {
		return nil, fmt.Errorf("the text is also about %s", product)
	}
	if word := doubts.FindString(incompleteFix.ReplaceAllString(after, "")); word != "" {
		return nil, fmt.Errorf("a word after the list may change its meaning: %s", text.Quote(word))
	}
	if err := contradiction(before+" | "+after, fixed); err != nil {
		return nil, err
	}
	return &textList{fixed, strings.TrimSpace(all[start:end])}, nil
}

// readList reads the entries up to the full stop and returns their length in bytes.
func readList(content string) (fixed []release.Release, length int, err error) {
	builds := make(map[release.Release]release.Build)
	for rest := content; ; {
		item := fixedItem.FindStringSubmatch(rest)
		if item == nil {
			return nil, 0, fmt.Errorf("the list cannot be read, starting at %s", text.Quote(rest))
		}
		r, err := release.Parse(item[1])
		if err != nil {
			return nil, 0, fmt.Errorf("the list has %s, which is not a release", text.Quote(item[1]))
		}
		if slices.ContainsFunc(fixed, func(other release.Release) bool { return other.Initial() == r.Initial() }) {
			return nil, 0, fmt.Errorf("the list names %s twice", r.Initial())
		}
		if fixed = append(fixed, r); len(fixed) > maxFixed {
			return nil, 0, fmt.Errorf("the list has more than %d releases", maxFixed)
		}
		if item[2] != "" {
			if builds[r], err = release.ParseBuild(item[2]); err != nil {
				return nil, 0, fmt.Errorf("the list has %s, which is not a build", text.Quote(item[2]))
			}
		}
		rest = rest[len(item[0]):]
		if stop := fullStop.FindString(rest); stop != "" {
			return fixed, len(content) - len(rest) + len(stop), checkBuilds(fixed, builds)
		}
		between := separator.FindString(rest)
		if between == "" {
			return nil, 0, fmt.Errorf("the list cannot be read, starting at %s", text.Quote(rest))
		}
		rest = rest[len(between):]
	}
}

// checkBuilds refuses builds that do not rise with their releases: one of them is wrong.
func checkBuilds(fixed []release.Release, builds map[release.Release]release.Build) error {
	var last release.Release
	for _, r := range slices.SortedFunc(slices.Values(fixed), release.Release.Compare) {
		if _, has := builds[r]; !has {
			continue
		}
		if !last.IsZero() && builds[last].Track.Compare(builds[r].Track) >= 0 {
			return fmt.Errorf("the builds of %s and %s in the list are out of order", last, r)
		}
		last = r
	}
	return nil
}

// contradiction checks the rest of the text: a release named there is affected, or all before it
// are, so the list must not count them as fixed.
func contradiction(rest string, fixed []release.Release) error {
	newest := slices.MaxFunc(fixed, release.Release.Compare)
	for _, named := range namedRelease.FindAllStringSubmatch(rest, -1) {
		r, err := release.Parse(named[2])
		if err != nil {
			return fmt.Errorf("the text names %s, which is not a release", text.Quote(named[2]))
		}
		first := newest // fixed patch of that release, or else of all later releases
		if i := slices.IndexFunc(fixed, func(fix release.Release) bool { return fix.Initial() == r.Initial() }); i >= 0 {
			first = fixed[i]
		}
		if order := r.Compare(first); order > 0 || order == 0 && named[1] == "" {
			return fmt.Errorf("the text also names %s, which is fixed according to the list", r)
		}
	}
	if patch := namedPatch.FindString(namedRelease.ReplaceAllString(rest, "")); patch != "" {
		return fmt.Errorf("the text also names %s without a release", text.Quote(patch))
	}
	return nil
}

package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"telegraf-qlik-sense-version/internal/discovery"
	"telegraf-qlik-sense-version/internal/judgement"
	"telegraf-qlik-sense-version/internal/poll"
	"telegraf-qlik-sense-version/internal/text"
)

// reasonWords are the reasons as a report words them.
var reasonWords = []struct {
	reason judgement.Reasons
	words  string
}{
	{judgement.Advisories, "advisories"},
	{judgement.BelowMinimum, "below minimum"},
	{judgement.CatalogTooOld, "catalogue too old"},
	{judgement.LabelAndBuildDiffer, "label and build differ"},
	{judgement.OutOfSupport, "out of support"},
	{judgement.ReleaseUnknown, "release unknown"},
	{judgement.SupportUnknown, "end of support unknown"},
	{judgement.UndecidedAdvisory, "exploited advisory undecided"},
}

// Verdict words the judgement of a server that answered: "compliant" with qualifiers, or "not
// compliant" or "unknown" with the reasons.
func (s *Server) Verdict() (word string, details []string) {
	switch s.Judgement.Compliance {
	case judgement.Compliant:
		return "compliant", s.qualifiers()
	case judgement.NonCompliant:
		return "not compliant", s.reasons()
	case judgement.Unknown:
	}
	return "unknown", s.reasons()
}

// qualifiers limit what "compliant" says of a server.
func (s *Server) qualifiers() (all []string) {
	if s.Judgement.Unsupported() {
		all = append(all, "unsupported")
	}
	if n := s.Round.Judge.Undecided; n > 0 {
		all = append(all, fmt.Sprintf("%d undecided", n))
	}
	return all
}

func (s *Server) reasons() (all []string) {
	for _, r := range reasonWords {
		switch {
		case s.Judgement.Reasons&r.reason == 0:
		case r.reason == judgement.CatalogTooOld && s.Round.Judge.Catalog.AdvisoriesAsOf.InFuture(s.Round.Day()):
			all = append(all, "catalogue dated in the future")
		default:
			all = append(all, r.words)
		}
	}
	return all
}

// SiteWords says how many nodes of the site were found and which node listed them, and what keeps
// the site from being proven; both are "" if there is nothing to say.
func (b *Block) SiteWords() (words, problem string) {
	site := b.Site()
	switch {
	case site == nil:
		return "", ""
	case !site.Listed:
		return "", "The nodes of the site could not be listed: it is not proven, whatever other servers answer."
	case site.Unusable > 0:
		problem = fmt.Sprintf("%d of the nodes have no usable host name: the site is not proven without them.", site.Unusable)
	}
	words = fmt.Sprintf("%s of the site found, listed by %s", text.Plural(site.Nodes+site.Unusable, "node"), site.AnsweredBy())
	if site.Elsewhere > 0 {
		words += fmt.Sprintf("; %d of them are asked in another block", site.Elsewhere)
	}
	return words, problem
}

// FailedAttempts are the nodes that were asked for the nodes of their site and did not list them.
func (b *Block) FailedAttempts() (failed []*discovery.Attempt) {
	if b.Site() == nil {
		return nil
	}
	for i := range b.Site().Attempts {
		if a := &b.Site().Attempts[i]; a.Result != poll.Success {
			failed = append(failed, a)
		}
	}
	return failed
}

// NodeWords are the name and the roles of a discovered node, "" for any other server:
// "Central: central, engine".
func (s *Server) NodeWords() string {
	if s.Node == nil {
		return ""
	}
	roles := strings.Join(s.Node.Roles, ", ")
	if roles == "" {
		roles = "no roles"
	}
	if s.Node.Name == "" {
		return roles
	}
	return s.Node.Name + ": " + roles
}

// Proven returns how many servers are proven compliant, and how many advisories are undecided,
// if any: "3 of 5 proven compliant, 2 advisories undecided".
func (s *Summary) Proven(undecided int) string {
	return AndUndecided(fmt.Sprintf("%d of %d proven compliant", s.Compliant, s.Servers), undecided)
}

// AndUndecided adds the number of undecided advisories, if any, to what is proven.
func AndUndecided(proven string, n int) string {
	if n == 0 {
		return proven
	}
	return proven + ", " + UndecidedWords(n)
}

// UndecidedWords returns "1 advisory undecided" or "3 advisories undecided".
func UndecidedWords(n int) string {
	return strconv.Itoa(n) + Inflect(n, " advisory", " advisories") + " undecided"
}

// Inflect returns the form of a word that goes with n.
func Inflect(n int, singular, plural string) string {
	if n == 1 {
		return singular
	}
	return plural
}

// Share returns n in percent of a whole, "–" if that is 0. Only a share of all is written as
// 100 %, only one of none as 0 %.
func Share(n, whole int) string {
	switch {
	case whole == 0:
		return "–"
	case n == whole:
		return "100 %"
	case n == 0:
		return "0 %"
	}
	tenths := min(max(math.Round(1000*float64(n)/float64(whole)), 1), 999)
	return strconv.FormatFloat(tenths/10, 'f', 1, 64) + " %"
}

// Warning says that a part of the data is old or dated in the future, and what follows.
type Warning struct {
	Heading string // "Old data" or "Wrong date"
	Text    string
}

// Warnings returns one for each part of the data that is old or dated in the future.
func (r *Report) Warnings() (warnings []Warning) {
	var releases, advisories, exploited Age
	for _, c := range r.Catalogs {
		releases, advisories, exploited = releases.worse(c.Releases), advisories.worse(c.Advisories), exploited.worse(c.Exploited)
	}
	for _, data := range []struct {
		Age
		part, meaning string
	}{
		{releases, "Releases", "servers can be further behind than shown"},
		{advisories, "Advisories", "servers can be open to newer ones"},
		{exploited, "Data on exploitation", "what has been exploited since counts as not exploited"},
	} {
		switch {
		case data.Future:
			warnings = append(warnings, Warning{"Wrong date", fmt.Sprintf("%s of %s are dated in the future and prove nothing: "+
				"check the catalogue, or the clock of this machine.", data.part, data.AsOf)})
		case data.Old():
			warnings = append(warnings, Warning{"Old data", fmt.Sprintf("%s are %s old: %s.", data.part, text.Plural(data.Days, "day"), data.meaning)})
		}
	}
	return warnings
}

// worse returns the age to warn about: one in the future, or else the greater.
func (a Age) worse(b Age) Age {
	if b.Future || !a.Future && (a.AsOf.IsZero() || b.Days > a.Days) {
		return b
	}
	return a
}

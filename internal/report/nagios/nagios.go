// Package nagios writes a report as the one line that Nagios, Icinga and what follows their
// plugin convention read: a state, the worst servers, and numbers.
//
// The convention: https://nagios-plugins.org/doc/guidelines.html.
package nagios

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"telegraf-qlik-sense-version/internal/fleet"
	"telegraf-qlik-sense-version/internal/judgement"
	"telegraf-qlik-sense-version/internal/report"
	"telegraf-qlik-sense-version/internal/text"
)

// State is what the convention calls it; its number is the exit status.
type State int

// The states.
const (
	OK State = iota
	Warning
	Critical
	Unknown
)

func (s State) String() string { return [...]string{"OK", "WARNING", "CRITICAL", "UNKNOWN"}[s] }

// rank is the place among states that come together: what is known to be bad comes before
// what is not known.
func (s State) rank() int { return [...]int{OK: 0, Warning: 1, Unknown: 2, Critical: 3}[s] }

// Thresholds are numbers of days before the end of support, and before a server's certificate
// expires.
type Thresholds struct {
	Warning  int
	Critical *int // nil: never critical
}

const (
	name = "QLIK SENSE"
	// maxNamed is how many servers or sites the line names, maxWords how many bytes it has for
	// one: what reads it may cut it off after a KiB.
	maxNamed = 5
	maxWords = 160
)

// Failure writes the line for what kept the program from asking.
func Failure(w io.Writer, err error) error {
	return line(w, Unknown, text.Truncate(err.Error(), 1<<10), "")
}

// Write writes the line of a report and returns its state.
func Write(w io.Writer, r *report.Report, t Thresholds) (State, error) {
	findings := find(r, t)
	slices.SortStableFunc(findings, func(a, b finding) int {
		return cmp.Or(cmp.Compare(b.state.rank(), a.state.rank()), cmp.Compare(a.urgency, b.urgency))
	})
	state := OK
	if len(findings) > 0 {
		state = findings[0].state
	}
	undecided := 0
	for i := range r.Blocks {
		undecided = max(undecided, r.Blocks[i].Round.Judge.Undecided)
	}
	words := []string{r.Summary.Proven(undecided)}
	for i := range findings[:min(len(findings), maxNamed)] {
		words = append(words, text.Excerpt(strings.TrimSuffix(findings[i].words, "."), maxWords))
	}
	if more := len(findings) - maxNamed; more > 0 {
		words = append(words, text.Plural(more, "more finding"))
	}
	return state, line(w, state, strings.Join(words, "; "), numbers(r, t))
}

// line has no line break and no bar but the one before the numbers.
func line(w io.Writer, state State, words, numbers string) error {
	words = strings.Map(func(c rune) rune {
		switch {
		case c == '|':
			return '/'
		case unicode.Is(unicode.C, c), unicode.Is(unicode.Zl, c), unicode.Is(unicode.Zp, c):
			return ' '
		}
		return c
	}, strings.ToValidUTF8(words, "\uFFFD"))
	if numbers != "" {
		numbers = " | " + numbers
	}
	_, err := fmt.Fprintf(w, "%s %s: %s%s\n", name, state, words, numbers)
	return err
}

// finding is what is to be said of a server, a site or the data.
type finding struct {
	state   State
	urgency int // among those of a state, the lowest first
	words   string
}

// The urgency of findings.
const (
	exploited = iota
	other
)

func find(r *report.Report, t Thresholds) (all []finding) {
	if r.Summary.Servers == 0 {
		all = append(all, finding{Unknown, other, "no server was asked"})
	}
	for i := range r.Blocks {
		b := &r.Blocks[i]
		if r.IncompleteSite(b) {
			_, problem := b.SiteWords()
			all = append(all, finding{Unknown, other, fmt.Sprintf("site %s: %s", b.Site().Source(), problem)})
		}
		for j := range b.Servers {
			if state, urgency, words := judge(&b.Servers[j], t); state != OK {
				all = append(all, finding{state, urgency, fmt.Sprintf("%s: %s", title(b, &b.Servers[j]), words)})
			}
		}
	}
	for _, warning := range r.Warnings() {
		all = append(all, finding{Warning, other, warning.Text})
	}
	for _, problem := range r.Problems {
		all = append(all, finding{Warning, other, "judged by other data: " + problem})
	}
	return all
}

// title is a server with the environment that it is in, for one name may be in several.
func title(b *report.Block, s *report.Server) string {
	if environment := b.Tags()["environment"]; environment != "" {
		return fmt.Sprintf("%s (%s)", s.Server, environment)
	}
	return s.Server.String()
}

// judge returns the state of a server, and all that makes it so.
func judge(s *report.Server, t Thresholds) (state State, urgency int, words string) {
	var all []string
	urgency = other
	add := func(as State, words string) {
		all = append(all, words)
		if as.rank() > state.rank() {
			state = as
		}
	}
	switch _, reasons := s.Verdict(); {
	case !s.Answered():
		add(Unknown, fmt.Sprintf("no answer (%s)", s.Outcome.Result))
	case s.Judgement.Compliance == judgement.NonCompliant:
		if s.Exploited() > 0 {
			urgency = exploited
			add(Critical, "open to what is exploited, "+strings.Join(exploitedOf(s), ", "))
		}
		add(Critical, fmt.Sprintf("%s is not compliant (%s)", s.Judgement.Release, strings.Join(reasons, ", ")))
	case s.Judgement.Compliance == judgement.Unknown:
		add(Unknown, fmt.Sprintf("unknown (%s)", strings.Join(reasons, ", ")))
	}
	if s.Comparison == fleet.Different {
		add(Warning, "out of step")
	}
	if days, known := s.Judgement.SupportDaysLeft(); known && s.Answered() {
		if as := t.of(days); as != OK {
			add(as, ends("support", days))
		}
	}
	if days, known := certificateDays(s); known {
		if as := t.of(days); as != OK {
			add(as, ends("certificate", days))
		}
	}
	return state, urgency, strings.Join(all, ", ")
}

func exploitedOf(s *report.Server) (ids []string) {
	for _, a := range s.Applying() {
		if a.Exploited() {
			ids = append(ids, a.ID)
		}
	}
	return ids
}

func (t Thresholds) of(days int) State {
	switch {
	case t.Critical != nil && days < *t.Critical:
		return Critical
	case days < t.Warning:
		return Warning
	}
	return OK
}

func ends(what string, days int) string {
	if days < 0 {
		return fmt.Sprintf("%s ended %s ago", what, text.Plural(-days, "day"))
	}
	return fmt.Sprintf("%s ends in %s", what, text.Plural(days, "day"))
}

// certificateDays is the number of whole days until the server's certificate expires, negative
// after that; known where it showed one.
func certificateDays(s *report.Server) (days int, known bool) {
	expiry := s.Outcome.CertificateExpiry
	return int(math.Floor(expiry.Sub(s.Round.Start).Hours() / 24)), !expiry.IsZero()
}

// numbers are the performance data: what, its value, and the thresholds for warning and
// critical, as far as there are any.
func numbers(r *report.Report, t Thresholds) string {
	s := &r.Summary
	var all []string
	add := func(what string, value int, thresholds string) {
		all = append(all, strings.TrimRight(fmt.Sprintf("%s=%d;%s", what, value, thresholds), ";"))
	}
	add("servers", s.Servers, ";;0")
	add("proven", s.Compliant, fmt.Sprintf(";;0;%d", s.Servers))
	add("non_compliant", s.NonCompliant, fmt.Sprintf(";0;0;%d", s.Servers))
	add("exploited", s.Exploited, fmt.Sprintf(";0;0;%d", s.Servers))
	add("unknown", s.Unknown, fmt.Sprintf(";;0;%d", s.Servers))
	add("no_answer", s.Failed, fmt.Sprintf(";;0;%d", s.Servers))
	if len(r.Only) == 0 { // else nothing was compared
		add("out_of_step", s.Mismatched, fmt.Sprintf("0;;0;%d", s.Servers))
	}
	if sites := r.Incomplete(); sites > 0 {
		add("incomplete_sites", sites, ";;0")
	}
	days := fmt.Sprintf("%d:;", t.Warning)
	if t.Critical != nil {
		days += strconv.Itoa(*t.Critical) + ":"
	}
	for _, one := range []struct {
		what string
		of   func(*report.Server) (int, bool)
	}{
		{"support_days_left", func(s *report.Server) (int, bool) { return s.Judgement.SupportDaysLeft() }},
		{"certificate_days_left", certificateDays},
	} {
		if least, known := least(r, one.of); known {
			add(one.what, least, days)
		}
	}
	return strings.Join(all, " ")
}

// least is the lowest number that is known of a server.
func least(r *report.Report, of func(*report.Server) (int, bool)) (least int, known bool) {
	for i := range r.Blocks {
		for j := range r.Blocks[i].Servers {
			if n, ok := of(&r.Blocks[i].Servers[j]); ok && (!known || n < least) {
				least, known = n, true
			}
		}
	}
	return least, known
}

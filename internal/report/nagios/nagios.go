// Package nagios writes a report as one line for Nagios, Icinga and others with their plugin
// convention: a state, the worst servers, and numbers.
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

// State is a state of the convention; its number is the exit status.
type State int

// The states.
const (
	OK State = iota
	Warning
	Critical
	Unknown
)

func (s State) String() string { return [...]string{"OK", "WARNING", "CRITICAL", "UNKNOWN"}[s] }

// severity orders states: what is known to be bad is worse than what is unknown.
func (s State) severity() int { return [...]int{OK: 0, Warning: 1, Unknown: 2, Critical: 3}[s] }

// Thresholds are numbers of days before the end of support, and before a server's certificate
// expires.
type Thresholds struct {
	Warning  int
	Critical *int // nil: never critical
}

const (
	name = "QLIK SENSE"
	// The line has at most maxFindings of maxWords bytes each: readers may cut it off after 1 KiB.
	maxFindings = 5
	maxWords    = 160
)

// Failure writes the line for an error that kept the program from polling.
func Failure(w io.Writer, err error) error {
	return line(w, Unknown, text.Truncate(err.Error(), 1<<10), "")
}

// Write writes the line of a report and returns its state.
func Write(w io.Writer, r *report.Report, t Thresholds) (State, error) {
	findings := find(r, t)
	slices.SortStableFunc(findings, func(a, b finding) int {
		return cmp.Or(cmp.Compare(b.state.severity(), a.state.severity()), cmp.Compare(b.exploited, a.exploited))
	})
	state := OK
	if len(findings) > 0 {
		state = findings[0].state
	}
	undecided := 0
	for _, b := range r.Blocks {
		undecided = max(undecided, b.Round.Judge.Undecided)
	}
	words := []string{r.Summary.Proven(undecided)}
	for _, f := range findings[:min(len(findings), maxFindings)] {
		words = append(words, text.Excerpt(strings.TrimSuffix(f.words, "."), maxWords))
	}
	if more := len(findings) - maxFindings; more > 0 {
		words = append(words, text.Plural(more, "more finding"))
	}
	return state, line(w, state, strings.Join(words, "; "), perfdata(r, t))
}

// line writes the line, without line breaks, and without bars other than the one before the numbers.
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

// finding is something to report about a server, a site or the data.
type finding struct {
	state     State
	exploited int // 1 for a server that is open to an exploited vulnerability: it comes first
	words     string
}

func find(r *report.Report, t Thresholds) (all []finding) {
	add := func(state State, words string) { all = append(all, finding{state: state, words: words}) }
	if r.Summary.Servers == 0 {
		add(Unknown, "no server was asked")
	}
	for _, b := range r.Blocks {
		if r.IncompleteSite(b) {
			add(Unknown, fmt.Sprintf("site %s: %s", b.Site().Source(), siteProblem(b)))
		}
		for _, s := range b.Servers {
			if f := judge(s, t); f.state != OK {
				f.words = title(s) + ": " + f.words
				all = append(all, f)
			}
		}
	}
	for _, warning := range r.Warnings() {
		add(Warning, warning.Text)
	}
	for _, problem := range r.Problems {
		add(Warning, "judged by other data: "+problem)
	}
	return all
}

// siteProblem says in few words what keeps a site from being proven.
func siteProblem(b *report.Block) string {
	if site := b.Site(); !site.Listed {
		return fmt.Sprintf("its nodes could not be listed (%s)", site.Outcome().Result)
	}
	_, problem := b.SiteWords()
	return problem
}

// title is a server with its environment, because several may have one name.
func title(s *report.Server) string {
	if environment := s.Block.Tags()["environment"]; environment != "" {
		return fmt.Sprintf("%s (%s)", s.Server, environment)
	}
	return s.Server.String()
}

// judge returns the state of a server, with all reasons for it.
func judge(s *report.Server, t Thresholds) (f finding) {
	var reasons []string
	add := func(state State, reason string) {
		if state == OK {
			return
		}
		reasons = append(reasons, reason)
		if state.severity() > f.state.severity() {
			f.state = state
		}
	}
	switch _, why := s.Verdict(); {
	case !s.Answered():
		add(Unknown, fmt.Sprintf("no answer (%s)", s.Outcome.Result))
	case s.Judgement.Compliance == judgement.NonCompliant:
		if s.Exploited() > 0 {
			f.exploited = 1
			add(Critical, "open to known exploited "+strings.Join(exploitedIDs(s), ", "))
		}
		add(Critical, fmt.Sprintf("%s is not compliant (%s)", s.Judgement.Release, strings.Join(why, ", ")))
	case s.Judgement.Compliance == judgement.Unknown:
		add(Unknown, fmt.Sprintf("unknown (%s)", strings.Join(why, ", ")))
	}
	if s.Comparison == fleet.Different {
		add(Warning, "out of step")
	}
	if days, known := s.Judgement.SupportDaysLeft(); known && s.Answered() {
		add(t.state(days), ends("support", days))
	}
	if days, known := certificateDays(s); known {
		add(t.state(days), ends("certificate", days))
	}
	f.words = strings.Join(reasons, ", ")
	return f
}

func exploitedIDs(s *report.Server) (ids []string) {
	for _, a := range s.Applying() {
		if a.Exploited() {
			ids = append(ids, a.ID)
		}
	}
	return ids
}

func (t Thresholds) state(days int) State {
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

// certificateDays is the number of whole days until the server's certificate expires, negative after
// that; known if it presented one.
func certificateDays(s *report.Server) (days int, known bool) {
	expiry := s.Outcome.CertificateExpiry
	return int(math.Floor(expiry.Sub(s.Round.Start).Hours() / 24)), !expiry.IsZero()
}

// perfdata is the performance data: labels, values, and thresholds for warning and critical, if any.
func perfdata(r *report.Report, t Thresholds) string {
	s := &r.Summary
	var all []string
	add := func(label string, value int, thresholds string) {
		all = append(all, strings.TrimRight(fmt.Sprintf("%s=%d;%s", label, value, thresholds), ";"))
	}
	add("servers", s.Servers, ";;0")
	add("proven", s.Compliant, fmt.Sprintf(";;0;%d", s.Servers))
	add("non_compliant", s.NonCompliant, fmt.Sprintf(";0;0;%d", s.Servers))
	add("exploited", s.Exploited, fmt.Sprintf(";0;0;%d", s.Servers))
	add("unknown", s.Unknown, fmt.Sprintf(";;0;%d", s.Servers))
	add("no_answer", s.Failed, fmt.Sprintf(";;0;%d", s.Servers))
	if len(r.Only) == 0 { // otherwise nothing was compared
		add("out_of_step", s.Mismatched, fmt.Sprintf("0;;0;%d", s.Servers))
	}
	if sites := r.Incomplete(); sites > 0 {
		add("incomplete_sites", sites, ";;0")
	}
	days := fmt.Sprintf("%d:;", t.Warning)
	if t.Critical != nil {
		days += strconv.Itoa(*t.Critical) + ":"
	}
	if lowest, known := lowest(r, func(s *report.Server) (int, bool) { return s.Judgement.SupportDaysLeft() }); known {
		add("support_days_left", lowest, days)
	}
	if lowest, known := lowest(r, certificateDays); known {
		add("certificate_days_left", lowest, days)
	}
	return strings.Join(all, " ")
}

// lowest is the lowest known number among those of the servers.
func lowest(r *report.Report, number func(*report.Server) (int, bool)) (lowest int, known bool) {
	for s := range r.Servers() {
		if n, ok := number(s); ok && (!known || n < lowest) {
			lowest, known = n, true
		}
	}
	return lowest, known
}

package baseline

import (
	"cmp"
	"time"

	"telegraf-qlik-sense-version/internal/judgement"
	"telegraf-qlik-sense-version/internal/poll"
	"telegraf-qlik-sense-version/internal/release"
	"telegraf-qlik-sense-version/internal/report"
)

// newServer returns a server of a report as the JSON of the report has it.
func newServer(s *report.Server) *server {
	c := &server{Source: validUTF8(s.Server.Source()), Host: validUTF8(s.Server.String()), Result: s.Outcome.Result.String()}
	if !s.Answered() {
		return c
	}
	j := &s.Judgement
	c.Label, c.Build, c.Compliance = validUTF8(s.Outcome.Info.ReleaseLabel), validUTF8(s.Outcome.Info.Version), j.Compliance.String()
	if j.HasMonth {
		month := int(j.Release.Month)
		c.Year, c.Month = &j.Release.Year, &month
	}
	if j.HasPatch {
		c.Patch = &j.Release.Patch
	}
	if j.Verdict != nil {
		for _, id := range s.Advisories() {
			c.Advisories = append(c.Advisories, validUTF8(id))
		}
		if c.Advisories == nil {
			c.Advisories = []string{}
		}
		c.Exploited = j.Verdict.Exploited
	}
	return c
}

// validUTF8 replaces invalid UTF-8, as encoding/json does.
func validUTF8(s string) string { return string([]rune(s)) }

func (s *server) answered() bool { return s.Result == poll.Success.String() }
func (s *server) judged() bool   { return s.Advisories != nil }

func (s *server) compliance() judgement.Compliance {
	for _, c := range []judgement.Compliance{judgement.Compliant, judgement.NonCompliant} {
		if s.answered() && s.Compliance == c.String() {
			return c
		}
	}
	return judgement.Unknown
}

func (s *server) state() *report.State {
	return &report.State{Answered: s.answered(), Result: s.Result, Label: s.Label, Build: s.Build, Compliance: s.compliance()}
}

func (s *server) sameVersion(other *server) bool {
	return s.Label == other.Label && s.Build == other.Build
}

// compareVersion compares the versions of two servers: by their releases as far as both are known,
// else by their builds. 0 means that neither is known to be newer.
func (s *server) compareVersion(other *server) int {
	if s.Year != nil && s.Month != nil && other.Year != nil && other.Month != nil {
		months := cmp.Or(cmp.Compare(*s.Year, *other.Year), cmp.Compare(*s.Month, *other.Month))
		if months != 0 {
			return months
		}
		if s.Patch != nil && other.Patch != nil && *s.Patch != *other.Patch {
			return cmp.Compare(*s.Patch, *other.Patch)
		}
	}
	own, err := release.ParseBuild(s.Build)
	if err != nil {
		return 0
	}
	others, err := release.ParseBuild(other.Build)
	if err != nil {
		return 0
	}
	return cmp.Or(own.Track.Compare(others.Track), cmp.Compare(own.Number, others.Number))
}

func (s *server) addTo(c *report.Counts) {
	c.Add(s.answered(), s.compliance(), len(s.Advisories), s.Exploited)
}

func instant(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") + " UTC" }

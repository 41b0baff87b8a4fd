package json

import "telegraf-qlik-sense-version/internal/report"

// newBaseline is nil for a report without one.
func newBaseline(c *report.Comparison) *baseline {
	if c == nil {
		return nil
	}
	changed, unchanged, notCompared := c.Changed()
	b := &baseline{
		AskedAt: c.AskedAt.UTC(), Program: c.Program, Remarks: list(c.Remarks), Then: counts(c.Then), Now: counts(c.Now),
		Unchanged: unchanged, NotCompared: notCompared, Closed: tallies(c.Closed), Opened: tallies(c.Opened), Changed: make([]compared, 0, len(changed)),
	}
	for _, s := range changed {
		one := compared{
			Source: s.Source, Host: s.Host, Tags: s.Tags, Changes: s.Names(), Then: newState(s.Then), Now: newState(s.Now),
			Closed: list(s.Closed), OpenedByUpdate: list(s.OpenedByUpdate), OpenedByData: list(s.OpenedByData),
		}
		if one.Tags == nil {
			one.Tags = map[string]string{}
		}
		b.Changed = append(b.Changed, one)
	}
	return b
}

func tallies(all []report.Tally) []tally {
	c := make([]tally, 0, len(all))
	for _, one := range all {
		c = append(c, tally(one))
	}
	return c
}

func newState(s *report.State) *state {
	switch {
	case s == nil:
		return nil
	case !s.Answered:
		return &state{Result: s.Result}
	}
	return &state{Result: s.Result, Label: s.Label, Build: s.Build, Compliance: s.Compliance.String()}
}

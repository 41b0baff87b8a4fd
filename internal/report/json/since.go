package json

import "telegraf-qlik-sense-version/internal/report"

// newBaseline is nil for a report without one.
func newBaseline(c *report.Comparison) *baseline {
	if c == nil {
		return nil
	}
	changed, unchanged, notCompared := c.Changed()
	return &baseline{
		AskedAt: c.AskedAt.UTC(), Program: c.Program, Remarks: nonNil(c.Remarks), Then: c.Then, Now: c.Now,
		Unchanged: unchanged, NotCompared: notCompared, Closed: nonNil(c.Closed), Opened: nonNil(c.Opened),
		Changed: each(changed, func(s *report.Compared) compared {
			return compared{
				Source: s.Source, Host: s.Host, Tags: tagsOf(s.Tags), Changes: s.Names(), Then: newState(s.Then), Now: newState(s.Now),
				Closed: nonNil(s.Closed), OpenedByUpdate: nonNil(s.OpenedByUpdate), OpenedByData: nonNil(s.OpenedByData),
			}
		}),
	}
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

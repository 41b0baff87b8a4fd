package json

import (
	"io"
	"time"

	"telegraf-qlik-sense-version/internal/plan"
	"telegraf-qlik-sense-version/internal/release"
	"telegraf-qlik-sense-version/internal/report"
)

type planDocument struct {
	Schema   int           `json:"schema"`
	Program  string        `json:"program"`
	AskedAt  time.Time     `json:"asked_at"`
	Origin   report.Origin `json:"origin"`
	Catalogs []catalogue   `json:"catalogs"`
	Target   string        `json:"target"`
	WaveTag  string        `json:"wave_tag"`
	Sites    []*site       `json:"sites,omitempty"`
	Warnings []string      `json:"warnings"`
	Lines    []string      `json:"lines"`
	Waves    []wave        `json:"waves"`
}

type wave struct {
	Number  int             `json:"number"`
	Name    string          `json:"name"`
	Servers []plannedServer `json:"servers"`
}

type plannedServer struct {
	ID             string            `json:"id"`
	Source         string            `json:"source"`
	Host           string            `json:"host"`
	Tags           map[string]string `json:"tags"`
	NodeName       string            `json:"node_name,omitempty"`
	Roles          []string          `json:"node_roles,omitempty"`
	Runs           string            `json:"runs"`
	Action         string            `json:"action"`
	Install        string            `json:"install"`
	Effort         string            `json:"effort"`
	Releases       int               `json:"releases"`
	WillDo         []release.Release `json:"will_do"`
	Exploited      bool              `json:"exploited"`
	Closes         []string          `json:"closes"`
	Why            []string          `json:"why"`
	Hint           string            `json:"hint,omitempty"`
	CatalogProblem string            `json:"catalog_problem,omitempty"`
}

// WritePlan writes a plan as one indented document. No array of it is null.
func WritePlan(w io.Writer, p *plan.Plan) error {
	d := planDocument{
		Schema: Schema, Program: p.Report.Program, AskedAt: p.Report.AskedAt.UTC(),
		Origin: newOrigin(p.Report.Origin), Catalogs: each(p.Report.Catalogs, newCatalogue), Target: optional(p.Options.Target), WaveTag: p.Options.WaveTag,
		Warnings: nonNil(p.Warnings), Lines: nonNil(p.Lines()),
	}
	lowest := make(map[*report.Block][]release.Release)
	for _, b := range p.Report.Blocks {
		if b.Site() != nil {
			d.Sites = append(d.Sites, &site{b})
		}
		lowest[b] = plan.Lowest(b)
	}
	d.Waves = each(p.Waves, func(w *plan.Wave) wave {
		return wave{Number: w.Number, Name: w.Name, Servers: each(w.Rows, func(row *plan.Row) plannedServer {
			return newPlannedServer(row, lowest[row.Server.Block])
		})}
	})
	return encode(w, &d)
}

func newPlannedServer(row *plan.Row, lowest []release.Release) plannedServer {
	s := row.Server
	planned := plannedServer{
		ID: s.ID(), Source: s.Server.Source(), Host: s.Server.String(), Tags: tagsOf(s.Block.Tags()),
		Action: row.Action.String(), Install: optional(row.Target), Effort: row.Effort(), Releases: row.Releases, WillDo: nonNil(row.WillDo(lowest)),
		Exploited: s.Exploited() > 0, Closes: nonNil(row.Closes()), Why: nonNil(row.Why()), Hint: s.Outcome.Hint, CatalogProblem: s.Round.Problem,
	}
	if s.Node != nil {
		planned.NodeName, planned.Roles = s.Node.Name, s.Node.Roles
	}
	if s.Answered() {
		planned.Runs = row.Runs()
	}
	return planned
}

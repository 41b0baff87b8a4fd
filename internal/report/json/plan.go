package json

import (
	"io"
	"time"

	"telegraf-qlik-sense-version/internal/plan"
	"telegraf-qlik-sense-version/internal/release"
	"telegraf-qlik-sense-version/internal/report"
)

type planDocument struct {
	Schema   int         `json:"schema"`
	Program  string      `json:"program"`
	AskedAt  time.Time   `json:"asked_at"`
	Origin   origin      `json:"origin"`
	Catalogs []catalogue `json:"catalogs"`
	Target   string      `json:"target"`
	WaveTag  string      `json:"wave_tag"`
	Sites    []*site     `json:"sites,omitempty"`
	Warnings []string    `json:"warnings"`
	Lines    []string    `json:"lines"`
	Waves    []wave      `json:"waves"`
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
	WillDo         []string          `json:"will_do"`
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
		Origin: newOrigin(&p.Report.Origin), Catalogs: newCatalogs(p.Report), WaveTag: p.WaveTag(),
		Warnings: list(p.Warnings), Lines: list(p.Lines()), Waves: make([]wave, 0, len(p.Waves)),
	}
	if target := p.Options.Target; !target.IsZero() {
		d.Target = target.String()
	}
	for i := range p.Report.Blocks {
		if b := &p.Report.Blocks[i]; b.Site() != nil {
			d.Sites = append(d.Sites, &site{b})
		}
	}
	lowest := make(map[*report.Block][]release.Release)
	for i := range p.Report.Blocks {
		b := &p.Report.Blocks[i]
		lowest[b] = plan.Lowest(b)
	}
	for i := range p.Waves {
		of := &p.Waves[i]
		one := wave{Number: of.Number, Name: of.Name, Servers: make([]plannedServer, 0, len(of.Rows))}
		for j := range of.Rows {
			one.Servers = append(one.Servers, newPlannedServer(&of.Rows[j], lowest[of.Rows[j].Block]))
		}
		d.Waves = append(d.Waves, one)
	}
	return encode(w, &d)
}

func newPlannedServer(row *plan.Row, lowest []release.Release) plannedServer {
	s := plannedServer{
		ID: row.Block.ID(row.Server), Source: row.Server.Server.Source(), Host: row.Server.Server.String(), Tags: row.Block.Tags(),
		Action: row.Action.String(), Effort: row.Effort(), Releases: row.Releases, Exploited: row.Server.Exploited() > 0,
		Closes: list(row.Closes()), Why: list(row.Why()), Hint: row.Server.Outcome.Hint, CatalogProblem: row.Block.Round.Problem,
	}
	targets := row.WillDo(lowest)
	s.WillDo = make([]string, len(targets))
	for i, target := range targets {
		s.WillDo[i] = target.String()
	}
	if s.Tags == nil {
		s.Tags = map[string]string{}
	}
	if node := row.Server.Node; node != nil {
		s.NodeName, s.Roles = node.Name, node.Roles
	}
	if row.Server.Answered() {
		s.Runs = row.Runs()
	}
	if !row.Target.IsZero() {
		s.Install = row.Target.String()
	}
	return s
}

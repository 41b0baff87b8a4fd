package html

import (
	"strings"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"telegraf-qlik-sense-version/internal/plan"
)

var planColumns = []string{"Server", "Runs", "Install", "Closes", "Why"}

// plan is what to install where: lines for a change request, then the servers of each wave.
func (p *page) plan() g.Node {
	lines := p.planned.Lines()
	warnings := g.Map(p.planned.Warnings, func(warning string) g.Node { return h.P(h.Class("about"), h.Strong(plain(warning))) })
	if len(lines) == 0 {
		return chapter("plan", "What to install", warnings, empty(p.nothingPlanned()))
	}
	return chapter("plan", "What to install",
		warnings,
		// The first page has a few lines; more of them stand here as a whole.
		g.If(len(lines) > len(p.firstLines()), h.Ul(h.Class("lines"), g.Map(lines, func(line string) g.Node { return g.Group{newLine, h.Li(plain(line))} }))),
		g.If(len(p.planned.Options.Waves) == 0, h.P(h.Class("about"), plain("The most urgent first. An order by environment is made by the "+
			"command plan, with --waves."))),
		g.Map(indices(len(p.planned.Waves)), p.wave),
	)
}

// wave shows the servers of a wave that something is to be done about.
func (p *page) wave(i int) g.Node {
	wave := &p.planned.Waves[i]
	title := p.planned.Title(wave)
	todo := wave.Todo()
	rows := make(g.Group, 0, 2*len(todo))
	for j := range todo {
		rows = append(rows, newLine, p.plannedServer(&todo[j]))
	}
	rest := len(wave.Rows) - len(todo)
	return g.Group{newLine, h.H3(plain(title)),
		g.If(rest > 0, h.P(h.Class("about"), plain(counted(rest, "server")+" proven compliant: nothing to install."))),
		g.If(len(rows) > 0, folded(len(todo), h.Table(h.Class("list plan"),
			h.Caption(h.Class("unseen"), plain(title)), tableHead(planColumns...), h.TBody(rows),
		))),
	}
}

func (p *page) plannedServer(row *plan.Row) g.Node {
	state := "bad"
	if row.Action == plan.FindOut {
		state = "unknown"
	}
	tags := row.Block.Tags()
	return h.Tr(
		h.Th(h.Scope("row"), host(row.Server.Server.String()), g.If(len(tags) > 0, small(tagNames(tags))),
			g.If(row.Server.Node != nil, small(row.Server.NodeWords()))),
		h.Td(plain(row.Runs())),
		h.Td(labelled(state, row.Do()), g.If(row.Effort() != "", small(row.Effort()))),
		h.Td(p.closes(row)),
		h.Td(plain(strings.Join(row.Why(), ", "))),
	)
}

// closes links the advisories that a change closes.
func (p *page) closes(row *plan.Row) g.Node {
	ids := row.Closes()
	if len(ids) == 0 {
		return nil
	}
	return h.Ul(g.Map(ids, func(id string) g.Node { return h.Li(p.advisoryLink(id)) }))
}

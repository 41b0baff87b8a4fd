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
	warnings := g.Map(p.planned.Warnings, func(warning string) g.Node { return h.P(h.Class("about"), h.Strong(plain(warning))) })
	if len(p.lines) == 0 {
		return chapter("plan", "What to install", warnings, empty(p.nothingPlanned()))
	}
	return chapter("plan", "What to install",
		warnings,
		// The first page has room for a few lines; if there are more, all of them are here.
		g.If(len(p.lines) > len(p.firstLines()), h.Ul(h.Class("lines"), items(p.lines))),
		g.If(len(p.planned.Options.Waves) == 0, h.P(h.Class("about"), plain("The most urgent first. An order by environment is made by the "+
			"command plan, with --waves."))),
		g.Map(p.planned.Waves, p.wave),
	)
}

// wave shows the servers of a wave with something to do.
func (p *page) wave(wave *plan.Wave) g.Node {
	title, todo := p.planned.Title(wave), wave.Todo()
	done := len(wave.Rows) - len(todo)
	return g.Group{newLine, h.H3(plain(title)),
		g.If(done > 0, h.P(h.Class("about"), plain(plural(done, "server")+" proven compliant: nothing to install."))),
		g.If(len(todo) > 0, foldable(len(todo), table("plan", title, planColumns, g.Map(todo, p.plannedServer)))),
	}
}

func (p *page) plannedServer(row *plan.Row) g.Node {
	state := "bad"
	if row.Action == plan.FindOut {
		state = "unknown"
	}
	tags := row.Server.Block.Tags()
	return g.Group{newLine, h.Tr(
		h.Th(h.Scope("row"), host(row.Server.Server.String()), g.If(len(tags) > 0, small(tagNames(tags))),
			g.If(row.Server.Node != nil, small(row.Server.NodeWords()))),
		h.Td(plain(row.Runs())),
		h.Td(badge(state, row.Do()), g.If(row.Effort() != "", small(row.Effort()))),
		h.Td(p.closes(row)),
		h.Td(plain(strings.Join(row.Why(), ", "))),
	)}
}

// closes links to the advisories that a change closes.
func (p *page) closes(row *plan.Row) g.Node {
	ids := row.Closes()
	if len(ids) == 0 {
		return nil
	}
	return h.Ul(g.Map(ids, func(id string) g.Node { return h.Li(p.advisoryLink(id)) }))
}

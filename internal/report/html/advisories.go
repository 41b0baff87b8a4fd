package html

import (
	"fmt"
	"strconv"
	"strings"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/release"
	"telegraf-qlik-sense-version/internal/report"
)

// maxOpen is how many servers a list shows before a reader opens it.
const maxOpen = 40

var affectedColumns = []string{"Closed from", "Servers"}

func (p *page) advisories() g.Node {
	return chapter("advisories", "Advisories",
		h.P(h.Class("about"), plain(p.scope())),
		g.If(len(p.cards) > 0, h.Div(h.Class("cards"), g.Map(indices(len(p.cards)), p.card))),
		p.undecided(),
		p.dismissed(),
	)
}

var (
	undecidedColumns = []string{"Advisory", "Summary", "References"}
	dismissedColumns = []string{"Advisory", "Reason", "References"}
)

// undecided lists what may concern servers that are shown as compliant.
func (p *page) undecided() g.Node {
	if len(p.report.Undecided) == 0 {
		return nil
	}
	return g.Group{newLine, h.Section(h.ID("undecided"), h.Aria("labelledby", "undecided-heading"),
		h.H3(h.ID("undecided-heading"), plain("Undecided advisories: nobody can map them to releases yet")),
		h.P(h.Class("about"), plain("No server is judged by them, and each of them may concern any server, also one that is shown as compliant.")),
		h.Table(h.Class("list undecided"),
			h.Caption(h.Class("unseen"), plain("Undecided advisories")),
			tableHead(undecidedColumns...),
			h.TBody(g.Map(p.report.Undecided, func(a report.Entry) g.Node {
				return g.Group{newLine, h.Tr(h.Data("undecided", visible(a.ID)),
					h.Th(h.Scope("row"), plain(a.ID), g.If(a.Exploited(), g.Group{plain(" "), labelled("bad", "exploited")})),
					h.Td(plain(a.Summary), g.If(a.ByMachine(), small(a.Note))),
					h.Td(references(a.References)),
				)}
			})),
		),
	)}
}

// dismissed lists what was set aside, and why.
func (p *page) dismissed() g.Node {
	if len(p.report.Dismissed) == 0 {
		return nil
	}
	return g.Group{newLine, h.Section(h.ID("dismissed"), h.Aria("labelledby", "dismissed-heading"),
		h.H3(h.ID("dismissed-heading"), plain("Dismissed advisories: they decide nothing")),
		h.Table(h.Class("list dismissed"),
			h.Caption(h.Class("unseen"), plain("Dismissed advisories")),
			tableHead(dismissedColumns...),
			h.TBody(g.Map(p.report.Dismissed, func(a report.Entry) g.Node {
				return g.Group{newLine, h.Tr(h.Data("dismissed", visible(a.ID)),
					h.Th(h.Scope("row"), plain(a.ID)), h.Td(plain(a.Dismissed)), h.Td(references(a.References)),
				)}
			})),
		),
	)}
}

// scope is what the list holds, and what it cannot hold.
func (p *page) scope() string {
	s := &p.report.Summary
	text := "Advisories of the catalogue that apply to a server of this report, the most urgent first."
	switch {
	case s.Answered == 0:
		text = "No server answered, so that no advisory could be held against any."
	case len(p.report.Advisories) == 0:
		text = "No known advisory applies to any server that answered."
	}
	if n := p.unjudged(); n > 0 {
		text += " Nothing is known of " + counted(n, "server") + " whose version could not be judged."
	}
	if s.Failed > 0 && s.Answered > 0 {
		text += " Nothing is known of " + counted(s.Failed, "server") + " that did not answer."
	}
	return text
}

// unjudged is the number of servers that answered and that no advisory was held against.
func (p *page) unjudged() (n int) {
	for i := range p.report.Blocks {
		for j := range p.report.Blocks[i].Servers {
			if s := &p.report.Blocks[i].Servers[j]; s.Answered() && s.Judgement.Verdict == nil {
				n++
			}
		}
	}
	return n
}

// card shows advisories that share their servers.
func (p *page) card(i int) g.Node {
	c := &p.cards[i]
	headings := make([]string, 0, len(c.places))
	for _, place := range c.places {
		headings = append(headings, headingID(place))
	}
	return g.Group{newLine, h.Article(h.Aria("labelledby", strings.Join(headings, " ")),
		g.Map(c.places, p.oneAdvisory),
		p.affected(c),
	)}
}

func (p *page) oneAdvisory(place int) g.Node {
	a := &p.report.Advisories[place]
	return g.Group{newLine, h.Div(h.Class("advisory"), h.ID(advisoryID(place)), h.Data("advisory", visible(a.ID)),
		h.H3(h.ID(headingID(place)), plain(a.ID),
			g.If(a.Exploited(), g.Group{plain(" "), labelled("bad", "exploited")})),
		h.P(plain(a.Summary)),
		h.Dl(h.Class("facts"),
			fact("Published", plain(p.published(a))),
			fact("Score", plain(score(a))),
			fact("Known exploitation", plain(p.exploitation(a))),
			fact("Releases with the fix", plain(fixes(a))),
			g.If(a.ByMachine(), fact("Read by", plain("machine, and by nobody since: "+a.Note))),
			fact("References", references(a.References)),
		),
	)}
}

func fact(name string, content g.Node) g.Node {
	return h.Div(h.Dt(plain(name)), h.Dd(content))
}

func score(a *report.Advisory) string {
	switch {
	case a.CVSS == 0:
		return "none known"
	case a.CVSSSource == "":
		return fmt.Sprintf("CVSS %.1f, %s", a.CVSS, catalog.Severity(a.CVSS))
	}
	return fmt.Sprintf("CVSS %.1f, %s, by %s", a.CVSS, catalog.Severity(a.CVSS), a.CVSSSource)
}

func (p *page) published(a *report.Advisory) string {
	days, known := a.ExposedDays(p.report)
	if !known {
		return "on a day that is not known"
	}
	return a.Published.String() + ", " + counted(days, "day") + " before this report"
}

func (p *page) exploitation(a *report.Advisory) string {
	switch {
	case !a.Exploited() && len(p.report.Catalogs) == 1:
		return "not in CISA’s list of " + p.report.Catalogs[0].Exploited.AsOf.String()
	case !a.Exploited():
		return "not in CISA’s list"
	}
	words := "in CISA’s list since " + a.ExploitedSince.String()
	if !a.ExploitedDue.IsZero() {
		words += ", to be fixed by " + a.ExploitedDue.String()
	}
	if a.Ransomware {
		words += ", used in ransomware campaigns"
	}
	return words
}

func fixes(a *report.Advisory) string {
	names := make([]string, 0, len(a.Fixed))
	for _, fix := range a.Fixed {
		names = append(names, fix.String())
	}
	return strings.Join(names, ", ")
}

func references(addresses []string) g.Node {
	if len(addresses) == 0 {
		return plain("none")
	}
	return h.Ul(g.Map(addresses, func(address string) g.Node { return h.Li(reference(address)) }))
}

// reference is a link where the address is one of the web, and text where it is
// anything else. On paper its middle is left out.
func reference(address string) g.Node {
	scheme, rest, _ := strings.Cut(address, "://")
	if scheme != "https" && scheme != "http" {
		return plain(address)
	}
	parts := strings.Split(rest, "/")
	text := plain(rest)
	if len(parts) > 4 {
		end := len(parts) - 2
		text = g.Group{plain(parts[0] + "/"), h.Span(h.Class("middle"), plain(strings.Join(parts[1:end], "/"))), plain("/" + strings.Join(parts[end:], "/"))}
	}
	return h.A(h.Href(visible(address)), h.Rel("noreferrer noopener"), h.Span(h.Class("scheme"), plain(scheme+"://")), text)
}

// group are the servers of a block.
type group struct {
	block   int
	servers []string
}

// affected has a row for each fix, with the servers of each block.
func (p *page) affected(c *card) g.Node {
	var fixes []release.Release
	groups := make(map[release.Release][]group)
	for _, one := range c.affected {
		if groups[one.FixedIn] == nil {
			fixes = append(fixes, one.FixedIn)
		}
		all := groups[one.FixedIn]
		if len(all) == 0 || all[len(all)-1].block != one.Block {
			all = append(all, group{block: one.Block})
		}
		last := &all[len(all)-1]
		last.servers = append(last.servers, one.Server.Server.Source())
		groups[one.FixedIn] = all
	}
	return h.Table(h.Class("list affected"),
		h.Caption(h.Data("affected", strconv.Itoa(len(c.affected))), plain(counted(len(c.affected), "affected server"))),
		tableHead(affectedColumns...),
		h.TBody(g.Map(fixes, func(fix release.Release) g.Node {
			return g.Group{newLine, h.Tr(
				h.Th(h.Scope("row"), plain(closedFrom(fix))),
				h.Td(g.Map(groups[fix], func(one group) g.Node {
					return h.Div(h.Class("group"), link(blockID(one.block), p.blockName(one.block)), names(one.servers))
				})),
			)}
		})),
	)
}

// closedFrom is where the fix of one advisory is in; what to install against all of them, and for
// the policy, the plan says.
func closedFrom(fixedIn release.Release) string {
	if fixedIn.IsZero() {
		return "no patch of their release"
	}
	return fixedIn.String()
}

// names lists servers, closed where they are many.
func names(servers []string) g.Node {
	last := len(servers) - 1
	list := h.Ul(h.Class("names"), g.Map(indices(len(servers)), func(i int) g.Node {
		return g.Group{newLine, h.Li(host(servers[i]), g.If(i < last, plain(",")))}
	}))
	return folded(len(servers), list)
}

// folded is a list of servers, closed where they are many.
func folded(servers int, list g.Node) g.Node {
	if servers <= maxOpen {
		return list
	}
	return h.Details(h.Summary(plain(counted(servers, "server"))), list)
}

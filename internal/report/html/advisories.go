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

// maxOpen is the number of servers up to which a list is not folded.
const maxOpen = 40

var affectedColumns = []string{"Closed from", "Servers"}

func (p *page) advisories() g.Node {
	return chapter("advisories", "Advisories",
		h.P(h.Class("about"), plain(p.scope())),
		g.If(len(p.cards) > 0, h.Div(h.Class("cards"), g.Map(p.cards, p.card))),
		p.undecided(),
		p.dismissed(),
	)
}

var (
	undecidedColumns = []string{"Advisory", "Summary", "References"}
	dismissedColumns = []string{"Advisory", "Reason", "References"}
)

// undecided lists advisories that may concern servers that are shown as compliant.
func (p *page) undecided() g.Node {
	if len(p.report.Undecided) == 0 {
		return nil
	}
	return subsection("undecided", "Undecided advisories: nobody can map them to releases yet",
		h.P(h.Class("about"), plain("No server is judged by them, and each of them may concern any server, even one that is shown as compliant.")),
		table("undecided", "Undecided advisories", undecidedColumns, g.Map(p.report.Undecided, func(a report.Entry) g.Node {
			return g.Group{newLine, h.Tr(h.Data("undecided", sanitize(a.ID)),
				h.Th(h.Scope("row"), plain(a.ID), exploitedMark(a.Advisory)),
				h.Td(plain(a.Summary), g.If(a.ByMachine(), small(a.Note))),
				h.Td(references(a.References)),
			)}
		})),
	)
}

// dismissed lists the advisories that were dismissed, and why.
func (p *page) dismissed() g.Node {
	if len(p.report.Dismissed) == 0 {
		return nil
	}
	return subsection("dismissed", "Dismissed advisories: they decide nothing",
		table("dismissed", "Dismissed advisories", dismissedColumns, g.Map(p.report.Dismissed, func(a report.Entry) g.Node {
			return g.Group{newLine, h.Tr(h.Data("dismissed", sanitize(a.ID)),
				h.Th(h.Scope("row"), plain(a.ID)), h.Td(plain(a.Dismissed)), h.Td(references(a.References)),
			)}
		})),
	)
}

// scope says what the list of advisories covers.
func (p *page) scope() string {
	s := &p.report.Summary
	text := "Advisories of the catalogue that apply to a server of this report, the most urgent first."
	switch {
	case s.Answered == 0:
		text = "No server answered, so no advisory could be checked."
	case len(p.report.Advisories) == 0:
		text = "No known advisory applies to any server that answered."
	}
	if n := p.unjudged(); n > 0 {
		text += " Nothing is known of " + plural(n, "server") + " whose version could not be judged."
	}
	if s.Failed > 0 && s.Answered > 0 {
		text += " Nothing is known of " + plural(s.Failed, "server") + " that did not answer."
	}
	return text
}

// unjudged is the number of servers that answered but could not be judged by advisories.
func (p *page) unjudged() (n int) {
	for s := range p.report.Servers() {
		if s.Answered() && s.Judgement.Verdict == nil {
			n++
		}
	}
	return n
}

// card shows advisories that share their servers.
func (p *page) card(c card) g.Node {
	headings := make([]string, 0, len(c))
	for _, a := range c {
		headings = append(headings, p.advisoryID(a.ID)+"-heading")
	}
	return g.Group{newLine, h.Article(h.Aria("labelledby", strings.Join(headings, " ")),
		g.Map(c, p.oneAdvisory),
		affected(c),
	)}
}

func (p *page) oneAdvisory(a *report.Advisory) g.Node {
	id := p.advisoryID(a.ID)
	return g.Group{newLine, h.Div(h.Class("advisory"), h.ID(id), h.Data("advisory", sanitize(a.ID)),
		h.H3(h.ID(id+"-heading"), plain(a.ID),
			exploitedMark(a.Advisory)),
		h.P(plain(a.Summary)),
		h.Dl(h.Class("facts"),
			fact("Published", plain(p.published(a))),
			fact("Score", plain(score(a))),
			fact("Known exploitation", plain(p.exploitation(a))),
			fact("Releases with the fix", plain(fixes(a))),
			g.If(a.ByMachine(), fact("Read by", plain("machine, not reviewed by a person: "+a.Note))),
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
	return a.Published.String() + ", " + plural(days, "day") + " before this report"
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

// reference links web addresses, whose middle is left out on paper; anything else is text.
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
	return h.A(h.Href(sanitize(address)), h.Rel("noreferrer noopener"), h.Span(h.Class("scheme"), plain(scheme+"://")), text)
}

// affected is a table with a row for each fix, with its servers by block.
func affected(c card) g.Node {
	type group struct {
		block   *report.Block
		servers []string
	}
	var fixes []release.Release
	groups := make(map[release.Release][]group)
	for _, a := range c.affected() {
		all := groups[a.FixedIn]
		if len(all) == 0 {
			fixes = append(fixes, a.FixedIn)
		}
		if len(all) == 0 || all[len(all)-1].block != a.Server.Block {
			all = append(all, group{block: a.Server.Block})
		}
		last := &all[len(all)-1]
		last.servers = append(last.servers, a.Server.Server.Source())
		groups[a.FixedIn] = all
	}
	n := len(c.affected())
	return h.Table(h.Class("list affected"),
		h.Caption(h.Data("affected", strconv.Itoa(n)), plain(plural(n, "affected server"))),
		tableHead(affectedColumns...),
		h.TBody(g.Map(fixes, func(fix release.Release) g.Node {
			return g.Group{newLine, h.Tr(
				h.Th(h.Scope("row"), plain(closedFrom(fix))),
				h.Td(g.Map(groups[fix], func(in group) g.Node {
					return h.Div(h.Class("group"), blockLink(in.block), names(in.servers))
				})),
			)}
		})),
	)
}

// closedFrom is the patch with the fix of these advisories alone; the plan says what to install against
// all of them, and to meet the policy.
func closedFrom(fixedIn release.Release) string {
	if fixedIn.IsZero() {
		return "no patch of their release"
	}
	return fixedIn.String()
}

// names lists servers, folded if they are many.
func names(servers []string) g.Node {
	items := make(g.Group, 0, 2*len(servers))
	for i, server := range servers {
		items = append(items, newLine, h.Li(host(server), g.If(i < len(servers)-1, plain(","))))
	}
	return foldable(len(servers), h.Ul(h.Class("names"), items))
}

// foldable is a list of servers, which a reader has to open if they are many.
func foldable(servers int, list g.Node) g.Node {
	if servers <= maxOpen {
		return list
	}
	return h.Details(h.Summary(plain(plural(servers, "server"))), list)
}

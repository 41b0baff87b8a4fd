package html

import (
	"strconv"
	"strings"
	"time"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"telegraf-qlik-sense-version/internal/poll"
	"telegraf-qlik-sense-version/internal/report"
)

var failureColumns = []string{"Server", "Step", "Cause", "What to do"}

func (p *page) failures() g.Node {
	if len(p.failed) == 0 {
		text := "Every server answered."
		if p.report.Summary.Servers == 0 {
			text = "No server was asked."
		}
		return chapter("failures", "Failures", p.siteFailures(), empty(text))
	}
	return chapter("failures", "Failures",
		p.siteFailures(),
		h.P(h.Class("about"), plain(plural(len(p.failed), "server")+
			" did not report their version. Steps come in the order in which a connection goes through them.")),
		table("failures", "Failures", failureColumns, g.Map(p.failed, p.oneFailure), h.Data("sortable", "")),
	)
}

// siteFailures shows the nodes that did not list the nodes of their site.
func (p *page) siteFailures() g.Node {
	var rows g.Group
	for _, b := range p.report.Blocks {
		for _, a := range b.FailedAttempts() {
			rows = append(rows, newLine, h.Tr(p.failureCells(a.Server, b, &a.Outcome)))
		}
	}
	if len(rows) == 0 {
		return nil
	}
	return h.Div(h.ID("lists"),
		h.P(h.Class("about"), plain("These nodes were asked for all nodes of their site and did not list them.")),
		table("failures", "Nodes that did not list their site", failureColumns, rows),
	)
}

func (p *page) oneFailure(s *report.Server) g.Node {
	return g.Group{newLine, h.Tr(h.ID(p.failureID(s)), h.Data("failure", sanitize(s.Server.Source())),
		p.failureCells(s.Server, s.Block, &s.Outcome))}
}

func (p *page) failureID(s *report.Server) string { return "failure-" + strconv.Itoa(p.failure[s]+1) }

func (p *page) failureCells(server *poll.Server, b *report.Block, f *poll.Outcome) g.Node {
	return g.Group{
		h.Th(h.Scope("row"), host(server.String()), h.Small(blockLink(b))),
		h.Td(plain(f.Step.String()), plain(" "), code(f.Result.String())),
		h.Td(plain(f.Cause),
			p.certificate("Certificate of the server", f.ServerCertificate),
			p.certificate("Certificate of the client", f.ClientCertificate),
		),
		h.Td(plain(f.Hint)),
	}
}

// certificate shows a certificate that one side presented, if any.
func (p *page) certificate(heading string, c *poll.Certificate) g.Node {
	if c == nil {
		return nil
	}
	names := "none: it has no subjectAltName"
	if len(c.Names) > 0 {
		names = strings.Join(c.Names, ", ")
	}
	return h.Details(h.Summary(plain(heading)), h.Dl(h.Class("facts"),
		fact("Subject", plain(c.Subject)),
		fact("Names", plain(names)),
		fact("Issuer", plain(c.Issuer)),
		fact("Valid", g.Group{plain(day(c.NotBefore) + " to " + day(c.NotAfter)), validity(c, p.report.AskedAt)}),
	))
}

func validity(c *poll.Certificate, at time.Time) g.Node {
	switch {
	case at.After(c.NotAfter):
		return g.Group{plain(" "), badge("bad", "expired")}
	case at.Before(c.NotBefore):
		return g.Group{plain(" "), badge("bad", "not valid yet")}
	}
	return nil
}

package report

import (
	"fmt"
	"strconv"
	"strings"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"telegraf-qlik-sense-version/internal/catalog"
)

// notices are what a reader must not miss.
func (p *page) notices() g.Node {
	s := &p.report.Summary
	var notices g.Group
	add := func(state, heading, text, to, more string) {
		notices = append(notices, newLine, h.P(h.Class("notice "+state), h.Strong(plain(heading)), plain(" "+text+" "), link(to, more)))
	}
	if s.Exploited > 0 {
		add("bad", "Known to be exploited.",
			fmt.Sprintf("%s %s open to a vulnerability that attackers are known to use.", counted(s.Exploited, "server"), are(s.Exploited)),
			"advisories", "Which ones, and what to install")
	}
	if p.anyOld() {
		add("unknown", "Old data.",
			fmt.Sprintf("Some of the data that the versions were judged by are more than %d days old.", catalog.OldAfter),
			"data", "What that means")
	}
	if len(notices) == 0 {
		return nil
	}
	return h.Section(h.Class("notices"), h.Aria("label", "Notices"), notices)
}

func (p *page) summary() g.Node {
	return chapter("summary", "Summary",
		h.P(h.Class("lead"), plain(p.verdict())),
		p.tiles(),
		newLine, h.Div(h.Class("charts"), p.complianceChart(), p.versionChart()),
	)
}

// verdict is the summary in a sentence or two.
func (p *page) verdict() string {
	s := &p.report.Summary
	switch {
	case s.Servers == 0:
		return "No server was asked."
	case s.Answered == 0:
		return "No server answered."
	}
	of := "the " + counted(s.Answered, "server") + " that answered"
	if s.Failed == 0 {
		of = "the " + counted(s.Servers, "server")
	}
	var text string
	if s.Compliant == s.Answered {
		text = "All of " + of + " " + are(s.Answered) + " compliant."
	} else {
		parts := []string{fmt.Sprintf("Of %s, %s %s compliant", of, grouped(s.Compliant), are(s.Compliant))}
		if s.NonCompliant > 0 {
			parts = append(parts, fmt.Sprintf("%s %s not", grouped(s.NonCompliant), are(s.NonCompliant)))
		}
		if s.Unknown > 0 {
			parts = append(parts, grouped(s.Unknown)+" could not be judged")
		}
		last := len(parts) - 1
		text = parts[last] + "."
		if last > 0 {
			text = strings.Join(parts[:last], ", ") + " and " + text
		}
	}
	if s.Failed > 0 {
		text += " " + grouped(s.Failed) + " did not answer."
	}
	return text
}

func (p *page) tiles() g.Node {
	s := &p.report.Summary
	compliant, part := "–", "no server answered"
	exact := ""
	if s.CompliantPercent != nil {
		compliant, part = share(s.Compliant, s.Answered), grouped(s.Compliant)+" of the "+grouped(s.Answered)+" that answered"
		exact = strconv.FormatFloat(*s.CompliantPercent, 'f', -1, 64)
	}
	return g.Group{newLine, h.Dl(h.Class("tiles"),
		tile("servers", "Servers", s.Servers, "were asked", ""),
		tile("answered", "Answered", s.Answered, "told their version", ""),
		tile("failed", "Failed", s.Failed, "did not tell their version", "bad"),
		rawTile("compliant_percent", "Compliant", exact, compliant, part, ""),
		tile("unknown", "Unknown", s.Unknown, "answered, but could not be judged", "unknown"),
		tile("vulnerable", "Vulnerable", s.Vulnerable, "open to a known vulnerability", "bad"),
		tile("exploited", "Exploited", s.Exploited, "open to one that CISA lists as exploited", "bad"),
		p.belowMinimum(),
		p.outOfStep(),
		tile("out_of_support", "Out of support", s.OutOfSupport, "by the catalogue’s estimate", "unknown"),
	)}
}

// tile shows a number of servers, in the colour of a state unless it is 0.
func tile(name, label string, n int, meaning, state string) g.Node {
	if n == 0 {
		state = ""
	}
	return rawTile(name, label, strconv.Itoa(n), grouped(n), meaning, state)
}

func (p *page) belowMinimum() g.Node {
	const name, label = "below_minimum", "Below minimum"
	if !p.anyMinimum() {
		return rawTile(name, label, "0", "–", "no minimum release is set", "")
	}
	return tile(name, label, p.report.Summary.BelowMinimum, "below the minimum release of their environment", "bad")
}

func (p *page) outOfStep() g.Node {
	const name, label = "version_mismatch", "Out of step"
	if len(p.report.Only) > 0 {
		return rawTile(name, label, strconv.Itoa(p.report.Summary.Mismatched), "–", "not told, as the report is limited to some servers", "")
	}
	return tile(name, label, p.report.Summary.Mismatched, "run another version than most of their environment", "unknown")
}

func rawTile(name, label, exact, shown, meaning, state string) g.Node {
	return g.Group{newLine, h.Div(h.Class(strings.TrimSpace("tile "+state)), h.Data("count", name), h.Data("value", exact),
		h.Dt(plain(label)),
		h.Dd(h.Class("value"), plain(shown)),
		h.Dd(h.Class("meaning"), plain(meaning)),
	)}
}

func (p *page) anyMinimum() bool {
	for _, b := range p.report.Blocks {
		if b.MinimumRelease != "" {
			return true
		}
	}
	return false
}

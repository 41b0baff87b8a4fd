// Package table writes a report as a table for a terminal.
package table

import (
	"fmt"
	"io"
	"strings"

	"telegraf-qlik-sense-version/internal/report"
	"telegraf-qlik-sense-version/internal/terminal"
	"telegraf-qlik-sense-version/internal/text"
)

// Write writes the report for people.
func Write(w io.Writer, r *report.Report, options terminal.Options) error {
	p := &sheet{terminal.NewPage(options)}
	p.asked(r)
	if len(r.Only) > 0 {
		p.Line(0, "Only "+strings.Join(r.Only, ", "), terminal.Plain)
	}
	p.servers(r)
	p.since(r.Since)
	p.failures(r)
	p.remarks(r)
	p.advisories(r)
	p.undecided(r)
	p.data(r)
	p.Heading("")
	p.Line(0, summary(r), terminal.Bold)
	return p.Print(w)
}

// summary is the summary in a line.
func summary(r *report.Report) string {
	s := &r.Summary
	if s.Servers == 0 {
		return "0 servers: nothing is proven"
	}
	sites := ""
	if n := r.Incomplete(); n > 0 {
		sites = text.Plural(n, "site") + " not proven, "
	}
	share := terminal.NonBreaking(report.Share(s.Compliant, s.Servers))
	if s.Answered > 0 && s.Failed > 0 {
		share += ", " + terminal.NonBreaking(report.Share(s.Compliant, s.Answered)) + " of those that answered"
	}
	proven := report.AndUndecided(fmt.Sprintf("proven compliant: %d of %d (%s)", s.Compliant, s.Servers, share), len(r.Undecided))
	vulnerable := fmt.Sprintf("%d vulnerable", s.Vulnerable)
	if s.Exploited > 0 {
		vulnerable += fmt.Sprintf(" (%d to known exploits)", s.Exploited)
	}
	return fmt.Sprintf("%s%s, %d answered, %s, %s, %s", sites, text.Plural(s.Servers, "server"), s.Answered, proven, vulnerable,
		text.Plural(len(s.Versions), "version"))
}

// sheet is a report under construction.
type sheet struct{ *terminal.Page }

func (p *sheet) asked(r *report.Report) {
	p.Line(0, fmt.Sprintf("Asked %s UTC by %s", r.AskedAt.UTC().Format("2006-01-02 15:04"), r.Program), terminal.Dim)
}

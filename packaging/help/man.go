package main

import "strings"

const manHead = `.\" Made from the program's own --help.
.TH TELEGRAF\-QLIK\-SENSE\-VERSION 1 "" "telegraf\-qlik\-sense\-version" "User Commands"
.SH NAME
telegraf\-qlik\-sense\-version \- ask Qlik Sense servers which version they run
`

const manFiles = `.SH FILES
.TP
.I /etc/telegraf\-qlik\-sense\-version/
Certificates of Qlik Sense sites, and settings in the form with two files.
.TP
.I /etc/telegraf/telegraf.d/qlik\-sense\-version.conf
The drop-in that makes Telegraf run the program.
.TP
.I /usr/share/telegraf\-qlik\-sense\-version/
Drop-ins, recipes, dashboards and alerts to copy.
.TP
.I /var/lib/telegraf\-qlik\-sense/catalog.toml
The catalogue that the timer telegraf\-qlik\-sense\-catalog updates, once it is enabled.
.SH SEE ALSO
.BR systemctl (1);
the README in /usr/share/doc/telegraf\-qlik\-sense\-version.
`

// manPage has a section with the help of the program, and one for each command.
func manPage(all []command) string {
	var b strings.Builder
	b.WriteString(manHead)
	for _, c := range all {
		title := c.words
		if title == "" {
			title = "description"
		}
		b.WriteString(".SH " + roff(strings.ToUpper(title)) + "\n.nf\n" + roff(strings.TrimSpace(c.help)) + "\n.fi\n")
	}
	b.WriteString(manFiles)
	return b.String()
}

// roff escapes a text.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}

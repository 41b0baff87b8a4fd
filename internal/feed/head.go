package feed

import (
	"fmt"
	"regexp"
	"strings"

	"telegraf-qlik-sense-version/internal/boundedfile"
	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/text"
)

// comment returns the comment at the top of the file.
func (u *Update) comment(good []outcome) string {
	origins := make([]string, 0, len(good))
	for _, o := range good {
		origins = append(origins, fmt.Sprintf("  %s from %s", o.part, o.answer.address))
	}
	return fmt.Sprintf(head, fmt.Sprintf("Written by \"telegraf-qlik-sense-version catalog update\" on %s:\n%s\n",
		u.Today, strings.Join(origins, "\n")), catalog.NVDNotice)
}

// tomlToken matches comments and also strings, in which a # does not start a comment.
var tomlToken = regexp.MustCompile(`(?s)#[^\n]*|""".*?"""|'''.*?'''|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'`)

// lostComments returns a remark for each comment that somebody wrote into the file, since the
// update will not keep it.
func (u *Update) lostComments() (remarks []string) {
	content, err := boundedfile.Read(u.File, catalog.MaxSize)
	if err != nil {
		return nil // a new file
	}
	body := strings.TrimPrefix(string(content), "\ufeff") // Windows editors add it
	if begin, _, _ := strings.Cut(head, "\n"); strings.HasPrefix(body, "# "+begin) {
		_, body, _ = strings.Cut(body, "\nschema") // an update wrote the part before it
	}
	lost := 0
	for _, token := range tomlToken.FindAllString(body, -1) {
		if comment := strings.TrimSpace(strings.TrimPrefix(token, "#")); token[0] != '#' || comment == "" {
			continue
		} else if lost++; lost <= maxNamed {
			remarks = append(remarks, fmt.Sprintf("not kept: the comment %q: write it into the key note of an entry, or into notes",
				text.Excerpt(comment, 300)))
		}
	}
	if lost > maxNamed {
		remarks = append(remarks, fmt.Sprintf("not kept: %d more comments", lost-maxNamed))
	}
	return remarks
}

// head is the comment at the top of every file that an update writes, including the built-in
// catalogue. It must be true of all of them.
const head = `Releases of Qlik Sense Enterprise on Windows and the advisories that concern them, as
telegraf-qlik-sense-version knows them. Such a file is built into the program; the setting
catalog_file names another one to use instead.

%s
%s

The next update writes the whole file again, without comments: remarks belong in the key note of an
entry, or in notes. "telegraf-qlik-sense-version catalog check FILE" checks what was edited.

Facts only, each with its source. What is not known is left out.

ends_with        announces the table that closes the file, [end]: without it the file was cut off and
                 is refused
releases_as_of   the day of the vendor's list of releases. Patches after it are known where another
                 source names them (latest_patch_as_of), so latest_patch is a lower bound
advisories_as_of the day up to which advisories were looked for. "None found" is not "none exists"
exploited_as_of  the day of CISA's list of exploited vulnerabilities (KEV)
notes            remarks on the catalogue as a whole

A release, oldest first:
track            what the builds of the release and its patches begin with
latest_patch     the newest patch known on latest_patch_as_of; where its build is only counted
                 it may be one too high
end_of_support   with end_of_support_estimate: 24 months after the release, or after the last day of
                 its month where no better bound is known. Source of the rule: the vendor's policy
                 for products on the customer's premises
verified         false for one that was announced, not seen: servers that run it are not judged
basis            stated: a source names patch and build together. derived: counted in the
                 vendor's ordered tags between two stated pairs. checked: counted past the last
                 stated pair, and the days of fixes agree. counted: nothing else confirms it, may
                 be off by one. ambiguous: the count and the days of fixes disagree. A patch is
                 told from the build alone only where it is stated, derived or checked

An advisory, by identifier:
fixed            the first releases with the fix, at most one patch of each release. A newer release is not
                 affected, one that is older or not listed has no fix. Empty: undecided, it decides nothing
affected_from    the first release that is affected, where something limits it
superseded_by    advisories whose fixes include this one's
exploited_since  the day on which CISA listed it
exploited_due    CISA's due date for fixing it
verified         read in the CVE record or in NVD. false for information that decides nothing
read_by          "machine" for an entry that an update read from a feed, at source; none for a
                 hand-written one
status           the status of NVD's record
record_modified  the last change of NVD's record that the entry is based on
keep             true for a hand-written entry that no update may replace
dismissed        why the advisory was set aside: it decides nothing, and is not counted as undecided
remark           what the last update found in the record but did not use
`

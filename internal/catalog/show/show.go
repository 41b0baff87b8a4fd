// Package show writes a catalogue for people and for programs.
package show

import (
	"fmt"
	"strings"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/text"
)

// Summary describes a catalogue in one line.
func Summary(c *catalog.Catalog) string {
	decide, dismissed := 0, 0
	for i := range c.Advisories {
		switch a := &c.Advisories[i]; {
		case a.Decides():
			decide++
		case a.Dismissed != "":
			dismissed++
		}
	}
	uses := fmt.Sprintf("%d decide, %d undecided", decide, len(c.Advisories)-decide-dismissed)
	if dismissed > 0 {
		uses += fmt.Sprintf(", %d dismissed", dismissed)
	}
	advisories := "advisories"
	if len(c.Advisories) == 1 {
		advisories = "advisory"
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%s, %d %s (%s)", text.Plural(len(c.Releases), "release"), len(c.Advisories), advisories, uses)
	for _, p := range c.Days() {
		out.WriteString(", " + p.String())
	}
	return out.String()
}

// Package show writes a catalogue for people and for programs.
package show

import (
	"fmt"
	"strings"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/text"
)

// Summary returns in one line how much a catalogue has and how far it reaches.
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
	return strings.Join([]string{
		text.Plural(len(c.Releases), "release"),
		fmt.Sprintf("%d %s (%s)", len(c.Advisories), advisories, uses),
		fmt.Sprintf("releases as of %s", c.ReleasesAsOf),
		fmt.Sprintf("advisories as of %s", c.AdvisoriesAsOf),
		fmt.Sprintf("exploited as of %s", c.ExploitedAsOf),
	}, ", ")
}

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
	decide := 0
	for i := range c.Advisories {
		if c.Advisories[i].Decides() {
			decide++
		}
	}
	advisories := "advisories"
	if len(c.Advisories) == 1 {
		advisories = "advisory"
	}
	return strings.Join([]string{
		text.Plural(len(c.Releases), "release"),
		fmt.Sprintf("%d %s (%d decide)", len(c.Advisories), advisories, decide),
		fmt.Sprintf("releases as of %s", c.ReleasesAsOf),
		fmt.Sprintf("advisories as of %s", c.AdvisoriesAsOf),
		fmt.Sprintf("exploited as of %s", c.ExploitedAsOf),
	}, ", ")
}

package html

import (
	"fmt"
	"strings"

	"telegraf-qlik-sense-version/internal/report"
)

// card is what advisories with the same servers and the same fixes have in common.
type card struct {
	places   []int // in the report's advisories, the most urgent first
	affected []report.Affected
	score    float64 // the highest of them
}

// cardsOf puts the advisories of a report on cards, the most urgent first.
func cardsOf(r *report.Report) (cards []card) {
	byServers := make(map[string]int)
	for place := range r.Advisories {
		a := &r.Advisories[place]
		var key strings.Builder
		for _, one := range a.Affected {
			fmt.Fprintf(&key, "%d %s %s\n", one.Block, one.Server.Server.Key(), one.FixedIn)
		}
		i, known := byServers[key.String()]
		if !known {
			i = len(cards)
			byServers[key.String()] = i
			cards = append(cards, card{affected: a.Affected})
		}
		cards[i].places = append(cards[i].places, place)
		cards[i].score = max(cards[i].score, a.CVSS)
	}
	return cards
}

// exploited reports whether one of the advisories is known to be exploited; such advisories are
// first on their card.
func (c *card) exploited(r *report.Report) bool { return r.Advisories[c.places[0]].Exploited() }

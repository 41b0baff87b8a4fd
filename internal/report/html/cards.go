package html

import (
	"fmt"
	"strings"

	"telegraf-qlik-sense-version/internal/report"
)

// card is a group of advisories that affect the same servers and have the same fixes there, the most
// urgent first.
type card []*report.Advisory

// cardsOf groups the advisories of a report, the most urgent first.
func cardsOf(r *report.Report) (cards []card) {
	places := make(map[string]int)
	for _, a := range r.Advisories {
		var key strings.Builder
		for _, affected := range a.Affected {
			fmt.Fprintf(&key, "%d %s %s\n", affected.Server.Block.Index, affected.Server.Server.Key(), affected.FixedIn)
		}
		place, known := places[key.String()]
		if !known {
			place = len(cards)
			places[key.String()] = place
			cards = append(cards, nil)
		}
		cards[place] = append(cards[place], a)
	}
	return cards
}

// exploited reports whether any of the advisories is known to be exploited.
func (c card) exploited() bool { return c[0].Exploited() }

// affected are the servers that each of the advisories affects.
func (c card) affected() []report.Affected { return c[0].Affected }

//go:build linux

package recipes

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
)

// chat starts an agent whose webhook is a receiver, and lets a server get from one set
// of advisories to the next. The three messages that follow are given.
func chat(t *testing.T, edits ...string) (*agent, *receiver, []string) {
	t.Helper()
	r := newFixture(t)
	v := r.receiver()
	v.answer(http.StatusOK)
	fleet, hosts := r.Start(old(), simulator.Server{Reply: simulator.Reply(okLabel, okVersion)})
	files := map[string]string{"vulnerability-webhook.conf": r.recipe("vulnerability-webhook.conf", append(edits, hurry...)...)}
	a := r.agent(r.Block(hosts, production), files, "QLIK_SENSE_CHAT_WEBHOOK=http://"+v.address+"/services/T0/B0/x")
	v.await(1)
	a.rounds(3)
	// The release of one server becomes unknown, then known again; one is away.
	r.set(fleet, 0, "Qlik Sense 99", "99.1.1")
	a.rounds(2)
	r.fail(fleet, 0, simulator.FaultDown)
	r.fail(fleet, 1, simulator.FaultDown)
	a.rounds(2)
	r.set(fleet, 0, oldLabel, oldVersion)
	r.set(fleet, 1, okLabel, okVersion)
	a.rounds(2)
	v.await(1)
	badDays(t, v, func(day int) {
		switch day {
		case 0:
			r.set(fleet, 0, "June 2019", "13.32.2") // exploited ones, no patch
		case 1:
			r.set(fleet, 0, okLabel, okVersion)
		}
		a.rounds(2)
	})
	v.await(3)
	a.rounds(2)
	bodies := make([]string, 0, 3)
	for _, one := range v.await(3) {
		require.Equal(t, "/services/T0/B0/x", one.path)
		require.Equal(t, "application/json", one.header.Get("Content-Type"))
		require.Contains(t, one.body, hosts[0])
		bodies = append(bodies, strings.ReplaceAll(one.body, hosts[0], "qlik1"))
	}
	a.onlyOriginals()
	return a, v, bodies
}

func testSlack(t *testing.T) {
	a, v, bodies := chat(t)
	texts := make([]string, 0, 3)
	for _, body := range bodies {
		texts = append(texts, decode[struct{ Text string }](t, body).Text)
	}
	require.Equal(t, []string{
		"*Qlik Sense: known advisories apply*\nServer: qlik1\nEnvironment: PROD\nRelease: February 2024 Patch 1 (14.173.4)\n" +
			"Advisories: CVE-2024-36077, CVE-2024-55579, CVE-2024-55580\nExploited: not known to be\nHighest CVSS: 8.8\n" +
			"Fixed in: February 2024 Patch 14",
		"*Qlik Sense: known advisories apply*\nServer: qlik1\nEnvironment: PROD\nRelease: June 2019 (13.32.2)\n" +
			"Advisories: CVE-2023-41265, CVE-2023-41266, CVE-2023-48365, CVE-2024-36077, CVE-2024-55579, CVE-2024-55580\n" +
			"Exploited: yes, 3 of them\nHighest CVSS: 9.9\nFixed in: no patch of this release: upgrade",
		"*Qlik Sense: no known advisory applies any more*\nServer: qlik1\nEnvironment: PROD\nRelease: November 2025 (14.254.6)\n" +
			"Cleared: CVE-2023-41265, CVE-2023-41266, CVE-2023-48365, CVE-2024-36077, CVE-2024-55579, CVE-2024-55580",
	}, texts)

	// With a state a restart tells nothing again.
	a.stop()
	a.state("vulnerability-webhook.conf")
	a.start()
	a.rounds(2)
	a.stop()
	a.start()
	a.rounds(2)
	v.await(3)
}

type teamsMessage struct {
	Type        string `json:"type"`
	Attachments []struct {
		ContentType string  `json:"contentType"`
		ContentURL  *string `json:"contentUrl"`
		Content     struct {
			Schema  string `json:"$schema"`
			Type    string `json:"type"`
			Version string `json:"version"`
			Body    []struct {
				Type   string                          `json:"type"`
				Text   string                          `json:"text"`
				Weight string                          `json:"weight"`
				Size   string                          `json:"size"`
				Wrap   bool                            `json:"wrap"`
				Facts  []struct{ Title, Value string } `json:"facts"`
			} `json:"body"`
		} `json:"content"`
	} `json:"attachments"`
}

func testTeams(t *testing.T) {
	_, _, bodies := chat(t, `form = "slack"`, `form = "teams"`)
	message := decode[teamsMessage](t, bodies[1])
	require.Equal(t, "message", message.Type)
	require.Len(t, message.Attachments, 1)
	require.Equal(t, "application/vnd.microsoft.card.adaptive", message.Attachments[0].ContentType)
	card := message.Attachments[0].Content
	require.Equal(t, "http://adaptivecards.io/schemas/adaptive-card.json", card.Schema)
	require.Equal(t, "AdaptiveCard 1.4", card.Type+" "+card.Version)
	require.Len(t, card.Body, 2)
	require.Equal(t, "TextBlock Qlik Sense: known advisories apply", card.Body[0].Type+" "+card.Body[0].Text)
	require.Equal(t, []struct{ Title, Value string }{
		{"Server", "qlik1"}, {"Environment", "PROD"}, {"Release", "June 2019 (13.32.2)"},
		{"Advisories", "CVE-2023-41265, CVE-2023-41266, CVE-2023-48365, CVE-2024-36077, CVE-2024-55579, CVE-2024-55580"},
		{"Exploited", "yes, 3 of them"}, {"Highest CVSS", "9.9"}, {"Fixed in", "no patch of this release: upgrade"},
	}, card.Body[1].Facts)
	require.Equal(t, "Qlik Sense: no known advisory applies any more", decode[teamsMessage](t, bodies[2]).Attachments[0].Content.Body[0].Text)
}

//go:build linux

package recipes

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/test/rig"
)

// chatRun is what runChat started and the messages that arrived.
type chatRun struct {
	fixture  *fixture
	agent    *agent
	fleet    *simulator.Fleet
	endpoint *endpoint
	bodies   []string
}

// runChat starts an agent with a webhook, changes the advisories of a server twice while the
// webhook is down, and returns the three messages.
func runChat(t *testing.T, edits ...string) chatRun {
	t.Helper()
	r := newFixture(t)
	e := r.startEndpoint()
	e.answer(http.StatusOK)
	fleet, hosts := r.Start(oldServer(), simulator.Server{Reply: simulator.Reply(okLabel, okVersion)})
	files := map[string]string{"vulnerability-webhook.conf": r.recipe("vulnerability-webhook.conf", append(edits, shortTimeout...)...)}
	a := r.startAgent(r.Block(hosts, productionTag), files, "QLIK_SENSE_CHAT_WEBHOOK=http://"+e.address+"/services/T0/B0/x")
	e.await(1)
	a.awaitRounds(3)
	// Unknown releases and servers that are down send no message.
	r.set(fleet, 0, "Qlik Sense 99", "99.1.1")
	a.awaitRounds(2)
	r.fail(fleet, 0, simulator.FaultDown)
	r.fail(fleet, 1, simulator.FaultDown)
	a.awaitRounds(2)
	r.set(fleet, 0, oldLabel, oldVersion)
	r.set(fleet, 1, okLabel, okVersion)
	a.awaitRounds(2)
	e.await(1)
	throughOutages(t, e, func(day int) {
		switch day {
		case 0:
			r.set(fleet, 0, "June 2019", "13.32.2") // exploited, and no patch fixes it
		case 1:
			r.set(fleet, 0, okLabel, okVersion)
		}
		a.awaitRounds(2)
	})
	e.await(3)
	a.awaitRounds(2)
	bodies := make([]string, 0, 3)
	for _, message := range e.await(3) {
		require.Equal(t, "/services/T0/B0/x", message.path)
		require.Equal(t, "application/json; charset=utf-8", message.header.Get("Content-Type"))
		require.Contains(t, message.body, hosts[0])
		bodies = append(bodies, strings.ReplaceAll(message.body, hosts[0], "qlik1"))
	}
	a.requirePluginPoints()
	return chatRun{r, a, fleet, e, bodies}
}

func testSlack(t *testing.T) {
	c := runChat(t)
	r, a, fleet, e, bodies := c.fixture, c.agent, c.fleet, c.endpoint, c.bodies
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

	// A restart repeats no message, and what changed while Telegraf was down is sent.
	a.restart()
	a.awaitRounds(2)
	a.stop()
	r.set(fleet, 0, oldLabel, oldVersion)
	a.start()
	e.await(4)
	a.restart()
	a.awaitRounds(2)
	e.await(4)

	// After a crash, changes since the last saved state are sent again rather than lost.
	r.set(fleet, 0, okLabel, okVersion)
	e.await(5)
	a.crash()
	a.start()
	require.Equal(t, e.await(6)[4].body, e.await(6)[5].body)
	a.awaitRounds(2)

	// Without a state, all that applies is sent again.
	r.set(fleet, 0, oldLabel, oldVersion)
	e.await(7)
	a.stop()
	a.removeState()
	a.start()
	e.await(8)
	a.awaitRounds(2)
	e.await(8)
}

// What still applies is sent again after remind_days, because a message may have been lost.
func testChatReminder(t *testing.T) {
	r := newFixture(t)
	e := r.startEndpoint()
	_, hosts := r.Start(oldServer(), simulator.Server{Reply: simulator.Reply(okLabel, okVersion)})
	// 2 s, because the script counts whole seconds.
	recipe := r.recipe("vulnerability-webhook.conf", "remind_days * 86400", "remind_days * 2", "remind_days = 30", "remind_days = 1")
	files := map[string]string{"vulnerability-webhook.conf": recipe}
	a := r.startAgent(r.Block(hosts, productionTag), files, "QLIK_SENSE_CHAT_WEBHOOK=http://"+e.address)
	require.Eventually(t, func() bool { return len(e.accepted()) >= 3 }, rig.Patience, 10*time.Millisecond)
	a.stop()
	for _, message := range e.accepted() {
		require.Contains(t, message.body, hosts[0])
		require.Contains(t, message.body, "known advisories apply")
	}
}

// adaptiveCard is the card of a message to Microsoft Teams: a title and a table of facts.
type adaptiveCard struct {
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
}

// decodeCard returns the one card of a message to Microsoft Teams.
func decodeCard(t *testing.T, body string) adaptiveCard {
	t.Helper()
	message := decode[struct {
		Type        string `json:"type"`
		Attachments []struct {
			ContentType string       `json:"contentType"`
			ContentURL  *string      `json:"contentUrl"`
			Content     adaptiveCard `json:"content"`
		} `json:"attachments"`
	}](t, body)
	require.Equal(t, "message", message.Type)
	require.Len(t, message.Attachments, 1)
	require.Equal(t, "application/vnd.microsoft.card.adaptive", message.Attachments[0].ContentType)
	card := message.Attachments[0].Content
	require.Equal(t, "http://adaptivecards.io/schemas/adaptive-card.json", card.Schema)
	require.Equal(t, "AdaptiveCard 1.4", card.Type+" "+card.Version)
	require.Len(t, card.Body, 2)
	return card
}

func testTeams(t *testing.T) {
	bodies := runChat(t, `form = "slack"`, `form = "teams"`).bodies
	card := decodeCard(t, bodies[1])
	require.Equal(t, "TextBlock Qlik Sense: known advisories apply", card.Body[0].Type+" "+card.Body[0].Text)
	require.Equal(t, []struct{ Title, Value string }{
		{"Server", "qlik1"}, {"Environment", "PROD"}, {"Release", "June 2019 (13.32.2)"},
		{"Advisories", "CVE-2023-41265, CVE-2023-41266, CVE-2023-48365, CVE-2024-36077, CVE-2024-55579, CVE-2024-55580"},
		{"Exploited", "yes, 3 of them"}, {"Highest CVSS", "9.9"}, {"Fixed in", "no patch of this release: upgrade"},
	}, card.Body[1].Facts)
	require.Equal(t, "Qlik Sense: no known advisory applies any more", decodeCard(t, bodies[2]).Body[0].Text)
}

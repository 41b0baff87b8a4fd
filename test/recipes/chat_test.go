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

// conversation is what chat leaves behind.
type conversation struct {
	fixture  *fixture
	agent    *agent
	fleet    *simulator.Fleet
	receiver *receiver
	bodies   []string // of the messages
}

// chat starts an agent whose webhook is a receiver, and lets a server get from one set
// of advisories to the next. The three messages that follow are given.
func chat(t *testing.T, edits ...string) conversation {
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
		require.Equal(t, "application/json; charset=utf-8", one.header.Get("Content-Type"))
		require.Contains(t, one.body, hosts[0])
		bodies = append(bodies, strings.ReplaceAll(one.body, hosts[0], "qlik1"))
	}
	a.onlyOriginals()
	return conversation{r, a, fleet, v, bodies}
}

func testSlack(t *testing.T) {
	c := chat(t)
	r, a, fleet, v, bodies := c.fixture, c.agent, c.fleet, c.receiver, c.bodies
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

	// A restart tells nothing again, and what changed meanwhile.
	a.restart()
	a.rounds(2)
	a.stop()
	r.set(fleet, 0, oldLabel, oldVersion)
	a.start()
	v.await(4)
	a.restart()
	a.rounds(2)
	v.await(4)

	// A crash tells again what is younger than the last state, rather than lose it.
	r.set(fleet, 0, okLabel, okVersion)
	v.await(5)
	a.crash()
	a.start()
	require.Equal(t, v.await(6)[4].body, v.await(6)[5].body)
	a.rounds(2)

	// So does a state that is lost.
	r.set(fleet, 0, oldLabel, oldVersion)
	v.await(7)
	a.stop()
	a.forget()
	a.start()
	v.await(8)
	a.rounds(2)
	v.await(8)
}

// What still applies is told again in the end, for a message may have been lost.
func testChatReminds(t *testing.T) {
	r := newFixture(t)
	v := r.receiver()
	_, hosts := r.Start(old(), simulator.Server{Reply: simulator.Reply(okLabel, okVersion)})
	// 2 s: more than a second, in which the script counts.
	recipe := r.recipe("vulnerability-webhook.conf", "remind_days * 86400", "remind_days * 2", "remind_days = 30", "remind_days = 1")
	files := map[string]string{"vulnerability-webhook.conf": recipe}
	a := r.agent(r.Block(hosts, production), files, "QLIK_SENSE_CHAT_WEBHOOK=http://"+v.address)
	require.Eventually(t, func() bool { return len(v.got()) >= 3 }, rig.Patience, 10*time.Millisecond)
	a.stop()
	for _, one := range v.got() {
		require.Contains(t, one.body, hosts[0])
		require.Contains(t, one.body, "known advisories apply")
	}
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
	bodies := chat(t, `form = "slack"`, `form = "teams"`).bodies
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

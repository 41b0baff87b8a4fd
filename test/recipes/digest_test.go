//go:build linux

package recipes

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/test/rig"
)

// digestRecipe returns the recipe with an endpoint as its chat service, and a period that ends
// between two rounds.
func (r *fixture) digestRecipe(e *endpoint, edits ...string) map[string]string {
	r.Helper()
	edits = append(edits, "${QLIK_SENSE_CHAT_WEBHOOK}", "http://"+e.address, `period = "30s"`, `period = "100ms"`)
	return map[string]string{"vulnerability-digest.conf": r.recipe("vulnerability-digest.conf", append(edits, shortTimeout...)...)}
}

const exploitedLabel, exploitedVersion = "June 2019", "13.32.2"

// startMixed starts a server of each class: exploited, vulnerable, compliant, never answered,
// unknown.
func (r *fixture) startMixed() (fleet *simulator.Fleet, hosts []string) {
	r.Helper()
	return r.Start(
		simulator.Server{Reply: simulator.Reply(exploitedLabel, exploitedVersion)},
		oldServer(),
		simulator.Server{Reply: simulator.Reply(okLabel, okVersion)},
		simulator.Server{Fault: simulator.Fault503},
		simulator.Server{Reply: simulator.Reply("Qlik Sense 99", "99.1.1")},
	)
}

// digestText returns the text of a message to Slack, with short names in place of the servers'
// addresses and DAY in place of dates.
func digestText(t *testing.T, body string, hosts []string) string {
	t.Helper()
	text := decode[struct{ Text string }](t, body).Text
	for i, host := range hosts {
		text = regexp.MustCompile(regexp.QuoteMeta(host)+`\b`).ReplaceAllString(text, fmt.Sprintf("qlik%d", i))
	}
	return regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d UTC`).ReplaceAllString(text, "DAY")
}

const (
	exploitedText  = "CVE-2023-41265, CVE-2023-41266, CVE-2023-48365 and 3 more, no patch of this release: upgrade"
	vulnerableText = "CVE-2024-36077, CVE-2024-55579, CVE-2024-55580, fixed in February 2024 Patch 14"

	firstDigest = `*Qlik Sense: 1 of 5 servers are open to exploited vulnerabilities*
Servers: 5
Open to exploited vulnerabilities: 1
Open to other vulnerabilities: 1
Otherwise not compliant: 0
Not answering: 1
Unknown: 1
Compliant: 1
qlik0 (PROD): exploited, ` + exploitedText + `
qlik1 (PROD): vulnerable, ` + vulnerableText + `
qlik3 (PROD): does not answer (response_status_code_mismatch), never answered
qlik4 (PROD): not known whether it is compliant`

	unansweredDigest = `*Qlik Sense: 1 of 5 servers are open to exploited vulnerabilities*
Servers: 5
Open to exploited vulnerabilities: 1
Open to other vulnerabilities: 1
Otherwise not compliant: 0
Not answering: 2 (before: 1), and 1 of the open ones above
Unknown: 1
Compliant: 0 (before: 1)
qlik2 (PROD): new: does not answer (connection_failed), last answer DAY
qlik0 (PROD): exploited, ` + exploitedText + `, does not answer (connection_failed), last judged DAY
qlik1 (PROD): vulnerable, ` + vulnerableText + `
qlik3 (PROD): does not answer (response_status_code_mismatch), never answered
qlik4 (PROD): not known whether it is compliant`

	unknownDigest = `*Qlik Sense: 1 of 5 servers are open to exploited vulnerabilities*
Servers: 5
Open to exploited vulnerabilities: 1
Open to other vulnerabilities: 1
Otherwise not compliant: 0
Not answering: 2
Unknown: 1
Compliant: 0
qlik0 (PROD): exploited, ` + exploitedText + `, its release is now unknown, last judged DAY
qlik1 (PROD): vulnerable, ` + vulnerableText + `
qlik2 (PROD): does not answer (connection_failed), last answer DAY
qlik3 (PROD): does not answer (response_status_code_mismatch), never answered
qlik4 (PROD): not known whether it is compliant`

	closedDigest = `*Qlik Sense: 1 of 5 servers are vulnerable*
Servers: 5
Open to exploited vulnerabilities: 0 (before: 1)
Open to other vulnerabilities: 1
Otherwise not compliant: 0
Not answering: 2
Unknown: 1
Compliant: 1 (before: 0)
qlik1 (PROD): vulnerable, ` + vulnerableText + `
qlik2 (PROD): does not answer (connection_failed), last answer DAY
qlik3 (PROD): does not answer (response_status_code_mismatch), never answered
qlik4 (PROD): not known whether it is compliant
Closed by a newer answer: qlik0 (PROD)`

	compliantDigest = `*Qlik Sense: all 5 servers are compliant*
Servers: 5
Open to exploited vulnerabilities: 0
Open to other vulnerabilities: 0 (before: 1)
Otherwise not compliant: 0
Not answering: 0 (before: 2)
Unknown: 0 (before: 1)
Compliant: 5 (before: 1)
Closed by a newer answer: qlik1 (PROD)`

	policyDigest = `*Qlik Sense: 4 of 5 servers are proven compliant*
Servers: 5
Open to exploited vulnerabilities: 0
Open to other vulnerabilities: 0
Otherwise not compliant: 1 (before: 0)
Not answering: 0
Unknown: 0
Compliant: 4 (before: 5)
qlik1 (PROD): new: not compliant`
)

func testDigest(t *testing.T) {
	r := newFixture(t)
	e := r.startEndpoint()
	fleet, hosts := r.startMixed()
	a := r.startAgent(r.Block(hosts, "  minimum_release = \"November 2025\"\n"+productionTag), r.digestRecipe(e))
	texts := func(n int) (texts []string) {
		for _, message := range e.await(n) {
			texts = append(texts, digestText(t, message.body, hosts))
		}
		return texts
	}
	require.Equal(t, firstDigest, texts(1)[0])
	a.awaitRounds(3)
	e.await(1) // nothing has changed

	// A vulnerable server stays listed while it does not answer; a compliant one is no longer proven.
	a.stop()
	r.fail(fleet, 0, simulator.FaultDown)
	r.fail(fleet, 2, simulator.FaultDown)
	a.start()
	require.Equal(t, unansweredDigest, texts(2)[1])
	a.awaitRounds(2)
	a.restart()
	a.awaitRounds(3)
	e.await(2) // a restart repeats no message

	// A server whose release is unknown does not close what was open.
	change := func(server int, label, version string) {
		a.stop() // a poll in progress would fail, and that would be reported too
		r.set(fleet, server, label, version)
		a.start()
	}
	change(0, exploitedLabel, exploitedVersion)
	e.await(3)
	change(0, "Qlik Sense 99", "99.1.1")
	require.Equal(t, unknownDigest, texts(4)[3])
	r.fail(fleet, 0, simulator.FaultDown)
	e.await(5)

	// Messages of an outage of the service arrive after it, once and in order.
	e.answer(http.StatusServiceUnavailable)
	r.set(fleet, 0, okLabel, okVersion)
	e.awaitRefused(1)
	a.awaitRounds(3)
	r.fail(fleet, 0, simulator.FaultDown)
	a.awaitRounds(3)
	e.close()
	r.set(fleet, 0, okLabel, okVersion)
	a.awaitRounds(3)
	e.answer(http.StatusCreated)
	e.listen()
	delayed := texts(8)
	require.Equal(t, closedDigest, delayed[5])
	require.Contains(t, delayed[6], "qlik0 (PROD): new: does not answer (connection_failed), last answer DAY")
	require.NotContains(t, delayed[7], "qlik0")

	// The title says that all are compliant only once all are proven so.
	a.stop()
	for i := range hosts {
		r.set(fleet, i, okLabel, okVersion)
	}
	a.start()
	require.Equal(t, compliantDigest, texts(9)[8])
	change(1, "May 2025 Patch 15", "14.231.27")
	require.Equal(t, policyDigest, texts(10)[9])
	a.awaitRounds(3)
	e.await(10)
	a.requirePluginPoints()
}

func testDigestTeams(t *testing.T) {
	r := newFixture(t)
	e := r.startEndpoint()
	_, hosts := r.startMixed()
	r.startAgent(r.Block(hosts, productionTag), r.digestRecipe(e, `form = "slack"`, `form = "teams"`))
	message := e.await(1)[0]
	require.Equal(t, "application/json; charset=utf-8", message.header.Get("Content-Type"))
	card := decodeCard(t, message.body)
	var b strings.Builder
	fmt.Fprintf(&b, "*%s*", card.Body[0].Text)
	for _, fact := range card.Body[1].Facts {
		fmt.Fprintf(&b, "\n%s: %s", fact.Title, fact.Value)
	}
	text := b.String()
	for i, host := range hosts {
		text = regexp.MustCompile(regexp.QuoteMeta(host)+`\b`).ReplaceAllString(text, fmt.Sprintf("qlik%d", i))
	}
	require.Equal(t, firstDigest, text)
}

// startMany starts more servers than fit into the address range of one test, in a range that no
// test uses.
func (r *fixture) startMany(servers []simulator.Server) (fleet *simulator.Fleet, hosts []string) {
	r.Helper()
	network := strings.Join(strings.Split(r.Address(1), ".")[:2], ".")
	for i := range servers {
		hosts = append(hosts, fmt.Sprintf("%s.%d.%d", network, 200+i/250, 1+i%250))
		servers[i].Addr = hosts[i] + ":9032"
	}
	fleet, err := simulator.Start(r.Site, servers...)
	require.NoError(r, err)
	r.Cleanup(func() { require.NoError(r, fleet.Close()) })
	r.Servers += len(servers)
	return fleet, hosts
}

// A thousand servers in two blocks make one message, short enough for Slack and Teams, even after
// an outage of the service.
func testDigestLargeFleet(t *testing.T) {
	r := newFixture(t)
	e := r.startEndpoint()
	servers := make([]simulator.Server, 1000)
	for i := range servers {
		if i%10 == 0 {
			servers[i] = simulator.Server{Reply: simulator.Reply(okLabel, okVersion)}
		} else {
			servers[i] = simulator.Server{Reply: simulator.Reply(exploitedLabel, exploitedVersion)}
		}
	}
	fleet, hosts := r.startMany(servers)
	longTag := "  [inputs.qlik_sense_version.tags]\n    environment = \"" + strings.Repeat("東", 60) + "\"\n"
	e.answer(http.StatusServiceUnavailable)
	files := r.digestRecipe(e)
	files["vulnerability-digest.conf"] = r.Edit(files["vulnerability-digest.conf"], `period = "100ms"`, `period = "1s"`)
	a := r.startAgentEvery(3*time.Second, r.Block(hosts[:500], productionTag)+r.Block(hosts[500:], longTag), files)
	e.awaitRefused(2)
	e.answer(http.StatusCreated)
	// On a busy machine the reply to a message may come too late, and Telegraf sends it again
	// unchanged.
	messages := func(n int) []string {
		var bodies []string
		require.Eventually(t, func() bool {
			bodies = nil
			for _, message := range e.accepted() {
				bodies = append(bodies, message.body)
			}
			bodies = slices.Compact(bodies)
			return len(bodies) >= n
		}, rig.Patience, 10*time.Millisecond)
		require.Len(t, bodies, n)
		return bodies
	}
	body := messages(1)[0]
	text := decode[struct{ Text string }](t, body).Text
	require.Contains(t, text, "*Qlik Sense: 900 of 1000 servers are open to exploited vulnerabilities*\nServers: 1000\n")
	require.Contains(t, text, "\nCompliant: 100\n")
	require.Equal(t, 20, strings.Count(text, ": exploited, CVE-"))
	require.True(t, strings.HasSuffix(text, "\nAnd: 880 more"))
	require.Less(t, utf8.RuneCountInString(text), 4000)
	require.Less(t, len(body), 28<<10)
	a.awaitRounds(2)
	messages(1)

	// The server that changed is listed first.
	a.stop()
	r.set(fleet, 999, oldLabel, oldVersion)
	a.start()
	text = decode[struct{ Text string }](t, messages(2)[1]).Text
	require.Contains(t, text, "\nCompliant: 100\n"+hosts[999]+" ("+strings.Repeat("東", 37)+"...): new: vulnerable, CVE-")
	require.Contains(t, text, "\nOpen to exploited vulnerabilities: 899 (before: 900)\nOpen to other vulnerabilities: 1 (before: 0)\n")
}

// shortDays edits the recipe so that an hour lasts one second and a day two.
var shortDays = []string{"hour, day = 3600, 86400", "hour, day = 1, 2"}

// Servers that are no longer polled count as not answering after silent_hours and are dropped after
// forget_days. Both are reported although no point arrives.
func testDigestNotPolled(t *testing.T) {
	r := newFixture(t)
	e := r.startEndpoint()
	_, hosts := r.startMixed()
	files := r.digestRecipe(e, append([]string{"silent_hours = 50", "silent_hours = 3", "forget_days = 92", "forget_days = 4"}, shortDays...)...)
	r.startAgentEvery(time.Hour, r.Block(hosts, productionTag), files)
	text := digestText(t, e.await(2)[1].body, hosts)
	require.Equal(t, `*Qlik Sense: 1 of 5 servers are open to exploited vulnerabilities*
Servers: 5
Open to exploited vulnerabilities: 1
Open to other vulnerabilities: 1
Otherwise not compliant: 0
Not answering: 3 (before: 1), and 2 of the open ones above
Unknown: 0 (before: 1)
Compliant: 0 (before: 1)
qlik2 (PROD): new: not polled since DAY, last answer DAY
qlik4 (PROD): new: not polled since DAY, last answer DAY
qlik0 (PROD): exploited, `+exploitedText+`, not polled since DAY, last judged DAY
qlik1 (PROD): vulnerable, `+vulnerableText+`, not polled since DAY, last judged DAY
qlik3 (PROD): not polled since DAY, never answered`, text)
	require.Equal(t, `*Qlik Sense: 0 of 0 servers are proven compliant*
Servers: 0
Open to exploited vulnerabilities: 0 (before: 1)
Open to other vulnerabilities: 0 (before: 1)
Otherwise not compliant: 0
Not answering: 0 (before: 3)
Unknown: 0
Compliant: 0
No longer listed, without a point for 4 days: qlik0 (PROD), qlik1 (PROD), qlik2 (PROD), qlik3 (PROD), qlik4 (PROD)`,
		digestText(t, e.await(3)[2].body, hosts))
}

// What is not compliant is sent again after remind_days, because a message may have been lost.
func testDigestReminder(t *testing.T) {
	r := newFixture(t)
	e := r.startEndpoint()
	_, hosts := r.startMixed()
	files := r.digestRecipe(e, append([]string{"silent_hours = 50", "silent_hours = 5000", "forget_days = 92", "forget_days = 5000",
		"remind_days = 7", "remind_days = 1"}, shortDays...)...)
	a := r.startAgent(r.Block(hosts, productionTag), files)
	require.Eventually(t, func() bool { return len(e.accepted()) >= 3 }, rig.Patience, 10*time.Millisecond)
	a.stop()
	for _, message := range e.accepted() {
		require.Equal(t, firstDigest, digestText(t, message.body, hosts))
	}
}

// A late point does not replace a newer one, and a steady stream of points does not delay the
// message for ever.
func testDigestOrder(t *testing.T) {
	r := newFixture(t)
	e := r.startEndpoint()
	point := func(ago time.Duration, exploited int, advisories, compliance string) string {
		return fmt.Sprintf("qlik_sense_version,source=qlik1 result=\"success\",advisories=%q,advisory_count=%di,exploited_advisory_count=%di,"+
			"fixed_in=\"\",compliance=%q %d\n", advisories, exploited, exploited, compliance, time.Now().Add(-ago).UnixNano())
	}
	points := r.Write("points", point(time.Minute, 1, "CVE-2023-41265", "non_compliant")+point(time.Hour, 0, "", "compliant"))
	files := r.digestRecipe(e)
	files["vulnerability-digest.conf"] = r.Edit(files["vulnerability-digest.conf"], `period = "100ms"`, `period = "500ms"`)
	a := &agent{fixture: r, dir: t.TempDir(), files: files}
	a.config = fmt.Sprintf(agentConfig, r.DB.URL, r.Database, `namedrop = ["qlik_sense_version_*"]`) + strings.NewReplacer(
		"echo cpu usage=1", "cat "+points, `interval = "200ms"`, `interval = "50ms"`).Replace(cpuInput)
	a.start()
	require.Contains(t, decode[struct{ Text string }](t, e.await(1)[0].body).Text, "*Qlik Sense: 1 of 1 servers are open to exploited vulnerabilities*")
	a.stop()
}

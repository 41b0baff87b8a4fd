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

// digest is the recipe with a receiver as its service. Its period fits between two rounds.
func (r *fixture) digest(v *receiver, edits ...string) map[string]string {
	r.Helper()
	edits = append(edits, "${QLIK_SENSE_CHAT_WEBHOOK}", "http://"+v.address, `period = "30s"`, `period = "100ms"`)
	return map[string]string{"vulnerability-digest.conf": r.recipe("vulnerability-digest.conf", append(edits, hurry...)...)}
}

const exploitedLabel, exploitedVersion = "June 2019", "13.32.2"

// mixed starts a server of each class: exploited, vulnerable, compliant, never answered,
// unknown.
func (r *fixture) mixed() (fleet *simulator.Fleet, hosts []string) {
	r.Helper()
	return r.Start(
		simulator.Server{Reply: simulator.Reply(exploitedLabel, exploitedVersion)},
		old(),
		simulator.Server{Reply: simulator.Reply(okLabel, okVersion)},
		simulator.Server{Fault: simulator.Fault503},
		simulator.Server{Reply: simulator.Reply("Qlik Sense 99", "99.1.1")},
	)
}

// digestText gives a message for Slack with short names of the servers and without dates.
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

	darkDigest = `*Qlik Sense: 1 of 5 servers are open to exploited vulnerabilities*
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
	v := r.receiver()
	fleet, hosts := r.mixed()
	a := r.agent(r.Block(hosts, "  minimum_release = \"November 2025\"\n"+production), r.digest(v))
	texts := func(n int) (texts []string) {
		for _, one := range v.await(n) {
			texts = append(texts, digestText(t, one.body, hosts))
		}
		return texts
	}
	require.Equal(t, firstDigest, texts(1)[0])
	a.rounds(3)
	v.await(1) // nothing has changed

	// What was open stays open while it does not answer; what was compliant is not proven.
	a.stop()
	r.fail(fleet, 0, simulator.FaultDown)
	r.fail(fleet, 2, simulator.FaultDown)
	a.start()
	require.Equal(t, darkDigest, texts(2)[1])
	a.rounds(2)
	a.restart()
	a.rounds(3)
	v.await(2) // a restart tells nothing again

	// An answer that decides nothing closes nothing.
	change := func(server int, label, version string) {
		a.stop() // or a poll that is under way fails, which is told as well
		r.set(fleet, server, label, version)
		a.start()
	}
	change(0, exploitedLabel, exploitedVersion)
	v.await(3)
	change(0, "Qlik Sense 99", "99.1.1")
	require.Equal(t, unknownDigest, texts(4)[3])
	r.fail(fleet, 0, simulator.FaultDown)
	v.await(5)

	// The service is away: what is told meanwhile comes, once and in order.
	v.answer(http.StatusServiceUnavailable)
	r.set(fleet, 0, okLabel, okVersion)
	v.awaitRefused(1)
	a.rounds(3)
	r.fail(fleet, 0, simulator.FaultDown)
	a.rounds(3)
	v.shut()
	r.set(fleet, 0, okLabel, okVersion)
	a.rounds(3)
	v.answer(http.StatusCreated)
	v.open()
	late := texts(8)
	require.Equal(t, closedDigest, late[5])
	require.Contains(t, late[6], "qlik0 (PROD): new: does not answer (connection_failed), last answer DAY")
	require.NotContains(t, late[7], "qlik0")

	// All is well only where all is proven.
	a.stop()
	for i := range hosts {
		r.set(fleet, i, okLabel, okVersion)
	}
	a.start()
	require.Equal(t, compliantDigest, texts(9)[8])
	change(1, "May 2025 Patch 15", "14.231.27")
	require.Equal(t, policyDigest, texts(10)[9])
	a.rounds(3)
	v.await(10)
	a.onlyOriginals()
}

func testDigestTeams(t *testing.T) {
	r := newFixture(t)
	v := r.receiver()
	_, hosts := r.mixed()
	r.agent(r.Block(hosts, production), r.digest(v, `form = "slack"`, `form = "teams"`))
	one := v.await(1)[0]
	require.Equal(t, "application/json; charset=utf-8", one.header.Get("Content-Type"))
	message := decode[teamsMessage](t, one.body)
	require.Equal(t, "message", message.Type)
	require.Len(t, message.Attachments, 1)
	require.Equal(t, "application/vnd.microsoft.card.adaptive", message.Attachments[0].ContentType)
	card := message.Attachments[0].Content
	require.Equal(t, "http://adaptivecards.io/schemas/adaptive-card.json", card.Schema)
	require.Equal(t, "AdaptiveCard 1.4", card.Type+" "+card.Version)
	require.Len(t, card.Body, 2)
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

// startMany starts more servers than one test has addresses, on some that no test has.
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

// One message for a thousand servers in two blocks, short enough for Slack and Teams, also
// when the service was away.
func testDigestLargeFleet(t *testing.T) {
	r := newFixture(t)
	v := r.receiver()
	servers := make([]simulator.Server, 1000)
	for i := range servers {
		if i%10 == 0 {
			servers[i] = simulator.Server{Reply: simulator.Reply(okLabel, okVersion)}
		} else {
			servers[i] = simulator.Server{Reply: simulator.Reply(exploitedLabel, exploitedVersion)}
		}
	}
	fleet, hosts := r.startMany(servers)
	long := "  [inputs.qlik_sense_version.tags]\n    environment = \"" + strings.Repeat("東", 60) + "\"\n"
	v.answer(http.StatusServiceUnavailable)
	files := r.digest(v)
	files["vulnerability-digest.conf"] = r.Edit(files["vulnerability-digest.conf"], `period = "100ms"`, `period = "1s"`)
	a := r.agentEvery(3*time.Second, r.Block(hosts[:500], production)+r.Block(hosts[500:], long), files)
	v.awaitRefused(2)
	v.answer(http.StatusCreated)
	// A message whose reply Telegraf did not hear in time, on a busy machine, comes once more
	// word for word.
	messages := func(n int) []string {
		var bodies []string
		require.Eventually(t, func() bool {
			bodies = nil
			for _, one := range v.got() {
				bodies = append(bodies, one.body)
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
	a.rounds(2)
	messages(1)

	// The one that changed stands first.
	a.stop()
	r.set(fleet, 999, oldLabel, oldVersion)
	a.start()
	text = decode[struct{ Text string }](t, messages(2)[1]).Text
	require.Contains(t, text, "\nCompliant: 100\n"+hosts[999]+" ("+strings.Repeat("東", 37)+"...): new: vulnerable, CVE-")
	require.Contains(t, text, "\nOpen to exploited vulnerabilities: 899 (before: 900)\nOpen to other vulnerabilities: 1 (before: 0)\n")
}

// ages makes hours seconds, and days two of them.
var ages = []string{"hour, day = 3600, 86400", "hour, day = 1, 2"}

// Servers that nobody polls any more count as not answering, and are forgotten in the
// end; both are told, without a point from anyone.
func testDigestSilence(t *testing.T) {
	r := newFixture(t)
	v := r.receiver()
	_, hosts := r.mixed()
	files := r.digest(v, append([]string{"silent_hours = 50", "silent_hours = 3", "forget_days = 92", "forget_days = 4"}, ages...)...)
	r.agentEvery(time.Hour, r.Block(hosts, production), files)
	text := digestText(t, v.await(2)[1].body, hosts)
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
		digestText(t, v.await(3)[2].body, hosts))
}

// What is not compliant is told again in the end, for a message may have been lost.
func testDigestReminds(t *testing.T) {
	r := newFixture(t)
	v := r.receiver()
	_, hosts := r.mixed()
	files := r.digest(v, append([]string{"silent_hours = 50", "silent_hours = 5000", "forget_days = 92", "forget_days = 5000",
		"remind_days = 7", "remind_days = 1"}, ages...)...)
	a := r.agent(r.Block(hosts, production), files)
	require.Eventually(t, func() bool { return len(v.got()) >= 3 }, rig.Patience, 10*time.Millisecond)
	a.stop()
	for _, one := range v.got() {
		require.Equal(t, firstDigest, digestText(t, one.body, hosts))
	}
}

// A point that comes late does not undo a newer one, and points that never stop do not
// hold the message up for ever.
func testDigestOrder(t *testing.T) {
	r := newFixture(t)
	v := r.receiver()
	point := func(ago time.Duration, exploited int, advisories, compliance string) string {
		return fmt.Sprintf("qlik_sense_version,source=qlik1 result=\"success\",advisories=%q,advisory_count=%di,exploited_advisory_count=%di,"+
			"fixed_in=\"\",compliance=%q %d\n", advisories, exploited, exploited, compliance, time.Now().Add(-ago).UnixNano())
	}
	points := r.Write("points", point(time.Minute, 1, "CVE-2023-41265", "non_compliant")+point(time.Hour, 0, "", "compliant"))
	files := r.digest(v)
	files["vulnerability-digest.conf"] = r.Edit(files["vulnerability-digest.conf"], `period = "100ms"`, `period = "500ms"`)
	a := &agent{fixture: r, dir: t.TempDir(), files: files}
	a.config = fmt.Sprintf(agentConfig, r.DB.URL, r.Database, `namedrop = ["qlik_sense_version_*"]`) + strings.NewReplacer(
		"echo cpu usage=1", "cat "+points, `interval = "200ms"`, `interval = "50ms"`).Replace(cpu)
	a.start()
	require.Contains(t, decode[struct{ Text string }](t, v.await(1)[0].body).Text, "*Qlik Sense: 1 of 1 servers are open to exploited vulnerabilities*")
	a.stop()
}

//go:build linux

package test

import (
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
)

// Releases to go from one to the other: two patches with advisories, one without.
const (
	oldLabel, oldVersion = "February 2024 Patch 1", "14.173.4"
	newLabel, newVersion = "May 2024 Patch 9", "14.187.14"
	okLabel, okVersion   = "November 2025", "14.254.6"
)

func old() simulator.Server {
	return simulator.Server{Reply: simulator.Reply(oldLabel, oldVersion)}
}

// hurry makes an HTTP recipe give up on an answer sooner.
var hurry = []string{`timeout = "10s"`, `timeout = "500ms"`}

// state is what the recipes' headers say on states that outlive Telegraf.
func (a *agent) state(recipe string) {
	a.Helper()
	require.Contains(a, a.read("../deploy/recipes/"+recipe), "#             [agent]\n#               statefile = \"/var/lib/telegraf/state.json\"\n")
	a.config = strings.Replace(a.config, "[agent]\n", "[agent]\n  statefile = \""+filepath.Join(a.dir, "state.json")+"\"\n", 1)
}

// badDays lets the endpoint fail in every way, one after the other, and calls change
// while it does.
func badDays(t *testing.T, v *receiver, change func(day int)) {
	t.Helper()
	v.answer(http.StatusServiceUnavailable)
	change(0)
	v.awaitRefused(2)
	v.answer(http.StatusUnauthorized)
	v.awaitRefused(2)
	v.answer(0)
	change(1)
	v.awaitRefused(2)
	v.shut()
	change(2)
	time.Sleep(3 * round) // nobody is there to count
	v.answer(http.StatusCreated)
	v.mu.Lock()
	v.shaky = 4 // some of what waits gets through, some does not
	v.mu.Unlock()
	v.open()
}

type configurationItem struct {
	Source         string            `json:"source"`
	Tags           map[string]string `json:"tags"`
	Time           string            `json:"time"`
	LastAnswer     *string           `json:"last_answer"`
	Result         string            `json:"result"`
	ResultCode     int               `json:"result_code"`
	Product        string            `json:"product_name"`
	Deployment     string            `json:"deployment_type"`
	Label          string            `json:"release_label"`
	Version        string            `json:"version"`
	LatestPatch    int               `json:"latest_patch"`
	PatchesBehind  int               `json:"patches_behind"`
	Compliance     string            `json:"compliance"`
	Advisories     string            `json:"advisories"`
	AdvisoryCount  int               `json:"advisory_count"`
	ExploitedCount int               `json:"exploited_advisory_count"`
	MaxCVSS        float64           `json:"max_cvss"`
	FixedIn        string            `json:"fixed_in"`
	BelowMinimum   int               `json:"below_minimum"`
	Mismatch       int               `json:"version_mismatch"`
}

func (r *rig) cmdb(v *receiver) map[string]string {
	return map[string]string{"cmdb-http.conf": r.recipe("cmdb-http.conf", "https://cmdb.example.com", "http://"+v.address)}
}

func items(t *testing.T, requests []request) []configurationItem {
	t.Helper()
	list := make([]configurationItem, 0, len(requests))
	for _, one := range requests {
		list = append(list, decode[configurationItem](t, one.body))
	}
	return list
}

func testCMDB(t *testing.T) {
	r := newRig(t)
	v := r.receiver()
	fleet, hosts := r.start(old(), old(), simulator.Server{Fault: simulator.Fault503})
	a := r.agent(r.block(hosts, "  minimum_release = \"May 2024\"\n"+production), r.cmdb(v), "QLIK_SENSE_CMDB_TOKEN=s3cret")

	first := make(map[string]configurationItem)
	for _, one := range v.await(3) {
		require.Equal(t, "POST /api/qlik-sense-servers", one.method+" "+one.path)
		require.Equal(t, "Bearer s3cret", one.header.Get("Authorization"))
		require.Equal(t, "application/json", one.header.Get("Content-Type"))
		item := decode[configurationItem](t, one.body)
		first[item.Source] = item
	}
	item := first[hosts[0]]
	require.WithinDuration(t, time.Now(), parse(t, item.Time), patience)
	require.Equal(t, item.Time, *item.LastAnswer)
	item.Time, item.LastAnswer = "", nil
	require.Equal(t, configurationItem{
		Source: hosts[0], Tags: map[string]string{"source": hosts[0], "environment": "PROD", "host": "agent1"},
		Result: "success", Product: "Qlik Sense", Deployment: "QlikSenseServer", Label: oldLabel, Version: oldVersion,
		LatestPatch: 17, PatchesBehind: 16, Compliance: "non_compliant", Advisories: "CVE-2024-36077,CVE-2024-55579,CVE-2024-55580",
		AdvisoryCount: 3, MaxCVSS: 8.8, FixedIn: "February 2024 Patch 14", BelowMinimum: 1,
	}, item)
	never := first[hosts[2]]
	require.Equal(t, "response_status_code_mismatch", never.Result)
	require.Nil(t, never.LastAnswer)
	require.Empty(t, never.Version)

	a.rounds(3)
	v.await(3) // nothing has changed

	r.set(fleet, 0, newLabel, newVersion)
	v.await(4)
	a.rounds(2)
	r.fail(fleet, 0, simulator.FaultDown)
	v.await(5)
	a.rounds(2)
	r.set(fleet, 0, newLabel, newVersion)
	v.await(6)
	a.rounds(2)
	r.set(fleet, 0, oldLabel, oldVersion)
	v.await(7)
	a.rounds(2)
	later := items(t, v.await(7))[3:]
	for i, want := range []struct{ result, version string }{
		{"success", newVersion}, {"connection_failed", newVersion}, {"success", newVersion}, {"success", oldVersion},
	} {
		require.Equal(t, hosts[0], later[i].Source)
		require.Equal(t, want.result, later[i].Result)
		require.Equal(t, want.version, later[i].Version, "the last one known")
	}
	require.GreaterOrEqual(t, *later[1].LastAnswer, later[0].Time)
	require.LessOrEqual(t, *later[1].LastAnswer, later[1].Time)

	// A restart sends all once, as the file says.
	a.stop()
	a.start()
	v.await(7 + 3)
	a.rounds(2)
	v.await(7 + 3)
	a.onlyOriginals()
}

func parse(t *testing.T, text string) time.Time {
	t.Helper()
	parsed, err := time.Parse(time.RFC3339, text)
	require.NoError(t, err)
	return parsed
}

func testCMDBBadDays(t *testing.T) {
	r := newRig(t)
	v := r.receiver()
	fleet, hosts := r.start(old(), old())
	files := r.cmdb(v)
	files["cmdb-http.conf"] = r.edit(files["cmdb-http.conf"], hurry...)
	a := r.agent(r.block(hosts, production), files)
	v.await(2)
	a.stop()
	a.state("cmdb-http.conf")
	a.start() // without a state yet: once more
	v.await(4)

	badDays(t, v, func(day int) {
		r.set(fleet, day%2, newLabel, []string{"14.187.11", "14.187.12", "14.187.13"}[day])
		a.rounds(2)
	})
	v.await(7)
	a.rounds(2)
	versions := make([]string, 0, 3)
	for _, item := range items(t, v.await(7))[4:] {
		versions = append(versions, item.Version)
	}
	require.Equal(t, []string{"14.187.11", "14.187.12", "14.187.13"}, versions, "each once, in order")

	// What the endpoint will never take does not hold up the rest.
	v.answer(http.StatusUnprocessableEntity)
	r.set(fleet, 0, okLabel, okVersion)
	v.awaitRefused(1)
	a.rounds(1)
	v.answer(http.StatusCreated)
	r.set(fleet, 1, okLabel, okVersion)
	require.Equal(t, hosts[1], items(t, v.await(8))[7].Source)

	// With a state a restart, and a reload, send nothing again.
	a.stop()
	a.start()
	a.rounds(2)
	require.NoError(t, a.Signal(syscall.SIGHUP))
	require.NoError(t, a.Await("Starting process", 2, patience))
	a.rounds(2)
	v.await(8)
	a.onlyOriginals()
}

type ticket struct {
	Title       string            `json:"title"`
	Description string            `json:"description"`
	Priority    string            `json:"priority"`
	DedupKey    string            `json:"dedup_key"`
	Source      string            `json:"source"`
	Tags        map[string]string `json:"tags"`
	Time        string            `json:"time"`
}

func (r *rig) tickets(v *receiver, edits ...string) map[string]string {
	edits = append(edits, "https://tickets.example.com", "http://"+v.address)
	return map[string]string{"change-tickets.conf": r.recipe("change-tickets.conf", edits...)}
}

func ticketsOf(t *testing.T, requests []request) map[string]ticket {
	t.Helper()
	list := make(map[string]ticket)
	for _, one := range requests {
		ticket := decode[ticket](t, one.body)
		require.NotContains(t, list, ticket.Source)
		list[ticket.Source] = ticket
	}
	return list
}

func testTickets(t *testing.T) {
	r := newRig(t)
	v := r.receiver()
	fleet, hosts := r.start(old(), old(), old())
	a := r.agent(r.block(hosts, production), r.tickets(v), "QLIK_SENSE_TICKET_TOKEN=s3cret")
	a.rounds(3)
	v.await(0) // no storm at the start

	// One of three: its version has changed, and it differs from the others.
	r.set(fleet, 0, newLabel, newVersion)
	one := v.await(1)[0]
	require.Equal(t, "POST /api/tickets", one.method+" "+one.path)
	require.Equal(t, "Bearer s3cret", one.header.Get("Authorization"))
	got := decode[ticket](t, one.body)
	require.WithinDuration(t, time.Now(), parse(t, got.Time), patience)
	got.Time = ""
	require.Equal(t, ticket{
		Title: "Qlik Sense " + hosts[0] + " (PROD): version changed, version differs from the other servers",
		Description: "Version before: February 2024 Patch 1 (14.173.4).\nMost servers of the block, or one half of them, " +
			"run another version.\nVersion now: May 2024 Patch 9 (14.187.14).",
		Priority: "high", DedupKey: "qlik_sense_version/PROD/agent1/" + hosts[0] + "/14.173.4/14.187.14/mismatch",
		Source: hosts[0], Tags: map[string]string{"source": hosts[0], "environment": "PROD", "host": "agent1"},
	}, got)

	// An outage, and the same version again.
	r.fail(fleet, 0, simulator.FaultReset)
	a.rounds(2)
	r.set(fleet, 0, newLabel, newVersion)
	a.rounds(3)
	v.await(1)

	// The second: now the third differs.
	r.set(fleet, 1, newLabel, newVersion)
	v.await(3)
	a.rounds(2)
	second := ticketsOf(t, v.await(3)[1:])
	require.Contains(t, second[hosts[1]].Title, "version changed")
	require.Contains(t, second[hosts[2]].Title, "): version differs from the other servers")
	require.NotContains(t, second[hosts[2]].Description, "before")

	// The third while it is being restarted, and back again: two changes, two keys.
	r.fail(fleet, 2, simulator.FaultDown)
	a.rounds(2)
	r.set(fleet, 2, newLabel, newVersion)
	third := decode[ticket](t, v.await(4)[3].body)
	require.Equal(t, "low", third.Priority)
	require.Contains(t, third.Description, "Version before: February 2024 Patch 1")
	a.rounds(2)
	r.set(fleet, 2, oldLabel, oldVersion)
	back := decode[ticket](t, v.await(5)[4].body)
	require.NotEqual(t, third.DedupKey, back.DedupKey)

	// Changed while Telegraf was down, without a state: the new starting point.
	a.stop()
	r.set(fleet, 2, newLabel, newVersion)
	a.start()
	a.rounds(3)
	v.await(5)
	a.onlyOriginals()
}

func testTicketsBadDays(t *testing.T) {
	r := newRig(t)
	v := r.receiver()
	fleet, hosts := r.start(old(), old())
	a := r.agent(r.block(hosts[:1], "")+r.block(hosts[1:], ""), r.tickets(v, hurry...))
	a.stop()
	a.state("change-tickets.conf")
	a.start()
	a.rounds(1)
	badDays(t, v, func(day int) {
		r.set(fleet, day%2, newLabel, []string{"14.187.11", "14.187.12", "14.187.13"}[day])
		a.rounds(2)
	})
	keys := make(map[string]bool)
	for _, one := range v.await(3) {
		keys[decode[ticket](t, one.body).DedupKey] = true
	}
	require.Len(t, keys, 3)

	// Changed while Telegraf was down, with a state: found at the start, once.
	a.stop()
	r.set(fleet, 1, okLabel, okVersion)
	a.start()
	v.await(4)
	a.rounds(3)
	last := decode[ticket](t, v.await(4)[3].body)
	require.Equal(t, "Qlik Sense "+hosts[1]+": version changed", last.Title)
	require.Contains(t, last.Description, "(14.187.12)")
	a.onlyOriginals()
}

// chat starts an agent whose webhook is a receiver, and lets a server get from one set
// of advisories to the next. The three messages that follow are given.
func chat(t *testing.T, edits ...string) (*agent, *receiver, []string) {
	t.Helper()
	r := newRig(t)
	v := r.receiver()
	v.answer(http.StatusOK)
	fleet, hosts := r.start(old(), simulator.Server{Reply: simulator.Reply(okLabel, okVersion)})
	files := map[string]string{"vulnerability-webhook.conf": r.recipe("vulnerability-webhook.conf", append(edits, hurry...)...)}
	a := r.agent(r.block(hosts, production), files, "QLIK_SENSE_CHAT_WEBHOOK=http://"+v.address+"/services/T0/B0/x")
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

//go:build linux

package recipes

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/test/rig"
)

type ticket struct {
	Status      string            `json:"status"`
	Title       string            `json:"title"`
	Description string            `json:"description"`
	Priority    string            `json:"priority"`
	DedupKey    string            `json:"dedup_key"`
	Source      string            `json:"source"`
	Tags        map[string]string `json:"tags"`
	Time        string            `json:"time"`
}

// ticketsRecipe returns the recipe with a plan in each round. A script starts the program and
// counts the plans.
func (r *fixture) ticketsRecipe(e *endpoint, edits ...string) map[string]string {
	r.Helper()
	script := r.Write("plan", fmt.Sprintf("#!/bin/sh\necho >>'%s'\nexec '%s' \"$@\"\n", r.plans, r.Tools.Plugin))
	edits = append(edits, "https://tickets.example.com", "http://"+e.address, `"/usr/bin/telegraf-qlik-sense-version"`, `"sh", `+strconv.Quote(script),
		`interval = "6h"`, fmt.Sprintf("interval = %q", round), "  collection_jitter = \"5m\"\n", "")
	return map[string]string{"change-tickets.conf": r.recipe("change-tickets.conf", edits...)}
}

// awaitPlans waits until n plans that start from now on have ended.
func (a *agent) awaitPlans(n int) {
	a.Helper()
	started := func() int {
		text, err := os.ReadFile(a.plans)
		if !os.IsNotExist(err) {
			require.NoError(a, err)
		}
		return len(text)
	}
	before := started()
	require.Eventually(a, func() bool { return started() > before+n }, rig.Patience, 10*time.Millisecond)
}

// awaitTickets waits for n tickets in all and returns those after the first seen ones.
func (e *endpoint) awaitTickets(n, seen int) []ticket {
	e.Helper()
	requests := e.await(n)[seen:]
	list := make([]ticket, len(requests))
	for i := range requests {
		list[i] = decode[ticket](e.T, requests[i].body)
	}
	return list
}

func testTickets(t *testing.T) {
	r := newFixture(t)
	e := r.startEndpoint()
	fleet, hosts := r.Start(
		simulator.Server{Reply: simulator.Reply(newLabel, newVersion)},
		simulator.Server{Reply: simulator.Reply("August 2023 Patch 1", "14.139.5")}, // exploited
		simulator.Server{Reply: simulator.Reply(okLabel, okVersion)},
		simulator.Server{Fault: simulator.FaultDown},
	)
	waves := []string{`"--config"`, `"--waves", "DEV,PROD", "--target", "May 2025 Patch 15", "--config"`}
	a := r.startAgent(r.Block(hosts, "  minimum_release = \"May 2024 Patch 10\"\n"+productionTag), r.ticketsRecipe(e, waves...), "QLIK_SENSE_TICKET_TOKEN=s3cret")

	// Each server with something to do gets one ticket, however often it is planned; the most urgent
	// comes first.
	opened := e.awaitTickets(2, 0)
	sent := e.await(2)[1]
	require.Equal(t, "POST /api/tickets", sent.method+" "+sent.path)
	require.Equal(t, "Bearer s3cret", sent.header.Get("Authorization"))
	got := opened[1]
	require.WithinDuration(t, time.Now(), parseTime(t, got.Time), rig.Patience)
	require.Regexp(t, `^qlik_sense_version/[0-9a-f]{16}/May-2024-Patch-10$`, got.DedupKey)
	require.Regexp(t, `^Runs: May 2024 Patch 9\nInstall: May 2024 Patch 10 \(patch\)\nCloses: CVE-2024-55579, CVE-2024-55580\n`+
		`Why: CVSS 8\.8, exposed for \d+ days, .*\nWave: 2, PROD\n(Note: .*\n)*Note: Wave 1: no server has the tag environment = "DEV"`, got.Description)
	patch := got
	got.Description, got.DedupKey, got.Time = "", "", ""
	require.Equal(t, ticket{
		Status: "open", Title: "Qlik Sense " + hosts[0] + " (PROD): patch to May 2024 Patch 10", Priority: "medium",
		Source: hosts[0], Tags: map[string]string{"environment": "PROD"},
	}, got)
	upgrade := opened[0]
	require.Equal(t, "Qlik Sense "+hosts[1]+" (PROD): upgrade to May 2025 Patch 15", upgrade.Title)
	require.Equal(t, "high", upgrade.Priority)
	require.Contains(t, upgrade.Description, "\nInstall: May 2025 Patch 15 (upgrade over ")
	require.Contains(t, upgrade.Description, "\nWhy: known to be exploited, CVSS 9.9, ")
	a.awaitPlans(3)
	e.await(2)

	// A server that does not answer, a version that cannot be judged and a patch on the way to the
	// target change nothing.
	r.fail(fleet, 0, simulator.FaultReset)
	a.awaitPlans(2)
	r.set(fleet, 0, "Qlik Sense 99", "99.1.1")
	a.awaitPlans(2)
	r.fail(fleet, 0, simulator.FaultDown)
	a.restart()
	a.awaitPlans(2)
	r.set(fleet, 0, "May 2024 Patch 8", "")
	a.awaitPlans(2)
	e.await(2)

	// With another target a new ticket replaces the old one.
	r.set(fleet, 0, oldLabel, oldVersion)
	replaced := e.awaitTickets(4, 2)
	require.Equal(t, "closed "+patch.DedupKey+" "+patch.Title, replaced[0].Status+" "+replaced[0].DedupKey+" "+replaced[0].Title)
	require.Regexp(t, `^Replaced: it runs February 2024 Patch 1, and the plan is now: (patch|upgrade) to .*\.\nNew ticket: `+replaced[1].DedupKey+"$",
		replaced[0].Description)
	require.Equal(t, "open", replaced[1].Status)
	require.Contains(t, replaced[1].Description, "Runs: February 2024 Patch 1\n")
	a.awaitPlans(2)

	// A newer answer that proves it done closes the ticket, once.
	r.set(fleet, 1, "May 2025 Patch 15", "14.231.27")
	done := e.awaitTickets(5, 4)[0]
	require.Equal(t, ticket{
		Status: "closed", Title: upgrade.Title, Description: "Done: it runs May 2025 Patch 15 now, and is proven compliant.", Priority: "high",
		DedupKey: upgrade.DedupKey, Source: hosts[1], Tags: upgrade.Tags, Time: done.Time,
	}, done)
	a.awaitPlans(3)
	e.await(5)

	// A server that is no longer in the settings, a plan that fails and a catalogue that cannot be
	// read prove nothing.
	a.stop()
	r.set(fleet, 0, okLabel, okVersion)
	complete := a.files[dropIn]
	edit := func(from, to string) { // by renaming, because plans read the file all the time
		require.NoError(t, os.Rename(r.Write(dropIn, r.Edit(complete, from, to)), a.dropInPath()))
	}
	a.files[dropIn] = r.Edit(complete, `"`+hosts[0]+`", `, "")
	a.start()
	a.awaitPlans(2)
	edit("hosts = ", "no_such_setting = ")
	require.NoError(t, a.Await("E! [inputs.exec::qlik_sense_version_tickets] Error in plugin: exec: exit status 1", 1, rig.Patience))
	require.NoError(t, a.Await("no_such_setting", 1, rig.Patience))
	a.awaitPlans(2)
	edit("hosts = ", "catalog_url = \"https://127.0.0.1:9/catalog.toml\"\n  hosts = ")
	require.NoError(t, a.Await("W! [processors.starlark::qlik_sense_version_tickets] tickets wait because the catalogue cannot be read: ", 1, rig.Patience))
	a.awaitPlans(2)
	e.await(5)
	a.files[dropIn] = complete
	edit("", "")
	require.Equal(t, replaced[1].DedupKey, e.awaitTickets(6, 5)[0].DedupKey)

	// What became vulnerable while Telegraf was down opens one ticket at its start, and again with the
	// same key if the state is lost.
	a.stop()
	r.set(fleet, 0, newLabel, newVersion)
	a.start()
	again := e.awaitTickets(7, 6)[0]
	require.Equal(t, "open "+patch.DedupKey, again.Status+" "+again.DedupKey)
	a.restart()
	a.awaitPlans(3)
	e.await(7)
	a.stop()
	a.removeState()
	a.start()
	last := e.awaitTickets(8, 7)[0]
	require.Equal(t, "open "+patch.DedupKey, last.Status+" "+last.DedupKey)
	a.awaitPlans(2)
	e.await(8)
	a.requirePluginPoints()
}

func testTicketsOutages(t *testing.T) {
	r := newFixture(t)
	e := r.startEndpoint()
	fleet, hosts := r.Start(oldServer(), oldServer(), oldServer())
	a := r.startAgent(r.Block(hosts, ""), r.ticketsRecipe(e, shortTimeout...))
	e.await(3)
	throughOutages(t, e, func(outage int) {
		if outage == 2 {
			r.set(fleet, 0, okLabel, okVersion)
		} else {
			r.set(fleet, outage, newLabel, newVersion)
		}
		a.awaitPlans(2)
	})
	r.set(fleet, 2, okLabel, okVersion)
	open := make(map[string]string)
	for _, ticket := range e.awaitTickets(9, 0) {
		if ticket.Status == "open" {
			require.NotContains(t, open, ticket.DedupKey)
			open[ticket.DedupKey] = ticket.Source
		} else {
			require.Equal(t, ticket.Source, open[ticket.DedupKey], "closed before it was opened, or twice")
			delete(open, ticket.DedupKey)
		}
	}
	require.Len(t, open, 1)
	a.awaitPlans(2)
	e.await(9)
	a.requirePluginPoints()
}

// An open ticket stays as long as its release will do, even if the plan now prefers a newer one.
// A ticket for the release given with --target replaces it.
func testTicketsReplaced(t *testing.T) {
	r := newFixture(t)
	e := r.startEndpoint()
	_, hosts := r.Start(simulator.Server{Reply: simulator.Reply("August 2023 Patch 1", "14.139.5")})
	a := r.startAgent(r.Block(hosts, "  minimum_release = \"May 2024 Patch 10\"\n"), r.ticketsRecipe(e))
	newest := e.awaitTickets(1, 0)[0]
	require.Contains(t, newest.Title, ": upgrade to ")
	shipped := a.files["change-tickets.conf"]
	target := func(release string) {
		a.stop()
		a.files["change-tickets.conf"] = shipped
		if release != "" {
			a.files["change-tickets.conf"] = r.Edit(shipped, `"--config"`, `"--target", "`+release+`", "--config"`)
		}
		a.start()
	}
	target("May 2025 Patch 10")
	chosen := e.awaitTickets(3, 1)
	require.Equal(t, "closed "+newest.DedupKey, chosen[0].Status+" "+chosen[0].DedupKey)
	require.Equal(t, "Qlik Sense "+hosts[0]+": upgrade to May 2025 Patch 10", chosen[1].Title)
	target("")
	a.awaitPlans(3)
	e.await(3)

	// A minimum above the ticket's release replaces the ticket.
	a.stop()
	a.files[dropIn] = r.Edit(a.files[dropIn], "May 2024 Patch 10", "May 2025 Patch 12")
	a.start()
	above := e.awaitTickets(5, 3)
	require.Equal(t, "closed "+chosen[1].DedupKey, above[0].Status+" "+above[0].DedupKey)
	require.Equal(t, "open "+newest.DedupKey, above[1].Status+" "+above[1].DedupKey)

	// After a crash the same tickets are sent again, with the same keys.
	a.crash()
	a.start()
	for i, ticket := range e.awaitTickets(7, 5) {
		require.Equal(t, above[i].Status+" "+above[i].DedupKey, ticket.Status+" "+ticket.DedupKey)
	}
}

// A server for which no safe release is known gets a ticket all the same. A plan with another
// schema makes none.
func testTicketsWithoutRelease(t *testing.T) {
	r := newFixture(t)
	e := r.startEndpoint()
	_, hosts := r.Start(oldServer())
	const plan = `{"schema": 1, "asked_at": "2026-11-24T08:30:00Z", "target": "", "warnings": [], "waves": [{"number": 0, "name": "", "servers": [{
		"id": "0123456789abcdef", "source": "qlik1", "tags": {}, "runs": "May 2026 Patch 2", "action": "upgrade", "install": "", "effort": "",
		"will_do": [], "exploited": false, "closes": [], "why": ["CVSS 9.1"]}]}]}`
	file := r.Write("plan.json", plan)
	files := r.ticketsRecipe(e, `"plan", "--output", "json",`, "", `"--config", "/etc/telegraf/telegraf.d/qlik-sense-version.conf",`, "")
	files["change-tickets.conf"] = r.Edit(files["change-tickets.conf"], `"sh", `, fmt.Sprintf(`"cat", %q, "/dev/null", #`, file))
	a := r.newAgent(round, r.Block(hosts, ""), files)
	a.start()
	got := e.awaitTickets(1, 0)[0]
	require.Equal(t, ticket{
		Status: "open", Title: "Qlik Sense qlik1: no safe release known", Description: "Runs: May 2026 Patch 2\nWhy: CVSS 9.1", Priority: "medium",
		DedupKey: "qlik_sense_version/0123456789abcdef/none", Source: "qlik1", Tags: map[string]string{}, Time: "2026-11-24T08:30:00Z",
	}, got)
	other := strings.Replace(strings.Replace(plan, `"schema": 1`, `"schema": 2`, 1), "89abcdef", "89abcdee", 1)
	require.NoError(t, os.Rename(r.Write("plan.json", other), file))
	require.NoError(t, a.Await("this recipe cannot read schema 2 of the plan: take the recipe of the program's version", 2, rig.Patience))
	e.await(1)
	_, err := a.Stop(rig.Patience)
	require.NoError(t, err)
}

// Odd text in tags or replies neither breaks a ticket nor holds up the tickets of other servers.
func testTicketsOddText(t *testing.T) {
	r := newFixture(t)
	e := r.startEndpoint()
	fleet, hosts := r.Start(oldServer(), simulator.Server{Reply: simulator.Reply(oddText, "1.2.3")}, oldServer())
	tag := strconv.Quote(strings.NewReplacer("\n", "", "\t", "").Replace(oddText) + ".") // what line protocol can carry
	a := r.startAgent(r.Block(hosts, strings.Replace(productionTag, `"PROD"`, strings.ReplaceAll(tag, "$", "$$"), 1)), r.ticketsRecipe(e), "X=!", "Y=!")
	for _, ticket := range e.awaitTickets(2, 0) {
		got := ticket.Tags["environment"]
		require.True(t, strings.HasPrefix(got, `PROD, "east"=1 \ 'x' `+"`y` ; <script>alert(1)</script> & "), got)
		require.True(t, strings.HasSuffix(got, ` {{ .Name }} %s東京 😀 \n \.`), got)
		require.Equal(t, a.Points(1, "")[0]["environment"], got) // as Telegraf writes it to the database
		require.Contains(t, ticket.Title, " ("+got+"): ")
	}
	r.set(fleet, 0, okLabel, okVersion)
	require.Equal(t, hosts[0], e.awaitTickets(3, 2)[0].Source)
	a.awaitPlans(2)
	e.await(3)
	a.requirePluginPoints()
}

func testTicketsLargeFleet(t *testing.T) {
	const servers = 300
	r := newFixture(t)
	e := r.startEndpoint()
	list := make([]simulator.Server, servers)
	for i := range list {
		list[i] = oldServer()
	}
	fleet, hosts := r.startMany(list)
	a := r.startAgentEvery(time.Hour, r.Block(hosts, productionTag), r.ticketsRecipe(e))
	e.awaitTickets(servers, 0)
	a.awaitPlans(2)
	for i := range servers {
		r.set(fleet, i, okLabel, okVersion)
	}
	closed := make(map[string]bool)
	for _, ticket := range e.awaitTickets(2*servers, servers) {
		require.Equal(t, "closed", ticket.Status)
		closed[ticket.Source] = true
	}
	require.Len(t, closed, servers)
	a.awaitPlans(2)
	e.await(2 * servers)
}

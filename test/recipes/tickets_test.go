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

// tickets is the recipe with a plan as often as the agent asks. The program is started
// through a script that counts.
func (r *fixture) tickets(v *receiver, edits ...string) map[string]string {
	r.Helper()
	script := r.Write("plan", fmt.Sprintf("#!/bin/sh\necho >>'%s'\nexec '%s' \"$@\"\n", r.plans, r.Tools.Plugin))
	edits = append(edits, "https://tickets.example.com", "http://"+v.address, `"/usr/bin/telegraf-qlik-sense-version"`, `"sh", `+strconv.Quote(script),
		`interval = "6h"`, fmt.Sprintf("interval = %q", round), "  collection_jitter = \"5m\"\n", "")
	return map[string]string{"change-tickets.conf": r.recipe("change-tickets.conf", edits...)}
}

// planned waits until n plans that are begun from now on are over.
func (a *agent) planned(n int) {
	a.Helper()
	begun := func() int {
		text, err := os.ReadFile(a.plans)
		if !os.IsNotExist(err) {
			require.NoError(a, err)
		}
		return len(text)
	}
	before := begun()
	require.Eventually(a, func() bool { return begun() > before+n }, rig.Patience, 10*time.Millisecond)
}

// awaitTickets waits for n tickets and gives those after the first seen.
func (v *receiver) awaitTickets(n, seen int) []ticket {
	v.Helper()
	requests := v.await(n)[seen:]
	list := make([]ticket, len(requests))
	for i := range requests {
		list[i] = decode[ticket](v.T, requests[i].body)
	}
	return list
}

func testTickets(t *testing.T) {
	r := newFixture(t)
	v := r.receiver()
	fleet, hosts := r.Start(
		simulator.Server{Reply: simulator.Reply(newLabel, newVersion)},
		simulator.Server{Reply: simulator.Reply("August 2023 Patch 1", "14.139.5")}, // exploited
		simulator.Server{Reply: simulator.Reply(okLabel, okVersion)},
		simulator.Server{Fault: simulator.FaultDown},
	)
	waves := []string{`"--config"`, `"--waves", "DEV,PROD", "--target", "May 2025 Patch 15", "--config"`}
	a := r.agent(r.Block(hosts, "  minimum_release = \"May 2024 Patch 10\"\n"+production), r.tickets(v, waves...), "QLIK_SENSE_TICKET_TOKEN=s3cret")

	// What is to be done makes a ticket each, the most urgent first, and one however often
	// it is planned.
	opened := v.awaitTickets(2, 0)
	one := v.await(2)[1]
	require.Equal(t, "POST /api/tickets", one.method+" "+one.path)
	require.Equal(t, "Bearer s3cret", one.header.Get("Authorization"))
	got := opened[1]
	require.WithinDuration(t, time.Now(), parse(t, got.Time), rig.Patience)
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
	a.planned(3)
	v.await(2)

	// Silence, versions that cannot be judged, and what is on the way to the target.
	r.fail(fleet, 0, simulator.FaultReset)
	a.planned(2)
	r.set(fleet, 0, "Qlik Sense 99", "99.1.1")
	a.planned(2)
	r.fail(fleet, 0, simulator.FaultDown)
	a.restart()
	a.planned(2)
	r.set(fleet, 0, "May 2024 Patch 8", "")
	a.planned(2)
	v.await(2)

	// Another target: the old ticket is replaced.
	r.set(fleet, 0, oldLabel, oldVersion)
	replaced := v.awaitTickets(4, 2)
	require.Equal(t, "closed "+patch.DedupKey+" "+patch.Title, replaced[0].Status+" "+replaced[0].DedupKey+" "+replaced[0].Title)
	require.Regexp(t, `^Replaced: it runs February 2024 Patch 1, and the plan is now: (patch|upgrade) to .*\.\nNew ticket: `+replaced[1].DedupKey+"$",
		replaced[0].Description)
	require.Equal(t, "open", replaced[1].Status)
	require.Contains(t, replaced[1].Description, "Runs: February 2024 Patch 1\n")
	a.planned(2)

	// Done: proven by a newer answer, once.
	r.set(fleet, 1, "May 2025 Patch 15", "14.231.27")
	done := v.awaitTickets(5, 4)[0]
	require.Equal(t, ticket{
		Status: "closed", Title: upgrade.Title, Description: "Done: it runs May 2025 Patch 15 now, and is proven compliant.", Priority: "high",
		DedupKey: upgrade.DedupKey, Source: hosts[1], Tags: upgrade.Tags, Time: done.Time,
	}, done)
	a.planned(3)
	v.await(5)

	// A plan that fails, a catalogue that cannot be read and a server that is gone from the
	// settings prove nothing.
	a.stop()
	r.set(fleet, 0, okLabel, okVersion)
	whole := a.files[dropIn]
	edit := func(from, to string) { // at once: a plan reads it all the time
		require.NoError(t, os.Rename(r.Write(dropIn, r.Edit(whole, from, to)), a.dropIn()))
	}
	a.files[dropIn] = r.Edit(whole, `"`+hosts[0]+`", `, "")
	a.start()
	a.planned(2)
	edit("hosts = ", "no_such_setting = ")
	require.NoError(t, a.Await("E! [inputs.exec::qlik_sense_version_tickets] Error in plugin: exec: exit status 1", 1, rig.Patience))
	require.NoError(t, a.Await("no_such_setting", 1, rig.Patience))
	a.planned(2)
	edit("hosts = ", "catalog_url = \"https://127.0.0.1:9/catalog.toml\"\n  hosts = ")
	require.NoError(t, a.Await("W! [processors.starlark::qlik_sense_version_tickets] tickets wait because the catalogue cannot be read: ", 1, rig.Patience))
	a.planned(2)
	v.await(5)
	a.files[dropIn] = whole
	edit("", "")
	require.Equal(t, replaced[1].DedupKey, v.awaitTickets(6, 5)[0].DedupKey)

	// Broken while Telegraf was down: found at its start, once, and told again where its
	// state is gone, by the same key.
	a.stop()
	r.set(fleet, 0, newLabel, newVersion)
	a.start()
	again := v.awaitTickets(7, 6)[0]
	require.Equal(t, "open "+patch.DedupKey, again.Status+" "+again.DedupKey)
	a.restart()
	a.planned(3)
	v.await(7)
	a.stop()
	a.forget()
	a.start()
	last := v.awaitTickets(8, 7)[0]
	require.Equal(t, "open "+patch.DedupKey, last.Status+" "+last.DedupKey)
	a.planned(2)
	v.await(8)
	a.onlyOriginals()
}

func testTicketsBadDays(t *testing.T) {
	r := newFixture(t)
	v := r.receiver()
	fleet, hosts := r.Start(old(), old(), old())
	a := r.agent(r.Block(hosts, ""), r.tickets(v, hurry...))
	v.await(3)
	badDays(t, v, func(day int) {
		if day == 2 {
			r.set(fleet, 0, okLabel, okVersion)
		} else {
			r.set(fleet, day, newLabel, newVersion)
		}
		a.planned(2)
	})
	r.set(fleet, 2, okLabel, okVersion)
	open := make(map[string]string)
	for _, one := range v.awaitTickets(9, 0) {
		if one.Status == "open" {
			require.NotContains(t, open, one.DedupKey)
			open[one.DedupKey] = one.Source
		} else {
			require.Equal(t, one.Source, open[one.DedupKey], "closed before it was opened, or twice")
			delete(open, one.DedupKey)
		}
	}
	require.Len(t, open, 1)
	a.planned(2)
	v.await(9)
	a.onlyOriginals()
}

// What a ticket wants stays while it will do, though the plan has moved on to something newer;
// the target that its user chooses replaces it.
func testTicketsStillRight(t *testing.T) {
	r := newFixture(t)
	v := r.receiver()
	_, hosts := r.Start(simulator.Server{Reply: simulator.Reply("August 2023 Patch 1", "14.139.5")})
	a := r.agent(r.Block(hosts, "  minimum_release = \"May 2024 Patch 10\"\n"), r.tickets(v))
	newest := v.awaitTickets(1, 0)[0]
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
	chosen := v.awaitTickets(3, 1)
	require.Equal(t, "closed "+newest.DedupKey, chosen[0].Status+" "+chosen[0].DedupKey)
	require.Equal(t, "Qlik Sense "+hosts[0]+": upgrade to May 2025 Patch 10", chosen[1].Title)
	target("")
	a.planned(3)
	v.await(3)

	// It will not do any more: the minimum is above.
	a.stop()
	a.files[dropIn] = r.Edit(a.files[dropIn], "May 2024 Patch 10", "May 2025 Patch 12")
	a.start()
	above := v.awaitTickets(5, 3)
	require.Equal(t, "closed "+chosen[1].DedupKey, above[0].Status+" "+above[0].DedupKey)
	require.Equal(t, "open "+newest.DedupKey, above[1].Status+" "+above[1].DedupKey)

	// After a crash the same comes again, by the same keys.
	a.crash()
	a.start()
	for i, one := range v.awaitTickets(7, 5) {
		require.Equal(t, above[i].Status+" "+above[i].DedupKey, one.Status+" "+one.DedupKey)
	}
}

// A server for which no release is known that would do makes a ticket all the same. A plan of
// another form makes none.
func testTicketsNowhere(t *testing.T) {
	r := newFixture(t)
	v := r.receiver()
	_, hosts := r.Start(old())
	const plan = `{"schema": 1, "asked_at": "2026-11-24T08:30:00Z", "target": "", "warnings": [], "waves": [{"number": 0, "name": "", "servers": [{
		"id": "0123456789abcdef", "source": "qlik1", "tags": {}, "runs": "May 2026 Patch 2", "action": "upgrade", "install": "", "effort": "",
		"will_do": [], "exploited": false, "closes": [], "why": ["CVSS 9.1"]}]}]}`
	file := r.Write("plan.json", plan)
	files := r.tickets(v, `"plan", "--output", "json",`, "", `"--config", "/etc/telegraf/telegraf.d/qlik-sense-version.conf",`, "")
	files["change-tickets.conf"] = r.Edit(files["change-tickets.conf"], `"sh", `, fmt.Sprintf(`"cat", %q, "/dev/null", #`, file))
	a := r.prepare(round, r.Block(hosts, ""), files)
	a.start()
	got := v.awaitTickets(1, 0)[0]
	require.Equal(t, ticket{
		Status: "open", Title: "Qlik Sense qlik1: no safe release known", Description: "Runs: May 2026 Patch 2\nWhy: CVSS 9.1", Priority: "medium",
		DedupKey: "qlik_sense_version/0123456789abcdef/none", Source: "qlik1", Tags: map[string]string{}, Time: "2026-11-24T08:30:00Z",
	}, got)
	other := strings.Replace(strings.Replace(plan, `"schema": 1`, `"schema": 2`, 1), "89abcdef", "89abcdee", 1)
	require.NoError(t, os.Rename(r.Write("plan.json", other), file))
	require.NoError(t, a.Await("this recipe cannot read schema 2 of the plan: take the recipe of the program's version", 2, rig.Patience))
	v.await(1)
	_, err := a.Stop(rig.Patience)
	require.NoError(t, err)
}

// Neither tags nor what servers answer can break a ticket, or hold those of others up.
func testTicketsHostile(t *testing.T) {
	r := newFixture(t)
	v := r.receiver()
	fleet, hosts := r.Start(old(), simulator.Server{Reply: simulator.Reply(odd, "1.2.3")}, old())
	tag := strconv.Quote(strings.NewReplacer("\n", "", "\t", "").Replace(odd) + ".") // what a tag can carry
	a := r.agent(r.Block(hosts, strings.Replace(production, `"PROD"`, strings.ReplaceAll(tag, "$", "$$"), 1)), r.tickets(v), "X=!", "Y=!")
	for _, one := range v.awaitTickets(2, 0) {
		got := one.Tags["environment"]
		require.True(t, strings.HasPrefix(got, `PROD, "east"=1 \ 'x' `+"`y` ; <script>alert(1)</script> & "), got)
		require.True(t, strings.HasSuffix(got, ` {{ .Name }} %s東京 😀 \n \.`), got)
		require.Equal(t, a.Points(1, "")[0]["environment"], got) // as Telegraf passes it on
		require.Contains(t, one.Title, " ("+got+"): ")
	}
	r.set(fleet, 0, okLabel, okVersion)
	require.Equal(t, hosts[0], v.awaitTickets(3, 2)[0].Source)
	a.planned(2)
	v.await(3)
	a.onlyOriginals()
}

func testTicketsLargeFleet(t *testing.T) {
	const servers = 300
	r := newFixture(t)
	v := r.receiver()
	list := make([]simulator.Server, servers)
	for i := range list {
		list[i] = old()
	}
	fleet, hosts := r.startMany(list)
	a := r.agentEvery(time.Hour, r.Block(hosts, production), r.tickets(v))
	v.awaitTickets(servers, 0)
	a.planned(2)
	for i := range servers {
		r.set(fleet, i, okLabel, okVersion)
	}
	closed := make(map[string]bool)
	for _, one := range v.awaitTickets(2*servers, servers) {
		require.Equal(t, "closed", one.Status)
		closed[one.Source] = true
	}
	require.Len(t, closed, servers)
	a.planned(2)
	v.await(2 * servers)
}

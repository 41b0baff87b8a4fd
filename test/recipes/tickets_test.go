//go:build linux

package recipes

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/test/rig"
)

type ticket struct {
	Title       string            `json:"title"`
	Description string            `json:"description"`
	Priority    string            `json:"priority"`
	DedupKey    string            `json:"dedup_key"`
	Source      string            `json:"source"`
	Tags        map[string]string `json:"tags"`
	Time        string            `json:"time"`
}

func (r *fixture) tickets(v *receiver, edits ...string) map[string]string {
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
	r := newFixture(t)
	v := r.receiver()
	fleet, hosts := r.Start(old(), old(), old())
	a := r.agent(r.Block(hosts, production), r.tickets(v), "QLIK_SENSE_TICKET_TOKEN=s3cret")
	a.rounds(3)
	v.await(0) // no storm at the start

	// One of three: its version has changed, and it differs from the others.
	r.set(fleet, 0, newLabel, newVersion)
	one := v.await(1)[0]
	require.Equal(t, "POST /api/tickets", one.method+" "+one.path)
	require.Equal(t, "Bearer s3cret", one.header.Get("Authorization"))
	got := decode[ticket](t, one.body)
	require.WithinDuration(t, time.Now(), parse(t, got.Time), rig.Patience)
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

	// Changed while Telegraf was down: found at the start, once. Without a state: the new
	// starting point.
	a.stop()
	r.set(fleet, 2, newLabel, newVersion)
	a.start()
	v.await(6)
	a.stop()
	r.set(fleet, 2, oldLabel, oldVersion)
	a.forget()
	a.start()
	a.rounds(3)
	v.await(6)
	a.onlyOriginals()
}

func testTicketsBadDays(t *testing.T) {
	r := newFixture(t)
	v := r.receiver()
	fleet, hosts := r.Start(old(), old())
	a := r.agent(r.Block(hosts[:1], "")+r.Block(hosts[1:], ""), r.tickets(v, hurry...))
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

	// Changed while Telegraf was down: found at the start, once.
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

//go:build unix

package poll

import (
	"encoding/json"
	"io"
	"net/http"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
)

// BenchmarkPoll compares the CPU time of a poll with that of a bare client of net/http
// that does the same: a full TLS handshake with a client certificate, one request, a
// bounded body, JSON. Both figures include the server, which runs in the same process. They
// alternate, so that a busy machine slows down both.
func BenchmarkPoll(b *testing.B) {
	s, err := simulator.NewSite()
	require.NoError(b, err)
	dir := b.TempDir()
	require.NoError(b, s.Export(dir))
	fleet, err := simulator.Start(s, simulator.Server{Addr: "127.0.0.1:0", Reply: simulator.Reply(label, build)})
	require.NoError(b, err)
	defer fleet.Close()
	p, err := New((&site{s, dir}).settings())
	require.NoError(b, err)
	server, err := ParseServer(fleet.Addr(0))
	require.NoError(b, err)
	round := p.Round(b.Context())
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: s.ClientTLS(), DisableKeepAlives: true}}

	const turn = 25
	var poll, bare int64
	for b.Loop() {
		start := cpuTime(b)
		for range turn {
			if outcome := round.Poll(b.Context(), server); outcome.Result != Success {
				b.Fatal(outcome.Cause)
			}
		}
		poll += cpuTime(b) - start

		start = cpuTime(b)
		for range turn {
			askBare(b, client, "https://"+server.HostPort()+"/v1/systeminfo")
		}
		bare += cpuTime(b) - start
	}
	b.ReportMetric(float64(poll)/float64(b.N*turn)/1000, "µs/poll")
	b.ReportMetric(float64(bare)/float64(b.N*turn)/1000, "µs/bare")
	b.ReportMetric(float64(poll)/float64(bare), "poll/bare")
}

func askBare(b *testing.B, client *http.Client, url string) {
	b.Helper()
	response, err := client.Get(url)
	if err != nil {
		b.Fatal(err)
	}
	defer response.Body.Close()
	var reply map[string]string
	if err := json.NewDecoder(io.LimitReader(response.Body, about.MaxBody)).Decode(&reply); err != nil || reply["version"] != build {
		b.Fatal(reply, err)
	}
}

// cpuTime is the CPU time of this process, in nanoseconds.
func cpuTime(b *testing.B) int64 {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}

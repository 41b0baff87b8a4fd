package poll

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
)

// What a poll costs beside a bare client of net/http that does the same: full TLS
// handshake with a client certificate, one request, a bounded body, JSON. The servers
// run in the same process, and their share counts in both.
func BenchmarkPoll(b *testing.B) {
	s, err := simulator.NewSite()
	require.NoError(b, err)
	dir := b.TempDir()
	require.NoError(b, s.Export(dir))
	fleet, err := simulator.Start(s, simulator.Server{Addr: "127.0.0.1:0", Reply: simulator.Reply(label, build)})
	require.NoError(b, err)
	defer fleet.Close()

	b.Run("poll", func(b *testing.B) {
		settings := (&site{s, dir}).settings()
		p, err := New(settings)
		require.NoError(b, err)
		server, err := ParseServer(fleet.Addr(0))
		require.NoError(b, err)
		round := p.Round(b.Context())
		b.ReportAllocs()
		for b.Loop() {
			if outcome := round.Poll(b.Context(), server); outcome.Result != Success {
				b.Fatal(outcome.Cause)
			}
		}
	})
	b.Run("bare", func(b *testing.B) {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: s.ClientTLS(), DisableKeepAlives: true}}
		b.ReportAllocs()
		for b.Loop() {
			response, err := client.Get("https://" + fleet.Addr(0) + "/v1/systeminfo")
			if err != nil {
				b.Fatal(err)
			}
			var reply map[string]any
			err = json.NewDecoder(io.LimitReader(response.Body, maxBody)).Decode(&reply)
			response.Body.Close()
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

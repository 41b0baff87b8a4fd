//go:build linux

package bench

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/test/rig"
	"telegraf-qlik-sense-version/test/stack"
)

// BenchmarkAgentsAtOnce measures the load on one InfluxDB 1.8 when many agents start at the same
// moment: like Telegraf, each opens a connection and writes one batch with the points of a round.
//
//	all-ms     time until all writes are acknowledged
//	peak-MiB   peak resident memory of InfluxDB
func BenchmarkAgentsAtOnce(b *testing.B) {
	tools, err := stack.Build(b.Context(), rig.Root, os.Stderr)
	require.NoError(b, err)
	f := startFleet(b, tools, 1)
	settings := filepath.Join(b.TempDir(), "settings.conf")
	require.NoError(b, os.WriteFile(settings, []byte(stack.Settings(f.hosts, f.dir, stack.NoMaxAge)), 0o600))
	point, err := exec.Command(tools.Plugin, "--once", "--config", settings, "--log-level", "error").Output()
	require.NoError(b, err)
	for _, c := range agentCounts {
		b.Run(fmt.Sprintf("agents=%d/servers=%d", c.agents, c.servers), func(b *testing.B) {
			db, err := stack.StartInfluxDB(tools.InfluxDB, b.TempDir())
			require.NoError(b, err)
			_, err = db.Query("", "CREATE DATABASE qlik")
			require.NoError(b, err)
			var sum time.Duration
			for b.Loop() {
				sum += writeAtOnce(b, db, string(point), f.hosts[0], c.agents, c.servers)
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(sum)/float64(b.N)/float64(time.Millisecond), "all-ms")
			b.ReportMetric(float64(rig.Memory(b, db.PID(), "VmHWM:"))/(1<<20), "peak-MiB")
			_, err = db.Stop(rig.Patience)
			require.NoError(b, err)
		})
	}
}

// writeAtOnce makes all agents write the points of their servers at the same time and returns how
// long it takes.
func writeAtOnce(b *testing.B, db *stack.InfluxDB, point, host string, agents, servers int) time.Duration {
	b.Helper()
	batches := make([]bytes.Buffer, agents)
	for agent := range batches {
		w := gzip.NewWriter(&batches[agent]) // as Telegraf's output does
		for server := range servers {
			_, err := w.Write([]byte(strings.ReplaceAll(point, "source="+host, fmt.Sprintf("host=agent%d,source=qlik%d-%d", agent, agent, server))))
			require.NoError(b, err)
		}
		require.NoError(b, w.Close())
	}
	statuses := make([]string, agents)
	start := time.Now()
	var writers sync.WaitGroup
	for agent := range batches {
		writers.Go(func() {
			request, err := http.NewRequest(http.MethodPost, db.URL+"/write?db=qlik", &batches[agent])
			if err == nil {
				request.Header.Set("Content-Encoding", "gzip")
				client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
				var response *http.Response
				if response, err = client.Do(request); err == nil {
					response.Body.Close()
					statuses[agent] = response.Status
					return
				}
			}
			statuses[agent] = err.Error()
		})
	}
	writers.Wait()
	took := time.Since(start)
	for _, status := range statuses {
		require.Equal(b, "204 No Content", status)
	}
	return took
}

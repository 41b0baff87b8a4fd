package qlik_sense_version

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/influxdata/telegraf/testutil"
	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/poll"
	"telegraf-qlik-sense-version/internal/simulator"
)

// TestLogLines follows the log lines of a server over several rounds.
func TestLogLines(t *testing.T) {
	healthy := func(release, version string) simulator.Server {
		return simulator.Server{Reply: simulator.Reply(release, version)}
	}
	steps := []struct {
		name   string
		server simulator.Server
		rounds int
		info   []string // %s is replaced by the server
		failed bool
	}{
		{
			name:   "down at first",
			server: simulator.Server{Fault: simulator.FaultDown}, rounds: 1, failed: true,
		},
		{
			name:   "first version",
			server: healthy(oldRelease, oldVersion), rounds: 1,
			info: []string{"%s answers again; polls that failed before: 1", `%s runs "May 2024 Patch 1 (14.187.5)"`},
		},
		{
			name:   "unchanged",
			server: healthy(oldRelease, oldVersion), rounds: 2,
		},
		{
			name:   "during an upgrade",
			server: simulator.Server{Fault: simulator.Fault503}, rounds: 3, failed: true,
		},
		{
			name:   "after the upgrade",
			server: healthy(newRelease, newVersion), rounds: 2,
			info: []string{
				"%s answers again; polls that failed before: 3",
				`%s changed from "May 2024 Patch 1 (14.187.5)" to "May 2025 Patch 15 (14.231.27)"`,
			},
		},
		{
			name:   "failed, then the same version",
			server: simulator.Server{Fault: simulator.FaultReset}, rounds: 1, failed: true,
		},
		{
			name:   "recovered",
			server: healthy(newRelease, newVersion), rounds: 2,
			info: []string{"%s answers again; polls that failed before: 1"},
		},
		{
			name:   "only a version",
			server: simulator.Server{Reply: []byte(`{"version":"14.231.27"}`)}, rounds: 2,
			info: []string{`%s changed from "May 2025 Patch 15 (14.231.27)" to "14.231.27"`},
		},
		{
			name:   "only a release",
			server: simulator.Server{Reply: []byte(`{"releaseLabel":"May 2025 Patch 15"}`)}, rounds: 2,
			info: []string{`%s changed from "14.231.27" to "May 2025 Patch 15"`},
		},
		{
			name:   "rolled back",
			server: healthy(oldRelease, oldVersion), rounds: 2,
			info: []string{`%s changed from "May 2025 Patch 15" to "May 2024 Patch 1 (14.187.5)"`},
		},
	}

	fleet := start(t, simulator.Server{})
	q, log := newPlugin(fleet.Addr(0))
	require.NoError(t, q.Init())
	for _, step := range steps {
		require.NoError(t, fleet.Set(0, step.server), step.name)
		log.Clear()
		for range step.rounds {
			got := gather(t, q)
			require.Len(t, got.points, 1)
			if step.failed {
				require.Len(t, got.errors, 1, step.name)
			} else {
				require.Empty(t, got.errors, step.name)
			}
		}
		var want []string
		for _, line := range step.info {
			want = append(want, fmt.Sprintf(line, fleet.Addr(0)))
		}
		require.Equal(t, want, lines(log, testutil.LevelInfo), step.name)
		require.Empty(t, lines(log, testutil.LevelWarn), step.name)
		// Failures are reported only through the accumulator.
		require.Empty(t, lines(log, testutil.LevelError), step.name)
	}
}

// A round that is cut off before it asks a server does not forget its version.
func TestHistoryAfterCutOffRound(t *testing.T) {
	fleet := start(t, simulator.Server{})
	q, log := newPlugin(fleet.Addr(0))
	require.NoError(t, q.Init())
	gather(t, q)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	q.GatherContext(ctx, &testutil.Accumulator{})
	require.NoError(t, fleet.Set(0, simulator.Server{Reply: simulator.Reply(newRelease, newVersion)}))
	log.Clear()
	gather(t, q)
	require.Equal(t, []string{fleet.Addr(0) + ` changed from "May 2024 Patch 1 (14.187.5)" to "May 2025 Patch 15 (14.231.27)"`},
		lines(log, testutil.LevelInfo))
}

func TestDebugLines(t *testing.T) {
	fleet := start(t, simulator.Server{})
	q, log := newPlugin(fleet.Addr(0))
	require.NoError(t, q.Init())
	gather(t, q)
	log.Clear()
	gather(t, q)
	debug := lines(log, testutil.LevelDebug)
	require.Len(t, debug, 2)
	require.Regexp(t, `^`+regexp.QuoteMeta(fleet.Addr(0))+` runs "May 2024 Patch 1 \(14\.187\.5\)", answered in [0-9.]+(ms|s)$`, debug[0])
	require.Regexp(t, `^Round of polls ended; servers: 1, time: [0-9.]+(ms|s)$`, debug[1])
	require.Len(t, log.Messages(), 2)
}

// The complete errors of failed polls; TestCases checks the format of the others.
func TestErrorLines(t *testing.T) {
	fleet := start(t, simulator.Server{Fault: simulator.Fault401}, simulator.Server{Fault: simulator.FaultForeignCA})
	q, log := newPlugin("https://"+fleet.Addr(0)+"/prod/api/about/v1/systeminfo?x=y", fleet.Addr(1))
	require.NoError(t, q.Init())
	for range 2 { // in every round that fails
		require.ElementsMatch(t, []string{
			"https://" + fleet.Addr(0) + "/prod/api/about/v1/systeminfo" +
				": authentication_failed: the server answered with HTTP status 401 Unauthorized" +
				"; the virtual proxy requires a login: check token_file or headers, or ask the node itself on port 9032",
			fleet.Addr(1) + ": tls_error: tls: failed to verify certificate: x509: certificate signed by unknown authority" +
				` (possibly because of "crypto/rsa: verification error" while trying to verify candidate authority` +
				` certificate "qlik-sense-simulator-CA"); set tls_ca to the root.pem of the server's own site (each site has its own)`,
		}, gather(t, q).errors)
	}
	require.Empty(t, lines(log, testutil.LevelError), "errors are reported only through the accumulator")
}

// No failure writes a secret to the log, the errors or the points.
func TestSecretsNotWritten(t *testing.T) {
	t.Parallel()
	const secret = "pa$$w0rd"
	faults := simulator.Faults()
	simulated := make([]simulator.Server, len(faults)+1) // the last one is healthy
	for i, fault := range faults {
		simulated[i].Fault = fault
	}
	fleet := start(t, simulated...)
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, r.Header.Get("Proxy-Authorization"), http.StatusProxyAuthRequired)
	}))
	defer refusing.Close()
	withPassword := func(url string) string { return strings.Replace(url, "://", "://monitoring:"+secret+"@", 1) }

	hosts := make([]string, 0, len(simulated)+2)
	for _, address := range addresses(fleet, len(simulated)) {
		hosts = append(hosts, "https://"+address+"/api/about/v1/systeminfo?ticket="+secret)
	}
	hosts = append(hosts,
		"https://qlik1-.example.com/?ticket="+secret, // cannot be resolved
		"http://127.0.1.1:1/?ticket="+secret)         // nothing listens; without TLS, so there is a warning too
	for _, proxy := range []string{"", withPassword(refusing.URL), withPassword("http://127.0.0.1:1"), withPassword("socks5://127.0.0.1:1")} {
		q, log := newPlugin(hosts...)
		// Few at a time, so that no poll times out on a busy machine.
		q.Timeout, q.MaxConcurrentRequests = Duration(2*time.Second), 4
		q.TokenFile = writeFile(t, "token-"+secret)
		q.Headers = map[string]string{"hdr-usr": secret}
		q.HTTPProxyURL = proxy
		require.NoError(t, q.Init())
		got := gather(t, q)
		require.Len(t, got.points, len(hosts))
		failed := len(hosts)
		if proxy == "" {
			failed-- // the healthy server
		}
		require.Len(t, got.errors, failed)
		for _, line := range got.errors {
			require.NotContains(t, line, secret)
			require.NotContains(t, line, "bW9uaXRvcmluZzp") // the user and password in base64
		}
		for _, point := range got.points {
			require.NotContains(t, fmt.Sprint(point.Tags(), point.Fields()), secret)
		}
		require.NotContains(t, allMessages(log), secret)
		require.NotEmpty(t, allMessages(log))
	}
}

// results returns all results.
func results() []poll.Result {
	var all []poll.Result
	for result := poll.Result(0); result < 100; result++ {
		if !strings.HasPrefix(result.String(), "unknown_result") {
			all = append(all, result)
		}
	}
	return all
}

// A remark on a version is logged after each change, not in every round.
func TestRemarksLoggedOnce(t *testing.T) {
	fleet := start(t, simulator.Server{})
	q, log := newPlugin(addresses(fleet, 1)...)
	require.NoError(t, q.Init())
	for _, step := range []struct{ label, build, warning string }{
		{"May 2024 Patch 1", "14.187.5", ""},
		{"May 2024 Patch 1", "14.231.5", `%s is not judged: the release label says "May 2024 Patch 1", but build 14.231.5 belongs to "May 2025"`},
		{"May 2024 Patch 1", "14.999.5",
			`%s is not judged: the release label says "May 2024 Patch 1", but build 14.999.5 belongs to another release: those of "May 2024" begin with 14.187`},
		{"May 2024 Patch 2", "14.187.5",
			`%s: the release label says "May 2024 Patch 2", but build 14.187.5 does not match it if patch 1 is build 14.187.5, ` +
				`as the catalogue infers: it is judged by its label`},
		{"May 2024", "14.187.5",
			`%s: the release label says "May 2024", but build 14.187.5 does not match it if patch 1 is build 14.187.5, ` +
				`as the catalogue infers: it is judged by its label`},
		{"May 2024 Patch 1", "14.187.4",
			`%s is not judged: the release label says "May 2024 Patch 1", but build 14.187.4 does not match it: patch 0 is build 14.187.4`},
		{"Mai 2024", "14.187.5", `%s is not judged: the release label is "Mai 2024": not a release of Qlik Sense`},
		{"May 2024 Patch 1", "14.187.5", ""},
		{"July 2024", "14.190.1",
			`%s is not judged: release "July 2024" is not in the catalogue: bring the catalogue up to date ` +
				`with "telegraf-qlik-sense-version catalog update FILE", and name the file in catalog_file`},
	} {
		before := len(lines(log, testutil.LevelWarn))
		require.NoError(t, fleet.Set(0, simulator.Server{Reply: simulator.Reply(step.label, step.build)}))
		gather(t, q)
		gather(t, q)
		warnings := lines(log, testutil.LevelWarn)[before:]
		if step.warning == "" {
			require.Empty(t, warnings)
			continue
		}
		require.Equal(t, []string{strings.ReplaceAll(step.warning, "%s", q.Hosts[0])}, warnings)
	}
}

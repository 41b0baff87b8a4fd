//go:build linux

package fleet

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/test/rig"
	"telegraf-qlik-sense-version/test/stack"
)

// webServer serves one drop-in and counts how often an agent checks whether it has changed.
type webServer struct {
	*httptest.Server

	mu       sync.Mutex
	text     string
	modified time.Time
	next     string // published as soon as an agent has fetched the text
	down     bool
	checks   int         // HEAD requests
	header   http.Header // of the last request
}

func newWebServer(t *testing.T, text string) *webServer {
	t.Helper()
	w := &webServer{text: text, modified: time.Now().Add(-time.Hour)}
	w.Server = httptest.NewServer(http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.header = request.Header
		if w.down {
			http.Error(response, "down", http.StatusServiceUnavailable)
			return
		}
		if request.Method == http.MethodHead {
			w.checks++
		}
		http.ServeContent(response, request, "", w.modified, strings.NewReader(w.text))
		if request.Method == http.MethodGet && w.next != "" {
			w.text, w.modified, w.next = w.next, w.modified.Add(time.Minute), ""
		}
	}))
	t.Cleanup(w.Close)
	return w
}

// publish replaces the drop-in. To agents it looks one minute newer than the last one.
func (w *webServer) publish(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text, w.modified = text, w.modified.Add(time.Minute)
}

// awaitCheck waits for another check by an agent: an agent does not notice a change before its first
// check.
func (w *webServer) awaitCheck(t *testing.T) {
	t.Helper()
	count := func() int {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.checks
	}
	before := count()
	require.Eventually(t, func() bool { return count() > before }, rig.Patience, 20*time.Millisecond)
}

// authorization returns the header of the last request.
func (w *webServer) authorization() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.header.Get("Authorization")
}

func (w *webServer) setDown(down bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down = down
}

// startRemoteAgent starts a Telegraf that reads the drop-in from a web server.
func startRemoteAgent(r *rig.Rig, web *webServer, options ...string) *stack.Process {
	r.Helper()
	p, err := r.Tools.StartTelegrafWith(r.TempDir(), append([]string{"--config", web.URL + "/qlik-sense-version.conf"}, options...), r.DB, r.Database)
	require.NoError(r, err)
	r.Cleanup(func() {
		// Telegraf's configuration watcher reads from the same channel of signals as its shutdown, so
		// one signal may get lost. A second one does not.
		p.Signal(os.Interrupt)
		if _, err := p.Wait(5 * time.Second); err == nil {
			return
		}
		_, err := p.Stop(rig.Patience)
		require.NoError(r, err)
	})
	return p
}

func environment(name string) string {
	return "  [inputs.qlik_sense_version.tags]\n    environment = \"" + name + "\""
}

func TestRemoteConfiguration(t *testing.T) {
	r := rig.New(t)
	_, hosts := r.Start(simulator.Server{}, simulator.Server{})
	t.Setenv("INFLUX_TOKEN", "token-of-telegraf")
	// All agents use one file, with variables from the environment of each.
	t.Setenv("COMPUTERNAME", hosts[0])
	t.Setenv("SITE", "TEST")
	web := newWebServer(t, r.DropIn(r.Block([]string{"${COMPUTERNAME}"}, environment("${SITE}"))))
	p := startRemoteAgent(r, web, "--config-url-watch-interval", "200ms")
	require.Equal(t, "TEST", r.Points(1, "")[0]["environment"])
	require.Equal(t, "Token token-of-telegraf", web.authorization(), "Telegraf sends its token to the web server")

	// The agent picks up other tags and a new server by itself.
	web.awaitCheck(t)
	web.publish(r.DropIn(r.Block(hosts, environment("PROD"))))
	points := r.ByTag(r.Points(2, "environment = 'PROD'"), "source")
	require.Len(t, points, 2)
	for _, host := range hosts {
		require.Equal(t, "success", points[host]["result"])
	}

	// Settings that the plugin refuses stop only the plugin.
	web.awaitCheck(t)
	web.publish(r.DropIn(r.Block(hosts, "  time_out = \"5s\"\n"+environment("QA"))))
	r.AwaitLog(p, "there is no such setting: did you mean timeout?")
	web.awaitCheck(t)
	web.publish(r.DropIn(r.Block(hosts, environment("QA"))))
	require.Len(t, r.Points(2, "environment = 'QA'"), 2)

	// Invalid TOML ends Telegraf: every agent of a fleet would stop.
	web.awaitCheck(t)
	web.publish("[[inputs.execd]\n")
	status, err := p.Wait(rig.Patience)
	require.NoError(t, err)
	require.NotZero(t, status, p.Output())
}

// Telegraf compares each check with the one before, not with the configuration that it started with.
func TestRemoteConfigurationChangedBeforeFirstCheck(t *testing.T) {
	r := rig.New(t)
	_, hosts := r.Start(simulator.Server{})
	web := newWebServer(t, r.DropIn(r.Block(hosts, environment("OLD"))))
	changed := r.DropIn(r.Block(hosts, environment("NEW")))
	web.next = changed
	startRemoteAgent(r, web, "--config-url-watch-interval", "200ms")
	r.Points(1, "")
	web.awaitCheck(t)
	web.awaitCheck(t)
	require.Empty(t, r.Points(0, "environment = 'NEW'"))
	web.publish(changed)
	r.Points(1, "environment = 'NEW'")
}

// With unlimited retries an agent waits for a web server that is down when it starts.
func TestRemoteConfigurationRetries(t *testing.T) {
	r := rig.New(t)
	_, hosts := r.Start(simulator.Server{})
	web := newWebServer(t, r.DropIn(r.Block(hosts, "")))
	web.setDown(true)
	p := startRemoteAgent(r, web, "--config-url-retry-attempts", "-1")
	r.AwaitLog(p, "Error getting HTTP config")
	web.setDown(false)
	r.Points(1, "")
}

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

// webServer hands out one drop-in, and counts how often an agent looked for a change.
type webServer struct {
	*httptest.Server

	mu       sync.Mutex
	text     string
	modified time.Time
	next     string // published as soon as an agent has fetched the text
	away     bool
	looks    int
	asked    http.Header // of the last request
}

func newWebServer(t *testing.T, text string) *webServer {
	t.Helper()
	w := &webServer{text: text, modified: time.Now().Add(-time.Hour)}
	w.Server = httptest.NewServer(http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.asked = request.Header
		if w.away {
			http.Error(response, "away", http.StatusServiceUnavailable)
			return
		}
		if request.Method == http.MethodHead {
			w.looks++
		}
		http.ServeContent(response, request, "", w.modified, strings.NewReader(w.text))
		if request.Method == http.MethodGet && w.next != "" {
			w.text, w.modified, w.next = w.next, w.modified.Add(time.Minute), ""
		}
	}))
	t.Cleanup(w.Close)
	return w
}

// publish changes what is handed out, a minute after the last time as far as agents can see.
func (w *webServer) publish(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text, w.modified = text, w.modified.Add(time.Minute)
}

// awaitLook waits until an agent has looked once more: a change before the first look of an agent
// is none to it.
func (w *webServer) awaitLook(t *testing.T) {
	t.Helper()
	count := func() int {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.looks
	}
	before := count()
	require.Eventually(t, func() bool { return count() > before }, rig.Patience, 20*time.Millisecond)
}

func (w *webServer) setAway(away bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.away = away
}

// remoteAgent starts a Telegraf that takes the drop-in from a web server.
func remoteAgent(r *rig.Rig, web *webServer, options ...string) *stack.Process {
	r.Helper()
	p, err := r.Tools.StartTelegrafWith(r.TempDir(), append([]string{"--config", web.URL + "/qlik-sense-version.conf"}, options...), r.DB, r.Database)
	require.NoError(r, err)
	r.Cleanup(func() {
		// Telegraf's watcher takes signals from the same channel as what ends Telegraf: one is
		// lost now and then, and a second one is not.
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
	// One file for all agents: each puts in what its environment says.
	t.Setenv("COMPUTERNAME", hosts[0])
	t.Setenv("SITE", "TEST")
	web := newWebServer(t, r.DropIn(r.Block([]string{"${COMPUTERNAME}"}, environment("${SITE}"))))
	p := remoteAgent(r, web, "--config-url-watch-interval", "200ms")
	require.Equal(t, "TEST", r.Points(1, "")[0]["environment"])
	require.Equal(t, "Token token-of-telegraf", web.asked.Get("Authorization"), "a token of Telegraf goes to that server")

	// Other tags and one more server, without a hand on the agent.
	web.awaitLook(t)
	web.publish(r.DropIn(r.Block(hosts, environment("PROD"))))
	points := r.ByTag(r.Points(2, "environment = 'PROD'"), "source")
	require.Len(t, points, 2)
	for _, host := range hosts {
		require.Equal(t, "success", points[host]["result"])
	}

	// Settings that the plugin refuses stop the plugin alone.
	web.awaitLook(t)
	web.publish(r.DropIn(r.Block(hosts, "  time_out = \"5s\"\n"+environment("QA"))))
	r.AwaitLog(p, "there is no such setting: did you mean timeout?")
	web.awaitLook(t)
	web.publish(r.DropIn(r.Block(hosts, environment("QA"))))
	require.Len(t, r.Points(2, "environment = 'QA'"), 2)

	// What is no TOML ends Telegraf, and so would end every agent of the fleet.
	web.awaitLook(t)
	web.publish("[[inputs.execd]\n")
	status, err := p.Wait(rig.Patience)
	require.NoError(t, err)
	require.NotZero(t, status, p.Output())
}

// Telegraf compares looks with each other, and none with what it started with.
func TestRemoteConfigurationChangedBeforeTheFirstLook(t *testing.T) {
	r := rig.New(t)
	_, hosts := r.Start(simulator.Server{})
	web := newWebServer(t, r.DropIn(r.Block(hosts, environment("OLD"))))
	web.next = r.DropIn(r.Block(hosts, environment("NEW")))
	remoteAgent(r, web, "--config-url-watch-interval", "200ms")
	r.Points(1, "")
	web.awaitLook(t)
	web.awaitLook(t)
	require.Empty(t, r.Points(0, "environment = 'NEW'"))
	web.publish(web.text)
	r.Points(1, "environment = 'NEW'")
}

// A web server that is away at the start: an agent waits for it only if it is told to.
func TestRemoteConfigurationIsAwaited(t *testing.T) {
	r := rig.New(t)
	_, hosts := r.Start(simulator.Server{})
	web := newWebServer(t, r.DropIn(r.Block(hosts, "")))
	web.setAway(true)
	p := remoteAgent(r, web, "--config-url-retry-attempts", "-1")
	r.AwaitLog(p, "Error getting HTTP config")
	web.setAway(false)
	r.Points(1, "")
}

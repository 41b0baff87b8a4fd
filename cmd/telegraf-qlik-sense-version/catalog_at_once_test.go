package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/catalog"
)

// Concurrent updates, each with another release: the file has the releases of all of them, even if
// other updates are killed at the same time.
func TestConcurrentCatalogUpdates(t *testing.T) {
	const updates, killed = 10, 3
	var arrived sync.WaitGroup
	arrived.Add(updates + killed)
	mux := http.NewServeMux()
	for i := range updates + killed {
		mux.HandleFunc(fmt.Sprintf("/%d", i), func(w http.ResponseWriter, _ *http.Request) {
			arrived.Done()
			arrived.Wait() // so that all of them continue at once
			fmt.Fprintf(w, `[{"name":"May %d","tag_name":"v%d.100.3","published_at":"2026-01-20T12:00:00Z"}]`, 2031+i, 15+i)
		})
	}
	mux.HandleFunc("/again", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, may2031) })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)

	file := copyCatalog(t)
	programs := make([]*program, updates+killed)
	for i := range programs {
		programs[i] = start(t, append([]string{"catalog", "update", file}, onlyReleases(fmt.Sprintf("%s/%d", server.URL, i))...)...)
	}
	arrived.Wait()
	for _, p := range programs[updates:] {
		time.Sleep(10 * time.Millisecond)
		p.cmd.Process.Kill()
	}
	for _, p := range programs[:updates] {
		p.requireEnd(0)
		require.Empty(t, p.stderr.String())
	}
	for _, p := range programs[updates:] {
		<-p.ended
	}
	labels := make(map[string]bool)
	c, err := catalog.Load(file)
	require.NoError(t, err)
	for _, r := range c.Releases {
		labels[r.Label.String()] = true
	}
	for i := range updates {
		require.True(t, labels[fmt.Sprintf("May %d", 2031+i)], "May %d is lost", 2031+i)
	}

	p := start(t, append([]string{"catalog", "update", file}, onlyReleases(server.URL+"/again")...)...)
	p.requireEnd(0)
	require.Contains(t, p.stdout.String(), file+": nothing new, ")
	locks, err := filepath.Glob(filepath.Join(filepath.Dir(file), "*lock*"))
	require.NoError(t, err)
	require.Empty(t, locks)
}

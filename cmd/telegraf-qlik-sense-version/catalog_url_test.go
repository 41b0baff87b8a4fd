//go:build linux

package main

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/catalog"
)

// check and rounds read the catalogue from a web server, verified by the system's CAs.
func TestCatalogURL(t *testing.T) {
	c := *catalog.BuiltIn()
	c.Advisories = append([]catalog.Advisory{}, c.Advisories...)
	for i := range c.Advisories {
		if c.Advisories[i].ID == "CVE-2024-55579" {
			c.Advisories[i].Dismissed = "not for us"
		}
	}
	text, err := c.Encode("for a test")
	require.NoError(t, err)
	var requests atomic.Int64
	web := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		w.Write(text)
	}))
	t.Cleanup(web.Close)
	roots := filepath.Join(t.TempDir(), "roots.pem")
	require.NoError(t, os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw}), 0o600))
	config := startFleet(t, serverRunning("May 2025 Patch 15", "14.231.27")).config(fmt.Sprintf("catalog_url = '%s/catalog.toml'", web.URL))
	run := func(status int, args ...string) *program {
		p := prepare(t, append(args, "--config", config)...)
		p.cmd.Env = append(p.cmd.Env, "SSL_CERT_FILE="+roots, "SSL_CERT_DIR="+t.TempDir())
		p.start()
		p.requireEnd(status)
		return p
	}

	const weaker = `CVE-2024-55579 is dismissed: "not for us"`
	type report struct {
		Catalogs []struct {
			Name   string
			Weaker []string
		}
		Blocks []struct {
			Problem string `json:"catalog_problem"`
		}
	}
	var r report
	require.NoError(t, json.Unmarshal([]byte(run(0, "check", "--output", "json").stdout.String()), &r))
	require.EqualValues(t, 1, requests.Load())
	require.Equal(t, web.URL+"/catalog.toml", r.Catalogs[0].Name)
	require.Equal(t, []string{weaker}, r.Catalogs[0].Weaker)
	require.Empty(t, r.Blocks[0].Problem)

	p := run(0, "--once")
	p.requirePoints(1)
	require.Contains(t, p.stderr.String(), "W! Catalogue ("+web.URL+"/catalog.toml): weaker than what is built into this program: "+weaker)

	web.Close()
	var offline report
	require.NoError(t, json.Unmarshal([]byte(run(0, "check", "--output", "json").stdout.String()), &offline))
	require.Equal(t, "built in", offline.Catalogs[0].Name)
	require.Contains(t, offline.Blocks[0].Problem, web.URL+"/catalog.toml: dial tcp ")
}

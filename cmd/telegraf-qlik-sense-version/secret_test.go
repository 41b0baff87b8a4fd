//go:build linux

package main

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
)

// The program never writes a token, password, header value or a part of a reply, at any log level.
// checkOutput searches the output of every program in these tests for the secret.
func TestSecretsNotWritten(t *testing.T) {
	encoded := base64.StdEncoding.EncodeToString([]byte("user:" + secret))
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Echo", fmt.Sprint(r.Header))
		http.Error(w, fmt.Sprint(r.Header, secret), http.StatusProxyAuthRequired)
	}))
	defer refusing.Close()
	proxyAt := func(address string) string {
		return fmt.Sprintf("http_proxy_url = 'http://user:%s@%s'", secret, address)
	}

	tests := []struct {
		name   string
		server simulator.Server
		more   []string
		result string
	}{
		{"answer", simulator.Server{}, nil, "success"},
		{"unauthorised", simulator.Server{Fault: simulator.Fault401}, nil, "authentication_failed"},
		{"redirect", simulator.Server{Fault: simulator.Fault302}, nil, "authentication_failed"},
		{"invalid JSON", simulator.Server{Reply: []byte("{" + secret)}, nil, "invalid_response"},
		{"other JSON", simulator.Server{Reply: []byte(`{"secret": "` + secret + `"}`)}, nil, "invalid_response"},
		{"down", simulator.Server{Fault: simulator.FaultDown}, nil, "connection_failed"},
		{"unknown authority", simulator.Server{Fault: simulator.FaultForeignCA}, nil, "tls_error"},
		{"proxy refuses", simulator.Server{}, []string{proxyAt(strings.TrimPrefix(refusing.URL, "http://"))}, "connection_failed"},
		{"proxy is down", simulator.Server{}, []string{proxyAt("127.0.0.1:1")}, "connection_failed"},
		{"SOCKS proxy is down", simulator.Server{}, []string{"http_proxy_url = 'socks5://user:" + secret + "@127.0.0.1:1'"}, "connection_failed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := startFleet(t, tt.server)
			token := filepath.Join(f.dir, "token")
			require.NoError(t, os.WriteFile(token, []byte(secret+"\n"), 0o600))
			more := append([]string{
				"token_file = '" + token + "'",
				"tls_key_pwd = '" + secret + "'",
				"headers = {X-Api-Key = '" + secret + "'}",
			}, tt.more...)
			p := start(t, "--once", "--log-level", "trace", "--config", f.config(more...))
			p.requireEnd(0)
			points := p.requirePoints(1)
			require.Contains(t, points[0], `result="`+tt.result+`"`)
			require.NotContains(t, p.stdout.String()+p.stderr.String(), encoded)
			if tt.result == "success" {
				require.Equal(t, "Bearer "+secret, f.LastRequest(0).Header.Get("Authorization"), "the token must have been sent")
			}
		})
	}
}

func TestSecretsOfInvalidSettingsNotWritten(t *testing.T) {
	for _, more := range []string{
		"tls_key_pwd = " + secret,
		"tls_key_pwd = '" + secret + "\nx = 1",
		"tls_key_pwd = [\"" + secret + "\"]",
		"token_file = 'x'\nheaders = {Authorization = '" + secret + "'}",
		"headers = {\"a b\" = '" + secret + "'}",
		"http_proxy_url = '" + secret + "'",
		"http_proxy_url = 'http://user:" + secret + "@proxy.example.com:x'",
		"timeout = '" + secret + "'",
		"insecure_skip_verify = '" + secret + "'",
	} {
		p := start(t, "--once", "--log-level", "trace", "--config", writeConfig(t, t.TempDir(), []string{"qlik1.example.com"}, more))
		p.requireEnd(1)
		require.NotEmpty(t, p.stderr.String())
	}
	for _, host := range []string{
		"https://user:" + secret + "@qlik1", "https://user:" + secret + "@qlik1:x", "user:" + secret + "@qlik1",
		"ftp://qlik1/?token=" + secret, "qlik1?token=" + secret, "https://" + secret + "@",
	} {
		p := start(t, "--once", "--log-level", "trace", "--config", writeConfig(t, t.TempDir(), []string{host}))
		p.requireEnd(1)
		require.NotEmpty(t, p.stderr.String())
	}
}

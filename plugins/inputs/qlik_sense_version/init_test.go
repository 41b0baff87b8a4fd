package qlik_sense_version

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/influxdata/telegraf/testutil"
	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/poll"
)

// parts returns the parts of a joined error.
func parts(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, part := range joined.Unwrap() {
		all = append(all, parts(part)...)
	}
	return all
}

func TestInitErrors(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing.pem")
	_, err := os.Stat(missing)
	require.Error(t, err)
	notFound := err.Error() + ": check the path" // with the operating system's error text
	empty := filepath.Join(t.TempDir(), "empty.pem")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))

	tests := []struct {
		name   string
		change func(*QlikSenseVersion)
		errors []string // each starts with the key of a setting
	}{
		{
			name:   "no host",
			change: func(q *QlikSenseVersion) { q.Hosts = nil },
			errors: []string{`hosts: name at least one server, for example hosts = ["qlik1.example.com"], or a node of a site in discover`},
		},
		{
			name:   "empty host",
			change: func(q *QlikSenseVersion) { q.Hosts = []string{"qlik1", ""} },
			errors: []string{`hosts: "": a host must not be empty`},
		},
		{
			name:   "two servers in one entry",
			change: func(q *QlikSenseVersion) { q.Hosts = []string{"qlik1, qlik2"} },
			errors: []string{`hosts: "qlik1, qlik2": write one server per entry: ["qlik1.example.com", "qlik2.example.com"]`},
		},
		{
			name:   "scheme",
			change: func(q *QlikSenseVersion) { q.Hosts = []string{"ftp://qlik1.example.com/"} },
			errors: []string{`hosts: "ftp://qlik1.example.com/": scheme "ftp" is neither https nor http`},
		},
		{
			name:   "path without scheme",
			change: func(q *QlikSenseVersion) { q.Hosts = []string{"qlik1.example.com/v1/systeminfo"} },
			errors: []string{`hosts: "qlik1.example.com/v1/systeminfo": write a name, name:port, or a whole URL that begins with https:// or http://`},
		},
		{
			name:   "port",
			change: func(q *QlikSenseVersion) { q.Hosts = []string{"qlik1:90320"} },
			errors: []string{`hosts: "qlik1:...": the port must be a number from 1 to 65535`},
		},
		{
			name:   "fragment",
			change: func(q *QlikSenseVersion) { q.Hosts = []string{"https://qlik1.example.com/#about"} },
			errors: []string{`hosts: "https://qlik1.example.com/#...": a URL must not contain a "#" part`},
		},
		{
			name:   "user information",
			change: func(q *QlikSenseVersion) { q.Hosts = []string{"https://monitoring:secret@qlik1.example.com/"} },
			errors: []string{`hosts: "...@qlik1.example.com/": a URL must not contain a user name or password: use token_file or headers`},
		},
		{
			name: "secret in a query",
			change: func(q *QlikSenseVersion) {
				q.Hosts = []string{"ftp://qlik1/?token=secret", "ftp://qlik2/?token=sec@ret"}
			},
			errors: []string{
				`hosts: "ftp://qlik1/?...": scheme "ftp" is neither https nor http`,
				`hosts: "...": scheme "ftp" is neither https nor http`,
			},
		},
		{
			name:   "the same server twice",
			change: func(q *QlikSenseVersion) { q.Hosts = []string{"qlik1", "qlik2", "https://QLIK1:19032/x?y=z"} },
			errors: []string{`hosts: "qlik1" and "https://QLIK1:19032/x" are the same server: ` +
				`their points would overwrite each other; remove one, or move it to a block with other tags`},
		},
		{
			name:   "timeout",
			change: func(q *QlikSenseVersion) { q.Timeout = 0 },
			errors: []string{`timeout: must be 100ms or longer, for example "10s"`},
		},
		{
			name:   "max_concurrent_requests",
			change: func(q *QlikSenseVersion) { q.MaxConcurrentRequests = 0 },
			errors: []string{"max_concurrent_requests: must be 1 or more"},
		},
		{
			name:   "tag without a name",
			change: func(q *QlikSenseVersion) { q.Tags = map[string]string{"": "PROD"} },
			errors: []string{"tags: a tag needs a name"},
		},
		{
			name:   "tag without a value",
			change: func(q *QlikSenseVersion) { q.Tags = map[string]string{"environment": ""} },
			errors: []string{`tags: "environment" is empty: give it a value or remove it`},
		},
		{
			name:   "reserved tags",
			change: func(q *QlikSenseVersion) { q.Tags = map[string]string{"source": "qlik1", "host": "agent1"} },
			errors: []string{
				`tags: "host" is set to the agent's own name by Telegraf: use another name`,
				`tags: "source" is set to the server by this plugin: use another name`,
			},
		},
		{
			name: "tags that line protocol cannot carry",
			change: func(q *QlikSenseVersion) {
				q.Tags = map[string]string{"a": "x\ny", "b": `C:\Qlik\`, "c\t": "x", `d\`: "x", "e": `C:\Qlik`}
			},
			errors: []string{
				`tags: the value of "a" contains a control character or ends in a backslash, which a tag cannot carry: change it`,
				`tags: the value of "b" contains a control character or ends in a backslash, which a tag cannot carry: change it`,
				`tags: the name "c\t" contains a control character or ends in a backslash, which a tag cannot carry: change it`,
				`tags: the name "d\\" contains a control character or ends in a backslash, which a tag cannot carry: change it`,
			},
		},
		{
			name: "tags that are too long",
			change: func(q *QlikSenseVersion) {
				q.Tags = map[string]string{"a": strings.Repeat("x", 1025), "ab" + strings.Repeat("c", 255): "x", "d": strings.Repeat("x", 1024)}
			},
			errors: []string{
				`tags: the value of "a" is 1025 bytes long, more than 1024: shorten it`,
				`tags: the name "ab` + strings.Repeat("c", 58) + `..." is 257 bytes long, more than 256: shorten it`,
			},
		},
		{
			name: "too many tags",
			change: func(q *QlikSenseVersion) {
				q.Tags = make(map[string]string)
				for i := range 8 {
					q.Tags[string(rune('a'+i))] = strings.Repeat("x", 1024)
				}
			},
			errors: []string{"tags: names and values together are 8200 bytes long, more than 8192: shorten or remove some"},
		},
		{
			name: "tags in another encoding",
			change: func(q *QlikSenseVersion) {
				q.Tags = map[string]string{"a": "Z\xfcrich", "b\xff": "x", "c": "Zürich"}
			},
			errors: []string{
				`tags: the value of "a" is not valid UTF-8: check where it comes from`,
				`tags: the name "b\xff" is not valid UTF-8: check where it comes from`,
			},
		},
		{
			name:   "certificate without key",
			change: func(q *QlikSenseVersion) { q.TLSKey = "" },
			errors: []string{"tls_cert: tls_key is missing: a client certificate needs its private key (client_key.pem)"},
		},
		{
			name:   "key without certificate",
			change: func(q *QlikSenseVersion) { q.TLSCert = "" },
			errors: []string{"tls_key: tls_cert is missing: a private key needs its client certificate (client.pem)"},
		},
		{
			name:   "missing tls_ca",
			change: func(q *QlikSenseVersion) { q.TLSCA = missing },
			errors: []string{"tls_ca: " + notFound},
		},
		{
			name:   "tls_ca without a certificate",
			change: func(q *QlikSenseVersion) { q.TLSCA = empty },
			errors: []string{fmt.Sprintf("tls_ca: %s holds no certificate in PEM form"+
				" (export the certificates in PEM form: root.pem, client.pem, client_key.pem)", empty)},
		},
		{
			name:   "tls_min_version",
			change: func(q *QlikSenseVersion) { q.TLSMinVersion = "1.2" },
			errors: []string{`tls_min_version: could not parse tls min version "1.2": unsupported version "1.2" (available: TLS10,TLS11,TLS12,TLS13)`},
		},
		{
			name:   "tls_enable",
			change: func(q *QlikSenseVersion) { q.Enable = new(bool) },
			errors: []string{"tls_enable: TLS cannot be turned off for a block: write the host as a URL that begins with http://"},
		},
		{
			name:   "tls_verify",
			change: func(q *QlikSenseVersion) { q.TLSVerify = "none" },
			errors: []string{`tls_verify: "none" is neither "full" nor "chain"`},
		},
		{
			name:   "chain without tls_ca",
			change: func(q *QlikSenseVersion) { q.TLSVerify, q.TLSCA = "chain", "" },
			errors: []string{`tls_verify: "chain" needs tls_ca: without it any public certificate would be accepted for any server`},
		},
		{
			name:   "chain with insecure_skip_verify",
			change: func(q *QlikSenseVersion) { q.TLSVerify, q.InsecureSkipVerify = "chain", true },
			errors: []string{`insecure_skip_verify: contradicts tls_verify = "chain": remove one of them`},
		},
		{
			name:   "missing token_file",
			change: func(q *QlikSenseVersion) { q.TokenFile = missing },
			errors: []string{"token_file: " + notFound},
		},
		{
			name:   "token_file without a token",
			change: func(q *QlikSenseVersion) { q.TokenFile = empty },
			errors: []string{"token_file: " + empty + " does not hold one token on one line"},
		},
		{
			name:   "invalid header name",
			change: func(q *QlikSenseVersion) { q.Headers = map[string]string{"hdr usr": "secret"} },
			errors: []string{`headers: "hdr usr" is not a valid name of an HTTP header`},
		},
		{
			name:   "invalid header value",
			change: func(q *QlikSenseVersion) { q.Headers = map[string]string{"hdr-usr": "sec\nret"} },
			errors: []string{`headers: the value of "hdr-usr" contains a control character`},
		},
		{
			name: "two tokens",
			change: func(q *QlikSenseVersion) {
				q.TokenFile = filepath.Join(sharedSite.Dir, "token")
				require.NoError(t, os.WriteFile(q.TokenFile, []byte("secret"), 0o600))
				q.Headers = map[string]string{"authorization": "Bearer secret"}
			},
			errors: []string{`headers: "authorization" is set by token_file as well: remove one of them`},
		},
		{
			name:   "invalid proxy URL",
			change: func(q *QlikSenseVersion) { q.HTTPProxyURL = "monitoring:secret@proxy" },
			errors: []string{"http_proxy_url: is not a URL: write for example http://proxy.example.com:3128"},
		},
		{
			name:   "unknown proxy scheme",
			change: func(q *QlikSenseVersion) { q.HTTPProxyURL = "ftp://monitoring:secret@proxy.example.com" },
			errors: []string{`http_proxy_url: begins with none of http://, socks5://, socks5h://`},
		},
		{
			name:   "two proxies",
			change: func(q *QlikSenseVersion) { q.UseSystemProxy, q.HTTPProxyURL = true, "http://proxy.example.com" },
			errors: []string{"http_proxy_url: is ignored when use_system_proxy is true: remove one of them"},
		},
		{
			name: "everything at once",
			change: func(q *QlikSenseVersion) {
				q.MaxConcurrentRequests = -1
				q.Tags = map[string]string{"source": "x"}
				q.Hosts = []string{"ftp://qlik1", "", "qlik2:0"}
				q.Timeout = -1
			},
			errors: []string{
				"max_concurrent_requests: must be 1 or more",
				`tags: "source" is set to the server by this plugin: use another name`,
				`hosts: "ftp://qlik1": scheme "ftp" is neither https nor http`,
				`hosts: "": a host must not be empty`,
				`hosts: "qlik2:...": the port must be a number from 1 to 65535`,
				`timeout: must be 100ms or longer, for example "10s"`,
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q, log := newPlugin("qlik1.example.com")
			tt.change(q)

			err := q.Init()
			got := make([]string, 0, len(tt.errors))
			for _, part := range parts(err) {
				setting, ok := part.(*poll.SettingError) //nolint:errorlint // each part must be one, not wrap one
				require.True(t, ok, "%T is no *poll.SettingError", part)
				require.Equal(t, setting.Key+": "+setting.Err.Error(), part.Error())
				got = append(got, part.Error())
			}
			require.Equal(t, tt.errors, got)
			require.Equal(t, strings.Join(got, "\n"), err.Error())
			require.NotContains(t, allMessages(log), "secret")
			require.Empty(t, lines(log, testutil.LevelError))
		})
	}
}

func TestWarnings(t *testing.T) {
	hosts := []string{"http://qlik1.example.com:4747", "https://qlik2.example.com", "qlik3.example.com"}
	tests := []struct {
		name     string
		change   func(*QlikSenseVersion)
		warnings []string
	}{
		{"no warnings", func(*QlikSenseVersion) {}, nil},
		{
			"insecure_skip_verify",
			func(q *QlikSenseVersion) { q.InsecureSkipVerify = true },
			[]string{`Setting insecure_skip_verify accepts any server: prefer tls_ca, with tls_verify = "chain" if names do not match`},
		},
		{
			"header without TLS",
			func(q *QlikSenseVersion) { q.Headers = map[string]string{"hdr-usr": "secret"} },
			[]string{"Server http://qlik1.example.com:4747 is asked without TLS: its token and headers can be read on the way"},
		},
		{
			"token without TLS",
			func(q *QlikSenseVersion) { q.TokenFile = writeFile(t, "secret") },
			[]string{"Server http://qlik1.example.com:4747 is asked without TLS: its token and headers can be read on the way"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q, log := newPlugin(hosts...)
			tt.change(q)
			require.NoError(t, q.Init())
			require.Equal(t, tt.warnings, lines(log, testutil.LevelWarn))
			require.Empty(t, lines(log, testutil.LevelInfo))
			require.Empty(t, lines(log, testutil.LevelError))
		})
	}
}

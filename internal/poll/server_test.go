package poll

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/text"
)

func TestParseServer(t *testing.T) {
	tests := []struct {
		host, url, source, label string
	}{
		{"qlik1", "https://qlik1:9032/v1/systeminfo", "qlik1", "qlik1"},
		{"Qlik_1.example.com", "https://Qlik_1.example.com:9032/v1/systeminfo", "Qlik_1.example.com", "Qlik_1.example.com"},
		{"müller", "https://xn--mller-kva:9032/v1/systeminfo", "müller", "müller"},
		{"https://Bücher_1.example/x", "https://xn--bcher_1-n2a.example/x", "Bücher_1.example", "https://Bücher_1.example/x"},
		{"qlik1.example.com.", "https://qlik1.example.com.:9032/v1/systeminfo", "qlik1.example.com.", "qlik1.example.com."},
		{"qlik1:19032", "https://qlik1:19032/v1/systeminfo", "qlik1", "qlik1:19032"},
		{"qlik1:", "https://qlik1:9032/v1/systeminfo", "qlik1", "qlik1:"},
		{"10.0.0.7", "https://10.0.0.7:9032/v1/systeminfo", "10.0.0.7", "10.0.0.7"},
		{"2001:db8::7", "https://[2001:db8::7]:9032/v1/systeminfo", "2001:db8::7", "2001:db8::7"},
		{"fe80::1%eth0", "https://[fe80::1%25eth0]:9032/v1/systeminfo", "fe80::1%eth0", "fe80::1%eth0"},
		{"[2001:db8::7]", "https://[2001:db8::7]:9032/v1/systeminfo", "2001:db8::7", "[2001:db8::7]"},
		{"[2001:db8::7]:443", "https://[2001:db8::7]:443/v1/systeminfo", "2001:db8::7", "[2001:db8::7]:443"},
		{"https://qlik1", "https://qlik1/v1/systeminfo", "qlik1", "https://qlik1"},
		{"https://qlik1:9032/", "https://qlik1:9032/v1/systeminfo", "qlik1", "https://qlik1:9032/"},
		{"http://qlik1/v1/systeminfo", "http://qlik1/v1/systeminfo", "qlik1", "http://qlik1/v1/systeminfo"},
		{
			"HTTPS://qlik1/hdr/api/about/v1/systeminfo?key=secret", "https://qlik1/hdr/api/about/v1/systeminfo?key=secret",
			"qlik1", "https://qlik1/hdr/api/about/v1/systeminfo",
		},
	}
	for _, tt := range tests {
		t.Run(tt.host, func(t *testing.T) {
			server, err := ParseServer(tt.host)
			require.NoError(t, err)
			require.Equal(t, tt.url, server.url.String())
			require.Equal(t, tt.source, server.Source())
			require.Equal(t, tt.label, server.String())
		})
	}
}

func TestParseServerRefuses(t *testing.T) {
	const writeName = "write a name, name:port, or a whole URL that begins with https:// or http://"
	const writeOne = `write one server per entry: ["qlik1.example.com", "qlik2.example.com"]`
	const noPort = "the port must be a number from 1 to 65535"
	const noUser = "a URL must not contain a user name or password: use token_file or headers"
	label := strings.Repeat("a", 63)
	tests := []struct {
		host, want string
	}{
		{"", `"": a host must not be empty`},
		{"://", `"://": not a URL: missing protocol scheme`},
		{"ftp://qlik1", `"ftp://qlik1": scheme "ftp" is neither https nor http`},
		{"https://", `"https://": the host name is missing`},
		{"https://:9032/v1/systeminfo", `"https://:9032/v1/systeminfo": the host name is missing`},
		{":9032", `":9032": the host name is missing`},
		{"https://user:secret@qlik1/v1/systeminfo", `"...@qlik1/v1/systeminfo": ` + noUser},
		{"https://user:sec ret@qlik1/", `"...@qlik1/": ` + noUser},
		{"https://user:sec/ret@qlik1/", `"...@qlik1/": ` + noUser},
		{"https://qlik1/v1/systeminfo#secret", `"https://qlik1/v1/systeminfo#...": a URL must not contain a "#" part`},
		{"qlik1/v1/systeminfo", `"qlik1/v1/systeminfo": ` + writeName},
		{"https://user:sec?ret@qlik1/", `"...": ` + noUser},
		{"secret@qlik1", `"...@qlik1": ` + writeName},
		{"qlik1?secret", `"qlik1?...": ` + writeName},
		{"qlik1,qlik2", `"qlik1,qlik2": ` + writeOne},
		{"qlik1 qlik2", `"qlik1 qlik2": ` + writeOne},
		{"qlik1\nqlik2", `"qlik1\nqlik2": neither a name, name:port nor a URL: net/url: invalid control character in URL`},
		{"[2001:db8::7", `"[2001:...": neither a name, name:port nor a URL: missing ']' in host`},
		{"fe80::1%eth0 ", `"fe80::1%eth0 ": ` + writeOne},
		{"::%%20", `"::%%20": ' ' is not allowed in a host name: write one server per entry`},
		{"*.example.com", `"*.example.com": '*' is not allowed in a host name: write one server per entry`},

		{"qlik1:0", `"qlik1:...": ` + noPort},
		{"qlik1:65536", `"qlik1:...": ` + noPort},
		{"qlik1:secret", `"qlik1:...": ` + noPort},
		{"qlik1:secret:9032", `"qlik1:...": ` + noPort},
		{"https://qlik1:secret/", `"https://qlik1:...": ` + noPort},
		{"https://qlik1:sec/ret", `"https://qlik1:...": ` + noPort},
		{"https://qlik1:123456/secret", `"https://qlik1:...": ` + noPort},
		{"https://[2001:db8::7]:secret/", `"https://[2001:db8::7]:...": ` + noPort},
		{"qlik1:secret://", `"qlik1:...": scheme "qlik1" is neither https nor http`},
		{"https://qlik1%zzsecret/", `"https://qlik1%zzsecret/": not a URL: it contains a character that is not allowed there`},

		{strings.Repeat("a", 1<<20), `"` + label[:60] + `...": is longer than 2048 bytes`},
		{"https://qlik1/" + strings.Repeat("a", 2048), `"https://qlik1/` + label[:46] + `...": is longer than 2048 bytes`},
		{label + "a", `"` + label[:60] + `...": each part of a host name has 1 to 63 characters`},
		{strings.Repeat("ü", 63), `"` + strings.Repeat("ü", 60) + `...": each part of a host name has 1 to 63 characters`},
		{strings.Repeat(label+".", 4), `"` + label[:60] + `...": a host name has at most 253 characters`},
		{"qlik1..example.com", `"qlik1..example.com": each part of a host name has 1 to 63 characters`},
		{".", `".": each part of a host name has 1 to 63 characters`},
		{"℀.example", `"℀.example": '/' is not allowed in a host name: write one server per entry`},
		{"xn--zzzzzzzz99999.example", `"xn--zzzzzzzz99999.example": not an international host name: idna: invalid label "zzzzzzzz99999"`},
		{"bü\u200dcher.example", `"bü\u200dcher.example": not an international host name: idna: invalid label "bü\u200dcher"`},
	}
	for _, tt := range tests {
		t.Run(text.Quote(tt.host), func(t *testing.T) {
			_, err := ParseServer(tt.host)
			require.EqualError(t, err, tt.want)
		})
	}
}

func TestKey(t *testing.T) {
	for _, same := range [][]string{
		{"qlik1.example.com", "QLIK1.example.com", "qlik1.example.com.", "https://Qlik1.Example.com:4343/hdr", "qlik1.example.com:9032"},
		{"xn--bcher-kva.example", "bücher.example", "BÜCHER.example.", "XN--BCHER-KVA.example", "bu\u0308cher.example"},
		{"2001:db8::7", "[2001:DB8:0:0::7]:443", "https://[2001:db8::0007]/"},
		{"10.0.0.7", "::ffff:10.0.0.7"},
		{"fe80::1%eth0", "[fe80::1%25eth0]"},
		{"qlik_1"},
	} {
		first, err := ParseServer(same[0])
		require.NoError(t, err)
		require.Equal(t, same[0], first.Key())
		for _, other := range same[1:] {
			server, err := ParseServer(other)
			require.NoError(t, err)
			require.Equal(t, first.Key(), server.Key(), other)
		}
	}
}

func FuzzParseServer(f *testing.F) {
	for _, entry := range []string{
		"https://h:secret/", "h:secret", "https://user:secret@h/", "secret@h", "https://[::1]:secret", "h:secret:9032",
		"https://h/?secret", "https://h/#secret", "https://h:1secret", "bücher.example.", "fe80::1%eth0", "::%%20", "https://[::1%25a%2cb]",
	} {
		f.Add(entry)
	}
	f.Fuzz(func(t *testing.T, entry string) {
		server, err := ParseServer(entry)
		if err != nil {
			require.Less(t, len(err.Error()), 1000)
			return
		}
		require.NotEmpty(t, server.Key())
		require.Equal(t, server.source, server.Source())
		again, err := ParseServer(server.Key())
		require.NoError(t, err)
		require.Equal(t, server.Key(), again.Key())
	})
}

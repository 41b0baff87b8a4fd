package poll

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseServer(t *testing.T) {
	tests := []struct {
		host, url, source, label string
	}{
		{"qlik1", "https://qlik1:9032/v1/systeminfo", "qlik1", "qlik1"},
		{"Qlik_1.example.com", "https://Qlik_1.example.com:9032/v1/systeminfo", "Qlik_1.example.com", "Qlik_1.example.com"},
		{"müller", "https://m%C3%BCller:9032/v1/systeminfo", "müller", "müller"},
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
	tests := []struct {
		host, want string
	}{
		{"", "a host must not be empty"},
		{"://", "not a URL: missing protocol scheme"},
		{"ftp://qlik1", `scheme "ftp" is neither https nor http`},
		{"https://", "the host name is missing"},
		{"https://:9032/v1/systeminfo", "the host name is missing"},
		{":9032", "the host name is missing"},
		{"https://user:secret@qlik1/v1/systeminfo", "a URL must not hold a user name or password: use token_file or headers"},
		{"https://user:sec ret@qlik1/", "a URL must not hold a user name or password: use token_file or headers"},
		{"https://user:sec/ret@qlik1/", "a URL must not hold a user name or password: use token_file or headers"},
		{"https://qlik1/v1/systeminfo#x", `a URL must not hold a "#" part`},
		{"qlik1/v1/systeminfo", writeName},
		{"user@qlik1", writeName},
		{"qlik1?x", writeName},
		{"qlik1,qlik2", writeOne},
		{"qlik1 qlik2", writeOne},
		{"qlik1\nqlik2", "neither a name, name:port nor a URL: net/url: invalid control character in URL"},
		{"qlik1:port", `neither a name, name:port nor a URL: invalid port ":port" after host`},
		{"qlik1:0", "port 0 is not within 1 to 65535"},
		{"qlik1:65536", "port 65536 is not within 1 to 65535"},
		{"[2001:db8::7", "neither a name, name:port nor a URL: missing ']' in host"},
		{"*.example.com", `'*' cannot stand in a host name: write one server per entry`},
	}
	for _, tt := range tests {
		t.Run(tt.host, func(t *testing.T) {
			_, err := ParseServer(tt.host)
			require.EqualError(t, err, tt.want)
		})
	}
}

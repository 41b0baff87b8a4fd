package poll

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Go's resolver asks this machine if it cannot open resolv.conf.
func TestRemoteNameServer(t *testing.T) {
	for _, tt := range []struct {
		name, resolvConf, server string
		want                     bool
	}{
		{"another server", "search example.com\nnameserver 10.0.0.1\n", "127.0.0.1:53", true},
		{"another server, asked by IPv6", "nameserver 10.0.0.1\nnameserver 10.0.0.2", "[::1]:53", true},
		{"this machine as configured", "nameserver 10.0.0.1\nnameserver 127.0.0.1\n", "127.0.0.1:53", false},
		{"this machine as configured, by IPv6", "nameserver ::1\n", "[::1]:53", false},
		{"this machine by default", "options rotate\n", "127.0.0.1:53", false},
		{"the configured server was asked", "nameserver 10.0.0.1\n", "10.0.0.1:53", false},
		{"the resolver of the system", "nameserver 10.0.0.1\n", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, namesOthers([]byte(tt.resolvConf), tt.server))
		})
	}
}

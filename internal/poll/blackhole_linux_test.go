package poll

import (
	"fmt"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A port with a full queue drops packets, as a firewall does. goleak checks that the connection
// attempt ends with the poll.
func TestPortDropsPackets(t *testing.T) {
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	require.NoError(t, err)
	defer syscall.Close(socket)
	require.NoError(t, syscall.Bind(socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	require.NoError(t, syscall.Listen(socket, 0))
	name, err := syscall.Getsockname(socket)
	require.NoError(t, err)
	address := fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
	for range 2 {
		filler, err := net.DialTimeout("tcp", address, 200*time.Millisecond)
		if err == nil {
			defer filler.Close()
		}
	}

	server, err := ParseServer(address)
	require.NoError(t, err)
	outcome := newPoller(t, Settings{Timeout: 300 * time.Millisecond, TLSVerify: VerifyFull}).Round(t.Context()).Poll(t.Context(), server)
	require.Equal(t, Timeout, outcome.Result, outcome.Cause)
	require.Equal(t, "the TCP connection was not established in time", outcome.Cause)
	require.Contains(t, outcome.Hint, "firewalls")
}

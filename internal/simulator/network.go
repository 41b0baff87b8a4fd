package simulator

import (
	"fmt"
	"net"
)

// ClaimNetwork reserves a number n, for servers on 127.n.x.y: no other call on this machine
// returns it before release. Where only 127.0.0.1 is loopback, as on macOS, the error is
// syscall.EADDRNOTAVAIL.
func ClaimNetwork() (n int, release func() error, err error) {
	for n = 20; n < 255; n++ {
		// The listener is the reservation: it ends with the process.
		var listener net.Listener
		if listener, err = net.Listen("tcp", fmt.Sprintf("127.%d.255.254:9032", n)); err == nil {
			return n, listener.Close, nil
		}
	}
	return 0, nil, fmt.Errorf("no network between 127.20.0.0 and 127.254.0.0 is free: %w", err)
}

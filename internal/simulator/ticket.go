package simulator

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"sync"
)

// ticketSize is what a server of Node.js 20, which the product's services are made
// with, gives to a client with an RSA-2048 certificate, in bytes. Measured; Go's own
// tickets have 1,700, and a poller keeps one for each server.
const ticketSize = 1024

// tickets gives session tickets of that size: random bytes that name a session which
// the server keeps. Only the latest are kept.
type tickets struct {
	mu       sync.Mutex
	sessions [4]struct{ ticket, state []byte }
	next     int
}

func (t *tickets) wrap(_ tls.ConnectionState, session *tls.SessionState) ([]byte, error) {
	state, err := session.Bytes()
	if err != nil {
		return nil, err
	}
	ticket := make([]byte, ticketSize)
	rand.Read(ticket)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sessions[t.next].ticket, t.sessions[t.next].state = ticket, state
	t.next = (t.next + 1) % len(t.sessions)
	return ticket, nil
}

func (t *tickets) unwrap(ticket []byte, _ tls.ConnectionState) (*tls.SessionState, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, session := range t.sessions {
		if session.ticket != nil && bytes.Equal(session.ticket, ticket) {
			return tls.ParseSessionState(session.state)
		}
	}
	return nil, nil //nolint:nilnil // a ticket that is not known is no error
}

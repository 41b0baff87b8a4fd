package simulator

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// node is one simulated server while it runs.
type node struct {
	site *Site
	addr string
	host string

	mu       sync.Mutex
	now      *phase
	listener net.Listener // nil while down
	conns    map[*conn]struct{}
	requests int
	last     Request

	// Certificates stay when a server is upgraded or recovers, as those of a
	// real one do, so they outlive a phase.
	certsMu sync.Mutex
	certs   map[certKey]*tls.Certificate
}

// phase is a server between two calls of Set.
type phase struct {
	Server
	tls   *tls.Config      // nil for HTTP without TLS
	awake func() time.Time // when a service that slept is there: told by the first request
}

// forges reports whether the server sends records that crypto/tls does not send.
func (p *phase) forges() bool {
	return p.Fault == FaultRenegotiation || p.Fault == FaultWarningFlood
}

func (n *node) newPhase(s Server) (*phase, error) {
	p := &phase{Server: s}
	if s.Repository != nil {
		p.awake = sync.OnceValue(func() time.Time { return time.Now().Add(s.Repository.Asleep) })
	}
	if s.Plain || s.Fault == FaultPlainHTTP {
		return p, nil
	}
	p.tls = &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return n.certificate(s.Name, s.Fault)
		},
	}
	if p.forges() {
		forgeable(p.tls)
	}
	if s.NoClientCert {
		return p, nil
	}
	p.tls.ClientAuth = tls.RequireAndVerifyClientCert
	p.tls.ClientCAs = n.site.root.pool
	if s.Fault == FaultClientRefused {
		stranger, err := n.site.stranger()
		if err != nil {
			return nil, err
		}
		p.tls.ClientCAs = stranger.pool
	}
	return p, nil
}

type certKey struct {
	name  string
	fault Fault
}

// certificate makes the server's certificate when the first client asks for it.
func (n *node) certificate(name string, fault Fault) (*tls.Certificate, error) {
	signer := n.site.root
	switch fault {
	case FaultExpiredCertificate, FaultNoSAN:
	case FaultForeignCA:
		stranger, err := n.site.stranger()
		if err != nil {
			return nil, err
		}
		signer = stranger
	default:
		fault = "" // all other faults leave the certificate as it is
	}
	n.certsMu.Lock()
	defer n.certsMu.Unlock()
	if cert := n.certs[certKey{name, fault}]; cert != nil {
		return cert, nil
	}
	cert, err := signer.issue(serverTemplate(name, n.host, fault), n.site.serverKey)
	if err != nil {
		return nil, err
	}
	if n.certs == nil {
		n.certs = make(map[certKey]*tls.Certificate)
	}
	n.certs[certKey{name, fault}] = &cert
	return &cert, nil
}

// hangUp ends all connections at once. The caller holds n.mu.
func (n *node) hangUp() {
	for c := range n.conns {
		_ = c.Conn.Close()
	}
	clear(n.conns)
}

// note keeps what LastRequest tells, and returns the phase of the node now.
func (n *node) note(r *http.Request) *phase {
	last := Request{Method: r.Method, Host: r.Host, Path: r.URL.Path, Query: r.URL.Query(), Header: r.Header.Clone()}
	if r.TLS != nil {
		last.TLSVersion = r.TLS.Version
		if len(r.TLS.PeerCertificates) > 0 {
			last.ClientCN = r.TLS.PeerCertificates[0].Subject.CommonName
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.requests++
	n.last = last
	return n.now
}

// gate is the listener that net/http sees: it gives the connections that get as
// far as a handshake or a request, and deals with the others itself.
type gate struct {
	net.Listener
	node  *node
	spawn func(func()) // starts a goroutine that Close waits for
}

// Accept waits for the next connection that net/http has to deal with.
func (g *gate) Accept() (net.Conn, error) {
	for {
		raw, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &conn{Conn: raw, node: g.node}
		// In one step with reading the phase: so Set ends every connection
		// that still has the former one.
		g.node.mu.Lock()
		c.phase = g.node.now
		if g.node.conns == nil {
			g.node.conns = make(map[*conn]struct{})
		}
		g.node.conns[c] = struct{}{}
		g.node.mu.Unlock()

		switch {
		case c.phase.Fault == FaultReset, c.phase.Fault == FaultDown:
			c.reset()
		case c.phase.Fault == FaultNoHandshake:
			g.spawn(func() {
				_, _ = io.Copy(io.Discard, c.Conn) // until the client gives up
				_ = c.release()
			})
		case c.phase.tls == nil:
			return c, nil
		case c.phase.forges():
			settings := c.phase.tls.Clone()
			settings.KeyLogWriter = &c.handshake
			return tls.Server(c, settings), nil
		default:
			return tls.Server(c, c.phase.tls), nil
		}
	}
}

// conn is a connection to a server as it was when the connection came.
type conn struct {
	net.Conn
	node  *node
	phase *phase
	asked atomic.Bool // a request came

	handshake handshake
}

// Write is where records can be seen, and damaged.
func (c *conn) Write(b []byte) (int, error) {
	if c.phase.forges() && c.handshake.serverHello == nil {
		c.handshake.serverHello = bytes.Clone(b)
	}
	if c.phase.Fault == FaultDamagedRecord && c.asked.Load() {
		b = bytes.Clone(b)
		b[len(b)-1] ^= 1
	}
	return c.Conn.Write(b)
}

// Close waits a moment for the client to close first if no request came: the
// handshake failed then, and closing over bytes not read yet would be a reset,
// which on some systems overtakes the alert that tells the client why.
func (c *conn) Close() error {
	if tcp, ok := c.Conn.(*net.TCPConn); ok && !c.asked.Load() && tcp.CloseWrite() == nil {
		_ = tcp.SetReadDeadline(time.Now().Add(lingerTime))
		_, _ = io.Copy(io.Discard, tcp)
	}
	return c.release()
}

func (c *conn) reset() {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.release()
}

func (c *conn) release() error {
	c.node.mu.Lock()
	delete(c.node.conns, c)
	c.node.mu.Unlock()
	return c.Conn.Close()
}

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

	// Certificates outlive a phase, like those of a real server after an upgrade.
	certsMu sync.Mutex
	certs   map[certKey]*tls.Certificate
}

// phase is a server between two calls of Set.
type phase struct {
	Server
	tls   *tls.Config      // nil for HTTP without TLS
	awake func() time.Time // when an idle service is ready; the first call starts it
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
		restrictTLS(p.tls)
	}
	if s.NoClientCert {
		return p, nil
	}
	p.tls.ClientAuth = tls.RequireAndVerifyClientCert
	p.tls.ClientCAs = n.site.root.pool
	if s.Fault == FaultClientRefused {
		other, err := n.site.otherRoot()
		if err != nil {
			return nil, err
		}
		p.tls.ClientCAs = other.pool
	}
	return p, nil
}

type certKey struct {
	name  string
	fault Fault
}

// certificate creates the server's certificate for the first client.
func (n *node) certificate(name string, fault Fault) (*tls.Certificate, error) {
	signer := n.site.root
	switch fault {
	case FaultExpiredCertificate, FaultNoSAN:
	case FaultForeignCA:
		other, err := n.site.otherRoot()
		if err != nil {
			return nil, err
		}
		signer = other
	default:
		fault = "" // does not affect the certificate
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
	n.certs[certKey{name, fault}] = &cert
	return &cert, nil
}

// hangUp closes all connections. The caller holds n.mu.
func (n *node) hangUp() {
	for c := range n.conns {
		_ = c.Conn.Close()
	}
	clear(n.conns)
}

// note records the request and returns the current phase.
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

// gate is the listener for net/http. It returns connections that reach a handshake or a request,
// and handles the others itself.
type gate struct {
	net.Listener
	node  *node
	spawn func(func()) // starts a goroutine that Close waits for
}

// Accept waits for the next connection for net/http.
func (g *gate) Accept() (net.Conn, error) {
	for {
		raw, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &conn{Conn: raw, node: g.node}
		// Together with reading the phase, so that Set closes every connection with the old one.
		g.node.mu.Lock()
		c.phase = g.node.now
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

// conn is a connection to a server in the phase in which it was accepted.
type conn struct {
	net.Conn
	node  *node
	phase *phase
	asked atomic.Bool // there was a request

	handshake handshake
}

// Write records the ServerHello, and damages records.
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

// Close waits briefly for the client to close first if there was no request, which means that the
// handshake failed: closing with unread bytes would send a reset, which on some systems arrives
// before the alert that tells the client why.
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

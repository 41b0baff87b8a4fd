// Package simulator simulates Qlik Sense servers for tests and demonstrations: the About service
// on port 9032, behind mutual TLS with the certificates of a site, without or with one of many
// faults. A process can run thousands of servers.
package simulator

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

const (
	readTime   = time.Minute // for the handshake and the headers of a request, also of thousands at once on a small machine
	idleTime   = 2 * time.Minute
	lingerTime = 250 * time.Millisecond
)

// Server describes a simulated server. Its contents must not be changed after Start or Set.
type Server struct {
	Addr  string // "127.10.0.1:9032"; port 0 picks one
	Name  string // the only name in the certificate; default: the address
	Reply []byte // body of /v1/systeminfo
	Fault Fault

	Header       http.Header // a request without these gets status 403, as from a virtual proxy
	NoClientCert bool        // like the proxy on port 443, requests no client certificate
	Plain        bool        // HTTP without TLS

	Repository *Repository // the server is a Repository Service as well; may be nil
}

// Request is a request that a server received.
type Request struct {
	Method     string
	Host       string
	Path       string
	Query      url.Values
	Header     http.Header
	TLSVersion uint16 // tls.VersionTLS13 and so on; 0 without TLS
	ClientCN   string // common name of the client certificate; empty without one
}

// Fleet is a number of running servers.
type Fleet struct {
	http  *http.Server
	nodes []*node
	wg    sync.WaitGroup // one for each goroutine

	mu     sync.Mutex // held while servers come and go
	closed bool
}

type connKey struct{}

// Start starts the servers, all or none.
func Start(site *Site, servers ...Server) (*Fleet, error) {
	f := &Fleet{}
	f.http = &http.Server{
		Handler:           http.HandlerFunc(f.serve),
		ReadHeaderTimeout: readTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          log.New(io.Discard, "", 0), // failed handshakes are expected
		ConnState:         f.count,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			if secure, ok := c.(*tls.Conn); ok {
				c = secure.NetConn()
			}
			return context.WithValue(ctx, connKey{}, c)
		},
	}
	for i, s := range servers {
		n, err := f.start(site, s)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("starting server %d at %q: %w", i, s.Addr, err), f.Close())
		}
		f.nodes = append(f.nodes, n)
	}
	return f, nil
}

func (f *Fleet) start(site *Site, s Server) (*node, error) {
	if _, err := ParseFault(string(s.Fault)); err != nil {
		return nil, err
	}
	host, _, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return nil, err
	}
	if host == "" {
		return nil, errors.New("no host in the address")
	}
	n := &node{site: site, addr: s.Addr, host: host, conns: make(map[*conn]struct{}), certs: make(map[certKey]*tls.Certificate)}
	if n.now, err = n.newPhase(s); err != nil {
		return nil, err
	}
	// Even if it is down: it may have to pick its port.
	l, err := net.Listen("tcp", s.Addr)
	if err != nil {
		return nil, err
	}
	n.addr = l.Addr().String()
	if s.Fault == FaultDown {
		return n, l.Close()
	}
	f.open(n, l)
	return n, nil
}

// open lets n serve what comes to l.
func (f *Fleet) open(n *node, l net.Listener) {
	n.listener = l
	f.wg.Go(func() {
		_ = f.http.Serve(&gate{Listener: l, node: n, spawn: f.wg.Go}) // ends when the listener is closed
	})
}

// Addr is the host and port on which server i listens.
func (f *Fleet) Addr(i int) string {
	return f.nodes[i].addr
}

// Set replaces server i with s, except for s.Addr. If more than Reply, Header and Repository changes,
// or if there is a fault, this is a restart: open connections end, even with a request under way.
// Otherwise they stay open, so that a poll at that time does not fail. The certificate stays the
// same if its name and fault do. With FaultDown connections are refused until the next Set. After
// an error the server is unchanged.
func (f *Fleet) Set(i int, s Server) error {
	if _, err := ParseFault(string(s.Fault)); err != nil {
		return err
	}
	n := f.nodes[i]
	next, err := n.newPhase(s)
	if err != nil {
		return err
	}

	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return errors.New("the fleet is closed")
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	var opened net.Listener
	if n.listener == nil && s.Fault != FaultDown {
		if opened, err = net.Listen("tcp", n.addr); err != nil {
			return fmt.Errorf("bringing server %d back: %w", i, err)
		}
	}
	if was := n.now; was.Fault != "" || s.Fault != "" || was.Name != s.Name || was.NoClientCert != s.NoClientCert || was.Plain != s.Plain {
		n.hangUp()
	}
	n.now = next
	if n.listener != nil && s.Fault == FaultDown {
		err = n.listener.Close()
		n.listener = nil
	}
	if opened != nil {
		f.open(n, opened)
	}
	return err
}

// Requests is the number of HTTP requests to server i.
func (f *Fleet) Requests(i int) int {
	n := f.nodes[i]
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.requests
}

// LastRequest is the last request to server i, or the zero Request.
func (f *Fleet) LastRequest(i int) Request {
	n := f.nodes[i]
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.last
}

// Close stops all servers, ends all connections, even hanging ones, and waits for all
// goroutines. A second call does nothing.
func (f *Fleet) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	f.closed = true
	var errs []error
	for _, n := range f.nodes {
		n.mu.Lock()
		n.now = &phase{Server: Server{Fault: FaultDown}} // for connections that are being accepted
		if n.listener != nil {
			errs = append(errs, n.listener.Close())
		}
		n.hangUp()
		n.mu.Unlock()
	}
	_ = f.http.Close() // its listeners and connections are closed already
	f.wg.Wait()
	return errors.Join(errs...)
}

// count makes Close wait for the goroutine of each connection. A hijacked one is counted in
// serve.
func (f *Fleet) count(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		f.wg.Add(1)
	case http.StateClosed, http.StateHijacked:
		f.wg.Done()
	}
}

func (f *Fleet) serve(w http.ResponseWriter, r *http.Request) {
	f.wg.Add(1)
	defer f.wg.Done()
	c, ok := r.Context().Value(connKey{}).(*conn)
	if !ok {
		panic("connection did not come through the gate")
	}
	c.asked.Store(true)
	now := c.node.note(r)
	if !now.wake(r) {
		panic(http.ErrAbortHandler)
	}
	_, reply := now.Fault.lookup()
	reply(w, r, &now.Server)
}

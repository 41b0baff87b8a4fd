package simulator

import (
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
)

// Proxy is an HTTP proxy that replaces the DNS of a site: servers can be asked by the names in
// their certificates, wherever they listen.
type Proxy struct {
	routes   map[string]string
	server   http.Server
	listener net.Listener
	wg       sync.WaitGroup

	mu     sync.Mutex
	conns  []net.Conn
	closed bool
}

// StartProxy starts a proxy with routes from "name:port" to the addresses of servers. It answers
// requests for any other name with status 502.
func StartProxy(routes map[string]string) (*Proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{routes: routes, listener: listener}
	p.server = http.Server{ReadHeaderTimeout: readTime, Handler: http.HandlerFunc(p.connect)}
	p.wg.Go(func() { _ = p.server.Serve(listener) }) // ends when the listener is closed
	return p, nil
}

// URL is a value for the setting http_proxy_url.
func (p *Proxy) URL() string { return "http://" + p.listener.Addr().String() }

// Close ends the proxy and all connections through it.
func (p *Proxy) Close() error {
	err := p.server.Close()
	p.mu.Lock()
	p.closed = true
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.mu.Unlock()
	p.wg.Wait()
	return err
}

func (p *Proxy) connect(w http.ResponseWriter, r *http.Request) {
	upstream, err := net.Dial("tcp", p.routes[r.Host])
	if p.routes[r.Host] == "" || err != nil {
		if err == nil {
			_ = upstream.Close()
		}
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	client, _, err := http.NewResponseController(w).Hijack()
	if err != nil || p.add(client, upstream) != nil {
		_ = upstream.Close()
		return
	}
	// After Hijack: what the client sends next must not end up in the server's buffer.
	if _, err := io.WriteString(client, "HTTP/1.1 200 OK\r\n\r\n"); err != nil {
		return
	}
	p.wg.Go(func() { pipe(client, upstream) })
	p.wg.Go(func() { pipe(upstream, client) })
}

func (p *Proxy) add(conns ...net.Conn) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		for _, c := range conns {
			_ = c.Close()
		}
		return errors.New("the proxy is closed")
	}
	p.conns = append(p.conns, conns...)
	return nil
}

// pipe copies until one side closes, and closes both.
func pipe(dst, src net.Conn) {
	_, _ = io.Copy(dst, src)
	_ = dst.Close()
	_ = src.Close()
}

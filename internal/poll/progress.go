package poll

import (
	"crypto/tls"
	"crypto/x509"
	"net/http/httptrace"
	"sync"
	"time"
)

// step is how far a poll got.
type step int

const (
	resolving step = iota
	connecting
	handshaking
	requesting // the connection stands
	replying   // the first byte of the reply is there
)

// progress watches a poll from the inside: how far it got, and what the server
// asked for and showed. The same error means other things at other steps. The
// HTTP client reports from goroutines of its own, some after the poll has ended.
type progress struct {
	mu          sync.Mutex
	step        step
	certificate *x509.Certificate // the server's
	version     uint16            // of TLS
	session     bool              // a TLS session was resumed
	asked       bool              // the server wanted a client certificate
	given       *tls.Certificate  // the client certificate it got
}

func (p *progress) reach(s step) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.step = max(p.step, s)
}

func (p *progress) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		ConnectStart:         func(string, string) { p.reach(connecting) },
		TLSHandshakeStart:    func() { p.reach(handshaking) },
		TLSHandshakeDone:     p.handshakeDone,
		GotConn:              func(httptrace.GotConnInfo) { p.reach(requesting) },
		GotFirstResponseByte: func() { p.reach(replying) },
	}
}

func (p *progress) handshakeDone(state tls.ConnectionState, err error) {
	if err != nil {
		return
	}
	p.reach(requesting)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.version, p.session = state.Version, state.DidResume
	if len(state.PeerCertificates) > 0 {
		p.certificate = state.PeerCertificates[0]
	}
}

func (p *progress) resumed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.session
}

// clientCertificate gives the server the certificate that it asks for and notes
// that it was asked. It gives it even if the server names other authorities: the
// server's refusal says more than our silence.
func (p *progress) clientCertificate(configured []tls.Certificate) func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	return func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.asked = true
		if len(configured) == 0 {
			return &tls.Certificate{}, nil
		}
		p.given = &configured[0]
		return p.given, nil
	}
}

// certificates gives the server's certificate and that of the client, if the server
// asked for it.
func (p *progress) certificates() (server, client *x509.Certificate) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.given != nil {
		client = p.given.Leaf
	}
	return p.certificate, client
}

func (p *progress) certificateExpiry() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.certificate == nil {
		return time.Time{}
	}
	return p.certificate.NotAfter
}

package poll

import (
	"crypto/tls"
	"crypto/x509"
	"net/http/httptrace"
	"sync"
)

// progress records how far a poll got, and the certificates of both sides: the meaning of an
// error depends on the step. The HTTP client calls it from other goroutines, even after the
// poll has ended.
type progress struct {
	service *Service

	mu          sync.Mutex
	step        Step
	proxy       string            // without credentials, "" for none
	certificate *x509.Certificate // the server's
	version     uint16            // of TLS
	requested   bool              // the server requested a client certificate
	sent        *tls.Certificate  // the client certificate that was sent, nil for none
}

func (p *progress) reach(s Step) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.step = max(p.step, s)
}

func (p *progress) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		DNSStart:             func(httptrace.DNSStartInfo) { p.reach(StepResolve) },
		ConnectStart:         func(string, string) { p.reach(StepConnect) },
		TLSHandshakeStart:    func() { p.reach(StepTLS) },
		TLSHandshakeDone:     p.handshakeDone,
		GotConn:              func(httptrace.GotConnInfo) { p.reach(StepHTTP) },
		GotFirstResponseByte: func() { p.reach(StepReply) },
	}
}

func (p *progress) handshakeDone(state tls.ConnectionState, err error) {
	if err != nil {
		return
	}
	p.reach(StepHTTP)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.version = state.Version
}

// serverCertificate records the server's certificate and then calls verify, unless that is nil. In
// TLS 1.2 the server refuses a client certificate later in the handshake, for which handshakeDone
// gets no certificates.
func (p *progress) serverCertificate(verify func(tls.ConnectionState) error) func(tls.ConnectionState) error {
	return func(state tls.ConnectionState) error {
		if len(state.PeerCertificates) > 0 {
			p.mu.Lock()
			p.certificate = state.PeerCertificates[0]
			p.mu.Unlock()
		}
		if verify == nil {
			return nil
		}
		return verify(state)
	}
}

// clientCertificate returns the certificate that the server requests and records the request.
// It returns it even if the server names other authorities: the server's alert is the better
// diagnosis.
func (p *progress) clientCertificate(configured []tls.Certificate) func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	return func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.requested = true
		if len(configured) == 0 {
			return &tls.Certificate{}, nil
		}
		p.sent = &configured[0]
		return p.sent, nil
	}
}

// addTo adds the certificates.
func (p *progress) addTo(outcome *Outcome) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.certificate != nil {
		outcome.CertificateExpiry = p.certificate.NotAfter
	}
	if outcome.Step == StepTLS || outcome.Step == StepClientCertificate {
		outcome.ServerCertificate = newCertificate(p.certificate)
	}
	if outcome.Step == StepClientCertificate && p.sent != nil {
		outcome.ClientCertificate = newCertificate(p.sent.Leaf)
	}
}

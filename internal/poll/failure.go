package poll

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"telegraf-qlik-sense-version/internal/text"
)

// maxCause bounds an error in bytes: it may quote a certificate with a thousand names.
const maxCause = 400

// failure explains an error of the HTTP client.
func (p *progress) failure(ctx context.Context, err error) Outcome {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e, ok := errors.AsType[*tls.CertificateVerificationError](err); ok && len(e.UnverifiedCertificates) > 0 {
		p.certificate = e.UnverifiedCertificates[0]
	}
	dns, isDNS := errors.AsType[*net.DNSError](err)
	switch {
	case isTimeout(ctx, err):
		return p.timeout()
	case outOfDescriptors(err):
		return Outcome{
			Result: ConnectionFailed, Step: max(p.step, StepResolve), OutOfDescriptors: true,
			Cause: descriptorCause() + ": " + shorten(innermost(err)), Hint: descriptorHint,
		}
	case p.step < StepTLS && p.proxy != "":
		return p.proxyFailure(err)
	case isDNS:
		return Outcome{Result: DNSError, Step: StepResolve, Cause: shorten(dns), Hint: "check the spelling of the host and this machine's DNS"}
	case p.step < StepTLS:
		return Outcome{Result: ConnectionFailed, Step: StepConnect, Cause: shorten(err), Hint: p.connectHint(err)}
	case p.step == StepTLS && isBroken(err):
		return Outcome{
			Result: ConnectionFailed,
			Step:   StepTLS,
			Cause:  "the server closed the connection during the TLS handshake: " + shorten(err),
			Hint:   "check that this port is the " + p.service.Name + " and, if it is, the client certificate (tls_cert, tls_key)",
		}
	case isLocal(err, p.step):
		return localFailure(err)
	case p.step == StepTLS, isAlert(err):
		return p.tlsFailure(err)
	case p.step == StepHTTP && strings.Contains(err.Error(), "readLoopPeekFail"):
		return notHTTP() // the server sent something before the request
	case p.step == StepHTTP && p.requested && p.version == tls.VersionTLS13:
		// In TLS 1.3 the server refuses a client certificate only after the client's
		// handshake, and its alert may be lost when it closes the connection.
		return Outcome{
			Result: TLSError,
			Step:   StepClientCertificate,
			Cause:  "the server asked for a client certificate and then closed the connection",
			Hint:   p.clientCertificateHint() + "; if the certificates are right, look at the " + p.service.Name + " on the server",
		}
	case p.step == StepHTTP:
		return Outcome{
			Result: ConnectionFailed,
			Step:   StepHTTP,
			Cause:  "the server closed the connection without a reply: " + shorten(err),
			Hint:   "look at the " + p.service.Name + " on the server (" + p.service.Windows + ")",
		}
	case isBroken(err), strings.Contains(err.Error(), "response headers exceeded"):
		return Outcome{Result: BodyReadError, Step: StepReply, Cause: "the headers of the reply broke off or were too large", Hint: p.service.brokenHint()}
	}
	return notHTTP()
}

// notHTTP does not use the HTTP client's error, which quotes the reply.
func notHTTP() Outcome {
	return Outcome{Result: InvalidResponse, Step: StepReply, Cause: "the reply is not HTTP", Hint: "check host and port: another service answers there"}
}

func (s *Service) brokenHint() string {
	return "look at the " + s.Name + " on the server and at proxies on the way"
}

func (s *Service) bodyFailure(ctx context.Context, err error) Outcome {
	if isTimeout(ctx, err) {
		return Outcome{
			Result: Timeout,
			Step:   StepReply,
			Cause:  "the reply did not end in time",
			Hint:   "raise timeout, or look at the load of the server",
		}
	}
	if isLocal(err, StepReply) {
		return localFailure(err)
	}
	return Outcome{Result: BodyReadError, Step: StepReply, Cause: "the reply broke off: " + shorten(err), Hint: s.brokenHint()}
}

func (s *Service) statusFailure(response *http.Response) Outcome {
	code := response.StatusCode
	outcome := Outcome{Result: StatusMismatch, Step: StepHTTP, Cause: fmt.Sprintf("the server answered with HTTP status %d", code)}
	if text := http.StatusText(code); text != "" {
		outcome.Cause += " " + text
	}
	if code == http.StatusUnauthorized || code == http.StatusForbidden {
		outcome.Result = AuthenticationFailed
	}
	excerpt := func() string {
		text, _ := io.ReadAll(io.LimitReader(response.Body, maxExcerpt)) // up to an error
		return string(text)
	}
	if outcome.Hint = s.StatusHint(code, excerpt); outcome.Hint != "" {
		return outcome
	}
	switch {
	case slices.Contains([]int{301, 302, 303, 307, 308}, code):
		outcome.Result = AuthenticationFailed
		outcome.Hint = "a redirect leads to a login page: check token_file or headers, and the prefix of the virtual proxy in the path"
	case code == http.StatusProxyAuthRequired:
		outcome.Hint = "the HTTP proxy requires a login: check http_proxy_url"
	case code == http.StatusRequestTimeout:
		outcome.Hint = "the server or a proxy on the way did not get the request in time: look at its load"
	case code == http.StatusBadRequest:
		outcome.Hint = "the port may want https:// where the host is written with http://; a token may be expired or malformed"
	case code == http.StatusServiceUnavailable:
		outcome.Hint = "the server is up but its " + s.Name + " is not ready: it may be starting; look at the Qlik Sense services"
	case code >= 500:
		outcome.Hint = "look at the Qlik Sense services on the server and, behind a virtual proxy, at token_file or headers"
	default:
		outcome.Hint = "check host, port and path"
	}
	return outcome
}

func (p *progress) timeout() Outcome {
	outcome := Outcome{Result: Timeout, Step: p.step}
	switch {
	case p.step == StepNone:
		outcome.Step = StepConnect
		outcome.Cause = "the time was up before the connection was started"
		outcome.Hint = "raise timeout, or look at the load of this machine"
	case p.step < StepTLS && p.proxy != "":
		outcome.Cause = fmt.Sprintf("the proxy %s did not open the connection in time", p.proxy)
		outcome.Hint = "check the proxy settings (http_proxy_url, use_system_proxy), and that the server behind the proxy is up"
	case p.step == StepResolve:
		outcome.Cause = "the name was not resolved in time"
		outcome.Hint = "check this machine's DNS"
	case p.step == StepConnect:
		outcome.Cause = "the TCP connection was not established in time"
		outcome.Hint = "check that the server is up, and the firewalls between here and its port"
	case p.step == StepTLS:
		outcome.Cause = "the TLS handshake did not end in time"
		outcome.Hint = "check that this port is the " + p.service.Name + ", the load of the server, and that large packets get through " +
			"(the MTU of a VPN or tunnel on the way)"
	default:
		outcome.Step = StepHTTP // even after the first byte: the status line is incomplete
		// Sent, but perhaps not received: the client's certificate before it may be lost.
		outcome.Cause = "the request was sent, but no reply began in time"
		outcome.Hint = "raise timeout, or look at the load and the " + p.service.Name + " of the server"
	}
	return outcome
}

func (p *progress) connectHint(err error) string {
	if strings.Contains(err.Error(), "refused") {
		return fmt.Sprintf("nothing listens there: check the port (%s unless a URL says otherwise), and that the %s runs", p.service.Port, p.service.Windows)
	}
	return "check that the server is up, and the firewalls and routes between here and its port"
}

// localFailure is for a TLS connection that this side closed, although the certificates and the
// settings of the server may be right.
func localFailure(err error) Outcome {
	outcome := Outcome{
		Result: TLSError,
		Step:   StepTLS,
		Cause:  "this machine closed the TLS connection: " + shorten(innermost(err)),
		Hint:   "what arrived was damaged on the way or is not valid TLS: look at firewalls and proxies that inspect TLS, and at the server",
	}
	if strings.Contains(err.Error(), "no renegotiation") {
		outcome.Cause = "the server wants to renegotiate TLS, which tls_renegotiation_method does not allow"
		outcome.Hint = `set tls_renegotiation_method = "once", or "freely" if the server does so more than once`
	}
	return outcome
}

func (p *progress) tlsFailure(err error) Outcome {
	outcome := Outcome{Result: TLSError, Step: StepTLS, Cause: shorten(err), Hint: p.tlsHint(err)}
	if alert, ok := errors.AsType[*net.OpError](err); ok {
		outcome.Cause = shorten(alert) // without the HTTP client's prefix
	}
	if p.isRefusal(err) {
		outcome.Step = StepClientCertificate
	}
	return outcome
}

func (p *progress) tlsHint(err error) string {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "set tls_ca to the root.pem of the server's own site (each site has its own)"
	}
	if e, ok := errors.AsType[x509.HostnameError](err); ok {
		if len(e.Certificate.DNSNames)+len(e.Certificate.IPAddresses) == 0 {
			return `the certificate has no subjectAltName: set tls_verify = "chain" and tls_ca`
		}
		return `write the host as the certificate names it, or set tls_server_name to that name, or set tls_verify = "chain" and tls_ca`
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		if e.Reason == x509.Expired {
			return "renew the certificate on the server; if its dates are right, check the clock of this machine"
		}
		return "have the Qlik Sense site issue new certificates"
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return "this port does not speak TLS: check the port, or write the host as a URL that begins with http://"
	}
	if strings.Contains(err.Error(), "protocol version") {
		return "the server offers other TLS versions: compare tls_min_version"
	}
	if p.isRefusal(err) {
		return p.clientCertificateHint()
	}
	return "compare the TLS settings with those of the server (tls_min_version, tls_cipher_suites, tls_cert)"
}

func (p *progress) clientCertificateHint() string {
	switch {
	case p.sent == nil:
		return "set tls_cert and tls_key to client.pem and client_key.pem of the server's site"
	case p.sent.Leaf != nil && time.Now().After(p.sent.Leaf.NotAfter):
		return "the client certificate in tls_cert has expired: export a new one from the QMC"
	}
	return "the server does not accept the client certificate in tls_cert: use client.pem of the server's own site (each site has its own)"
}

// isRefusal reports whether the server refused the client certificate, or the lack of one. It
// compares texts, because crypto/tls does not export its alerts.
func (p *progress) isRefusal(err error) bool {
	return p.requested && isAlert(err) && slices.ContainsFunc(
		[]string{"certificate", "handshake failure", "access denied", "error decrypting message"},
		func(alert string) bool { return strings.Contains(err.Error(), alert) })
}

// isTimeout reports a timeout of the poll or of the system.
func isTimeout(ctx context.Context, err error) bool {
	network, ok := errors.AsType[net.Error](err)
	return ctx.Err() != nil || ok && network.Timeout()
}

// isBroken reports whether the connection broke, rather than one side refusing to go on.
func isBroken(err error) bool {
	if operation, ok := errors.AsType[*net.OpError](err); ok {
		return operation.Op == "read" || operation.Op == "write"
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// isAlert reports whether the server ended the connection with a TLS alert.
func isAlert(err error) bool {
	operation, ok := errors.AsType[*net.OpError](err)
	return ok && operation.Op == "remote error"
}

// isLocal reports whether crypto/tls ended the connection on this side. Some of its errors have
// no type; during the handshake, those concern versions and certificates instead.
func isLocal(err error, step Step) bool {
	if operation, ok := errors.AsType[*net.OpError](err); ok {
		return operation.Op == "local error"
	}
	return step > StepTLS && strings.HasPrefix(innermost(err).Error(), "tls: ")
}

// innermost unwraps an error completely.
func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// shorten returns an error on one bounded line: it may contain names of a server's certificate
// or the status line of a proxy.
func shorten(err error) string { return text.Excerpt(err.Error(), maxCause) }

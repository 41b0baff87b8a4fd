package report

import (
	"crypto/x509"
	"strings"

	"telegraf-qlik-sense-version/internal/oneline"
	"telegraf-qlik-sense-version/internal/poll"
)

// A certificate can hold a thousand names, each as long as its server likes.
const (
	maxNames = 20
	maxText  = 300 // bytes
)

func failure(outcome *poll.Outcome) *Failure {
	f := &Failure{Step: outcome.Step.String(), Cause: outcome.Cause, Hint: outcome.Hint}
	switch outcome.Step {
	case poll.StepTLS:
		f.ServerCertificate = certificate(outcome.ServerCertificate)
	case poll.StepClientCertificate:
		f.ServerCertificate = certificate(outcome.ServerCertificate)
		f.ClientCertificate = certificate(outcome.ClientCertificate)
	case poll.StepNone, poll.StepSettings, poll.StepResolve, poll.StepConnect, poll.StepHTTP, poll.StepReply:
	}
	return f
}

func certificate(c *x509.Certificate) *Certificate {
	if c == nil {
		return nil
	}
	names := make([]string, 0, len(c.DNSNames)+len(c.IPAddresses))
	names = append(names, c.DNSNames...)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) > maxNames {
		names = append(names[:maxNames], "...")
	}
	for i := range names {
		names[i] = bounded(names[i])
	}
	return &Certificate{
		Subject: bounded(c.Subject.String()), Names: names, Issuer: bounded(c.Issuer.String()),
		NotBefore: c.NotBefore.UTC(), NotAfter: c.NotAfter.UTC(),
	}
}

// bounded makes one line of bounded length of a text that comes from a server.
func bounded(text string) string {
	text = oneline.Of(text)
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "..."
	}
	return text
}

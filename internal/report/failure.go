package report

import (
	"crypto/x509"
	"time"

	"telegraf-qlik-sense-version/internal/poll"
	"telegraf-qlik-sense-version/internal/text"
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
		NotBefore: instant(c.NotBefore), NotAfter: instant(c.NotAfter),
	}
}

// instant keeps a time within the years that JSON can hold: a zone in a certificate
// can lead out of them.
func instant(t time.Time) time.Time {
	switch t = t.UTC(); {
	case t.Year() < 0:
		return time.Date(0, time.January, 1, 0, 0, 0, 0, time.UTC)
	case t.Year() > 9999:
		return time.Date(9999, time.December, 31, 23, 59, 59, 0, time.UTC)
	}
	return t
}

// bounded makes one line of bounded length of a text that comes from a server.
func bounded(s string) string { return text.Excerpt(s, maxText) }

package poll

import (
	"crypto/x509"
	"time"

	"telegraf-qlik-sense-version/internal/text"
)

// Certificate is what one side showed the other, bounded: a parsed certificate would keep
// the whole handshake message in memory, which a server can make as large as it likes.
type Certificate struct {
	Subject             string
	Names               []string // of its subjectAltName
	Issuer              string
	NotBefore, NotAfter time.Time
}

// A certificate can hold a thousand names, each as long as its server likes.
const (
	maxNames = 20
	maxText  = 300 // bytes
)

func newCertificate(c *x509.Certificate) *Certificate {
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

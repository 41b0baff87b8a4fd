package poll

import (
	"crypto/x509"
	"time"

	"telegraf-qlik-sense-version/internal/text"
)

// Certificate is the certificate of one side. Its size is bounded, while an x509.Certificate
// keeps the whole handshake message in memory, which may be large.
type Certificate struct {
	Subject             string
	Names               []string // of its subjectAltName
	Issuer              string
	NotBefore, NotAfter time.Time
}

// A certificate can have a thousand names of any length.
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
		names[i] = excerptText(names[i])
	}
	return &Certificate{
		Subject: excerptText(c.Subject.String()), Names: names, Issuer: excerptText(c.Issuer.String()),
		NotBefore: clampTime(c.NotBefore), NotAfter: clampTime(c.NotAfter),
	}
}

// clampTime clamps a time to the years that JSON allows: the zone of a certificate's time can
// lead beyond them.
func clampTime(t time.Time) time.Time {
	switch t = t.UTC(); {
	case t.Year() < 0:
		return time.Date(0, time.January, 1, 0, 0, 0, 0, time.UTC)
	case t.Year() > 9999:
		return time.Date(9999, time.December, 31, 23, 59, 59, 0, time.UTC)
	}
	return t
}

// excerptText returns a text of a server on one bounded line.
func excerptText(s string) string { return text.Excerpt(s, maxText) }

package simulator

import (
	"cmp"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"net"
	"time"
)

const (
	keyBits = 2048
	day     = 24 * time.Hour
)

// authority is a root certificate with its key.
type authority struct {
	cert *x509.Certificate
	key  *rsa.PrivateKey
	pool *x509.CertPool // the root alone
}

// newAuthority creates a root. All roots have the same name, like those of a server that was
// reinstalled, and differ in the key. A client thus sends its certificate to a server that will
// refuse it.
func newAuthority() (*authority, error) {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, fmt.Errorf("making the root's key: %w", err)
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "qlik-sense-simulator-CA"},
		NotBefore:             time.Now().Add(-3 * 365 * day),
		NotAfter:              time.Now().Add(10 * 365 * day),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("making the root certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("making the root certificate: %w", err)
	}
	return authorityOf(cert, key), nil
}

func authorityOf(cert *x509.Certificate, key *rsa.PrivateKey) *authority {
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &authority{cert: cert, key: key, pool: pool}
}

// issue signs a certificate for key.
func (a *authority) issue(template *x509.Certificate, key *rsa.PrivateKey) (tls.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, nil
}

func clientTemplate() *x509.Certificate { return template("QlikClient") }

// serverTemplate is the certificate of a server, with the fault if it is one of the certificate.
// The name defaults to the host.
func serverTemplate(name, host string, fault Fault) *x509.Certificate {
	name = cmp.Or(name, host)
	t := template(name)
	if fault == FaultExpiredCertificate {
		t.NotBefore, t.NotAfter = time.Now().Add(-366*day), time.Now().Add(-day)
	}
	switch ip := net.ParseIP(name); {
	case fault == FaultNoSAN:
	case ip != nil:
		t.IPAddresses = []net.IP{ip}
	default:
		t.DNSNames = []string{name}
	}
	return t
}

// template is common to the certificates of a site, which have no key usage.
func template(commonName string) *x509.Certificate {
	return &x509.Certificate{
		Subject:   pkix.Name{CommonName: commonName},
		NotBefore: time.Now().Add(-day),
		NotAfter:  time.Now().Add(5 * 365 * day),
	}
}

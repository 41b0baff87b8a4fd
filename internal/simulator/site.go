package simulator

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// Names of the files as in the QMC's export in PEM format. Export adds the key of the root, so
// that OpenSite can sign further certificates.
const (
	rootFile      = "root.pem"
	rootKeyFile   = "root_key.pem"
	clientFile    = "client.pem"
	clientKeyFile = "client_key.pem"
)

// Site is a Qlik Sense site: a root certificate, and the certificates signed by it. Several
// fleets may use it at the same time.
type Site struct {
	root      *authority
	client    tls.Certificate
	serverKey *rsa.PrivateKey // for all servers: 5,000 keys would take minutes

	// otherRoot is the root of a reinstalled site: the same name, another key. It is created
	// when needed.
	otherRoot func() (*authority, error)
}

// NewSite creates a site with new RSA keys of 2,048 bits. That takes some tenths of a second:
// tests should share one.
func NewSite() (*Site, error) {
	root, err := newAuthority()
	if err != nil {
		return nil, err
	}
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, fmt.Errorf("making the client's key: %w", err)
	}
	client, err := root.issue(clientTemplate(), key)
	if err != nil {
		return nil, fmt.Errorf("making the client certificate: %w", err)
	}
	return assemble(root, client)
}

func assemble(root *authority, client tls.Certificate) (*Site, error) {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, fmt.Errorf("making the servers' key: %w", err)
	}
	return &Site{root: root, client: client, serverKey: key, otherRoot: sync.OnceValues(newAuthority)}, nil
}

// OpenSite reads the files of Export, so that clients can keep their certificates when a
// simulator is started again. If a file is missing, the error is fs.ErrNotExist.
func OpenSite(dir string) (*Site, error) {
	root, err := tls.LoadX509KeyPair(filepath.Join(dir, rootFile), filepath.Join(dir, rootKeyFile))
	if err != nil {
		return nil, fmt.Errorf("reading the site's root: %w", err)
	}
	key, ok := root.PrivateKey.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("reading the site's root: %s holds no RSA key", rootKeyFile)
	}
	client, err := tls.LoadX509KeyPair(filepath.Join(dir, clientFile), filepath.Join(dir, clientKeyFile))
	if err != nil {
		return nil, fmt.Errorf("reading the site's client certificate: %w", err)
	}
	signer := authorityOf(root.Leaf, key)
	use := x509.VerifyOptions{Roots: signer.pool, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	if _, err := client.Leaf.Verify(use); err != nil {
		return nil, fmt.Errorf("reading the site's client certificate: %w", err)
	}
	return assemble(signer, client)
}

// Export writes root.pem, client.pem and client_key.pem to dir as the QMC does, and
// root_key.pem for OpenSite. It creates dir if necessary and overwrites files.
func (s *Site) Export(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("exporting the site: %w", err)
	}
	clientKey, ok := s.client.PrivateKey.(*rsa.PrivateKey)
	if !ok {
		return errors.New("exporting the site: the client's key is no RSA key")
	}
	for _, file := range []struct {
		name, kind string
		der        []byte
		mode       os.FileMode
	}{
		{rootFile, "CERTIFICATE", s.root.cert.Raw, 0o644},
		{rootKeyFile, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(s.root.key), 0o600},
		{clientFile, "CERTIFICATE", s.client.Certificate[0], 0o644},
		{clientKeyFile, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(clientKey), 0o600},
	} {
		text := pem.EncodeToMemory(&pem.Block{Type: file.kind, Bytes: file.der})
		if err := os.WriteFile(filepath.Join(dir, file.name), text, file.mode); err != nil {
			return fmt.Errorf("exporting the site: %w", err)
		}
	}
	return nil
}

// ClientTLS is the configuration of a client with the site's certificate, which trusts only the
// site's root.
func (s *Site) ClientTLS() *tls.Config {
	return &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{s.client},
		RootCAs:      s.root.pool,
	}
}

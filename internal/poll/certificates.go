package poll

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	telegraftls "github.com/influxdata/telegraf/plugins/common/tls"
)

// How a server's certificate is checked (the setting tls_verify).
const (
	VerifyFull  = "full"  // chain and name
	VerifyChain = "chain" // the chain must lead to tls_ca, the name is not compared
)

// SettingError is a setting that cannot be used, and which one it is.
type SettingError struct {
	Key string
	Err error
}

func (e *SettingError) Error() string { return e.Key + ": " + e.Err.Error() }
func (e *SettingError) Unwrap() error { return e.Err }

// checkTLS finds what Telegraf's TLS settings would pass over silently.
func checkTLS(c *telegraftls.ClientConfig, verify string) error {
	switch {
	case c.TLSCert != "" && c.TLSKey == "":
		return &SettingError{"tls_cert", errors.New("tls_key is missing: a client certificate needs its private key (client_key.pem)")}
	case c.TLSKey != "" && c.TLSCert == "":
		return &SettingError{"tls_key", errors.New("tls_cert is missing: a private key needs its client certificate (client.pem)")}
	case c.Enable != nil && !*c.Enable:
		return &SettingError{"tls_enable", errors.New("TLS cannot be turned off for a block: write the host as a URL that begins with http://")}
	case verify != VerifyFull && verify != VerifyChain:
		return &SettingError{"tls_verify", fmt.Errorf("%q is neither %q nor %q", verify, VerifyFull, VerifyChain)}
	case verify == VerifyChain && c.TLSCA == "":
		return &SettingError{"tls_verify", errors.New(`"chain" needs tls_ca: without it any public certificate would be accepted for any server`)}
	case verify == VerifyChain && c.InsecureSkipVerify:
		return &SettingError{"insecure_skip_verify", errors.New(`contradicts tls_verify = "chain": remove one of them`)}
	}
	return nil
}

// loadTLS reads the certificate files and gives the TLS settings of one round. They
// skip crypto/tls's check of the server's certificate, for verify to take its place.
func loadTLS(c *telegraftls.ClientConfig) (*tls.Config, error) {
	for _, setting := range []struct{ key, file string }{{"tls_ca", c.TLSCA}, {"tls_cert", c.TLSCert}, {"tls_key", c.TLSKey}} {
		if err := checkFile(setting.file); err != nil {
			return nil, &SettingError{setting.key, err}
		}
	}
	// TLSConfig gives nothing at all, not even tls_min_version, unless one of
	// the settings on its list is there; insecure_skip_verify is on that list.
	whole := *c
	whole.InsecureSkipVerify = true
	config, err := whole.TLSConfig()
	if err != nil {
		return nil, describe(c, err)
	}
	return config, nil
}

// checkFile refuses what would be read without end, or hold up a round: a pipe, a
// device, a huge file.
func checkFile(file string) error {
	if file == "" {
		return nil
	}
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return fmt.Errorf("%w: check the path", err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a file", file)
	case info.Size() > maxFile:
		return fmt.Errorf("%s is larger than %d bytes", file, maxFile)
	}
	return nil
}

// wrongKey finds the setting that TLSConfig does not accept. What is left when
// every other one is fine is the pair of client certificate and key.
func wrongKey(c *telegraftls.ClientConfig) string {
	for _, setting := range []struct {
		key  string
		part telegraftls.ClientConfig
	}{
		{"tls_ca", telegraftls.ClientConfig{TLSCA: c.TLSCA}},
		{"tls_min_version", telegraftls.ClientConfig{TLSMinVersion: c.TLSMinVersion}},
		{"tls_cipher_suites", telegraftls.ClientConfig{TLSCipherSuites: c.TLSCipherSuites}},
		{"tls_renegotiation_method", telegraftls.ClientConfig{RenegotiationMethod: c.RenegotiationMethod}},
	} {
		setting.part.InsecureSkipVerify = true
		if _, err := setting.part.TLSConfig(); err != nil {
			return setting.key
		}
	}
	return "tls_cert"
}

// describe says which setting an error of Telegraf's loader is about, and what to
// do about it.
func describe(c *telegraftls.ClientConfig, err error) *SettingError {
	key := wrongKey(c)
	// The loader formats an error that is nil when a file holds no certificate.
	text := strings.TrimSuffix(err.Error(), ": %!w(<nil>)")
	switch {
	case strings.Contains(text, "missing password"):
		return &SettingError{"tls_key", fmt.Errorf("%s is encrypted: set tls_key_pwd to its password", c.TLSKey)}
	case strings.Contains(text, "decrypt"):
		return &SettingError{"tls_key_pwd", fmt.Errorf("is not the password of %s", c.TLSKey)}
	case strings.Contains(text, "does not match"):
		return &SettingError{"tls_key", fmt.Errorf("%s does not belong to the certificate %s", c.TLSKey, c.TLSCert)}
	case strings.Contains(text, "private key"):
		key = "tls_key"
		text += " in " + c.TLSKey
	}
	switch {
	case errors.Is(err, fs.ErrPermission):
		text += ": make it readable for the account that Telegraf runs under"
	case strings.Contains(text, "PEM"), strings.Contains(text, "cert/key pair"):
		text += " (export the certificates in PEM form: root.pem, client.pem, client_key.pem)"
	}
	return &SettingError{key, errors.New(text)}
}

// verify checks a server's certificate as crypto/tls does, but leaves the name out
// where it is "". It runs on resumed connections too. crypto/tls, in its own place,
// would keep the whole verified chain with every session, to check it again.
func verify(roots *x509.CertPool, name string) func(tls.ConnectionState) error {
	return func(state tls.ConnectionState) error {
		options := x509.VerifyOptions{Roots: roots, DNSName: name, Intermediates: x509.NewCertPool()}
		for _, certificate := range state.PeerCertificates[1:] {
			options.Intermediates.AddCert(certificate)
		}
		if _, err := state.PeerCertificates[0].Verify(options); err != nil {
			return &tls.CertificateVerificationError{UnverifiedCertificates: state.PeerCertificates, Err: err}
		}
		return nil
	}
}

// sameCertificates says whether the files still held the same when b was read.
func sameCertificates(a, b *tls.Config) bool {
	if a.RootCAs == nil || b.RootCAs == nil {
		if a.RootCAs != b.RootCAs {
			return false
		}
	} else if !a.RootCAs.Equal(b.RootCAs) {
		return false
	}
	return bytes.Equal(clientCertificate(a), clientCertificate(b))
}

func clientCertificate(config *tls.Config) []byte {
	if len(config.Certificates) == 0 {
		return nil
	}
	return config.Certificates[0].Certificate[0]
}

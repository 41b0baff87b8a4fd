package poll

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

	telegraftls "github.com/influxdata/telegraf/plugins/common/tls"
)

// Values of the setting tls_verify: how to check a server's certificate.
const (
	VerifyFull  = "full"  // chain and name
	VerifyChain = "chain" // only that the chain leads to tls_ca
)

// checkTLS refuses settings that Telegraf ignores silently.
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

// tlsConfig returns the configuration without what comes from files.
func tlsConfig(c *telegraftls.ClientConfig) (*tls.Config, error) {
	// One by one, to know which one is wrong. TLSConfig ignores even tls_min_version unless
	// one of certain other settings is set, such as insecure_skip_verify.
	var errs []error
	for _, setting := range []struct {
		key  string
		part telegraftls.ClientConfig
	}{
		{"tls_min_version", telegraftls.ClientConfig{TLSMinVersion: c.TLSMinVersion}},
		{"tls_cipher_suites", telegraftls.ClientConfig{TLSCipherSuites: c.TLSCipherSuites}},
		{"tls_renegotiation_method", telegraftls.ClientConfig{RenegotiationMethod: c.RenegotiationMethod}},
	} {
		setting.part.InsecureSkipVerify = true
		if _, err := setting.part.TLSConfig(); err != nil {
			errs = append(errs, &SettingError{setting.key, err})
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	whole := *c
	whole.Enable, whole.TLSCA, whole.TLSCert, whole.TLSKey = nil, "", "", ""
	whole.InsecureSkipVerify = true
	config, err := whole.TLSConfig()
	if err != nil {
		return nil, err
	}
	config.InsecureSkipVerify = c.InsecureSkipVerify
	return config, nil
}

// verifyChain checks a server's certificate like crypto/tls, without the name.
func verifyChain(roots *x509.CertPool) func(tls.ConnectionState) error {
	return func(state tls.ConnectionState) error {
		options := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
		for _, certificate := range state.PeerCertificates[1:] {
			options.Intermediates.AddCert(certificate)
		}
		if _, err := state.PeerCertificates[0].Verify(options); err != nil {
			return &tls.CertificateVerificationError{UnverifiedCertificates: state.PeerCertificates, Err: err}
		}
		return nil
	}
}

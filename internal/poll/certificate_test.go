package poll

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	telegraftls "github.com/influxdata/telegraf/plugins/common/tls"
	"github.com/stretchr/testify/require"
)

func TestCertificateLimits(t *testing.T) {
	c := &x509.Certificate{
		Subject: pkix.Name{CommonName: strings.Repeat("é\x1b\n", 1000)}, Issuer: pkix.Name{CommonName: strings.Repeat("x", 1000)},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	for range 1000 {
		c.DNSNames = append(c.DNSNames, strings.Repeat("name.", 200)+"\u202e\r\n")
	}
	got := newCertificate(c)
	require.Len(t, got.Names, 21)
	require.Equal(t, "...", got.Names[20])
	for _, s := range append(got.Names[:20], got.Subject, got.Issuer) {
		require.LessOrEqual(t, len(s), 303)
		require.True(t, strings.HasSuffix(s, "..."))
		require.NotContains(t, s, "\x1b")
	}
	require.Equal(t, []string{"a", "127.0.0.1"}, newCertificate(&x509.Certificate{DNSNames: []string{"a"}, IPAddresses: c.IPAddresses}).Names)
	for _, n := range []int{20, 21, 22} {
		names := newCertificate(&x509.Certificate{DNSNames: c.DNSNames[:n]}).Names
		require.Len(t, names, min(n, 21))
		require.Equal(t, n > 20, names[len(names)-1] == "...", "of %d", n)
	}
	require.Nil(t, newCertificate(nil))
}

// By its time zone, a certificate can end in the year 10000 or begin before the year 0. JSON
// allows neither: one such server must not break the whole document.
func TestCertificateYear10000(t *testing.T) {
	c := certificateValid(t, "00000101000000+0100", "99991231235959-1200")
	require.Equal(t, 10000, c.NotAfter.UTC().Year())
	require.Equal(t, -1, c.NotBefore.UTC().Year())
	got := newCertificate(c)
	require.Equal(t, time.Date(9999, time.December, 31, 23, 59, 59, 0, time.UTC), got.NotAfter)
	require.Equal(t, time.Date(0, time.January, 1, 0, 0, 0, 0, time.UTC), got.NotBefore)
}

// certificateValid returns a certificate with times in the notation of ASN.1.
func certificateValid(t *testing.T, from, until string) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "qlik"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)

	type body struct {
		Version                int `asn1:"optional,explicit,default:0,tag:0"`
		Serial                 *big.Int
		Algorithm, Issuer      asn1.RawValue
		Validity, Subject, Key asn1.RawValue
		Extensions             asn1.RawValue `asn1:"optional"`
	}
	var parts struct {
		Body                 body
		Algorithm, Signature asn1.RawValue
	}
	_, err = asn1.Unmarshal(der, &parts)
	require.NoError(t, err)
	var times []byte
	for _, text := range []string{from, until} {
		encoded, err := asn1.Marshal(asn1.RawValue{Tag: asn1.TagGeneralizedTime, Bytes: []byte(text)})
		require.NoError(t, err)
		times = append(times, encoded...)
	}
	parts.Body.Validity = asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: times}
	der, err = asn1.Marshal(parts)
	require.NoError(t, err)
	c, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return c
}

// The certificate of a server that refuses the client's is known, in TLS 1.2 as well, where the
// handshake fails.
func TestClientCertificateRefused(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			backend := httptest.NewUnstartedServer(http.NotFoundHandler())
			backend.Config.ErrorLog = log.New(io.Discard, "", 0)
			backend.TLS = &tls.Config{MaxVersion: version, ClientAuth: tls.RequireAnyClientCert}
			backend.StartTLS()
			defer backend.Close()
			server, err := ParseServer(backend.URL)
			require.NoError(t, err)
			root := writeFile(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: backend.Certificate().Raw})))
			for _, verify := range []string{VerifyFull, VerifyChain} {
				p := newPoller(t, Settings{Timeout: 10 * time.Second, TLSVerify: verify, TLS: telegraftls.ClientConfig{TLSCA: root}})
				outcome := p.Round(t.Context()).Poll(t.Context(), server)
				require.Equal(t, StepClientCertificate, outcome.Step, outcome.Cause)
				require.Equal(t, backend.Certificate().NotAfter, outcome.CertificateExpiry)
				require.NotNil(t, outcome.ServerCertificate)
			}
		})
	}
}

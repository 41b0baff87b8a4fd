package poll

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.step.sm/crypto/pemutil"

	"telegraf-qlik-sense-version/internal/boundedfile"
	"telegraf-qlik-sense-version/internal/simulator"
)

// fileSystem hangs when one file is read.
type fileSystem struct {
	hangs atomic.Pointer[string] // the file
	more  chan struct{}
	reads atomic.Int32 // of the file that hangs
}

func (f *fileSystem) read(file string, maxSize int64) ([]byte, error) {
	if hangs := f.hangs.Load(); hangs != nil && *hangs == file {
		f.reads.Add(1)
		<-f.more
	}
	return boundedfile.Read(file, maxSize)
}

func TestHangingFileSystem(t *testing.T) {
	s := newSite(t)
	settings := s.settings()
	settings.TokenFile = writeFile(t, "token")
	const limit = 3 * time.Second
	for key, file := range map[string]string{
		"tls_ca": settings.TLS.TLSCA, "tls_cert": settings.TLS.TLSCert, "tls_key": settings.TLS.TLSKey, "token_file": settings.TokenFile,
	} {
		want := key + ": " + file + ": reading took longer than 3s: the file system may hang"
		t.Run(key, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				disk := &fileSystem{more: make(chan struct{})}
				disk.hangs.Store(&file)
				_, err := newWith(settings, disk.read, limit)
				require.EqualError(t, err, want)
				close(disk.more)
			})
		})
		t.Run(key+" in a round", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				disk := &fileSystem{more: make(chan struct{})}
				p, err := newWith(settings, disk.read, limit)
				require.NoError(t, err)

				disk.hangs.Store(&file)
				for range 4 {
					outcome := p.Round(t.Context()).Poll(t.Context(), nil) // asks no server
					require.Equal(t, ConfigurationError, outcome.Result)
					require.Equal(t, StepSettings, outcome.Step)
					require.Equal(t, want, outcome.Cause)
				}
				require.Equal(t, int32(1), disk.reads.Load(), "one goroutine is left behind, not one for each round")

				disk.hangs.Store(nil)
				close(disk.more)
				synctest.Wait()
				require.NoError(t, p.Round(t.Context()).err)
			})
		})
	}
}

// The program's end does not wait for a hanging file system.
func TestRoundContext(t *testing.T) {
	s := newSite(t)
	synctest.Test(t, func(t *testing.T) {
		settings := s.settings()
		disk := &fileSystem{more: make(chan struct{})}
		p, err := newWith(settings, disk.read, time.Hour)
		require.NoError(t, err)
		disk.hangs.Store(&settings.TLS.TLSCA)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, p.Round(ctx).err, context.DeadlineExceeded)
		close(disk.more)
	})
}

// The time may be up before the first file is read.
func TestTimeUpBeforeReading(t *testing.T) {
	plain, withToken := Settings{Timeout: time.Second, TLSVerify: VerifyFull}, Settings{Timeout: time.Second, TLSVerify: VerifyFull}
	withToken.TokenFile = writeFile(t, "token")
	for _, settings := range []Settings{plain, withToken} {
		p, err := New(settings)
		require.NoError(t, err)
		p.files.reading.Store(nil)
		p.files.limiter.Limit = time.Nanosecond
		for range 100 {
			if err := p.Round(t.Context()).err; err != nil {
				require.ErrorContains(t, err, "token_file: "+withToken.TokenFile+": reading took longer")
			}
		}
	}
}

// Windows editors write a byte order mark.
func TestByteOrderMark(t *testing.T) {
	s := newSite(t)
	settings := s.settings()
	settings.TokenFile = writeFile(t, "\ufefftoken")
	for _, file := range []*string{&settings.TLS.TLSCA, &settings.TLS.TLSCert, &settings.TLS.TLSKey} {
		content, err := os.ReadFile(*file)
		require.NoError(t, err)
		*file = writeFile(t, "\ufeff"+string(content))
	}
	p, err := New(settings)
	require.NoError(t, err)
	require.Equal(t, "Bearer token", p.Round(t.Context()).header.Get("Authorization"))
}

func TestUnusableFiles(t *testing.T) {
	s, foreign := newSite(t), foreignSite(t)
	file := func(name string) string { return filepath.Join(s.dir, name) }
	empty := writeFile(t, "")
	encrypted, foreignEncrypted := encryptKey(t, s, "qlik"), encryptKey(t, foreign, "qlik")
	pkcs1 := writeFile(t, "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n")
	for name, tt := range map[string]struct {
		change func(*Settings)
		want   string
	}{
		"no certificate authority": {
			func(c *Settings) { c.TLS.TLSCA = empty }, "tls_ca: " + empty + " holds no certificate in PEM form " + pemForm,
		},
		"no client certificate": {
			func(c *Settings) { c.TLS.TLSCert = empty },
			"tls_cert: " + empty + ": tls: failed to find any PEM data in certificate input " + pemForm,
		},
		"no key": {
			func(c *Settings) { c.TLS.TLSKey = empty }, "tls_key: " + empty + " holds no private key in PEM form " + pemForm,
		},
		"a certificate for a key": {
			func(c *Settings) { c.TLS.TLSKey = file("root.pem") },
			"tls_key: " + file("root.pem") + ": tls: found a certificate rather than a key in the PEM for the private key " + pemForm,
		},
		"key of another certificate": {
			func(c *Settings) { c.TLS.TLSKey = filepath.Join(foreign.dir, "client_key.pem") },
			"tls_key: " + filepath.Join(foreign.dir, "client_key.pem") + " does not belong to the certificate " + file("client.pem"),
		},
		"encrypted key": {
			func(c *Settings) { c.TLS.TLSKey = encrypted }, "tls_key: " + encrypted + " is encrypted: set tls_key_pwd to its password",
		},
		"wrong password": {
			func(c *Settings) { c.TLS.TLSKey, c.TLS.TLSKeyPwd = encrypted, "secret" }, "tls_key_pwd: is not the password of " + encrypted,
		},
		"right password, other certificate": {
			func(c *Settings) { c.TLS.TLSKey, c.TLS.TLSKeyPwd = foreignEncrypted, "qlik" },
			"tls_key: " + foreignEncrypted + " does not belong to the certificate " + file("client.pem"),
		},
		"key in an old form": {
			func(c *Settings) { c.TLS.TLSKey = pkcs1 },
			"tls_key: " + pkcs1 + " is encrypted in a form that is not supported: convert it to PKCS#8, for example with openssl pkcs8 -topk8",
		},
		"tokens": {
			func(c *Settings) { c.TokenFile = file("client.pem") }, "token_file: " + file("client.pem") + " does not hold one token on one line",
		},
		"settings that are not files": {
			func(c *Settings) {
				c.Timeout = time.Nanosecond
				c.TLS.TLSMinVersion, c.TLS.TLSCipherSuites, c.TLS.RenegotiationMethod = "TLS9", []string{"x"}, "always"
			},
			"timeout: must be 100ms or longer, for example \"10s\"\n" +
				"tls_min_version: could not parse tls min version \"TLS9\": unsupported version \"TLS9\" (available: TLS10,TLS11,TLS12,TLS13)\n" +
				"tls_cipher_suites: could not parse client cipher suites: \"X\" unsupported cipher\n" +
				"tls_renegotiation_method: unrecognized renegotiation method \"always\", choose from: 'never', 'once', 'freely'",
		},
	} {
		t.Run(name, func(t *testing.T) {
			settings := s.settings()
			tt.change(&settings)
			_, err := New(settings)
			require.EqualError(t, err, tt.want)
		})
	}
}

func TestEncryptedKey(t *testing.T) {
	s := newSite(t)
	_, server := s.start(t, simulator.Server{})
	settings := s.settings()
	settings.TLS.TLSKey, settings.TLS.TLSKeyPwd = encryptKey(t, s, "qlik"), "qlik"
	outcome := newPoller(t, settings).Round(t.Context()).Poll(t.Context(), server)
	require.Equal(t, Success, outcome.Result, outcome.Cause)
}

// encryptKey encrypts the client key of a site in PKCS#8 form.
func encryptKey(t *testing.T, s *site, password string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(s.dir, "client_key.pem"))
	require.NoError(t, err)
	block, _ := pem.Decode(content)
	key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	require.NoError(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	block, err = pemutil.EncryptPKCS8PrivateKey(rand.Reader, der, []byte(password), x509.PEMCipherAES256)
	require.NoError(t, err)
	return writeFile(t, string(pem.EncodeToMemory(block)))
}

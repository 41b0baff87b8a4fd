package poll

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync/atomic"

	"go.step.sm/crypto/pemutil"
	"golang.org/x/net/http/httpguts"

	"telegraf-qlik-sense-version/internal/boundedfile"
)

const maxFile = 1 << 20 // bytes of a certificate or token file

// files reads the certificates and the token.
type files struct {
	settings *Settings
	read     func(file string, maxSize int64) ([]byte, error) // boundedfile.Read, except in tests
	limiter  boundedfile.Limiter
	reading  atomic.Pointer[settingFile] // for the error if it hangs
}

type settingFile struct{ key, file string }

// secrets are the contents of the files.
type secrets struct {
	roots  *x509.CertPool    // nil for those of the system
	client []tls.Certificate // one, or none
	token  string
}

// load reads and parses all files. It returns in bounded time even if a file system hangs. The
// error joins *SettingErrors.
func (f *files) load(ctx context.Context) (*secrets, error) {
	configured := f.configured()
	if len(configured) == 0 {
		return &secrets{}, nil
	}
	// The time may be up before the first file is read: the machine may have been suspended.
	f.reading.CompareAndSwap(nil, &configured[0])
	// The time limit is only for reading: decrypting a key may take seconds on a busy machine.
	content, err := boundedfile.Within(ctx, &f.limiter, func() (map[string][]byte, error) { return f.readAll(configured) })
	if _, hangs := errors.AsType[*boundedfile.TimeoutError](err); hangs {
		at := f.reading.Load()
		return nil, &SettingError{at.key, fmt.Errorf("%s: %w", at.file, err)}
	}
	if err != nil {
		return nil, err
	}

	var s secrets
	var tokenErr, rootsErr, clientErr error
	s.token, tokenErr = f.parseToken(content["token_file"])
	s.roots, rootsErr = f.parseRoots(content["tls_ca"])
	s.client, clientErr = f.parseClient(content["tls_cert"], content["tls_key"])
	if err := errors.Join(tokenErr, rootsErr, clientErr); err != nil {
		return nil, err
	}
	return &s, nil
}

// configured returns the settings that name a file.
func (f *files) configured() []settingFile {
	return slices.DeleteFunc([]settingFile{
		{"token_file", f.settings.TokenFile},
		{"tls_ca", f.settings.TLS.TLSCA}, {"tls_cert", f.settings.TLS.TLSCert}, {"tls_key", f.settings.TLS.TLSKey},
	}, func(s settingFile) bool { return s.file == "" })
}

// readAll returns the contents of the files by setting.
func (f *files) readAll(configured []settingFile) (map[string][]byte, error) {
	content := make(map[string][]byte, len(configured))
	errs := make([]error, 0, len(configured))
	for _, setting := range configured {
		f.reading.Store(&setting)
		text, err := f.read(setting.file, maxFile)
		switch {
		case err == nil:
			// Windows editors put a byte order mark there, which package pem does not skip.
			content[setting.key] = bytes.TrimPrefix(text, []byte("\ufeff"))
			continue
		case errors.Is(err, fs.ErrPermission):
			err = fmt.Errorf("%w: make it readable for the account that Telegraf runs under", err)
		case outOfDescriptors(err):
			err = fmt.Errorf("%w: %s; %s", err, descriptorCause(), descriptorHint)
		case errors.Is(err, fs.ErrNotExist):
			err = fmt.Errorf("%w: check the path", err)
		}
		errs = append(errs, &SettingError{setting.key, err})
	}
	return content, errors.Join(errs...)
}

func (f *files) parseToken(content []byte) (string, error) {
	token := strings.TrimSpace(string(content))
	if file := f.settings.TokenFile; file != "" && (token == "" || !httpguts.ValidHeaderFieldValue(token)) {
		return "", &SettingError{"token_file", fmt.Errorf("%s does not hold one token on one line", file)}
	}
	return token, nil
}

// pemForm is the hint for a file in another format.
const pemForm = "(export the certificates in PEM form: root.pem, client.pem, client_key.pem)"

func (f *files) parseRoots(content []byte) (*x509.CertPool, error) {
	if f.settings.TLS.TLSCA == "" {
		return nil, nil //nolint:nilnil // crypto/tls takes nil for the roots of the system
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(content) {
		return nil, &SettingError{"tls_ca", fmt.Errorf("%s holds no certificate in PEM form %s", f.settings.TLS.TLSCA, pemForm)}
	}
	return pool, nil
}

func (f *files) parseClient(certificate, key []byte) ([]tls.Certificate, error) {
	c := &f.settings.TLS
	if c.TLSCert == "" || c.TLSKey == "" {
		return nil, nil
	}
	key, err := decrypt(key, c.TLSKeyPwd, c.TLSKey)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(certificate, key)
	switch {
	case err == nil:
		return []tls.Certificate{pair}, nil
	case strings.Contains(err.Error(), "does not match"):
		return nil, &SettingError{"tls_key", fmt.Errorf("%s does not belong to the certificate %s", c.TLSKey, c.TLSCert)}
	case strings.Contains(err.Error(), "key"):
		return nil, &SettingError{"tls_key", fmt.Errorf("%s: %w %s", c.TLSKey, err, pemForm)}
	}
	return nil, &SettingError{"tls_cert", fmt.Errorf("%s: %w %s", c.TLSCert, err, pemForm)}
}

// decrypt returns a private key in PEM form that needs no password.
func decrypt(key []byte, password, file string) ([]byte, error) {
	block, _ := pem.Decode(key)
	switch {
	case block == nil:
		return nil, &SettingError{"tls_key", fmt.Errorf("%s holds no private key in PEM form %s", file, pemForm)}
	case block.Headers["Proc-Type"] == "4,ENCRYPTED":
		return nil, &SettingError{"tls_key", fmt.Errorf(
			"%s is encrypted in a form that is not supported: convert it to PKCS#8, for example with openssl pkcs8 -topk8", file)}
	case block.Type != "ENCRYPTED PRIVATE KEY":
		return key, nil
	case password == "":
		return nil, &SettingError{"tls_key", fmt.Errorf("%s is encrypted: set tls_key_pwd to its password", file)}
	}
	der, err := pemutil.DecryptPKCS8PrivateKey(block.Bytes, []byte(password))
	if err == nil {
		_, err = x509.ParsePKCS8PrivateKey(der) // decryption may succeed with a wrong password
	}
	if err != nil {
		return nil, &SettingError{"tls_key_pwd", fmt.Errorf("is not the password of %s", file)}
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

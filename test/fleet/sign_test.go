//go:build linux

package fleet

import (
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/test/rig"
)

// signScript signs a program or an MSI, if there is a certificate.
const signScript = rig.Root + "/packaging/windows/sign"

// run returns the output of a program with additions to the environment.
func run(t *testing.T, environment []string, program string, arguments ...string) (string, error) {
	t.Helper()
	cmd := exec.Command(program, arguments...)
	cmd.Env = append(os.Environ(), environment...)
	text, err := cmd.CombinedOutput()
	return string(text), err
}

func TestSignWindowsFiles(t *testing.T) {
	requirePrograms(t, "osslsigncode", "openssl")
	r := rig.New(t)
	rig.TrackFiles(t, signScript)
	dir := t.TempDir()
	source, program := filepath.Join(dir, "main.go"), filepath.Join(dir, "program.exe")
	require.NoError(t, os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o600))
	text, err := run(t, []string{"GOOS=windows"}, "go", "build", "-o", program, source)
	require.NoError(t, err, text)
	unsigned := r.Read(program)

	text, err = run(t, []string{"WINDOWS_CERTIFICATE="}, signScript, program)
	require.NoError(t, err, text)
	require.Contains(t, text, "is not signed, because WINDOWS_CERTIFICATE is not set")
	require.Equal(t, unsigned, r.Read(program), "without a certificate the file stays as it is")

	key, certificate, pfx := filepath.Join(dir, "key"), filepath.Join(dir, "certificate"), filepath.Join(dir, "pfx")
	text, err = run(t, nil, "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate,
		"-days", "2", "-subj", "/CN=A test", "-addext", "extendedKeyUsage=codeSigning", "-addext", "keyUsage=digitalSignature")
	require.NoError(t, err, text)
	text, err = run(t, nil, "openssl", "pkcs12", "-export", "-inkey", key, "-in", certificate, "-out", pfx, "-passout", "pass:pa ss")
	require.NoError(t, err, text)
	environment := func(password string) []string {
		return []string{
			"WINDOWS_CERTIFICATE=" + base64.StdEncoding.EncodeToString([]byte(r.Read(pfx))),
			"WINDOWS_CERTIFICATE_PASSWORD=" + password, "WINDOWS_TIMESTAMP_URL=",
		}
	}
	text, err = run(t, environment("wrong"), signScript, program)
	require.Error(t, err, text)
	require.Equal(t, unsigned, r.Read(program))
	text, err = run(t, environment("pa ss"), signScript, program)
	require.NoError(t, err, text)
	verify := func(file string) {
		text, err := run(t, nil, "osslsigncode", "verify", "-CAfile", certificate, "-in", file)
		require.NoError(t, err, text)
		require.Contains(t, text, "A test")
	}
	verify(program)

	// The MSI is built with the signed program, and then signed.
	requirePrograms(t, "wixl", "msibuild")
	msi := filepath.Join(dir, "package.msi")
	text, err = run(t, nil, rig.Root+"/packaging/windows/msi.sh", program, "1.2.3", msi)
	require.NoError(t, err, text)
	text, err = run(t, environment("pa ss"), signScript, msi)
	require.NoError(t, err, text)
	verify(msi)
}

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

const sign = rig.Root + "/packaging/windows/sign"

func output(t *testing.T, environment []string, program string, arguments ...string) (string, error) {
	t.Helper()
	cmd := exec.Command(program, arguments...)
	cmd.Env = append(os.Environ(), environment...)
	text, err := cmd.CombinedOutput()
	return string(text), err
}

func TestWhatIsForWindowsCanBeSigned(t *testing.T) {
	for _, program := range []string{"osslsigncode", "openssl"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("not run, for the program %s is not there", program)
		}
	}
	r := rig.New(t)
	rig.TrackFiles(t, sign)
	dir := t.TempDir()
	source, program := filepath.Join(dir, "main.go"), filepath.Join(dir, "program.exe")
	require.NoError(t, os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o600))
	text, err := output(t, []string{"GOOS=windows"}, "go", "build", "-o", program, source)
	require.NoError(t, err, text)
	unsigned := r.Read(program)

	text, err = output(t, []string{"WINDOWS_CERTIFICATE="}, sign, program)
	require.NoError(t, err, text)
	require.Contains(t, text, "is not signed, for WINDOWS_CERTIFICATE is not set")
	require.Equal(t, unsigned, r.Read(program), "the build is the same without a certificate")

	key, certificate, pfx := filepath.Join(dir, "key"), filepath.Join(dir, "certificate"), filepath.Join(dir, "pfx")
	text, err = output(t, nil, "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate,
		"-days", "2", "-subj", "/CN=A test", "-addext", "extendedKeyUsage=codeSigning", "-addext", "keyUsage=digitalSignature")
	require.NoError(t, err, text)
	text, err = output(t, nil, "openssl", "pkcs12", "-export", "-inkey", key, "-in", certificate, "-out", pfx, "-passout", "pass:pa ss")
	require.NoError(t, err, text)
	environment := func(password string) []string {
		return []string{
			"WINDOWS_CERTIFICATE=" + base64.StdEncoding.EncodeToString([]byte(r.Read(pfx))),
			"WINDOWS_CERTIFICATE_PASSWORD=" + password, "WINDOWS_TIMESTAMP_URL=",
		}
	}
	text, err = output(t, environment("wrong"), sign, program)
	require.Error(t, err, text)
	require.Equal(t, unsigned, r.Read(program))
	text, err = output(t, environment("pa ss"), sign, program)
	require.NoError(t, err, text)
	verify := func(file string) {
		text, err := output(t, nil, "osslsigncode", "verify", "-CAfile", certificate, "-in", file)
		require.NoError(t, err, text)
		require.Contains(t, text, "A test")
	}
	verify(program)

	// The MSI is made of the signed program, and then signed.
	for _, builder := range []string{"wixl", "msibuild"} {
		if _, err := exec.LookPath(builder); err != nil {
			t.Skipf("no MSI signed, for the program %s is not there", builder)
		}
	}
	msi := filepath.Join(dir, "package.msi")
	text, err = output(t, nil, rig.Root+"/packaging/windows/msi.sh", program, "1.2.3", msi)
	require.NoError(t, err, text)
	text, err = output(t, environment("pa ss"), sign, msi)
	require.NoError(t, err, text)
	verify(msi)
}

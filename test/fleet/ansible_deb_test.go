//go:build linux

package fleet

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// overlayScript runs a program that sees this machine's /etc, /usr and /var, but whose changes to
// them go to a folder: upper/etc and so on.
const overlayScript = `set -e
for folder in etc usr var; do
	mkdir -p "$0/upper/$folder" "$0/scratch/$folder"
	mount -t overlay overlay -o "lowerdir=/$folder,upperdir=$0/upper/$folder,workdir=$0/scratch/$folder" "/$folder"
done
exec "$@"`

// initScript replaces Telegraf's service and records the actions requested of it.
const initScript = `#!/bin/sh
case $1 in
status) exit 0 ;;
*) echo "$1" >>/var/telegraf.actions ;;
esac
`

// The whole role with its default paths, package and service; overlays keep its changes away from
// this machine's files.
func TestAnsibleInstallsTheDeb(t *testing.T) {
	a := newAnsible(t)
	requirePrograms(t, "dpkg-deb", "unshare")
	machine := t.TempDir()
	a.wrapper = []string{"unshare", "--mount", "--propagation", "private", "sh", "-c", overlayScript, machine}
	if output, err := exec.Command(a.wrapper[0], append(a.wrapper[1:], "true")...).CombinedOutput(); err != nil {
		t.Skipf("no overlay of /etc, /usr and /var could be mounted: %v: %s", err, output)
	}
	etc, usr, variable := filepath.Join(machine, "upper/etc"), filepath.Join(machine, "upper/usr"), filepath.Join(machine, "upper/var")
	require.NoError(t, os.MkdirAll(filepath.Join(etc, "telegraf/telegraf.d"), 0o755)) //nolint:gosec // as Telegraf's package makes it
	require.NoError(t, os.MkdirAll(filepath.Join(etc, "init.d"), 0o755))              //nolint:gosec // as on every Debian
	require.NoError(t, os.WriteFile(filepath.Join(etc, "init.d/telegraf"), []byte(initScript), 0o755))
	output, err := exec.Command(a.wrapper[0], append(a.wrapper[1:], "groupadd", "--system", "--force", "telegraf")...).CombinedOutput()
	require.NoError(t, err, "%s", output)

	first, firstSum := a.buildDeb("1.0.0")
	second, secondSum := a.buildDeb("1.1.0")
	server := httptest.NewServer(http.FileServer(http.Dir(filepath.Dir(second))))
	defer server.Close()
	program, dropIn := filepath.Join(usr, "bin/telegraf-qlik-sense-version"), filepath.Join(etc, "telegraf/telegraf.d/qlik-sense-version.conf")
	actions := func() string {
		text, err := os.ReadFile(filepath.Join(variable, "telegraf.actions"))
		if !os.IsNotExist(err) {
			require.NoError(t, err)
		}
		return string(text)
	}
	usePackage := func(location, sum string) {
		deb := map[string]any{"from": location, "sha256": sum}
		a.variables = map[string]any{
			"qlik_sense_version_packages": map[string]any{"deb_amd64": deb, "deb_arm64": deb},
			"qlik_sense_version_sites":    []any{map[string]any{"name": "prod", "hosts": []string{a.Address(1)}, "certificates": a.SiteDir}},
		}
	}

	usePackage(first, firstSum)
	_, _, failed := a.play("--check")
	require.False(t, failed)
	require.NoFileExists(t, program)
	require.NoFileExists(t, dropIn)
	require.Empty(t, actions())

	// The folder for packages, the package and its installation; folders, certificates, key, settings
	// and drop-in; the restart.
	const changes = 9
	a.requirePlay(changes)
	require.FileExists(t, program)
	require.FileExists(t, dropIn)
	require.FileExists(t, filepath.Join(etc, "telegraf-qlik-sense-version/prod/client_key.pem"))
	require.Equal(t, "stop\nstart\n", actions())
	a.requirePlay(0)

	usePackage(server.URL+"/"+filepath.Base(second), firstSum)
	refused, _, failed := a.play()
	require.True(t, failed, "the checksum is that of another package")
	require.Contains(t, refused, "checksum")
	usePackage(server.URL+"/"+filepath.Base(second), secondSum)
	a.requirePlay(3) // the package, its installation, the restart
	require.Equal(t, "stop\nstart\nstop\nstart\n", actions())
	require.Contains(t, a.Read(filepath.Join(variable, "lib/dpkg/status")), "Package: telegraf-qlik-sense-version\nStatus: install ok installed\n")
	require.Contains(t, a.Read(filepath.Join(variable, "lib/dpkg/status")), "Version: 1.1.0")

	usePackage(first, firstSum)
	a.requirePlay(2) // its installation and the restart: the package was copied before
	require.Contains(t, a.Read(filepath.Join(variable, "lib/dpkg/status")), "Version: 1.0.0")

	usePackage(second, firstSum)
	refused, _, failed = a.play()
	require.True(t, failed)
	require.Contains(t, refused, "it was not installed")
}

// buildDeb builds a package with nothing but the program.
func (a *ansible) buildDeb(version string) (path, sum string) {
	a.Helper()
	root := a.TempDir()
	require.NoError(a, os.MkdirAll(filepath.Join(root, "usr/bin"), 0o755)) //nolint:gosec // as in a package
	require.NoError(a, os.Mkdir(filepath.Join(root, "DEBIAN"), 0o755))     //nolint:gosec // as in a package
	require.NoError(a, os.WriteFile(filepath.Join(root, "usr/bin/telegraf-qlik-sense-version"), []byte(a.Read(a.Tools.Plugin)), 0o755))
	architecture, err := exec.Command("dpkg", "--print-architecture").Output()
	require.NoError(a, err)
	control := "Package: telegraf-qlik-sense-version\nVersion: " + version + "\nArchitecture: " + strings.TrimSpace(string(architecture)) +
		"\nMaintainer: nobody\nDescription: a test\n"
	require.NoError(a, os.WriteFile(filepath.Join(root, "DEBIAN/control"), []byte(control), 0o600))
	path = filepath.Join(a.TempDir(), "telegraf-qlik-sense-version_"+version+".deb")
	output, err := exec.Command("dpkg-deb", "-Znone", "--root-owner-group", "--build", root, path).CombinedOutput()
	require.NoError(a, err, "%s", output)
	digest := sha256.Sum256([]byte(a.Read(path)))
	return path, hex.EncodeToString(digest[:])
}

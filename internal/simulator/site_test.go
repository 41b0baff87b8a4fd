package simulator

import (
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestExportAndOpen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "site")
	_, err := OpenSite(dir)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, testSite(t).Export(dir))
	require.NoError(t, testSite(t).Export(dir)) // twice is harmless
	if runtime.GOOS != "windows" {
		for file, want := range map[string]fs.FileMode{
			"root.pem": 0o644, "root_key.pem": 0o600, "client.pem": 0o644, "client_key.pem": 0o600,
		} {
			info, err := os.Stat(filepath.Join(dir, file))
			require.NoError(t, err)
			require.Equal(t, want, info.Mode().Perm()&^0o022, file)
		}
	}
	opened, err := OpenSite(dir)
	require.NoError(t, err)
	fleet, err := Start(opened, Server{Addr: "127.0.0.1:0"})
	require.NoError(t, err)
	defer fleet.Close()
	// A client with the certificates of the first run.
	code, _, _, err := get(newClient(testSite(t).ClientTLS(), 5*time.Second), "https://"+fleet.Addr(0)+"/v1/systeminfo")
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, code)

	for _, mixed := range []string{"client", "root"} {
		other, err := NewSite()
		require.NoError(t, err)
		require.NoError(t, other.Export(dir))
		require.NoError(t, testSite(t).Export(filepath.Join(dir, "first")))
		for _, suffix := range []string{".pem", "_key.pem"} {
			require.NoError(t, os.Rename(filepath.Join(dir, "first", mixed+suffix), filepath.Join(dir, mixed+suffix)))
		}
		_, err = OpenSite(dir)
		require.ErrorContains(t, err, "reading the site's client certificate")
	}
}

package qlik_sense_version

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/influxdata/telegraf/testutil"
	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
)

func TestTokenReadEachRound(t *testing.T) {
	fleet := start(t, simulator.Server{NoClientCert: true})
	q, log := newPlugin("https://" + fleet.Addr(0) + "/api/about/v1/systeminfo")
	q.TLSCert, q.TLSKey = "", ""
	q.TokenFile = writeFile(t, "first\n")
	require.NoError(t, q.Init())

	for _, token := range []string{"first", "second", "third"} {
		require.NoError(t, os.WriteFile(q.TokenFile, []byte(token+"\r\n"), 0o600))
		require.Equal(t, "success", gather(t, q).result(t))
		require.Equal(t, "Bearer "+token, fleet.LastRequest(0).Header.Get("Authorization"))
	}

	require.NoError(t, os.Remove(q.TokenFile))
	_, err := os.Stat(q.TokenFile)
	require.Error(t, err)
	for range 2 {
		got := gather(t, q)
		require.Equal(t, "configuration_error", got.result(t))
		require.EqualValues(t, 10, field(t, got.points[0], "result_code"))
		require.NotContains(t, got.points[0].Fields(), "response_time", "no request was made")
		require.Equal(t, []string{q.Hosts[0] + ": configuration_error: token_file: " + err.Error() +
			": check the path; no restart is needed, the file is read again for every round"}, got.errors)
	}
	require.Equal(t, 3, fleet.Requests(0))

	require.NoError(t, os.WriteFile(q.TokenFile, []byte("fourth"), 0o600))
	log.Clear()
	require.Equal(t, "success", gather(t, q).result(t))
	require.Equal(t, "Bearer fourth", fleet.LastRequest(0).Header.Get("Authorization"))
	require.Equal(t, []string{q.Hosts[0] + " answers again; polls that failed before: 2"}, lines(log, testutil.LevelInfo))
}

func TestCertificatesReadEachRound(t *testing.T) {
	fleet := start(t, simulator.Server{})
	q, _ := newPlugin(fleet.Addr(0))
	dir := t.TempDir()
	require.NoError(t, sharedSite.Export(dir))
	q.TLSCA, q.TLSCert, q.TLSKey = filepath.Join(dir, "root.pem"), filepath.Join(dir, "client.pem"), filepath.Join(dir, "client_key.pem")
	require.NoError(t, q.Init())
	require.Equal(t, "success", gather(t, q).result(t))

	// The files are renewed, but the server still has its old certificate.
	other, err := simulator.NewSite()
	require.NoError(t, err)
	require.NoError(t, other.Export(dir))
	require.Equal(t, "tls_error", gather(t, q).result(t))

	require.NoError(t, os.Remove(q.TLSKey))
	require.Equal(t, "configuration_error", gather(t, q).result(t))

	require.NoError(t, sharedSite.Export(dir))
	require.Equal(t, "success", gather(t, q).result(t))
}

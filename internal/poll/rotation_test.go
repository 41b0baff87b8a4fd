package poll

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
)

// After the site's root was replaced, a server with a certificate of the old root is refused.
func TestRotatedCertificates(t *testing.T) {
	old, renewed := newSite(t), foreignSite(t)
	fleet, server := old.start(t, simulator.Server{})
	p := newPoller(t, old.settings())
	require.Equal(t, Success, p.Round(t.Context()).Poll(t.Context(), server).Result)

	require.NoError(t, renewed.Export(old.dir))
	outcome := p.Round(t.Context()).Poll(t.Context(), server)
	require.Equal(t, TLSError, outcome.Result)
	require.Equal(t, 1, fleet.Requests(0))

	fleet, server = renewed.start(t, simulator.Server{})
	require.Equal(t, Success, p.Round(t.Context()).Poll(t.Context(), server).Result)
	require.Equal(t, 1, fleet.Requests(0))
}

func TestUnreadableFilesDuringRound(t *testing.T) {
	s := newSite(t)
	fleet, server := s.start(t, simulator.Server{})
	settings := s.settings()
	settings.TokenFile = filepath.Join(s.dir, "token")
	require.NoError(t, os.WriteFile(settings.TokenFile, []byte("first\r\n"), 0o600))
	p := newPoller(t, settings)

	require.Equal(t, Success, p.Round(t.Context()).Poll(t.Context(), server).Result)
	require.Equal(t, "Bearer first", fleet.LastRequest(0).Header.Get("Authorization"))

	require.NoError(t, os.WriteFile(settings.TokenFile, []byte("\ufeffsecond"), 0o600))
	require.Equal(t, Success, p.Round(t.Context()).Poll(t.Context(), server).Result)
	require.Equal(t, "Bearer second", fleet.LastRequest(0).Header.Get("Authorization"))

	for _, file := range []string{"token", "root.pem", "client.pem", "client_key.pem"} {
		path := filepath.Join(s.dir, file)
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, broken := range []func(){
			func() { require.NoError(t, os.WriteFile(path, nil, 0o600)) },
			func() { require.NoError(t, os.Truncate(path, 2<<20)) },
			func() { require.NoError(t, os.Remove(path)) },
			func() { require.NoError(t, os.Mkdir(path, 0o700)) },
		} {
			broken()
			outcome := p.Round(t.Context()).Poll(t.Context(), server)
			require.Equal(t, ConfigurationError, outcome.Result, file)
			require.Contains(t, outcome.Cause, file)
			require.NotContains(t, outcome.Cause, "%!")
			require.Zero(t, outcome.ResponseTime)
		}
		require.NoError(t, os.Remove(path))
		require.NoError(t, os.WriteFile(path, content, 0o600))
		require.Equal(t, Success, p.Round(t.Context()).Poll(t.Context(), server).Result, file)
	}
}

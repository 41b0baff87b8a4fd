package poll

import (
	"crypto/tls"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	telegraftls "github.com/influxdata/telegraf/plugins/common/tls"
	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
)

// OpenSSL issues tickets and then breaks off every resumed session if it verifies clients
// and has no session id context.
func TestResumedSessionRefused(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			var returned atomic.Int32
			backend := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Write(simulator.Reply(label, build))
			}))
			backend.Config.ErrorLog = log.New(io.Discard, "", 0)
			backend.TLS = &tls.Config{
				MaxVersion: version,
				UnwrapSession: func(ticket []byte, state tls.ConnectionState) (*tls.SessionState, error) {
					if len(ticket) > 0 {
						returned.Add(1)
					}
					return backend.TLS.DecryptTicket(ticket, state)
				},
				VerifyConnection: func(state tls.ConnectionState) error {
					if state.DidResume {
						return errors.New("no session id context")
					}
					return nil
				},
			}
			backend.StartTLS()
			defer backend.Close()
			root := writeFile(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: backend.Certificate().Raw})))
			p := newPoller(t, Settings{Timeout: 10 * time.Second, TLSVerify: VerifyFull, TLS: telegraftls.ClientConfig{TLSCA: root}})
			server, err := ParseServer(backend.URL)
			require.NoError(t, err)

			for range 6 {
				outcome := p.Round(t.Context()).Poll(t.Context(), server)
				require.Equal(t, Success, outcome.Result, outcome.Cause)
				require.Equal(t, backend.Certificate().NotAfter, outcome.CertificateExpiry)
			}
			require.Zero(t, returned.Load())
		})
	}
}

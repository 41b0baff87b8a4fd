package feed

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"telegraf-qlik-sense-version/internal/catalog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The lists here are of days that no data of the built-in catalogue reach.
const (
	today         = "2031-07-01"
	may2031       = `{"name":"May 2031 Initial Release","tag_name":"v15.100.3","published_at":"2031-05-12T12:00:00Z"}`
	may2031Patch1 = `{"name":"May 2031 Patch 1","tag_name":"v15.100.4","published_at":"2031-06-20T12:00:00Z"}`
	clean         = "An issue was discovered in Qlik Sense Enterprise for Windows. This is fixed in May 2031 Patch 1, and November 2025 Patch 7."
)

// feeds is a server that plays the three sources.
type feeds struct {
	*httptest.Server
	handlers map[string]*atomic.Pointer[http.HandlerFunc] // by part
}

// play starts a server with a list of each source, of which each has something new.
func play(t testing.TB) *feeds {
	t.Helper()
	f := &feeds{handlers: make(map[string]*atomic.Pointer[http.HandlerFunc])}
	mux := http.NewServeMux()
	for _, part := range Parts {
		f.handlers[part] = &atomic.Pointer[http.HandlerFunc]{}
		mux.HandleFunc("/"+part, func(w http.ResponseWriter, r *http.Request) { (*f.handlers[part].Load())(w, r) })
	}
	f.Server = httptest.NewServer(mux)
	t.Cleanup(f.Close)
	f.set("releases", body("["+may2031Patch1+","+may2031+"]"))
	f.set("advisories", body(string(nvdReplyOf("2031-06-29", record("CVE-2031-0001", "2031-06-01", clean)))))
	f.set("exploited", body(string(kevOf("2031-06-28", kevEntryOf("CVE-2023-41265", "Qlik", "Sense", "2023-12-07", "Known"),
		kevEntryOf("CVE-2024-36077", "Qlik", "Sense", "2031-06-27", "Unknown")))))
	return f
}

func (f *feeds) set(part string, handler http.HandlerFunc) { f.handlers[part].Store(&handler) }

func body(content string) http.HandlerFunc { return answers(http.StatusOK, content) }

// answers is a handler with a status, a body and headers in pairs.
func answers(code int, content string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		io.WriteString(w, content)
	}
}

// sources reads all three from the server, without long pauses.
func (f *feeds) sources() Sources {
	s := Sources{Mirrors: make(map[string]string), timeout: 20 * time.Second, pause: time.Millisecond}
	for _, part := range Parts {
		s.Mirrors[part] = f.URL + "/" + part
	}
	return s
}

// update is an update of a file as of the day of the lists.
func (f *feeds) update(t testing.TB, file string) *Update {
	t.Helper()
	return &Update{Sources: f.sources(), File: file, Today: day(t, today)}
}

// builtInFile is the built-in catalogue in a file, to which an update adds nothing of it.
func builtInFile(t testing.TB) (file, text string) {
	t.Helper()
	content, err := catalog.BuiltIn().Encode("a file of somebody's own")
	require.NoError(t, err)
	file = filepath.Join(t.TempDir(), "catalog.toml")
	require.NoError(t, os.WriteFile(file, content, 0o600))
	return file, string(content)
}

// requireUntouched checks that a failed update has left nothing behind.
func requireUntouched(t testing.TB, file, text string) {
	t.Helper()
	got, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, text, string(got))
	entries, err := os.ReadDir(filepath.Dir(file))
	require.NoError(t, err)
	require.Len(t, entries, 1)
}

func advisoryOf(c *catalog.Catalog, id string) *catalog.Advisory {
	for i := range c.Advisories {
		if c.Advisories[i].ID == id {
			return &c.Advisories[i]
		}
	}
	return nil
}

// someSamples are the stored records as a reply has them.
func someSamples(t testing.TB) (records []json.RawMessage) {
	t.Helper()
	for id := range samples(t) {
		records = append(records, sample(t, id))
	}
	return records
}

package feed

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/feed/feedtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The days of these lists are later than those of the built-in catalogue.
const (
	today         = "2031-07-01"
	may2031       = `{"name":"May 2031 Initial Release","tag_name":"v15.100.3","published_at":"2031-05-12T12:00:00Z"}`
	may2031Patch1 = `{"name":"May 2031 Patch 1","tag_name":"v15.100.4","published_at":"2031-06-20T12:00:00Z"}`
	clean         = "An issue was discovered in Qlik Sense Enterprise for Windows. This is fixed in May 2031 Patch 1, and November 2025 Patch 7."
)

// feeds is a server that simulates the three sources.
type feeds struct{ *feedtest.Server }

// startFeeds starts a server whose three lists each have something new.
func startFeeds(t testing.TB) *feeds {
	t.Helper()
	require.Equal(t, Parts, feedtest.Parts)
	f := &feeds{feedtest.Start(t)}
	f.Set("releases", feedtest.Body("["+may2031Patch1+","+may2031+"]"))
	f.Set("advisories", feedtest.Body(string(feedtest.NVDReply("2031-06-29", feedtest.Record("CVE-2031-0001", "2031-06-01", clean)))))
	f.Set("exploited", feedtest.Body(string(feedtest.KEV("2031-06-28", feedtest.KEVEntry("CVE-2023-41265", "Qlik", "Sense", "2023-12-07", "Known"),
		feedtest.KEVEntry("CVE-2024-36077", "Qlik", "Sense", "2031-06-27", "Unknown")))))
	return f
}

// sources selects all three sources on the server, without long pauses.
func (f *feeds) sources() Sources {
	return Sources{Mirrors: f.Mirrors(), timeout: 20 * time.Second, pause: time.Millisecond}
}

// update returns an update of a file on the day of the lists.
func (f *feeds) update(t testing.TB, file string) *Update {
	t.Helper()
	return &Update{Sources: f.sources(), File: file, Today: day(t, today)}
}

// builtInFile writes the built-in catalogue to a file.
func builtInFile(t testing.TB) (file, text string) {
	t.Helper()
	content, err := catalog.BuiltIn().Encode("")
	require.NoError(t, err)
	file = filepath.Join(t.TempDir(), "catalog.toml")
	require.NoError(t, os.WriteFile(file, content, 0o600))
	return file, string(content)
}

// requireUnchanged checks that a failed update changed nothing and left no files.
func requireUnchanged(t testing.TB, file, text string) {
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

// someSamples returns the stored records in the form of a reply.
func someSamples(t testing.TB) (records []json.RawMessage) {
	t.Helper()
	for id := range samples(t) {
		records = append(records, sample(t, id))
	}
	return records
}

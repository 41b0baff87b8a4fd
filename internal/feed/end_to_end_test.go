package feed

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/feed/feedtest"
	"telegraf-qlik-sense-version/internal/judgement"
)

// Lists dated in 2031 with the stored records and invented ones of every kind.
func TestFeedsOf2031(t *testing.T) {
	const flaw = "A flaw in Qlik Sense Enterprise for Windows. "
	configurations, err := json.Marshal(cpes("may_2031:-", "may_2031:patch_1"))
	require.NoError(t, err)
	f := startFeeds(t)
	invented := []json.RawMessage{
		feedtest.Record("CVE-2031-0001", "2031-06-01", flaw+"This is fixed in May 2031 Patch 1, and November 2025 Patch 7."),
		feedtest.Record("CVE-2031-0002", "2031-06-01", flaw+"This is fixed in May 2031 Patch 1, and in all later releases."),
		feedtest.Record("CVE-2031-0003", "2031-06-01", flaw+"This is fixed in May 2031 Patch 1.", `"configurations":`+string(configurations)),
		feedtest.Record("CVE-2031-0004", "2031-06-01", "** REJECT **", `"vulnStatus":"Rejected"`),
		feedtest.Record("CVE-2031-0005", "2031-06-01", "A flaw in QlikView makes no sense. This is fixed in May 2031."),
		feedtest.Record("CVE-2031-0006", "2031-06-01", flaw+" This   is\u00a0fixed in  May 2031 IR ,November 2025\tPatch 8 ."),
		feedtest.Record("CVE-2031-0007", "2031-06-01", flaw+"This is fixed in May 2031 Patch 07."),
		feedtest.Record("CVE-2031-0008", "2031-06-01", flaw+"This is fixed in May 2031 Patch 107."),
		feedtest.Record("CVE-2031-0009", "2031-06-01", flaw+"This is fixed in May 2026 IR."),
	}
	f.Set("advisories", feedtest.Body(string(feedtest.NVDReply("2031-06-29", append(someSamples(t), invented...)...))))
	f.Set("exploited", feedtest.Body(string(feedtest.KEV("2031-06-28", feedtest.KEVEntry("CVE-2023-41265", "Qlik", "Sense", "2023-12-07", "Known"),
		feedtest.KEVEntry("CVE-2023-41266", "Qlik", "Sense", "2023-12-07", "Known"), feedtest.KEVEntry("CVE-2023-48365", "Qlik", "Sense", "2025-01-13", "Known"),
		feedtest.KEVEntry("CVE-2031-0010", "Qlik", "Sense", "2031-06-27", "Known"),
		feedtest.KEVEntry("CVE-2031-0011", "Palo Alto Networks", "PAN-OS", "2031-06-27", "Known")))))
	file, _ := builtInFile(t)
	u := f.update(t, file)
	result, err := u.Run(t.Context())
	require.NoError(t, err)
	require.Empty(t, result.Remarks, "the records of today agree with what people read in them")
	c := result.Catalog
	expected := map[string]string{
		"CVE-2031-0001": "decides", "CVE-2031-0002": `the list cannot be read, starting at "in all later releases."`,
		"CVE-2031-0003": "according to NVD's CPEs, May 2031 Patch 2 is",
		"CVE-2031-0006": "decides", "CVE-2031-0007": `"May 2031 Patch 07", which is not a release`, "CVE-2031-0008": `"May 2031 Patch 107", which is not a release`,
		"CVE-2031-0009": "decides", "CVE-2031-0010": "CISA lists it as exploited",
	}
	for _, a := range c.Advisories {
		want, known := expected[a.ID]
		require.Equal(t, strings.HasPrefix(a.ID, "CVE-2031-"), known, a.ID)
		switch {
		case !known:
			require.False(t, a.ByMachine(), a.ID)
		case want == "decides":
			require.True(t, a.Decides(), a.ID)
		default:
			require.True(t, a.Undecided(), a.ID)
			require.Contains(t, a.Note, want)
		}
		delete(expected, a.ID)
	}
	require.Empty(t, expected)
	require.Equal(t, labels(t, "May 2031", "November 2025 Patch 8"), advisoryOf(c, "CVE-2031-0006").Fixed)

	// Nothing is compliant while an exploited advisory is undecided; then somebody decides it.
	verdict := func() (judgement.Compliance, []string) {
		c, err := catalog.Load(file)
		require.NoError(t, err)
		j := judgement.New(c).Judge("May 2031 Patch 1", "15.100.4", &judgement.Policy{MaxAge: 180}, u.Today)
		return j.Compliance, j.Reasons.Names()
	}
	edit := func(old, replacement string) {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		at := strings.Index(string(content), `id = "CVE-2031-0010"`)
		changed := string(content[:at]) + strings.Replace(string(content[at:]), old, replacement, 1)
		require.NoError(t, os.WriteFile(file, []byte(changed), 0o600))
	}
	compliance, reasons := verdict()
	require.Equal(t, judgement.Unknown, compliance)
	require.Equal(t, []string{"undecided_advisory"}, reasons)
	edit("verified = true", "verified = true\ndismissed = \"the mobile app alone\"")
	compliance, _ = verdict()
	require.Equal(t, judgement.Compliant, compliance)
	edit("dismissed = \"the mobile app alone\"", "published = 2031-06-26\nkeep = true")
	edit("fixed = []", `fixed = ["May 2031 Patch 1"]`)
	compliance, _ = verdict()
	require.Equal(t, judgement.Compliant, compliance)

	// A curated entry is kept while NVD's record does not list fixes.
	f.Set("advisories", feedtest.Body(string(feedtest.NVDReply("2031-06-30", feedtest.Record("CVE-2031-0010", "2031-06-30", flaw)))))
	result, err = u.Run(t.Context())
	require.NoError(t, err)
	require.Equal(t, labels(t, "May 2031 Patch 1"), advisoryOf(result.Catalog, "CVE-2031-0010").Fixed)
	require.True(t, advisoryOf(result.Catalog, "CVE-2031-0010").Keep)
	require.True(t, advisoryOf(result.Catalog, "CVE-2031-0001").Decides(), "what the reply lacks stays")
}

package feed

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/feed/feedtest"
)

func day(t testing.TB, text string) catalog.Day {
	t.Helper()
	d, err := catalog.ParseDay(text)
	require.NoError(t, err)
	return d
}

// samples returns the stored NVD records by identifier.
func samples(t testing.TB) map[string]*nvdRecord {
	t.Helper()
	files, err := filepath.Glob("testdata/nvd/*.json")
	require.NoError(t, err)
	require.Len(t, files, 10)
	records := make(map[string]*nvdRecord)
	for _, file := range files {
		r := &nvdRecord{}
		require.NoError(t, json.Unmarshal(sample(t, strings.TrimSuffix(filepath.Base(file), ".json")), r))
		records[r.ID] = r
	}
	return records
}

func sample(t testing.TB, id string) json.RawMessage {
	t.Helper()
	content, err := os.ReadFile("testdata/nvd/" + id + ".json")
	require.NoError(t, err)
	return content
}

// The samples are read as in the curated entries: the same fixes for the seven that list them, undecided for
// the others.
func TestSamplesMatchCuratedFixes(t *testing.T) {
	curated := make(map[string]catalog.Advisory)
	for _, a := range catalog.BuiltIn().Advisories {
		curated[a.ID] = a
	}
	undecided := map[string]string{
		"CVE-2021-36761": "Not decided by machine: the text has no list of fixed releases.",
		"CVE-2022-0564":  "Not decided by machine: the text has no list of fixed releases.",
		"CVE-2025-61138": "Not decided by machine: the text has no list of fixed releases.",
	}
	decided := 0
	for id := range samples(t) {
		got, ours, err := parseRecord(sample(t, id))
		require.NoError(t, err)
		require.True(t, ours, id)
		require.False(t, got.Rejected)
		want := curated[id]
		require.Equal(t, want.Published, got.Published, id)
		require.InDelta(t, want.CVSS, got.CVSS, 0, id)
		require.Equal(t, want.CVSSVector, got.CVSSVector, id)
		require.Equal(t, want.RecordModified, got.RecordModified, id)
		require.True(t, strings.HasPrefix(want.CVSSSource, strings.Fields(got.CVSSSource)[0]), "%s: %s, %s", id, want.CVSSSource, got.CVSSSource)
		require.Equal(t, "https://nvd.nist.gov/vuln/detail/"+id, got.Source)
		require.Equal(t, got.Source, got.References[0])
		require.Contains(t, []string{"Modified", "Analyzed", "Deferred", "Awaiting Analysis"}, got.Status)
		require.True(t, got.ByMachine())
		if note, none := undecided[id]; none {
			require.True(t, got.Undecided(), id)
			require.Equal(t, note, got.Note)
			continue
		}
		decided++
		require.ElementsMatch(t, want.Fixed, got.Fixed, id)
		require.True(t, got.Decides())
		require.Contains(t, got.Note, "Read by machine from the sentence: ")
	}
	require.Equal(t, 7, decided)
}

// The CPEs of three samples agree with their texts, except for an initial release with the fix.
func TestSampleCPEs(t *testing.T) {
	runs := map[string]int{"CVE-2023-41265": 4, "CVE-2023-41266": 4, "CVE-2023-48365": 8}
	for id, r := range samples(t) {
		a := readCPEs(r.Configurations)
		require.Len(t, a.firstFixed(), runs[id], id)
		list, err := readText(r.english())
		if runs[id] > 0 {
			require.NoError(t, err)
			require.Subset(t, list.fixed, a.firstFixed())
			require.Empty(t, a.contradiction(list.fixed))
		}
	}
}

func TestRecords(t *testing.T) {
	const clean = "An issue in Qlik Sense Enterprise for Windows. This is fixed in May 2027 Patch 3."
	configurations := func(c []configuration) string {
		content, err := json.Marshal(c)
		require.NoError(t, err)
		return `"configurations":` + string(content)
	}
	metrics := func(entries ...string) string { return `"metrics":{` + strings.Join(entries, ",") + `}` }
	score := func(version, source string, value float64) string {
		return fmt.Sprintf(`"cvssMetric%s":[{"source":%q,"cvssData":{"baseScore":%v,"vectorString":"%s"}}]`, version, source, value, version)
	}
	for _, tt := range []struct {
		name    string
		content json.RawMessage
		ours    bool
		fixed   string
		note    string
		score   string
	}{
		{"clean", feedtest.Record("CVE-2027-0001", "2027-01-10", clean), true, "May 2027 Patch 3", `sentence: "This is fixed in May 2027 Patch 3."`, "0 "},
		{"CPEs that agree", feedtest.Record("CVE-2027-0001", "2027-01-10", clean, configurations(cpes("may_2027:-", "may_2027:patch_1", "may_2027:patch_2"))), true,
			"May 2027 Patch 3", "", "0 "},
		{"CPEs that differ", feedtest.Record("CVE-2027-0001", "2027-01-10", clean, configurations(cpes("may_2027:-", "may_2027:patch_1"))), true, "",
			"Not decided by machine: according to NVD's CPEs, May 2027 Patch 2 is the first fixed patch of its release; according to the text, it is not.", "0 "},
		{"CPEs without a text", feedtest.Record("CVE-2027-0001", "2027-01-10", "A flaw.", configurations(cpes("may_2027:-", "may_2027:patch_1"))), true, "",
			"Not decided by machine: the text has no list of fixed releases; NVD's CPEs end before May 2027 Patch 2.", "0 "},
		{"QlikView alone", feedtest.Record("CVE-2024-29863", "2024-04-05",
			"A race condition in the installer executable in Qlik Qlikview before versions May 2022 SR3 (12.70.20300) "+
				"and May 2023 SR2 (12,80.20200) may allow an existing lower privileged user to cause code to be executed in the context of a Windows Administrator."),
			false, "", "", "0 "},
		{"other words", feedtest.Record("CVE-2027-0001", "2027-01-10", "Qlik NPrinting makes no sense. This is fixed in May 2027."), false, "", "", "0 "},
		{"QlikSense", feedtest.Record("CVE-2027-0001", "2027-01-10", "QlikSense on Windows. This is fixed in May 2027."), true, "May 2027", "", "0 "},
		{"NVD's score before a higher one", feedtest.Record("CVE-2027-0001", "2027-01-10", clean, metrics(score("V31", "cve@mitre.org", 9.6), score("V30", nvdSource,
			6.5), score("V2", nvdSource, 10))),
			true, "May 2027 Patch 3", "", "6.5 NVD"},
		{"the CNA's before CISA's", feedtest.Record("CVE-2027-0001", "2027-01-10", clean, metrics(score("V40", cisaSource, 9.9), score("V31", "cve@mitre.org", 7.1))),
			true, "May 2027 Patch 3", "", "7.1 CNA (as shown by NVD)"},
		{"CISA's", feedtest.Record("CVE-2027-0001", "2027-01-10", clean, metrics(score("V31", cisaSource, 7.5))), true, "May 2027 Patch 3", "",
			"7.5 CISA-ADP (as shown by NVD)"},
		{"the old scale last", feedtest.Record("CVE-2027-0001", "2027-01-10", clean, metrics(score("V2", nvdSource, 10), score("V31", "x", 5.5))),
			true, "May 2027 Patch 3", "", "5.5 another source (as shown by NVD)"},
		{"the highest score", feedtest.Record("CVE-2027-0001", "2027-01-10", clean, metrics(score("V31", nvdSource, 10))), true, "May 2027 Patch 3", "", "10 NVD"},
		{"NVD has not scored it", feedtest.Record("CVE-2027-0001", "2027-01-10", clean, metrics(score("V31", nvdSource, 0), score("V40", "cve@mitre.org", 7.1))),
			true, "May 2027 Patch 3", "", "7.1 CNA (as shown by NVD)"},
		{"a score that cannot be", feedtest.Record("CVE-2027-0001", "2027-01-10", clean, metrics(score("V31", nvdSource, 99))), true, "May 2027 Patch 3", "", "0 "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ours, err := parseRecord(tt.content)
			require.NoError(t, err)
			require.Equal(t, tt.ours, ours)
			if tt.fixed != "" {
				require.Equal(t, labels(t, tt.fixed), got.Fixed)
			} else {
				require.Empty(t, got.Fixed)
			}
			require.Contains(t, got.Note, tt.note)
			require.Equal(t, tt.score, fmt.Sprintf("%v %s", got.CVSS, got.CVSSSource))
		})
	}
}

// A hostile record stays within the limits of an entry, without control characters.
func TestRecordLimits(t *testing.T) {
	references := make([]string, 0, 1002)
	for i := range 1000 {
		references = append(references, fmt.Sprintf(`{"url":"https://example.com/%d"}`, i))
	}
	got, _, err := parseRecord(feedtest.Record("CVE-2027-0001", "2027-01-10", "Qlik Sense \x1b[31m"+strings.Repeat("ü", 9000)+". This is fixed in May 2027.",
		`"references":[`+strings.Join(references, ",")+`]`))
	require.NoError(t, err)
	require.LessOrEqual(t, len(got.Summary), 4<<10)
	require.NotContains(t, got.Summary, "\x1b")
	require.Len(t, got.References, maxReference)

	long, _, err := parseRecord(feedtest.Record("CVE-2027-0002", "2027-01-10", "Qlik Sense. "+strings.Repeat("This ", 1000)+"is fixed in May 2027."))
	require.NoError(t, err)
	require.Equal(t, labels(t, "May 2027"), long.Fixed)
	require.Len(t, long.Note, 4<<10)

	c, _, err := catalog.BuiltIn().MergeAdvisories([]catalog.Record{got, long}, day(t, "2027-02-01"))
	require.NoError(t, err)
	require.NoError(t, c.Check())
}

// References are only web pages, without duplicates.
func TestReferences(t *testing.T) {
	const longest = 1 << 10
	page := "https://example.com/" + strings.Repeat("a", longest-len("https://example.com/"))
	record := feedtest.Record("CVE-2027-0001", "2027-01-10", "Qlik Sense.", fmt.Sprintf(`"references":[{"url":"javascript:alert(1)"},`+
		`{"url":"https://example.com/\u001b[2J"},{"url":%q},{"url":%q},{"url":"http://example.com/"},{"url":"http://example.com/"},{"url":%q}]`,
		page+"a", page, nvdPage+"CVE-2027-0001"))
	got, _, err := parseRecord(record)
	require.NoError(t, err)
	require.Equal(t, []string{nvdPage + "CVE-2027-0001", page, "http://example.com/"}, got.References)
}

func TestParseAdvisoriesRefuses(t *testing.T) {
	good := feedtest.Record("CVE-2027-0001", "2027-01-10", "Qlik Sense.")
	edit := func(old, replacement string) json.RawMessage {
		changed := strings.Replace(string(good), old, replacement, 1)
		require.NotEqual(t, string(good), changed)
		return json.RawMessage(changed)
	}
	reply := func(old, replacement string) [][]byte {
		whole := string(feedtest.NVDReply("2027-02-01", good))
		changed := strings.Replace(whole, old, replacement, 1)
		require.NotEqual(t, whole, changed)
		return [][]byte{[]byte(changed)}
	}
	for name, tt := range map[string]struct {
		pages    [][]byte
		expected string
	}{
		"empty":                {[][]byte{nil}, "is empty"},
		"web page":             {[][]byte{[]byte("<html>Log in")}, "is a web page, not an object in JSON"},
		"a list":               {[][]byte{[]byte("[]")}, "is not an object in JSON"},
		"text behind it":       {reply(`"vulnerabilities"`, `"x":1}{"vulnerabilities"`), "has more after its end"},
		"UTF-16":               {[][]byte{{0xFF, 0xFE, '{', 0}}, "is UTF-16"},
		"half a page":          {[][]byte{feedtest.NVDReply("2027-02-01", good)[:200]}, "ends in the middle of the list"},
		"another format":       {reply("NVD_CVE", "NVD_CPE"), `has format "NVD_CPE", version "2.0"`},
		"another version":      {reply(`"2.0"`, `"3.0"`), "has its format changed?"},
		"no timestamp":         {reply(`"timestamp"`, `"time"`), "lacks timestamp"},
		"a timestamp of words": {reply("2027-02-01T08:15:00.123", "yesterday"), "has its format changed?"},
		"no total":             {reply(`"totalResults"`, `"total"`), "lacks timestamp, startIndex, totalResults"},
		"no list":              {reply(`"vulnerabilities"`, `"results"`), "lacks"},
		"a number for a list":  {reply(`}]}`, `}]]`), "is not JSON"},
		"fewer than it says":   {reply(`"totalResults":1`, `"totalResults":2`), "has 1 records of 2: ends in the middle of the list"},
		"far too many":         {reply(`"totalResults":1`, `"totalResults":20000`), "more than 10000 records"},
		"far fewer":            {reply(`"totalResults":1`, `"totalResults":10000`), "has 1 records of 10000: ends in the middle of the list"},
		"nothing of ours": {[][]byte{feedtest.NVDReply("2027-02-01", feedtest.Record("CVE-2027-0001", "2027-01-10", "QlikView."))},
			"has no record about Qlik Sense, but 1 others"},
		"nothing":           {[][]byte{feedtest.NVDReply("2027-02-01")}, "has no record about Qlik Sense"},
		"an odd identifier": {[][]byte{feedtest.NVDReply("2027-02-01", edit("CVE-2027-0001", "CVE-1"))}, `a record has the identifier "CVE-1"`},
		"no status": {[][]byte{feedtest.NVDReply("2027-02-01", edit("vulnStatus", "status"))},
			"CVE-2027-0001 lacks published, lastModified or vulnStatus"},
		"no day":                {[][]byte{feedtest.NVDReply("2027-02-01", edit(`"published"`, `"x"`))}, "lacks published"},
		"no text":               {[][]byte{feedtest.NVDReply("2027-02-01", edit("descriptions", "details"))}, "lacks descriptions"},
		"texts of another form": {[][]byte{feedtest.NVDReply("2027-02-01", edit(`"value":"otra cosa"`, `"value":5`))}, "a record is not in NVD's format"},
		"published tomorrow":    {[][]byte{feedtest.NVDReply("2027-01-09", good)}, "published on 2027-01-10, after the reply of 2027-01-09"},
		"modified tomorrow": {[][]byte{feedtest.NVDReply("2027-02-01", edit("2027-01-10T04:00", "2027-02-02T04:00"))},
			"modified on 2027-02-02, after the reply of 2027-02-01"},
		"one twice": {[][]byte{feedtest.NVDReply("2027-02-01", good, good)}, "changed while its pages were read"},
		"another total": {[][]byte{feedtest.NVDPage("2027-02-01", 0, 2, good), feedtest.NVDPage("2027-02-01", 1, 3, edit("0001", "0002"))},
			"changed while its pages were read"},
		"another start": {[][]byte{feedtest.NVDPage("2027-02-01", 0, 2, good), feedtest.NVDPage("2027-02-01", 0, 2, edit("0001", "0002"))},
			"changed while its pages were read"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseAdvisories(tt.pages)
			require.ErrorContains(t, err, tt.expected)
			require.NotContains(t, err.Error(), "\n")
			require.Nil(t, got)
		})
	}
	got, err := parseAdvisories([][]byte{feedtest.NVDPage("2027-02-02", 0, 2, good), feedtest.NVDPage("2027-02-01", 1, 2, edit("0001", "0002"))})
	require.NoError(t, err)
	require.Len(t, got.(*advisoryList).records, 2)
	require.Equal(t, day(t, "2027-02-01"), got.day(), "that of the older page")
}

//go:build linux

package telegraf

import (
	"fmt"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/feed/feedtest"
	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/test/rig"
)

// oldCatalog is a catalogue with data of January 2025.
const oldCatalog = `schema = 1
releases_as_of = 2025-01-31
advisories_as_of = 2025-01-31
exploited_as_of = 2025-01-31
sources = ["a test"]
[[release]]
label = "May 2024"
track = "14.187"
latest_patch = 12
latest_patch_as_of = 2025-01-31
verified = true
sources = ["a test"]
[[advisory]]
id = "CVE-2024-0001"
summary = "a test"
published = 2024-06-01
fixed = ["May 2024 Patch 9"]
verified = true
references = ["a test"]
`

// The next round judges by a catalogue that was updated while Telegraf runs, and the ages of
// the updated parts are 0. A source that fails leaves the age of its part as it was.
func TestCatalogUpdateUnderTelegraf(t *testing.T) {
	r := rig.New(t)
	// The built-in advisories, which the program adds to the file, all concern older releases:
	// the server starts compliant.
	_, hosts := r.Start(simulator.Server{Reply: simulator.Reply("May 2031", "15.100.3")})
	file := r.Write("catalog.toml", r.Edit(oldCatalog, "[[advisory]]", `[[release]]
label = "May 2031"
track = "15.100"
latest_patch = 0
latest_patch_as_of = 2025-01-31
verified = true
sources = ["a test"]
[[advisory]]`))
	r.Telegraf(r.DropIn(r.Block(hosts, "  catalog_file = '"+file+"'"), `"6h"`, `"1s"`))
	before := r.Points(1, "compliance = 'compliant'")[0]
	for _, age := range []string{"releases_age_days", "advisories_age_days", "exploited_age_days"} {
		require.Contains(t, before, age)
		require.NotEqual(t, "0", fmt.Sprint(before[age]), age)
	}

	day := time.Now().Format(time.DateOnly)
	feeds := feedtest.Start(t)
	feeds.Set("releases", feedtest.Body(fmt.Sprintf(
		`[{"name":"May 2031 Patch 1","tag_name":"v15.100.4","published_at":"%[1]sT00:00:00Z"},`+
			`{"name":"May 2031","tag_name":"v15.100.3","published_at":"%[1]sT00:00:00Z"}]`, day)))
	feeds.Set("advisories", feedtest.Body(string(feedtest.NVDReply(day, feedtest.Record("CVE-2031-0001", day,
		"An issue was discovered in Qlik Sense Enterprise for Windows. This is fixed in May 2031 Patch 1, and May 2024 Patch 12.")))))
	update := func() (output string, err error) {
		args := append([]string{"catalog", "update"}, feeds.Options()...)
		content, err := exec.CommandContext(t.Context(), r.Tools.Plugin, append(args, file)...).CombinedOutput()
		return string(content), err
	}
	output, err := update()
	require.Error(t, err, output)
	require.Contains(t, output, "E! "+file+": not updated: exploited as of ")
	point := r.Points(1, "compliance = 'non_compliant'")[0]
	require.Equal(t, "CVE-2031-0001", point["advisories"])
	require.Equal(t, "0", fmt.Sprint(point["releases_age_days"]))
	require.Equal(t, "0", fmt.Sprint(point["advisories_age_days"]))
	require.Contains(t, point, "exploited_age_days")
	require.NotEqual(t, "0", fmt.Sprint(point["exploited_age_days"]))

	feeds.Set("exploited", feedtest.Body(string(feedtest.KEV(day, feedtest.KEVEntry("CVE-2031-0001", "Qlik", "Sense", day, "Known")))))
	output, err = update()
	require.NoError(t, err, output)
	point = r.Points(1, "exploited_age_days = 0")[0]
	require.Equal(t, "non_compliant", point["compliance"])
	require.Equal(t, "1", fmt.Sprint(point["exploited_advisory_count"]))
}

package qlik_sense_version

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/influxdata/telegraf/testutil"
	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/simulator"
)

// aboutCatalogue gives the lines that lines leaves out, but for the one on what the
// plugin itself knows better: whether it comes depends on the day of the test.
func aboutCatalogue(log *testutil.CaptureLogger) []string {
	var texts []string
	for _, entry := range log.Messages() {
		if strings.HasPrefix(entry.Text, "Catalogue ") && !strings.Contains(entry.Text, "built into this plugin") {
			texts = append(texts, fmt.Sprintf("%c! %s", entry.Level, entry.Text))
		}
	}
	return texts
}

// writeCatalogue writes the built-in catalogue with other days, in days before today,
// and with what change does to it.
func writeCatalogue(t *testing.T, file string, releases, advisories int, change func(*catalog.Catalog)) {
	t.Helper()
	day := func(ago int) catalog.Day { return catalog.DayOf(time.Now().AddDate(0, 0, -ago)) }
	c := *catalog.BuiltIn()
	c.ReleasesAsOf, c.AdvisoriesAsOf, c.ExploitedAsOf = day(releases), day(advisories), day(advisories)
	c.Releases = append([]catalog.Release{}, c.Releases...)
	c.Advisories = append([]catalog.Advisory{}, c.Advisories...)
	for i := range c.Releases {
		if !c.Releases[i].LatestPatchAsOf.IsZero() {
			c.Releases[i].LatestPatchAsOf = c.ReleasesAsOf
		}
	}
	for i := range c.Advisories {
		c.Advisories[i].Published, c.Advisories[i].ExploitedSince = catalog.DayOf(time.Date(2019, 1, 1, 0, 0, 0, 0, time.UTC)), catalog.Day{}
		c.Advisories[i].Ransomware = false
	}
	if change != nil {
		change(&c)
	}
	text, err := c.Encode("for a test")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, text, 0o600))
}

func TestCatalogueIsAnnounced(t *testing.T) {
	q, log := newPlugin("qlik1.example.com")
	require.NoError(t, q.Init())
	c := catalog.BuiltIn()
	require.Equal(t, fmt.Sprintf("I! Catalogue (built in): releases of %s, advisories of %s, known exploitation of %s",
		c.ReleasesAsOf, c.AdvisoriesAsOf, c.ExploitedAsOf), aboutCatalogue(log)[0])
}

func TestOldCatalogueIsWarnedOf(t *testing.T) {
	for _, tt := range []struct {
		releases, advisories int
		warnings             []string
	}{
		{180, 180, nil},
		{181, 180, []string{"its list of releases is 181 days old, so that patches_behind may be too low"}},
		{0, 181, []string{
			"its advisories are 181 days old, so that servers may be open to newer ones",
			"what it knows of exploitation is 181 days old, so that exploited_advisory_count may be too low",
		}},
		{400, 200, []string{"its list of releases is 400 days old", "its advisories are 200 days old", "what it knows of exploitation is 200 days old"}},
	} {
		t.Run(fmt.Sprint(tt.releases, tt.advisories), func(t *testing.T) {
			q, log := newPlugin(addresses(start(t, simulator.Server{}), 1)...)
			q.CatalogFile = filepath.Join(t.TempDir(), "catalog.toml")
			writeCatalogue(t, q.CatalogFile, tt.releases, tt.advisories, nil)
			require.NoError(t, q.Init())
			gather(t, q)
			gather(t, q)

			said := aboutCatalogue(log)
			require.Contains(t, said[0], "I! Catalogue ("+q.CatalogFile+"): releases of ")
			require.Len(t, said, 1+len(tt.warnings), "once, not in every round")
			for i, warning := range tt.warnings {
				require.Contains(t, said[1+i], "W! Catalogue ("+q.CatalogFile+"): "+warning)
			}
		})
	}
}

// A program that runs for half a year notices that its data grow old.
func TestCatalogueGrowsOld(t *testing.T) {
	q, log := newPlugin("qlik1.example.com")
	q.CatalogFile = filepath.Join(t.TempDir(), "catalog.toml")
	writeCatalogue(t, q.CatalogFile, 0, 0, nil)
	require.NoError(t, q.Init())
	for _, days := range []int{1, 179, 180} {
		q.judgeOn(catalog.DayOf(time.Now().AddDate(0, 0, days)))
	}
	require.Len(t, aboutCatalogue(log), 1)
	for _, days := range []int{181, 182, 300} {
		q.judgeOn(catalog.DayOf(time.Now().AddDate(0, 0, days)))
	}
	require.Len(t, aboutCatalogue(log), 4, "one warning for each part")
}

// Each part is warned of when its time has come, whatever was said before.
func TestPartsOfACatalogueGrowOld(t *testing.T) {
	q, log := newPlugin("qlik1.example.com")
	q.CatalogFile = filepath.Join(t.TempDir(), "catalog.toml")
	writeCatalogue(t, q.CatalogFile, 200, 100, nil)
	require.NoError(t, q.Init())
	require.Len(t, aboutCatalogue(log), 2)
	q.judgeOn(catalog.DayOf(time.Now().AddDate(0, 0, 100)))
	require.Len(t, aboutCatalogue(log), 4)
}

// A program that was renewed knows more than the file of its settings: that must not
// be lost without a word. Neither must a wrong clock keep the warnings away.
func TestCatalogueThatThePluginKnowsBetter(t *testing.T) {
	for day, warning := range map[string]string{
		"2020-01-01": `its advisories are of 2020-01-01, those built into this plugin of %s: "telegraf-qlik-sense-version catalog update FILE" adds them`,
		"2099-01-01": "advisories_as_of: 2099-01-01 is in the future: check it, or the clock of this machine",
	} {
		q, log := newPlugin("qlik1.example.com")
		q.CatalogFile = writeFile(t, "schema = 1\nreleases_as_of = 2020-01-01\nadvisories_as_of = "+day+"\nexploited_as_of = 2020-01-01\n"+
			"[[release]]\nlabel = \"May 2019\"\nverified = true\nsources = [\"test\"]\n"+
			"[[advisory]]\nid = \"CVE-2019-0001\"\nsummary = \"s\"\npublished = 2019-06-01\nfixed = [\"May 2019\"]\nverified = true\nreferences = [\"test\"]\n")
		require.NoError(t, q.Init())
		require.Contains(t, texts(log), "Catalogue ("+q.CatalogFile+"): "+strings.ReplaceAll(warning, "%s", catalog.BuiltIn().AdvisoriesAsOf.String()))
	}
}

func TestMinimumReleaseThatNobodyKnows(t *testing.T) {
	for minimum, warned := range map[string]bool{"May 2025 Patch 3": false, "July 2024": true, "": false} {
		q, log := newPlugin("qlik1.example.com")
		q.MinimumRelease = minimum
		require.NoError(t, q.Init())
		const warning = `Setting minimum_release: the catalogue has no release "July 2024": check the month and the year`
		require.Equal(t, warned, slices.Contains(lines(log, testutil.LevelWarn), warning), minimum)
	}
}

func TestCatalogueFileIsReadAgain(t *testing.T) {
	q, log := newPlugin(addresses(start(t, simulator.Server{}), 1)...)
	q.CatalogFile = filepath.Join(t.TempDir(), "catalog.toml")
	latest := func(patch int) {
		writeCatalogue(t, q.CatalogFile, 0, 0, func(c *catalog.Catalog) {
			for i := range c.Releases {
				if c.Releases[i].Label.String() == "May 2024" {
					c.Releases[i].LatestPatch = &patch
				}
			}
		})
	}
	behind := func() any { return field(t, gather(t, q).points[0], "patches_behind") }

	latest(30)
	require.NoError(t, q.Init())
	require.EqualValues(t, 29, behind())
	latest(31)
	// The clock of a file system may be coarse.
	require.NoError(t, os.Chtimes(q.CatalogFile, time.Time{}, time.Now().Add(time.Second)))
	require.EqualValues(t, 30, behind(), "no restart needed")

	// What cannot be used changes nothing, and is said once.
	require.NoError(t, os.WriteFile(q.CatalogFile, []byte("schema = 1\nreleases_as_of = \"long ago\"\n"), 0o600))
	require.EqualValues(t, 30, behind())
	require.EqualValues(t, 30, behind())
	require.NoError(t, os.Remove(q.CatalogFile))
	require.EqualValues(t, 30, behind())
	require.EqualValues(t, 30, behind())

	latest(33)
	require.EqualValues(t, 32, behind())

	// What comes back as it was is said too.
	hidden := q.CatalogFile + ".hidden"
	require.NoError(t, os.Rename(q.CatalogFile, hidden))
	require.EqualValues(t, 32, behind())
	require.NoError(t, os.Rename(hidden, q.CatalogFile))
	require.EqualValues(t, 32, behind())

	// A file of the same size and time in its place is another file.
	info, err := os.Stat(q.CatalogFile)
	require.NoError(t, err)
	require.NoError(t, os.Rename(q.CatalogFile, hidden))
	latest(35)
	require.NoError(t, os.Chtimes(q.CatalogFile, time.Time{}, info.ModTime()))
	require.EqualValues(t, 34, behind())

	said := aboutCatalogue(log)
	require.Len(t, said, 8)
	for i, level := range []string{"I! ", "I! ", "W! ", "W! ", "I! ", "W! ", "I! ", "I! "} {
		require.True(t, strings.HasPrefix(said[i], level), said[i])
		require.Contains(t, said[i], q.CatalogFile)
	}
	require.Contains(t, said[2], "stays in use, for the file has become unusable: ")
	require.Contains(t, said[3], "stays in use, for the file has become unusable: ")
}

// A catalogue is refused with everything that is wrong in it, a line for each.
func TestBadCatalogueIsRefused(t *testing.T) {
	q, log := newPlugin("qlik1.example.com")
	q.CatalogFile = filepath.Join(t.TempDir(), "catalog.toml")

	err := q.Init()
	require.ErrorContains(t, err, "catalog_file: ")
	require.ErrorContains(t, err, q.CatalogFile)

	require.NoError(t, os.WriteFile(q.CatalogFile, []byte("schema = 1\n"+strings.Repeat("[[release]]\nlabel = \"May 2024\"\nverified = true\n", 30)), 0o600))
	err = q.Init()
	require.Error(t, err)
	problems := strings.Split(err.Error(), "\n")
	require.Len(t, problems, maxProblems+1)
	for _, problem := range problems {
		require.True(t, strings.HasPrefix(problem, "catalog_file: "), problem)
		require.Contains(t, problem, q.CatalogFile)
	}
	require.Contains(t, problems[maxProblems], "catalog check "+q.CatalogFile)
	require.Empty(t, log.Messages(), "nothing is announced that is not in use")
}

// A pipe that nobody writes to must not block the rounds.
func TestCatalogueThatIsAPipe(t *testing.T) {
	q, _ := newPlugin("qlik1.example.com")
	q.CatalogFile = filepath.Join(t.TempDir(), "catalog.toml")
	if err := mkfifo(q.CatalogFile); err != nil {
		t.Skipf("not run, for this system has no pipes with names: %v", err)
	}
	require.EqualError(t, q.Init(), "catalog_file: "+q.CatalogFile+": is no regular file: name one with a catalogue")
}

func TestMinimumReleaseIsRefused(t *testing.T) {
	q, _ := newPlugin("qlik1.example.com")
	q.MinimumRelease = "14.231.5"
	require.EqualError(t, q.Init(), `minimum_release: "14.231.5": not a release of Qlik Sense: write it like "May 2025 Patch 3"`)
}

// Why a version is not judged is said with each change of it, not in every round.
func TestRemarksAreLoggedOnce(t *testing.T) {
	fleet := start(t, simulator.Server{})
	q, log := newPlugin(addresses(fleet, 1)...)
	require.NoError(t, q.Init())
	for _, step := range []struct{ label, build, warning string }{
		{"May 2024 Patch 1", "14.187.5", ""},
		{"May 2024 Patch 1", "14.231.5", `%s is not judged: the release label says "May 2024 Patch 1", but build 14.231.5 is of "May 2025"`},
		{"May 2024 Patch 1", "14.999.5",
			`%s is not judged: the release label says "May 2024 Patch 1", but build 14.999.5 is of another release: those of "May 2024" begin with 14.187`},
		{"May 2024 Patch 2", "14.187.5",
			`%s: the release label says "May 2024 Patch 2", but build 14.187.5 does not go with it if patch 1 is build 14.187.5, ` +
				`as the catalogue infers: it is judged by its label`},
		{"May 2024", "14.187.5",
			`%s: the release label says "May 2024", but build 14.187.5 does not go with it if patch 1 is build 14.187.5, ` +
				`as the catalogue infers: it is judged by its label`},
		{"May 2024 Patch 1", "14.187.4",
			`%s is not judged: the release label says "May 2024 Patch 1", but build 14.187.4 does not go with it: patch 0 is build 14.187.4`},
		{"Mai 2024", "14.187.5", `%s is not judged: the release label is "Mai 2024": not a release of Qlik Sense`},
		{"May 2024 Patch 1", "14.187.5", ""},
		{"July 2024", "14.190.1",
			`%s is not judged: release "July 2024" is not in the catalogue: bring the catalogue up to date ` +
				`with "telegraf-qlik-sense-version catalog update FILE", and name the file in catalog_file`},
	} {
		before := len(lines(log, testutil.LevelWarn))
		require.NoError(t, fleet.Set(0, simulator.Server{Reply: simulator.Reply(step.label, step.build)}))
		gather(t, q)
		gather(t, q)
		said := lines(log, testutil.LevelWarn)[before:]
		if step.warning == "" {
			require.Empty(t, said)
			continue
		}
		require.Equal(t, []string{strings.ReplaceAll(step.warning, "%s", q.Hosts[0])}, said)
	}
}

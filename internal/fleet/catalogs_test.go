package fleet

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/boundedfile"
	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/judgement"
)

// clock is the clock of a process.
type clock struct{ now time.Time }

func (c *clock) process() *Process { return NewProcess(func() time.Time { return c.now }) }

func (c *clock) advance(days int) { c.now = c.now.AddDate(0, 0, days) }

// writeCatalogue writes the built-in catalogue with the given ages in days, and changes.
func writeCatalogue(t *testing.T, file string, releases, advisories int, change func(*catalog.Catalog)) {
	t.Helper()
	day := func(ago int) catalog.Day { return catalog.DayOf(today.AddDate(0, 0, -ago)) }
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
		a := &c.Advisories[i]
		a.Published = catalog.DayOf(time.Date(2019, 1, 1, 0, 0, 0, 0, time.UTC))
		if a.Exploited() {
			a.ExploitedSince = a.Published
		}
	}
	if change != nil {
		change(&c)
	}
	text, err := c.Encode("for a test")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, text, 0o600))
}

// notices returns the notices since the last call, each with the letter of its level.
func notices(p *Process) []string {
	all := p.Notices()
	lines := make([]string, len(all))
	for i, n := range all {
		lines[i] = n.Level.String()[:1] + "! " + n.Text
	}
	return lines
}

func TestCatalogueLogged(t *testing.T) {
	process := onDay(today)
	newBlock(t, process, settingsFor("qlik1.example.com"))
	c := catalog.BuiltIn()
	require.Equal(t, fmt.Sprintf("I! Catalogue (built in): releases of %s, advisories of %s, known exploitation of %s",
		c.ReleasesAsOf, c.AdvisoriesAsOf, c.ExploitedAsOf), notices(process)[0])
}

// Blocks with the same catalogue share it, and log it once.
func TestCatalogueReadOnce(t *testing.T) {
	process := onDay(today)
	settings := settingsFor("qlik1.example.com")
	settings.CatalogFile = filepath.Join(t.TempDir(), "catalog.toml")
	writeCatalogue(t, settings.CatalogFile, 400, 200, nil)
	judges := make(map[*judgement.Judge]bool)
	ctx := cancelled(t)
	for range 50 {
		b := newBlock(t, process, settings)
		judges[b.Round(ctx, nil).Judge] = true
	}
	require.Len(t, judges, 1)
	lines := notices(process)
	require.Len(t, lines, 5, "announced, three parts are old, and too old to prove anything: %s", lines)
}

func TestOldCatalogueWarning(t *testing.T) {
	for _, tt := range []struct {
		releases, advisories int
		warnings             []string
	}{
		{180, 180, nil},
		{181, 180, []string{"its list of releases is 181 days old, so patches_behind may be too low"}},
		{0, 181, []string{
			"its advisories are 181 days old, so servers may be open to newer ones",
			"what it knows of exploitation is 181 days old, so exploited_advisory_count may be too low",
			"its advisories are 181 days old, more than catalog_max_age allows (180): they prove no server compliant",
		}},
		{400, 200, []string{"its list of releases is 400 days old", "its advisories are 200 days old", "what it knows of exploitation is 200 days old",
			"its advisories are 200 days old, more than catalog_max_age allows"}},
	} {
		t.Run(fmt.Sprint(tt.releases, tt.advisories), func(t *testing.T) {
			process := onDay(today)
			settings := settingsFor("qlik1.example.com")
			settings.CatalogFile = filepath.Join(t.TempDir(), "catalog.toml")
			writeCatalogue(t, settings.CatalogFile, tt.releases, tt.advisories, nil)
			b := newBlock(t, process, settings)
			ctx := cancelled(t)
			b.Round(ctx, nil)
			b.Round(ctx, nil)

			lines := notices(process)
			require.Contains(t, lines[0], "I! Catalogue ("+settings.CatalogFile+"): releases of ")
			require.Len(t, lines, 1+len(tt.warnings), "once, not in every round")
			for i, warning := range tt.warnings {
				require.Contains(t, lines[1+i], "W! Catalogue ("+settings.CatalogFile+"): "+warning)
			}
		})
	}
}

// A program that runs for half a year warns when each part of its data becomes old.
func TestCatalogueAge(t *testing.T) {
	c := clock{today}
	process := c.process()
	settings := settingsFor("qlik1.example.com")
	settings.CatalogFile = filepath.Join(t.TempDir(), "catalog.toml")
	writeCatalogue(t, settings.CatalogFile, 100, 0, nil)
	b := newBlock(t, process, settings)
	ctx := cancelled(t)
	require.Len(t, notices(process), 1)
	for _, step := range []struct{ days, lines int }{{1, 0}, {79, 0}, {1, 1}, {10, 0}, {89, 0}, {1, 3}, {100, 0}} {
		c.advance(step.days)
		b.Round(ctx, nil)
		require.Len(t, notices(process), step.lines, c.now)
	}
}

// A wrong clock must not suppress warnings.
func TestCatalogueFromFuture(t *testing.T) {
	process := onDay(today)
	settings := settingsFor("qlik1.example.com")
	settings.CatalogFile = filepath.Join(t.TempDir(), "catalog.toml")
	writeCatalogue(t, settings.CatalogFile, 0, -2, nil)
	newBlock(t, process, settings)
	require.Contains(t, strings.Join(notices(process), "\n"), "W! Catalogue ("+settings.CatalogFile+
		"): advisories_as_of: 2026-11-26 is in the future: check it, or the clock of this machine")
}

// Missing entries of a file are added and weaker ones reported, because they must not make servers compliant.
func TestCatalogueCompleted(t *testing.T) {
	_, hosts := start(t, runs("August 2023 Patch 1", "14.139.5"))
	settings := settingsFor(hosts...)
	settings.CatalogFile = filepath.Join(t.TempDir(), "catalog.toml")
	check := func(change func(*catalog.Catalog)) (count any, lines string) {
		writeCatalogue(t, settings.CatalogFile, 0, 0, change)
		process := onDay(today)
		round := newBlock(t, process, settings).Round(t.Context(), nil)
		return fieldOf(t, &round.Results[0], "advisory_count"), strings.Join(notices(process), "\n")
	}

	count, lines := check(nil)
	require.Equal(t, 4, count)
	require.NotContains(t, lines, "W! ")

	count, lines = check(func(c *catalog.Catalog) {
		kept := c.Advisories[:0]
		for _, a := range c.Advisories {
			if a.ID != "CVE-2023-48365" {
				a.SupersededBy = nil
				kept = append(kept, a)
			}
		}
		c.Advisories = kept
	})
	require.Equal(t, 4, count, "the missing one is added")
	require.Contains(t, lines, "W! Catalogue ("+settings.CatalogFile+"): it lacks entries that are built into this program; they were added: ")
	require.Contains(t, lines, "CVE-2023-48365")

	_, lines = check(func(c *catalog.Catalog) {
		for i := range c.Advisories {
			if c.Advisories[i].ID == "CVE-2023-48365" {
				c.Advisories[i].ExploitedSince, c.Advisories[i].ExploitedDue, c.Advisories[i].Ransomware = catalog.Day{}, catalog.Day{}, false
			}
		}
	})
	require.Contains(t, lines, "W! Catalogue ("+settings.CatalogFile+"): weaker than what is built into this program: CVE-2023-48365 is not exploited")
}

func TestUnknownMinimumRelease(t *testing.T) {
	for minimum, warned := range map[string]bool{"May 2025 Patch 3": false, "July 2024": true, "": false} {
		process := onDay(today)
		settings := settingsFor("qlik1.example.com")
		settings.MinimumRelease = minimum
		newBlock(t, process, settings)
		const warning = `W! Setting minimum_release: the catalogue has no release "July 2024": check the month and the year`
		require.Equal(t, warned, strings.Contains(strings.Join(notices(process), "\n"), warning), minimum)
	}
}

func TestCatalogueFileReload(t *testing.T) {
	_, hosts := start(t, runs("May 2024 Patch 1", "14.187.5"))
	process := onDay(today)
	settings := settingsFor(hosts...)
	settings.CatalogFile = filepath.Join(t.TempDir(), "catalog.toml")
	file := settings.CatalogFile
	latest := func(patch int) {
		writeCatalogue(t, file, 0, 0, func(c *catalog.Catalog) {
			for i := range c.Releases {
				if c.Releases[i].Label.String() == "May 2024" {
					c.Releases[i].LatestPatch = &patch
				}
			}
		})
	}
	latest(30)
	b := newBlock(t, process, settings)
	requireBehind := func(want int, lines ...string) {
		t.Helper()
		round := b.Round(t.Context(), nil)
		require.Equal(t, want, fieldOf(t, &round.Results[0], "patches_behind"))
		got := notices(process)
		require.Len(t, got, len(lines), "%s", got)
		for i, line := range lines {
			require.Contains(t, got[i], line)
			require.Contains(t, got[i], file)
		}
	}

	requireBehind(29, "I! ")
	latest(31)
	// The clock of a file system may be coarse.
	require.NoError(t, os.Chtimes(file, time.Time{}, time.Now().Add(time.Second)))
	requireBehind(30, "I! ")

	// An unusable file changes nothing, and is logged once.
	require.NoError(t, os.WriteFile(file, []byte("schema = 1\nreleases_as_of = \"long ago\"\n"), 0o600))
	requireBehind(30, "W! Catalogue of 2026-11-24 stays in use, because the file has become unusable: ")
	requireBehind(30)
	require.NoError(t, os.Remove(file))
	requireBehind(30, "W! Catalogue of 2026-11-24 stays in use, because the file has become unusable: ")
	requireBehind(30)

	latest(33)
	requireBehind(32, "I! ")

	// The old file is logged as well when it returns.
	hidden := file + ".hidden"
	require.NoError(t, os.Rename(file, hidden))
	requireBehind(32, "W! ")
	require.NoError(t, os.Rename(hidden, file))
	requireBehind(32, "I! ")

	// Another file of the same size and time is another file.
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.NoError(t, os.Rename(file, hidden))
	latest(35)
	require.NoError(t, os.Chtimes(file, time.Time{}, info.ModTime()))
	requireBehind(34, "I! ")
}

// All problems of a catalogue are reported, a line each; further blocks do not repeat them.
func TestBadCatalogueRefused(t *testing.T) {
	process := onDay(today)
	settings := settingsFor("qlik1.example.com")
	settings.CatalogFile = filepath.Join(t.TempDir(), "catalog.toml")
	_, err := New(settings, process)
	require.ErrorContains(t, err, "catalog_file: ")
	require.ErrorContains(t, err, settings.CatalogFile)
	require.ErrorContains(t, err, "check the path")

	process = onDay(today)
	text := "schema = 1\n" + strings.Repeat("[[release]]\nlabel = \"May 2024\"\nverified = true\n", 30)
	require.NoError(t, os.WriteFile(settings.CatalogFile, []byte(text), 0o600))
	_, err = New(settings, process)
	require.Error(t, err)
	problems := strings.Split(err.Error(), "\n")
	require.Len(t, problems, maxProblems+1)
	for _, problem := range problems {
		require.True(t, strings.HasPrefix(problem, "catalog_file: "), problem)
		require.Contains(t, problem, settings.CatalogFile)
	}
	require.Contains(t, problems[maxProblems], "catalog check "+settings.CatalogFile)
	require.Empty(t, process.Notices(), "nothing is announced that is not in use")

	_, err = New(settings, process)
	require.EqualError(t, err, "catalog_file: "+settings.CatalogFile+" cannot be used: see the error of the first block that names it")
}

// A pipe without a writer must not block the rounds.
func TestCatalogueIsPipe(t *testing.T) {
	settings := settingsFor("qlik1.example.com")
	settings.CatalogFile = filepath.Join(t.TempDir(), "catalog.toml")
	if err := mkfifo(settings.CatalogFile); err != nil {
		t.Skipf("needs named pipes: %v", err)
	}
	_, err := New(settings, onDay(today))
	require.EqualError(t, err, "catalog_file: "+settings.CatalogFile+": is not a regular file: name one with a catalogue")
}

// If a file system hangs, the previous catalogue stays in use, and a round waits only briefly.
func TestCatalogueOnHangingFileSystem(t *testing.T) {
	process := onDay(today)
	settings := settingsFor("qlik1.example.com")
	settings.CatalogFile = filepath.Join(t.TempDir(), "catalog.toml")
	writeCatalogue(t, settings.CatalogFile, 0, 0, nil)
	b := newBlock(t, process, settings)
	require.Len(t, notices(process), 1)

	limiter := &b.catalog.limiter
	limiter.Limit = 20 * time.Millisecond
	wakes, hangs := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(hangs)
		_, _ = boundedfile.Within(context.Background(), limiter, func() (int, error) {
			<-wakes
			return 0, nil
		})
	}()
	<-hangs // given up, while the call goes on
	judge := b.catalog.judge
	for _, lines := range []int{1, 0} {
		require.Same(t, judge, b.catalog.current(t.Context(), catalog.DayOf(today), 180).Judge)
		got := notices(process)
		require.Len(t, got, lines, "said once: %s", got)
		if lines > 0 {
			require.Contains(t, got[0], "W! Catalogue of 2026-11-24 stays in use, because the file has become unusable: "+settings.CatalogFile+
				": reading took longer than 20ms: the file system may hang")
		}
	}
	close(wakes)
	limiter.Limit = time.Minute
	require.Eventually(t, func() bool {
		b.catalog.current(t.Context(), catalog.DayOf(today), 180)
		return len(notices(process)) == 1
	}, 10*time.Second, 5*time.Millisecond, "in use again")
}

// An undecided, exploited advisory, which no server is compliant with, is an error with a hint.
func TestExploitedAndUndecided(t *testing.T) {
	file := filepath.Join(t.TempDir(), "catalog.toml")
	writeCatalogue(t, file, 1, 1, func(c *catalog.Catalog) {
		c.Advisories = append(c.Advisories[:len(c.Advisories):len(c.Advisories)], catalog.Advisory{
			ID: "CVE-2099-0001", Summary: "A flaw in Qlik Sense.", ExploitedSince: c.ExploitedAsOf, Verified: true, References: []string{"https://example.com"},
			ReadBy: catalog.Machine, Source: "https://example.com",
		})
	})
	process := onDay(today)
	settings := settingsFor("qlik1.example.com")
	settings.CatalogFile = file
	newBlock(t, process, settings)
	require.Contains(t, notices(process), fmt.Sprintf("E! Catalogue (%[1]s): CVE-2099-0001 is exploited, and nobody can map it to releases yet: "+
		"no server is proven compliant until somebody decides it: below id = \"CVE-2099-0001\" in %[1]s, write the first fixed releases, "+
		"fixed = [\"May 2025 Patch 3\"], with published, verified = true and keep = true; or the reason to set it aside, dismissed = \"...\"", file))
}

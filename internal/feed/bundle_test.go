package feed

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/feed/feedtest"
)

func (f *feeds) download(t testing.TB) *Download {
	t.Helper()
	return &Download{Sources: f.sources(), Bundle: filepath.Join(t.TempDir(), "lists.tar.gz"), Today: day(t, today)}
}

// A bundle has the same effect as the network.
func TestUpdateFromBundle(t *testing.T) {
	f := startFeeds(t)
	d := f.download(t)
	report, err := d.Run(t.Context())
	require.NoError(t, err)
	require.Equal(t, strings.NewReplacer("BUNDLE", d.Bundle, "URL", f.URL).Replace(
		"BUNDLE: releases as of 2031-06-20 from URL/releases\n"+
			"BUNDLE: advisories as of 2031-06-29 from URL/advisories\nBUNDLE: exploited as of 2031-06-28 from URL/exploited\n"), report)

	online, _ := builtInFile(t)
	expected, err := f.update(t, online).Run(t.Context())
	require.NoError(t, err)
	f.Close()
	offline, _ := builtInFile(t)
	u := &Update{File: offline, Today: day(t, "2031-07-05"), From: d.Bundle}
	result, err := u.Run(t.Context())
	require.NoError(t, err)
	require.Equal(t, expected.Catalog, result.Catalog)
	require.Equal(t, strings.ReplaceAll(expected.String(), online, offline), result.String())

	_, err = f.download(t).Run(t.Context())
	require.ErrorContains(t, err, " has no releases: ")
	require.ErrorContains(t, err, "lists.tar.gz was not written")
}

// A bundle keeps the day on which the vendor's list was downloaded, but not for a mirror.
func TestBundleDay(t *testing.T) {
	f := startFeeds(t)
	l, err := parseReleases([][]byte{[]byte("[" + may2031 + "]")})
	require.NoError(t, err)
	for read, expected := range map[catalog.Day]string{day(t, today): today, {}: "2031-05-12"} {
		content, err := packBundle([]outcome{{source: releases, answer: &answer{address: "a", read: read, pages: [][]byte{[]byte("[" + may2031 + "]")},
			list: l}}}, day(t, today))
		require.NoError(t, err)
		u := f.update(t, "")
		u.File, _ = builtInFile(t)
		u.From = filepath.Join(t.TempDir(), "b")
		require.NoError(t, os.WriteFile(u.From, content, 0o600))
		u.Today, u.LeftOut = day(t, "2031-07-09"), map[string]bool{"advisories": true, "exploited": true}
		result, err := u.Run(t.Context())
		require.NoError(t, err)
		require.Equal(t, expected, result.Catalog.ReleasesAsOf.String())

		u.Today = day(t, "2031-06-01") // the clock is behind
		_, err = u.Run(t.Context())
		require.Equal(t, !read.IsZero(), err != nil)
	}
}

func TestDownloadSourceFails(t *testing.T) {
	f := startFeeds(t)
	f.Set("advisories", feedtest.Body("<html>"))
	d := f.download(t)
	report, err := d.Run(t.Context())
	require.Equal(t, 2, strings.Count(report, "\n"))
	require.EqualError(t, err, d.Bundle+" has no advisories: "+f.URL+`/advisories, page 1: is a web page, not an object in JSON: `+
		`perhaps the login page of a proxy; it begins with "<html>"`)

	file, _ := builtInFile(t)
	u := &Update{File: file, Today: day(t, today), From: d.Bundle}
	result, err := u.Run(t.Context())
	require.EqualError(t, err, file+": advisories: "+d.Bundle+" has no reply of NVD's list of advisories: "+
		"download it again, or leave it out with --no-advisories\n"+
		file+": not updated: advisories as of "+catalog.BuiltIn().AdvisoriesAsOf.String())
	require.Equal(t, "2031-06-28", result.Catalog.ExploitedAsOf.String())
	u.LeftOut = map[string]bool{"advisories": true}
	_, err = u.Run(t.Context())
	require.NoError(t, err)

	// A file that is not a bundle is not replaced, and a failure leaves nothing behind.
	d.Bundle = file
	_, err = d.Run(t.Context())
	require.EqualError(t, err, file+" was not written: it exists and is not a bundle: name another file")
	_, err = catalog.Load(file)
	require.NoError(t, err)
	d.Bundle = filepath.Join(t.TempDir(), "missing", "b")
	_, err = d.Run(t.Context())
	require.ErrorContains(t, err, d.Bundle+" was not written: ")
	d.LeftOut = map[string]bool{"releases": true, "advisories": true, "exploited": true}
	_, err = d.Run(t.Context())
	require.ErrorContains(t, err, "all sources are left out")
}

// packed returns a tar.gz of files.
func packed(t testing.TB, files ...tarFile) []byte {
	t.Helper()
	var out bytes.Buffer
	compressed := gzip.NewWriter(&out)
	archive := tar.NewWriter(compressed)
	for _, file := range files {
		if file.Typeflag == 0 {
			file.Typeflag = tar.TypeReg
		}
		if file.Typeflag == tar.TypeReg {
			file.Size = int64(len(file.content))
		}
		require.NoError(t, archive.WriteHeader(&file.Header))
		_, err := archive.Write([]byte(file.content))
		require.NoError(t, err)
	}
	require.NoError(t, archive.Close())
	require.NoError(t, compressed.Close())
	return out.Bytes()
}

type tarFile struct {
	tar.Header
	content string
}

func file(name, content string) tarFile { return tarFile{tar.Header{Name: name}, content} }

const oneRelease = `{"format":"telegraf-qlik-sense-version lists 1",` +
	`"sources":[{"part":"releases","address":"https://example.com/x","read":"2031-06-30","pages":1}]}`

func TestHostileBundles(t *testing.T) {
	manifest := func(old, replacement string) tarFile {
		changed := strings.Replace(oneRelease, old, replacement, 1)
		require.NotEqual(t, oneRelease, changed)
		return file("manifest.json", changed)
	}
	list := file("releases-1.json", "["+may2031+"]")
	good := packed(t, file("manifest.json", oneRelease), list)
	for name, tt := range map[string]struct {
		content  []byte
		expected string
	}{
		"nothing":              {nil, `is not a bundle of "catalog download"`},
		"a catalogue":          {[]byte("schema = 1\n"), "is not a bundle"},
		"a zip":                {[]byte("PK\x03\x04"), "is not a bundle"},
		"gzip of nothing":      {packed(t), "was cut off"},
		"cut in the middle":    {good[:len(good)/2], "was cut off: copy it again"},
		"cut at the checksum":  {good[:len(good)-4], "was cut off: copy it again"},
		"a wrong checksum":     {append(bytes.Clone(good[:len(good)-8]), 1, 2, 3, 4, 5, 6, 7, 8), "gzip: invalid checksum: copy it again"},
		"something behind it":  {append(bytes.Clone(good), "more"...), "was cut off"},
		"no manifest":          {packed(t, list), `has "releases-1.json" where manifest.json is expected`},
		"no JSON":              {packed(t, file("manifest.json", "<html>")), `its manifest has format ""`},
		"another format":       {packed(t, manifest("lists 1", "lists 2"), list), `its manifest has format "telegraf-qlik-sense-version lists 2"`},
		"an unknown part":      {packed(t, manifest(`"releases"`, `"../../etc/passwd"`), list), `1 pages of "../../etc/passwd"`},
		"no page":              {packed(t, manifest(`"pages":1`, `"pages":0`)), `0 pages of "releases"`},
		"fewer than no page":   {packed(t, manifest(`"pages":1`, `"pages":-1`)), `-1 pages of "releases"`},
		"very many pages":      {packed(t, manifest(`"pages":1`, `"pages":1000000000`)), `1000000000 pages of "releases"`},
		"more pages than that": {packed(t, manifest(`"pages":1`, `"pages":2`), list), "was cut off"},
		"a part twice":         {packed(t, manifest("}]}", "},"+oneRelease[strings.Index(oneRelease, "[")+1:]), list, list), `1 pages of "releases"`},
		"a path": {packed(t, file("manifest.json", oneRelease), file("../releases-1.json", "[]")),
			`has "../releases-1.json" where releases-1.json is expected`},
		"an absolute path": {packed(t, file("manifest.json", oneRelease), file("/releases-1.json", "[]")), `has "/releases-1.json"`},
		"a link": {packed(t, file("manifest.json", oneRelease), tarFile{tar.Header{Name: "releases-1.json", Typeflag: tar.TypeSymlink,
			Linkname: "/etc/passwd"}, ""}), `has "releases-1.json" where`},
		"a device": {packed(t, file("manifest.json", oneRelease), tarFile{tar.Header{Name: "releases-1.json", Typeflag: tar.TypeChar}, ""}),
			`has "releases-1.json" where`},
		"more files": {packed(t, file("manifest.json", oneRelease), list, file("x", "y")), "has more files than its manifest names"},
		"a page that swells": {packed(t, file("manifest.json", oneRelease), file("releases-1.json", strings.Repeat(" ", 11<<20))),
			"releases-1.json is larger than 10485760 bytes"},
		"a manifest that swells":        {packed(t, file("manifest.json", strings.Repeat(" ", 65<<10))), "manifest.json is larger than 65536 bytes"},
		"a manifest as large as can be": {packed(t, file("manifest.json", oneRelease+strings.Repeat(" ", maxManifest-len(oneRelease))), list), ""},
		"as many pages as can be":       {packed(t, append([]tarFile{manifest(`"pages":1`, `"pages":50`)}, pagesOf(maxPages)...)...), ""},
		"a page more than can be":       {packed(t, append([]tarFile{manifest(`"pages":1`, `"pages":51`)}, pagesOf(maxPages+1)...)...), `51 pages of "releases"`},
		"pages that swell":              {packed(t, append([]tarFile{manifest(`"pages":1`, `"pages":9`)}, swelling(9)...)...), "releases-8.json is larger than"},
		"zeros behind the end":          {append(bytes.Clone(good), gzipOf(t, make([]byte, 129<<20))...), "unpacks to more than 128 MiB"},
		"a page that is no list":        {packed(t, file("manifest.json", oneRelease), file("releases-1.json", "<html>")), ", releases: page 1 is a web page"},
		"a day that is none":            {packed(t, manifest("2031-06-30", "yesterday"), list), `was read on "yesterday", which is not a day`},
		"a day that is to come":         {packed(t, manifest("2031-06-30", "2031-07-03"), list), "is dated 2031-07-03, but today is 2031-07-01"},
		"an address of any kind":        {packed(t, manifest("https://example.com/x", "\\u001b[2J"), list), ""},
		"as it should be":               {good, ""},
	} {
		t.Run(name, func(t *testing.T) {
			bundle := filepath.Join(t.TempDir(), "b.tar.gz")
			require.NoError(t, os.WriteFile(bundle, tt.content, 0o600))
			target, text := builtInFile(t)
			u := &Update{File: target, Today: day(t, today), From: bundle, Sources: Sources{LeftOut: map[string]bool{"advisories": true, "exploited": true}}}
			_, err := u.Run(t.Context())
			if tt.expected == "" {
				require.NoError(t, err)
				content, err := os.ReadFile(target)
				require.NoError(t, err)
				require.NotContains(t, string(content), "\x1b")
				return
			}
			require.ErrorContains(t, err, tt.expected)
			require.NotContains(t, err.Error(), "\x1b")
			require.Less(t, len(err.Error()), 900)
			requireUnchanged(t, target, text)
		})
	}

	target, text := builtInFile(t)
	for _, from := range []string{"missing.tar.gz", filepath.Dir(target), "/dev/zero"} {
		_, err := (&Update{File: target, Today: day(t, today), From: from}).Run(t.Context())
		require.ErrorContains(t, err, target+" stays as it was: ")
		require.ErrorContains(t, err, from)
		require.ErrorContains(t, err, "check the path and its permissions")
		requireUnchanged(t, target, text)
	}
}

func pagesOf(n int) (files []tarFile) {
	for i := range n {
		files = append(files, file(pageName("releases", i), "["+may2031+"]"))
	}
	return files
}

// A bundle that could not be read back is not written.
func TestBundleLimits(t *testing.T) {
	page := []byte("[" + strings.Repeat(" ", 9<<20) + "]")
	_, err := packBundle([]outcome{{source: releases, answer: &answer{pages: slices.Repeat([][]byte{page}, 8)}}}, day(t, today))
	require.EqualError(t, err, "the replies take 72 MiB, but a bundle holds at most 64")
}

// A file that is not a bundle is not replaced.
func TestCheckBundle(t *testing.T) {
	for content, good := range map[string]bool{
		"": true, "\x1f\x8b\x08": true, "\x1f\x8b": true, "\x1f": false, "\x1f\x9d\x90": false, "\x8b\x8b\x08": false, "schema": false,
	} {
		name := filepath.Join(t.TempDir(), "b")
		require.NoError(t, os.WriteFile(name, []byte(content), 0o600))
		require.Equal(t, good, checkBundle(name) == nil, "%q", content)
	}
}

func swelling(n int) (files []tarFile) {
	for i := range n {
		files = append(files, file(pageName("releases", i), "["+strings.Repeat(" ", 9<<20)+"]"))
	}
	return files
}

func gzipOf(t *testing.T, content []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	require.NoError(t, err)
	_, err = w.Write(content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

// A bundle that was truncated anywhere is refused.
func TestTruncatedBundles(t *testing.T) {
	good := packed(t, file("manifest.json", oneRelease), file("releases-1.json", "["+may2031+"]"))
	for n := range good {
		_, _, err := unpackBundle(good[:n])
		require.Error(t, err, n)
	}
	_, _, err := unpackBundle(good)
	require.NoError(t, err)
}

func FuzzUnpackBundle(f *testing.F) {
	f.Add(packed(f, file("manifest.json", oneRelease), file("releases-1.json", "["+may2031+"]")))
	f.Add(packed(f, file("manifest.json", oneRelease)))
	f.Add([]byte{0x1F, 0x8B})
	f.Fuzz(func(t *testing.T, content []byte) {
		m, pages, err := unpackBundle(content)
		if err != nil {
			require.Nil(t, m)
			require.NotContains(t, err.Error(), "\n")
			return
		}
		for _, one := range m.Sources {
			require.Len(t, pages[one.Part], one.Pages)
		}
	})
}

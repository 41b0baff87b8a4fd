package html

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/baseline"
	"telegraf-qlik-sense-version/internal/golden"
	"telegraf-qlik-sense-version/internal/report"
	"telegraf-qlik-sense-version/internal/report/json"
	"telegraf-qlik-sense-version/internal/report/reporttest"
)

// since compares a report with an earlier one.
func since(t *testing.T, before, after *report.Report) *report.Report {
	t.Helper()
	var document bytes.Buffer
	require.NoError(t, json.Write(&document, before))
	b, err := baseline.Parse(document.Bytes())
	require.NoError(t, err)
	after.Since = b.Compare(after)
	return after
}

// sections are the parts of a page that the comparison adds.
func sections(page []byte) string {
	var tiles []string
	for line := range strings.Lines(string(page)) {
		if strings.Contains(line, `class="since"`) {
			tiles = append(tiles, line)
		}
	}
	_, after, _ := strings.Cut(string(page), `<section id="since"`)
	section, _, _ := strings.Cut(after, "</section>")
	return strings.Join(tiles, "") + `<section id="since"` + section + "</section>\n"
}

func TestHTMLSince(t *testing.T) {
	before, after := reporttest.Changes(t)
	page := render(t, since(t, before, after))
	golden.Require(t, "testdata/since.html", sections(page))

	document := parse(t, page)
	sum := sha256.Sum256([]byte(textOf(elements(document, "style")[0])))
	require.Contains(t, string(page), base64.StdEncoding.EncodeToString(sum[:]), "the policy of the page lets it use its style")
	require.Equal(t, styleSheet+sinceStyle, textOf(elements(document, "style")[0]))
	ids := make(map[string]bool)
	for _, n := range having(document, "id") {
		id, _ := attribute(n, "id")
		ids[id] = true
	}
	for _, n := range having(document, "href") {
		if to, _ := attribute(n, "href"); strings.HasPrefix(to, "#") {
			require.True(t, ids[to[1:]], to)
		}
	}
	place := func(id string) int { return strings.Index(string(page), `<section id="`+id+`"`) }
	require.Less(t, place("plan"), place("since"))
	require.Less(t, place("since"), place("servers"))
	for i, name := range sinceColumns[1:] {
		require.Contains(t, sinceStyle, fmt.Sprintf(".changes td:nth-child(%d)::before { content: %q; }", i+2, name))
	}
	require.NotRegexp(t, `</|<!--|url\(|@import`, sinceStyle)
}

func TestHTMLSinceRollout(t *testing.T) {
	var waves strings.Builder
	for done := range 1 + len(reporttest.Waves) {
		fmt.Fprintf(&waves, "<!-- after %d waves -->\n%s", done, sections(render(t, since(t, reporttest.Rollout(t, 0), reporttest.Rollout(t, done)))))
	}
	golden.Require(t, "testdata/rollout.html", waves.String())
}

// Tiles count all servers, so that they cannot be compared with a limited baseline.
func TestHTMLSinceLimited(t *testing.T) {
	before := reporttest.Mixed(t)
	before.Only = []string{"127.41.1.1"}
	before.Blocks = before.Blocks[:1]
	before.Blocks[0].Servers = before.Blocks[0].Servers[:1]
	page := sections(render(t, since(t, before, reporttest.Mixed(t))))
	require.NotContains(t, page, `class="since"`)
	require.Contains(t, page, "1 server unchanged, 14 not compared.")
	require.Contains(t, page, "14 servers of this report are not compared.")
}

func TestHostileSince(t *testing.T) {
	structureOf := func(payload string) (names []string) {
		for _, swap := range []bool{false, true} {
			hostile, _ := poisoned(t, payload)
			hostile.Only = nil
			before, after := hostile, reporttest.Mixed(t)
			if swap {
				before, after = after, before
			}
			document := parse(t, render(t, since(t, before, after)))
			require.Contains(t, textOf(document), sanitize(string([]rune(payload))))
			names = append(names, structure(document)...)
		}
		return names
	}
	want := structureOf("harmless")
	for _, payload := range payloads {
		require.Equal(t, want, structureOf(payload), "%q changes the page", payload)
	}
}

package report

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
)

// resolver is the address of this machine's DNS server, in the cause of a failure.
var resolver = regexp.MustCompile(` on \S+:53:`)

func mixedPage(t *testing.T) *Report {
	t.Helper()
	r := mixedFleet(t)
	for _, b := range r.Blocks {
		for i := range b.Servers {
			if f := b.Servers[i].Failure; f != nil {
				f.Cause = resolver.ReplaceAllString(f.Cause, ":")
			}
		}
	}
	return r
}

func render(t testing.TB, r *Report) []byte {
	t.Helper()
	var page bytes.Buffer
	require.NoError(t, r.WriteHTML(&page))
	return page.Bytes()
}

func parse(t *testing.T, page []byte) *html.Node {
	t.Helper()
	document, err := html.Parse(bytes.NewReader(page))
	require.NoError(t, err)
	return document
}

func attribute(n *html.Node, name string) (value string, found bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

// having finds the elements with an attribute, in the order of the page.
func having(document *html.Node, name string) (found []*html.Node) {
	for n := range document.Descendants() {
		if _, has := attribute(n, name); has {
			found = append(found, n)
		}
	}
	return found
}

func textOf(n *html.Node) string {
	var text strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			text.WriteString(d.Data)
		}
	}
	return text.String()
}

func elements(document *html.Node, name string) (found []*html.Node) {
	for n := range document.Descendants() {
		if n.Type == html.ElementNode && n.Data == name {
			found = append(found, n)
		}
	}
	return found
}

func TestHTML(t *testing.T) {
	requireGolden(t, "report.html", render(t, mixedPage(t)))
}

// shownCounts are the numbers of the summary as the page tells them.
func shownCounts(document *html.Node) map[string]string {
	shown := make(map[string]string)
	for _, n := range having(document, "data-count") {
		name, _ := attribute(n, "data-count")
		shown[name], _ = attribute(n, "data-value")
	}
	return shown
}

func wantedCounts(s *Summary) map[string]string {
	percent := ""
	if s.CompliantPercent != nil {
		percent = strconv.FormatFloat(*s.CompliantPercent, 'f', -1, 64)
	}
	return map[string]string{
		"servers": strconv.Itoa(s.Servers), "answered": strconv.Itoa(s.Answered), "failed": strconv.Itoa(s.Failed),
		"compliant_percent": percent, "unknown": strconv.Itoa(s.Unknown), "vulnerable": strconv.Itoa(s.Vulnerable),
		"exploited": strconv.Itoa(s.Exploited), "below_minimum": strconv.Itoa(s.BelowMinimum),
		"version_mismatch": strconv.Itoa(s.Mismatched), "out_of_support": strconv.Itoa(s.OutOfSupport),
	}
}

func TestHTMLShowsTheWholeReport(t *testing.T) {
	for name, r := range map[string]*Report{"mixed": mixedPage(t), "large": largeFleet(700)} {
		document := parse(t, render(t, r))
		require.Equal(t, wantedCounts(&r.Summary), shownCounts(document), name)
		for _, n := range having(document, "data-count") {
			count, _ := attribute(n, "data-value")
			switch key, _ := attribute(n, "data-count"); {
			case key == "compliant_percent":
				count = share(r.Summary.Compliant, r.Summary.Answered)
			case key == "below_minimum" && r.Blocks[0].MinimumRelease == "":
				count = "–"
			default:
				number, err := strconv.Atoi(count)
				require.NoError(t, err)
				count = grouped(number)
			}
			require.Contains(t, textOf(n), count, "the number that is told is the one that is seen")
		}

		var servers, failures, advisories []string
		affected := 0
		for _, b := range r.Blocks {
			for i := range b.Servers {
				servers = append(servers, b.Servers[i].Source)
				if !b.Servers[i].Answered() {
					failures = append(failures, b.Servers[i].Source)
				}
			}
		}
		for i := range r.Advisories {
			advisories = append(advisories, r.Advisories[i].ID)
			affected += len(r.Advisories[i].Affected)
		}
		require.Equal(t, servers, values(document, "data-server"), name)
		require.Equal(t, failures, values(document, "data-failure"), name)
		require.Equal(t, advisories, values(document, "data-advisory"), name)

		listed := 0
		for _, list := range elements(document, "ul") {
			if class, _ := attribute(list, "class"); class == "names" {
				listed += len(elements(list, "li"))
			}
		}
		require.Equal(t, affected, listed, name)
	}
}

func values(document *html.Node, name string) (all []string) {
	for _, n := range having(document, name) {
		v, _ := attribute(n, name)
		all = append(all, v)
	}
	return all
}

// Links within the page lead somewhere, and each id is there once.
func TestHTMLLinks(t *testing.T) {
	for _, r := range []*Report{mixedPage(t), {}, largeFleet(100)} {
		document := parse(t, render(t, r))
		ids := values(document, "id")
		require.Len(t, slices.Compact(slices.Sorted(slices.Values(ids))), len(ids))
		for _, to := range values(document, "href") {
			if fragment, within := strings.CutPrefix(to, "#"); within {
				require.Contains(t, ids, fragment)
			}
		}
	}
}

// The cards of narrow screens name their columns in the style sheet.
func TestHTMLColumnsOfCards(t *testing.T) {
	for class, columns := range map[string][]string{
		"servers": serverColumns, "affected": affectedColumns, "failures": failureColumns, "catalogs": catalogColumns,
	} {
		for i, name := range columns[1:] {
			require.Contains(t, styleSheet, fmt.Sprintf(".%s td:nth-child(%d)::before { content: %q; }", class, i+2, name))
		}
		require.NotContains(t, styleSheet, fmt.Sprintf(".%s td:nth-child(%d)", class, len(columns)+1))
	}
}

// A file of ours cannot end its own element, nor load anything.
func TestHTMLParts(t *testing.T) {
	for _, part := range []string{styleSheet, script} {
		require.NotEmpty(t, part)
		require.NotContains(t, part, "</")
		require.NotContains(t, part, "<!--")
		require.NotRegexp(t, `url\(|@import|https?:|fetch|XMLHttp|innerHTML|eval`, part)
	}
}

func TestHTMLEmpty(t *testing.T) {
	nothing := textOf(parse(t, render(t, &Report{})))
	for _, sentence := range []string{"No server was asked.", "No server told its version.", "No version was judged."} {
		require.Contains(t, nothing, sentence)
	}

	r := largeFleet(3)
	for i := range r.Blocks {
		for j := range r.Blocks[i].Servers {
			s := &r.Blocks[i].Servers[j]
			s.Advisories, s.Failure, s.Compliance = nil, nil, "compliant"
		}
	}
	r.Advisories = nil
	r.Summary = Summary{}
	r.summarise()
	clean := textOf(parse(t, render(t, r)))
	for _, sentence := range []string{"All of the 3 servers are compliant.", "No known advisory applies to any server that answered.", "Every server answered."} {
		require.Contains(t, clean, sentence)
	}

	for i := range r.Blocks {
		for j := range r.Blocks[i].Servers {
			r.Blocks[i].Servers[j].Failure = &Failure{}
		}
	}
	r.Summary = Summary{}
	r.summarise()
	require.Contains(t, textOf(parse(t, render(t, r))), "No server answered, so that no advisory could be held against any.")
}

func TestHTMLLimited(t *testing.T) {
	r := largeFleet(3)
	require.Empty(t, having(parse(t, render(t, r)), "only"))
	r.Only = []string{"qlik-1.example.com", "qlik-2.example.com"}
	text := textOf(parse(t, render(t, r)))
	require.Contains(t, text, "Limited to qlik-1.example.com, qlik-2.example.com.")
	require.Contains(t, text, "not told, as the report is limited")
}

func TestHTMLAgeOfData(t *testing.T) {
	r := largeFleet(1)
	r.AskedAt = time.Date(2026, time.November, 21, 23, 59, 0, 0, time.UTC)
	for asOf, want := range map[string]string{
		"2026-11-21": "0 days old", "2026-11-20": "1 day old", "2026-05-25": "180 days old",
		"2026-05-24": "181 days old More than 180 days old.", "2026-11-22": "after this report", "unknown": "age not known",
	} {
		r.Catalogs = []Catalog{{Name: "built in", ReleasesAsOf: asOf, AdvisoriesAsOf: "2026-11-21", ExploitedAsOf: "2020-01-01"}}
		text := strings.ReplaceAll(textOf(parse(t, render(t, r))), "oldold", "old")
		require.Contains(t, text, asOf+want)
		require.Equal(t, strings.Contains(want, "More"), strings.Contains(text, "Old data."), asOf)
	}
}

func TestShare(t *testing.T) {
	for want, of := range map[string][2]int{
		"100 %": {3, 3}, "99.9 %": {9999, 10000}, "0 %": {0, 5}, "0.1 %": {1, 10000}, "66.7 %": {2, 3}, "40.0 %": {6, 15}, "–": {0, 0},
	} {
		require.Equal(t, want, share(of[0], of[1]))
	}
	require.Equal(t, "1,234,567", grouped(1234567))
	require.Equal(t, "999", grouped(999))
	require.Equal(t, "-1,000", grouped(-1000))
	require.Equal(t, "-100", grouped(-100))
}

func TestHTMLOfLargeFleet(t *testing.T) {
	page := render(t, largeFleet(2000))
	require.Less(t, len(page), 3<<20)
	t.Logf("%d bytes", len(page))
}

func BenchmarkHTML(b *testing.B) {
	r := largeFleet(2000)
	for b.Loop() {
		require.NoError(b, r.WriteHTML(io.Discard))
	}
}

// A page that cannot be written is an error, wherever it stops.
func TestHTMLWriteError(t *testing.T) {
	r := largeFleet(50)
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("not run, for this machine has no /dev/full")
	}
	defer full.Close()
	require.Error(t, r.WriteHTML(full))
}

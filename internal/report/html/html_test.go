package html

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"telegraf-qlik-sense-version/internal/golden"
	"telegraf-qlik-sense-version/internal/plan"
	"telegraf-qlik-sense-version/internal/poll"
	"telegraf-qlik-sense-version/internal/report"
	"telegraf-qlik-sense-version/internal/report/reporttest"
)

func render(t testing.TB, r *report.Report) []byte {
	t.Helper()
	var page bytes.Buffer
	require.NoError(t, Write(&page, r))
	return page.Bytes()
}

func renderPlan(t testing.TB, planned *plan.Plan) []byte {
	t.Helper()
	var page bytes.Buffer
	require.NoError(t, WritePlan(&page, planned))
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

// having finds the elements with an attribute.
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
	golden.Require(t, "testdata/report.html", string(render(t, reporttest.Mixed(t))))
}

// shownCounts returns the numbers on the tiles.
func shownCounts(document *html.Node) map[string]string {
	shown := make(map[string]string)
	for _, n := range having(document, "data-count") {
		name, _ := attribute(n, "data-count")
		shown[name], _ = attribute(n, "data-value")
	}
	return shown
}

func wantedCounts(s *report.Summary) map[string]string {
	return map[string]string{
		"servers": strconv.Itoa(s.Servers), "answered": strconv.Itoa(s.Answered), "failed": strconv.Itoa(s.Failed),
		"compliant": strconv.Itoa(s.Compliant), "unknown": strconv.Itoa(s.Unknown), "vulnerable": strconv.Itoa(s.Vulnerable),
		"exploited": strconv.Itoa(s.Exploited), "below_minimum": strconv.Itoa(s.BelowMinimum),
		"version_mismatch": strconv.Itoa(s.Mismatched), "out_of_support": strconv.Itoa(s.OutOfSupport),
	}
}

func TestHTMLComplete(t *testing.T) {
	for name, r := range map[string]*report.Report{"mixed": reporttest.Mixed(t), "large": reporttest.Large(t, 700)} {
		document := parse(t, render(t, r))
		require.Equal(t, wantedCounts(&r.Summary), shownCounts(document), name)
		for _, n := range having(document, "data-count") {
			count, _ := attribute(n, "data-value")
			switch key, _ := attribute(n, "data-count"); {
			case key == "compliant":
				count = report.Share(r.Summary.Compliant, r.Summary.Servers)
			case key == "below_minimum" && r.Blocks[0].Round.Block.Minimum().IsZero():
				count = "–"
			default:
				number, err := strconv.Atoi(count)
				require.NoError(t, err)
				count = formatInt(number)
			}
			require.Contains(t, textOf(n), count, "the attribute and the text agree")
		}

		var servers, failures, advisories []string
		affected := 0
		for s := range r.Servers() {
			source := s.Server.Source()
			servers = append(servers, source)
			if !s.Answered() {
				failures = append(failures, source)
			}
		}
		for _, a := range r.Advisories {
			advisories = append(advisories, a.ID)
		}
		for _, c := range cardsOf(r) {
			affected += len(c.affected())
		}
		require.Equal(t, servers, values(document, "data-server"), name)
		require.Equal(t, failures, values(document, "data-failure"), name)
		require.ElementsMatch(t, advisories, values(document, "data-advisory"), name)

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

// Links within the page have targets, and identifiers are unique.
func TestHTMLLinks(t *testing.T) {
	for _, r := range []*report.Report{reporttest.Mixed(t), {}, reporttest.Large(t, 100)} {
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

// The style sheet names the columns for the cards of narrow screens.
func TestHTMLCardColumns(t *testing.T) {
	for class, columns := range map[string][]string{
		"servers": serverColumns, "affected": affectedColumns, "failures": failureColumns, "catalogs": catalogColumns,
		"undecided": undecidedColumns, "dismissed": dismissedColumns, "plan": planColumns, "matrix": matrixColumns,
	} {
		for i, name := range columns[1:] {
			require.Contains(t, styleSheet, fmt.Sprintf(".%s td:nth-child(%d)::before { content: %q; }", class, i+2, name))
		}
		require.NotContains(t, styleSheet, fmt.Sprintf(".%s td:nth-child(%d)", class, len(columns)+1))
	}
}

// The style sheet and the script cannot end their elements or load anything.
func TestHTMLParts(t *testing.T) {
	for _, part := range []string{styleSheet, script} {
		require.NotEmpty(t, part)
		require.NotContains(t, part, "</")
		require.NotContains(t, part, "<!--")
		require.NotRegexp(t, `url\(|@import|https?:|fetch|XMLHttp|innerHTML|eval`, part)
	}
}

func pageText(t *testing.T, r *report.Report) string {
	t.Helper()
	return textOf(parse(t, render(t, r)))
}

func TestHTMLEmpty(t *testing.T) {
	nothing := pageText(t, &report.Report{})
	for _, sentence := range []string{"No server was asked: nothing is proven.", "No server reported its version.", "No version was judged."} {
		require.Contains(t, nothing, sentence)
	}
	clean := pageText(t, reporttest.Compliant(t, nil, nil))
	for _, sentence := range []string{"No known advisory applies to any server that answered.", "Every server answered."} {
		require.Contains(t, clean, sentence)
	}
	silent := reporttest.Fails("qlik1.example.com", poll.Outcome{Result: poll.Timeout, Step: poll.StepConnect})
	failed := pageText(t, reporttest.Report(t, reporttest.Environment{Servers: []reporttest.Server{silent}}))
	require.Contains(t, failed, "No server answered, so no advisory could be checked.")
	require.Contains(t, failed, "Proven compliant: 0 of 1 server (0 %), 3 advisories undecided. 1 did not answer.")
}

func TestHTMLLimited(t *testing.T) {
	r := reporttest.Large(t, 3)
	require.Empty(t, having(parse(t, render(t, r)), "only"))
	r.Only = []string{"qlik-1.example.com", "qlik-2.example.com"}
	text := pageText(t, r)
	require.Contains(t, text, "Limited to qlik-1.example.com, qlik-2.example.com.")
	require.Contains(t, text, "not compared, because the report is limited")
}

func TestGrouped(t *testing.T) {
	require.Equal(t, "1,234,567", formatInt(1234567))
	require.Equal(t, "999", formatInt(999))
	require.Equal(t, "-1,000", formatInt(-1000))
	require.Equal(t, "-100", formatInt(-100))
}

func TestHTMLLargeFleet(t *testing.T) {
	page := render(t, reporttest.Large(t, 2000))
	require.Less(t, len(page), 3<<20)
	t.Logf("%d bytes", len(page))
}

func BenchmarkHTML(b *testing.B) {
	r := reporttest.Large(b, 2000)
	for b.Loop() {
		require.NoError(b, Write(io.Discard, r))
	}
}

// A page that cannot be written is an error.
func TestHTMLWriteError(t *testing.T) {
	r := reporttest.Large(t, 50)
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("needs /dev/full")
	}
	defer full.Close()
	require.Error(t, Write(full, r))
}

// Incomplete sites are reported at the top of the page, and nodes are shown with their roles.
func TestSites(t *testing.T) {
	document := parse(t, render(t, reporttest.Sites(t)))
	page := textOf(document)
	for _, text := range []string{
		"Not all nodes are known. 2 sites are not proven", "3 nodes of the site found, listed by qlik2.example.com.", "Central: central, engine, proxy",
		"Rim 2: no roles", "The nodes of the site could not be listed: it is not proven, whatever other servers answer.",
		"These nodes were asked for all nodes of their site and did not list them.", "check discover_user",
	} {
		require.Contains(t, page, text)
	}
	require.NotContains(t, textOf(parse(t, render(t, reporttest.Mixed(t)))), "nodes")
}

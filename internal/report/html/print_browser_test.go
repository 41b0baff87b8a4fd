package html

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/plan"
	"telegraf-qlik-sense-version/internal/report/reporttest"
)

// paper is a paper size in inches, and the space within the margins in landscape, in CSS pixels.
type paper struct {
	name          string
	short, long   float64
	width, height int64
}

var papers = []paper{
	{"A4", 8.27, 11.69, 1039, 718},
	{"Letter", 8.5, 11, 973, 740},
}

// printed prints a page in landscape with the other settings of the browser unchanged.
func printed(b *tab, on paper) []byte {
	b.t.Helper()
	yes := true
	return call(b, cdppage.PrintToPDF, cdppage.PrintToPDFParams{
		PaperWidth: on.short, PaperHeight: on.long, Landscape: &yes, PrintBackground: &yes, PreferCSSPageSize: new(bool), GenerateDocumentOutline: &yes,
	}).Data
}

var (
	pdfPage    = regexp.MustCompile(`(?m)^(\d+) 0 obj\s*<</Type /Page\s`)
	pdfHeading = regexp.MustCompile(`/Title \(([^)]*)\)[^>]*?/Dest \[(\d+) 0 R`)
)

// pages returns the number of pages of a PDF, and the page of each heading.
func pages(t *testing.T, pdf []byte) (count int, headings map[string]int) {
	t.Helper()
	found := pdfPage.FindAllSubmatch(pdf, -1)
	ids := make([]string, 0, len(found))
	for _, match := range found {
		ids = append(ids, string(match[1]))
	}
	require.NotEmpty(t, ids)
	headings = make(map[string]int)
	for _, match := range pdfHeading.FindAllSubmatch(pdf, -1) {
		headings[string(match[1])] = 1 + slices.Index(ids, string(match[2]))
	}
	return len(ids), headings
}

// A report of thirty servers has six pages; the overview fills the first.
func TestHTMLPrint(t *testing.T) {
	thirty := reporttest.Thirty(t)
	planned, err := plan.New(thirty, plan.Options{Waves: []string{"DEV", "TEST", "PROD"}})
	require.NoError(t, err)
	br := newBrowser(t)
	for name, content := range map[string][]byte{"without waves": render(t, thirty), "with waves": renderPlan(t, planned)} {
		for _, on := range papers {
			t.Run(name+", "+on.name, func(t *testing.T) {
				b := br.open(t, content, 1280)
				count, headings := pages(t, printed(b, on))
				require.LessOrEqual(t, count, 6)
				for _, heading := range []string{"Servers by environment and state", "Worst problems", "What to do next"} {
					require.Equal(t, 1, headings[heading], heading)
				}
				require.Equal(t, 2, headings["What to install"])
				require.Equal(t, count, headings["Where this report comes from"])

				b.do(chromedp.EmulateViewport(on.width, on.height))
				call(b, emulation.SetEmulatedMedia, media("print", "light"))
				requireWithin(b, on.width)
				filled := eval[float64](b, `document.querySelector(".charts").getBoundingClientRect().bottom + scrollY`)
				require.InDelta(t, 0.86, filled/float64(on.height), 0.14, "the charts end at the bottom of the first page")
				require.Empty(t, eval[[]string](b, `Array.from(document.querySelectorAll("body *"))
					.filter(e => e.checkVisibility() && !e.closest("svg, script, .middle, .unseen") && parseFloat(getComputedStyle(e).fontSize) < 9.3 &&
						Array.from(e.childNodes).some(n => n.nodeType === 3 && n.data.trim()))
					.map(e => e.outerHTML)`), "nothing is smaller than 7 points")
				for _, class := range []string{"charts", "matrix", "worst", "next", "plan", "affected", "failures"} {
					require.True(t, eval[bool](b, `document.querySelector(".`+class+`").checkVisibility()`), class)
				}
			})
		}
	}
}

// No row of the servers is taller than ten lines, even with a long remark, and the certificates of failed
// servers are part of their rows.
func TestHTMLPrintedSentences(t *testing.T) {
	b := newBrowser(t).open(t, render(t, reporttest.Mixed(t)), papers[1].width)
	call(b, emulation.SetEmulatedMedia, media("print", "light"))
	require.Less(t, eval[float64](b, `Math.max(...Array.from(document.querySelectorAll(".servers tbody tr"), e => e.offsetHeight))`), 10*12.0)
	require.Empty(t, eval[[]string](b, `Array.from(document.querySelectorAll(".failures dt")).filter(name => {
		const box = e => { const range = document.createRange(); range.selectNodeContents(e.firstChild); return Array.from(range.getClientRects()); };
		const end = box(name).at(-1), start = box(name.nextElementSibling)[0];
		return start.top < end.bottom && start.left < end.right + 3;
	}).map(e => e.textContent)`), "the names of facts do not run together with the facts")
}

// The overview is one page, however many environments, versions and waves there are.
func TestHTMLFirstPage(t *testing.T) {
	waves := make([]string, 14)
	environments := make([]reporttest.Environment, 0, len(waves))
	for i := range waves {
		waves[i] = fmt.Sprintf("ENV-%d", i+1)
		environments = append(environments, reporttest.Environment{Name: waves[i], Servers: []reporttest.Server{
			reporttest.Runs(fmt.Sprintf("qlik-%d.example.com", i+1), fmt.Sprintf("August 2023 Patch %d", i+1), fmt.Sprintf("14.139.%d", i+5)),
		}})
	}
	planned, err := plan.New(reporttest.Report(t, environments...), plan.Options{Waves: waves})
	require.NoError(t, err)
	br := newBrowser(t)
	for name, content := range map[string][]byte{"many": renderPlan(t, planned), "one": render(t, reporttest.Compliant(t, nil, nil))} {
		b := br.open(t, content, 1280)
		for _, on := range papers {
			_, headings := pages(t, printed(b, on))
			require.Equal(t, 2, headings["What to install"], "%s, %s", name, on.name)
		}
	}
}

// The page of 500 servers stays small, because long lists are folded.
func TestHTML500Servers(t *testing.T) {
	content := render(t, reporttest.Large(t, 500))
	b := newBrowser(t).open(t, content, 1280)
	nodes := eval[int](b, `document.querySelectorAll("*").length`)
	t.Logf("%d elements, %d bytes", nodes, len(content))
	require.Less(t, nodes, 60*500)
	require.Less(t, eval[int](b, `Array.from(
		document.querySelectorAll(".plan tbody tr, .names li")).filter(e => e.checkVisibility()).length`), 200)

	rows := `Array.from(document.querySelectorAll(".servers tbody tr")).filter(e => e.checkVisibility()).map(e => e.dataset.server)`
	require.Len(t, eval[[]string](b, rows), 500)
	b.do(chromedp.SendKeys(chromedp.CSS("#filter"), "qlik-499.example.com"))
	require.Equal(t, []string{"qlik-499.example.com"}, eval[[]string](b, rows))
	require.Equal(t, "1 of 500 shown", eval[string](b, `document.getElementById("matches").textContent`))

	require.False(t, eval[bool](b, `document.querySelector(".plan").checkVisibility()`))
	b.do(chromedp.Click(chromedp.CSS("#plan summary")))
	require.True(t, eval[bool](b, `document.querySelector(".plan").checkVisibility()`))
}

// Names break only after dots, and copied names have no breaks.
func TestHTMLNames(t *testing.T) {
	br := newBrowser(t)
	fleet := reporttest.Environment{Name: "PROD"}
	for _, host := range []string{
		"qlik-01.emea-manufacturing-01.corp-production.example.com", "qlik.my-site.my-region.example.com",
		"qlik-02.emea-manufacturing-01.corp-production.example.com",
		"a-name-that-is-longer-than-any-column-of-this-page-has-room-for.example.com",
	} {
		fleet.Servers = append(fleet.Servers, reporttest.Runs(host, "August 2023 Patch 1", "14.139.5"))
	}
	content := render(t, reporttest.Report(t, fleet))
	for _, width := range []int64{380, 800, 1280} {
		t.Run(strconv.FormatInt(width, 10), func(t *testing.T) {
			b := br.open(t, content, width)
			require.Empty(t, eval[[]string](b, `Array.from(document.querySelectorAll("main .unbroken:not(.long)")).filter(e => e.checkVisibility())
				.flatMap(e => Array.from(e.childNodes)).filter(n => {
					const range = document.createRange();
					range.selectNodeContents(n);
					const tops = new Set(Array.from(range.getClientRects(), box => Math.round(box.top)));
					return n.nodeType === 3 && tops.size > 1;
				}).map(n => n.data)`))
			requireWithin(b, width)
			copied := eval[[]string](b, `Array.from(document.querySelectorAll(".servers tbody th"), e => {
				getSelection().selectAllChildren(e);
				return getSelection().toString().trim();
			})`)
			require.Equal(t, eval[[]string](b, `Array.from(document.querySelectorAll("[data-server]"), e => e.dataset.server)`), copied)
			list := eval[string](b, `(() => {
				getSelection().selectAllChildren(Array.from(document.querySelectorAll(".names")).find(e => e.children.length > 1));
				return getSelection().toString();
			})()`)
			require.Regexp(t, `^\S+\.com,\s+\S+\.com`, list, "names do not run together")
		})
	}
	b := br.open(t, content, 1280)
	broken := `Array.from(document.querySelectorAll(".servers tbody th .unbroken")).filter(e => e.getClientRects().length > 1).length`
	require.Positive(t, eval[int](b, broken), "long names do break")
}

package html

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/report"
)

// bar is a bar of a chart as drawn by the browser.
type bar struct {
	Part          string
	Value         string
	Left, Width   float64
	Height, Whole float64 // of the bar, and the width of its chart
}

const barsOf = `(id => Array.from(document.querySelectorAll("#" + id + " rect[data-part]"), e => {
	const own = e.getBoundingClientRect(), chart = e.ownerSVGElement.getBoundingClientRect();
	return {Part: e.dataset.part, Value: e.dataset.value, Left: own.left - chart.left, Width: own.width, Height: own.height, Whole: chart.width};
}))`

// requireCharts compares the sizes of the bars with the report.
func requireCharts(t *testing.T, b *tab, r *report.Report) {
	t.Helper()
	s := &r.Summary
	left := 0.0
	bars := eval[[]bar](b, barsOf+`("compliance-chart")`)
	for i, want := range []part{{"ok", "", s.Compliant}, {"bad", "", s.NonCompliant}, {"unknown", "", s.Unknown}, {"failed", "", s.Failed}} {
		require.Positive(t, want.servers, "the fleet has servers in each state")
		require.Equal(t, want.state, bars[i].Part)
		require.Equal(t, strconv.Itoa(want.servers), bars[i].Value)
		require.InDelta(t, float64(want.servers)/float64(s.Servers), bars[i].Width/bars[i].Whole, 0.005)
		require.InDelta(t, left, bars[i].Left, 1.5)
		require.InDelta(t, 36, bars[i].Height, 0.5)
		left += bars[i].Width
	}
	require.Len(t, bars, 4)

	want := make([]int, 0, maxVersions+1)
	others := 0
	for i, version := range s.Versions {
		if i < maxVersions {
			want = append(want, version.Servers)
		} else {
			others += version.Servers
		}
	}
	if others > 0 {
		want = append(want, others)
	}
	bars = eval[[]bar](b, barsOf+`("version-chart")`)
	drawn := make([]int, 0, len(bars))
	for _, one := range bars {
		value, err := strconv.Atoi(one.Value)
		require.NoError(t, err)
		drawn = append(drawn, value)
		require.InDelta(t, float64(value)/float64(slices.Max(want)), one.Width/one.Whole, 0.005)
		require.InDelta(t, 10, one.Height, 0.5)
	}
	require.ElementsMatch(t, want, drawn)

	unnamed := eval[int](b, `(() => {
		const text = id => document.getElementById(id).textContent;
		const named = e => e.role === "img" && (e.ariaLabel || e.getAttribute("aria-labelledby").split(" ").every(text));
		return Array.from(document.querySelectorAll("svg")).filter(e => e.ariaHidden !== "true" && !named(e)).length;
	})()`)
	require.Zero(t, unnamed, "each chart has a text alternative")
}

// requireSorting sorts the first table by each kind of column.
func requireSorting(b *tab) {
	b.t.Helper()
	column := func(n int) []string {
		return eval[[]string](b, `Array.from(document.querySelector(".servers").tBodies[0].rows, r => r.cells[`+strconv.Itoa(n)+`])
			.map(cell => cell.dataset.k ?? cell.textContent)`)
	}
	click := func(n int) {
		b.do(chromedp.Click(chromedp.CSS(`.servers thead th:nth-child(` + strconv.Itoa(n+1) + `) button`)))
	}
	asked := column(0)
	click(3) // patches behind: numbers, and what is not known last
	require.Equal(b.t, []string{"0", "0", "12", "16", ""}, column(3))
	require.Equal(b.t, "ascending", eval[string](b, `document.querySelector(".servers th:nth-child(4)").ariaSort`))
	click(3)
	require.Equal(b.t, []string{"16", "12", "0", "0", ""}, column(3))
	click(6) // days, some of them negative
	require.Equal(b.t, []string{"-452", "169", "169", "169", ""}, column(6))
	require.Equal(b.t, 1, eval[int](b, `document.querySelectorAll("[aria-sort]").length`))
	click(2) // releases by their time
	require.Equal(b.t, []string{"2023.8.1", "2025.5.3", "2025.5.15", "2025.5.15", ""}, column(2))
	click(0)
	require.Equal(b.t, asked, column(0))
}

func requireFilter(b *tab) {
	b.t.Helper()
	shown := func() []string {
		return eval[[]string](b, `Array.from(document.querySelectorAll(".servers tbody tr")).filter(r => r.checkVisibility()).map(r => r.dataset.server)`)
	}
	all := shown()
	require.Len(b.t, all, 15)
	b.do(chromedp.SendKeys(chromedp.CSS("#filter"), "CVE-2024-55579 test"))
	require.Equal(b.t, []string{"127.41.1.9"}, shown())
	require.Equal(b.t, "1 of 15 shown", eval[string](b, `document.getElementById("matches").textContent`))
	require.Equal(b.t, 2, eval[int](b, `Array.from(document.querySelectorAll(".nomatch")).filter(e => e.checkVisibility()).length`))
	b.do(chromedp.SendKeys(chromedp.CSS("#filter"), strings.Repeat(kb.Backspace, len("CVE-2024-55579 test"))))
	require.Equal(b.t, all, shown())
}

// requireWithin checks that nothing extends beyond the screen, or beyond an element that would clip it.
func requireWithin(b *tab, width int64) {
	b.t.Helper()
	require.LessOrEqual(b.t, eval[int64](b, `document.documentElement.scrollWidth`), width)
	require.Empty(b.t, eval[[]string](b, `(() => {
		const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), beyond = [];
		const range = document.createRange();
		while (texts.nextNode()) {
			const text = texts.currentNode, parent = text.parentElement;
			if (text.data.trim() === "" || !parent.checkVisibility() || parent.closest("svg, .unseen, .skip, script")) continue;
			range.selectNodeContents(text);
			const box = range.getBoundingClientRect();
			let edge = innerWidth;
			for (let e = parent; e; e = e.parentElement) {
				if (e.matches("td, th, article, figure, section, li, .tile")) edge = Math.min(edge, e.getBoundingClientRect().right + 0.5);
			}
			if (box.right > edge || box.left < 0) beyond.push(parent.tagName + " " + box.right + " > " + edge + ": " + text.data.slice(0, 60));
		}
		for (const e of document.querySelectorAll("table tbody th, table caption:not(.unseen), p:not(:empty, td p), h3")) {
			const own = e.getBoundingClientRect(), whole = (e.closest("table") ?? e).getBoundingClientRect();
			if (e.checkVisibility() && (own.width < 40 || innerWidth < 700 && own.width < 0.6 * whole.width)) beyond.push("narrow: " + e.tagName + " " + e.textContent);
		}
		for (const e of document.querySelectorAll("body *")) {
			if (e.checkVisibility() && e.getBoundingClientRect().right > innerWidth + 0.5) beyond.push(e.tagName + "." + e.className);
		}
		return beyond.slice(0, 10);
	})()`))
}

// requireContrast checks the contrast of all visible text, and that the background is light or dark.
func requireContrast(b *tab, scheme string) {
	b.t.Helper()
	type text struct {
		Element, Text string
		Contrast      float64
	}
	page := eval[struct {
		Texts      []text
		Background float64
	}](b, `(() => {
		const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
		const channels = color => {
			canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
			return Array.from(canvas.getImageData(0, 0, 1, 1).data);
		};
		const luminance = color => channels(color).slice(0, 3).map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
			.reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
		const behind = e => {
			for (; e; e = e.parentElement) {
				const color = getComputedStyle(e).backgroundColor;
				if (channels(color)[3] === 255) return color;
			}
			return "white";
		};
		const measured = [];
		for (const e of document.querySelectorAll("body *")) {
			if (!e.checkVisibility() || e.closest("svg, script") || !Array.from(e.childNodes).some(n => n.nodeType === 3 && n.data.trim())) continue;
			const [a, b] = [luminance(getComputedStyle(e).color), luminance(behind(e))];
			measured.push({Element: e.tagName + "." + e.className, Text: e.textContent.slice(0, 40), Contrast: (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)});
		}
		return {Texts: measured, Background: luminance(behind(document.body))};
	})()`)
	require.Greater(b.t, len(page.Texts), 200)
	for _, one := range page.Texts {
		require.GreaterOrEqual(b.t, one.Contrast, 4.5, "%+v", one)
	}
	// Parts of charts need a contrast of 3 with their neighbours.
	for _, fill := range []string{"ok", "bad", "unknown", "failed", "version"} {
		require.NotEqual(b.t, "rgb(0, 0, 0)", eval[string](b, `getComputedStyle(document.querySelector(".fill.`+fill+`")).fill`))
	}
	// The middle: on a background of this luminance, black text has as much contrast as white text.
	const middle = 0.179
	require.Equal(b.t, map[bool]string{true: "light", false: "dark"}[page.Background > middle], scheme)
}

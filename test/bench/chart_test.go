package bench

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	g "maragu.dev/gomponents"
)

// panels are the panels of the chart.
var panels = []struct{ title, state, unit string }{
	{"a round, seconds", "none", "wall-s"},
	{"CPU of a round, seconds", "none", "cpu-s"},
	{"peak memory, MiB", "none", "peak-MiB"},
	{"open connections", "none", "connections"},
	{"a round, one in ten hangs, seconds", "tenth", "wall-s"},
	{"a round, all hang, seconds", "all", "wall-s"},
}

// Both axes of a panel are logarithmic: a line at 45 degrees means linear growth.
const (
	panelsInRow             = 3
	panelWidth, panelHeight = 290.0, 210.0
	plotWidth, plotHeight   = 220.0, 140.0
	plotLeft, plotTop       = 50.0, 34.0
	legendHeight            = 30.0
	smallestExp, largestExp = 0.0, 4.0 // range of the x axis, as powers of ten
)

// The colours are legible on white and on black; dashes and marks distinguish the lines without colour.
const style = `text{font:11px sans-serif;fill:#757b84}.title{font-size:12px;font-weight:bold}
.x{text-anchor:middle}.y{text-anchor:end}.line{fill:none;stroke-width:2}.grid{stroke:#757b84;stroke-opacity:.3;stroke-width:1}
.plugin{stroke:#2f81f7}.bare{stroke:#757b84;stroke-dasharray:2 3}.http{stroke:#c9660a;stroke-dasharray:7 3}
.mark{stroke-dasharray:none;fill:none;stroke-width:1.5}`

func (f *figures) chart(t *testing.T) string {
	t.Helper()
	rows := (len(panels) + panelsInRow - 1) / panelsInRow
	width, height := panelsInRow*panelWidth, legendHeight+float64(rows)*panelHeight
	legend := make(g.Group, 0, len(clients))
	for i, client := range clients {
		x, y := plotLeft+float64(i)*150, legendHeight/2
		legend = append(legend, g.Group{line(client.key, [][2]float64{{x, y}, {x + 30, y}}), mark(client.key, x+15, y),
			label(x+36, y+4, "legend", strings.Trim(client.name, "`"))})
	}
	drawn := make(g.Group, 0, len(panels))
	for i, panel := range panels {
		x, y := float64(i%panelsInRow)*panelWidth, legendHeight+float64(i/panelsInRow)*panelHeight
		drawn = append(drawn, g.El("g", g.Attr("transform", fmt.Sprintf("translate(%.0f %.0f)", x, y)), f.panel(panel.title, panel.state, panel.unit)))
	}
	var b strings.Builder
	require.NoError(t, g.El("svg",
		g.Attr("xmlns", "http://www.w3.org/2000/svg"), g.Attr("viewBox", fmt.Sprintf("0 0 %.0f %.0f", width, height)), g.Attr("role", "img"),
		g.El("title", g.Text("How a round grows with the number of servers")),
		g.El("style", g.Raw(style)),
		legend, label(width-20, legendHeight/2+4, "y", "over the number of servers"), drawn,
	).Render(&b))
	return b.String() + "\n"
}

// panel draws a metric of all clients over the number of servers.
func (f *figures) panel(title, state, unit string) g.Node {
	points := make(map[string][][2]float64) // by client: log10 of the number of servers and of the value
	low, high := math.Inf(1), math.Inf(-1)
	for _, client := range clients {
		for _, servers := range sizes {
			if value, ok := f.round(servers, state, client.key, unit); ok && value > 0 {
				exp := math.Log10(value)
				points[client.key] = append(points[client.key], [2]float64{math.Log10(float64(servers)), exp})
				low, high = min(low, exp), max(high, exp)
			}
		}
	}
	if len(points) == 0 {
		return g.Group{}
	}
	low, high = math.Floor(low), max(math.Ceil(high), math.Floor(low)+1)
	atX := func(exp float64) float64 { return plotLeft + plotWidth*(exp-smallestExp)/(largestExp-smallestExp) }
	atY := func(exp float64) float64 { return plotTop + plotHeight*(high-exp)/(high-low) }

	nodes := g.Group{label(plotLeft, plotTop-14, "title", title)}
	for exp := smallestExp; exp <= largestExp; exp++ {
		nodes = append(nodes, line("grid", [][2]float64{{atX(exp), plotTop}, {atX(exp), plotTop + plotHeight}}),
			label(atX(exp), plotTop+plotHeight+16, "x", thousands(int(math.Pow(10, exp)))))
	}
	for exp := low; exp <= high; exp++ {
		nodes = append(nodes, line("grid", [][2]float64{{plotLeft, atY(exp)}, {plotLeft + plotWidth, atY(exp)}}),
			label(plotLeft-6, atY(exp)+4, "y", power(exp)))
	}
	for _, client := range clients {
		var at [][2]float64
		for _, point := range points[client.key] {
			at = append(at, [2]float64{atX(point[0]), atY(point[1])})
			nodes = append(nodes, mark(client.key, atX(point[0]), atY(point[1])))
		}
		nodes = append(nodes, line(client.key, at))
	}
	return nodes
}

// power formats a power of ten.
func power(exp float64) string {
	if exp < 0 {
		return fmt.Sprintf("%.*f", int(-exp), math.Pow(10, exp))
	}
	return thousands(int(math.Pow(10, exp)))
}

func label(x, y float64, class, text string) g.Node {
	return g.El("text", g.Attr("class", class), g.Attr("x", fmt.Sprintf("%.1f", x)), g.Attr("y", fmt.Sprintf("%.1f", y)), g.Text(text))
}

func line(class string, points [][2]float64) g.Node {
	texts := make([]string, len(points))
	for i, point := range points {
		texts[i] = fmt.Sprintf("%.1f,%.1f", point[0], point[1])
	}
	return g.El("polyline", g.Attr("class", "line "+class), g.Attr("points", strings.Join(texts, " ")))
}

// mark draws a client's mark: a circle, a square or a triangle.
func mark(client string, x, y float64) g.Node {
	shape := map[string]string{
		"plugin": "m-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0z", "bare": "m-3-3h6v6h-6z", "http": "m0-4l4 7h-8z",
	}[client]
	return g.El("path", g.Attr("class", "mark "+client), g.Attr("d", fmt.Sprintf("M%.1f %.1f%s", x, y, shape)))
}

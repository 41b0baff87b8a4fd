package bench

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"telegraf-qlik-sense-version/internal/golden"
)

// The pages and the chart show the latest benchmark results.
func TestPages(t *testing.T) {
	f := readFigures(t, "testdata/figures.txt")
	for page, generated := range map[string]string{"performance.md": f.performance(), "dashboards.md": f.queries(), "fleet.md": f.agents()} {
		golden.RequirePart(t, "../../docs/"+page, `<!-- figures of "make bench" -->`, "<!-- end of figures -->", "\n"+generated+"\n")
	}
	golden.Require(t, "../../docs/performance.svg", f.chart(t))
}

// performance returns the chart and tables of docs/performance.md.
func (f *figures) performance() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s.\n\n![How time, CPU, memory and connections grow with the number of servers](performance.svg)\n\n"+
		"Both axes of each panel are logarithmic.\n", f.machine())
	for _, state := range states {
		fmt.Fprintf(&b, "\n### %s\n\n%s", state.name, table(f.rounds(state.key)))
	}
	rows := [][]string{{"", ""}}
	for _, servers := range sizes {
		if first, ok := f.median(fmt.Sprintf("FirstPoint/servers=%d", servers), "first-s"); ok {
			rows = append(rows, []string{"start of Telegraf to the first point in InfluxDB, " + serverCount(servers), seconds(first)})
		}
	}
	for _, program := range []struct{ key, name string }{
		{"plugin/os=linux", "the program for linux/amd64, unpacked"}, {"plugin/os=windows", "the program for windows/amd64, unpacked"},
		{"telegraf/os=linux", "beside them: the Telegraf of these tests, with a handful of plugins"},
	} {
		if size, ok := f.median("Size/program="+program.key, "size-MiB"); ok {
			rows = append(rows, []string{program.name, fmt.Sprintf("%.1f MiB", size)})
		}
	}
	return b.String() + "\n### Start and size\n\n" + table(rows)
}

// columns are the columns of a state's table. Those without any value are left out.
var columns = []struct {
	title string
	cell  func(f *figures, servers int, state, client string) string
}{
	{"`timeout`", figureCell("timeout-s")},
	{"a round", figureCell("wall-s")},
	{"`timeout` × hanging / 64, rounded up", (*figures).minimumWait},
	{"CPU of a round", figureCell("cpu-s")},
	{"plugin / it", ratioCell("cpu-s")},
	{"peak memory", figureCell("peak-MiB")},
	{"plugin / it", ratioCell("peak-MiB")},
	{"idle memory", figureCell("idle-MiB")},
	{"idle CPU", figureCell("idle-cpu-ms/s")},
	{"open connections", figureCell("connections")},
	{"answers", (*figures).answers},
}

// rounds returns the rows of a state's table.
func (f *figures) rounds(state string) [][]string {
	rows := [][]string{{"servers", "client"}}
	for _, servers := range sizes {
		for _, client := range clients {
			if _, ok := f.round(servers, state, client.key, "wall-s"); ok {
				rows = append(rows, []string{thousands(servers), client.name})
			}
		}
	}
	for _, column := range columns {
		cells, found := []string{column.title}, false
		for _, servers := range sizes {
			for _, client := range clients {
				if _, ok := f.round(servers, state, client.key, "wall-s"); ok {
					cell := column.cell(f, servers, state, client.key)
					cells, found = append(cells, cell), found || cell != ""
				}
			}
		}
		for i := range rows {
			if found {
				rows[i] = append(rows[i], cells[i])
			}
		}
	}
	return rows
}

func figureCell(unit string) func(f *figures, servers int, state, client string) string {
	return func(f *figures, servers int, state, client string) string {
		value, ok := f.round(servers, state, client, unit)
		if !ok {
			return ""
		}
		return quantity(value, unit)
	}
}

// ratioCell is empty for the plugin itself, and for values that are too small to compare: the kernel
// counts CPU time in hundredths of a second.
func ratioCell(unit string) func(f *figures, servers int, state, client string) string {
	return func(f *figures, servers int, state, client string) string {
		plugin, _ := f.round(servers, state, clients[0].key, unit)
		value, _ := f.round(servers, state, client, unit)
		if client == clients[0].key || min(plugin, value) < 0.1 {
			return ""
		}
		return fmt.Sprintf("%.2f", plugin/value)
	}
}

// minimumWait returns the time that hanging servers cost at least a client with 64 concurrent requests.
func (f *figures) minimumWait(servers int, state, client string) string {
	timeout, _ := f.round(servers, state, client, "timeout-s")
	hanging := servers - answering(servers, state)
	if hanging == 0 || client == "http" {
		return ""
	}
	return seconds(timeout * math.Ceil(float64(hanging)/64))
}

func (f *figures) answers(servers int, state, client string) string {
	answers, _ := f.round(servers, state, client, "answers")
	return fmt.Sprintf("%s of %s", thousands(int(answers)), thousands(answering(servers, state)))
}

// answering returns the number of servers that answer.
func answering(servers int, state string) int {
	return servers - map[string]int{"tenth": servers / 10, "all": servers}[state]
}

// quantity formats a value with its unit.
func quantity(value float64, unit string) string {
	switch unit {
	case "timeout-s":
		return strconv.FormatFloat(value, 'g', -1, 64) + " s"
	case "wall-s":
		return seconds(value)
	case "cpu-s":
		if value < 0.02 {
			return "too little to measure"
		}
		return seconds(value)
	case "peak-MiB", "idle-MiB":
		return fmt.Sprintf("%.0f MiB", value)
	case "idle-cpu-ms/s":
		return fmt.Sprintf("%.1f %%", value/10)
	}
	return thousands(int(value))
}

func seconds(value float64) string {
	switch {
	case value < 0.005:
		return "below 0.01 s"
	case value < 10:
		return fmt.Sprintf("%.2f s", value)
	case value < 100:
		return fmt.Sprintf("%.1f s", value)
	}
	return fmt.Sprintf("%.0f s", value)
}

// serverCount returns for example "1 server" or "1,000 servers".
func serverCount(n int) string {
	if n == 1 {
		return "1 server"
	}
	return thousands(n) + " servers"
}

func thousands(n int) string {
	if n < 1000 {
		return strconv.Itoa(n)
	}
	return fmt.Sprintf("%d,%03d", n/1000, n%1000)
}

// queries returns the table of docs/dashboards.md.
func (f *figures) queries() string {
	rows := [][]string{{"", "all queries", "the slowest"}}
	for _, row := range []struct{ name, all, slowest string }{
		{"Qlik Sense fleet", "fleet-s", "fleet-slowest-s"},
		{"Qlik Sense compliance report", "compliance-s", "compliance-slowest-s"},
		{"Qlik Sense server", "server-s", "server-slowest-s"},
		{"alert rules, in ten minutes", "alerts-s/10min", "alerts-slowest-s"},
	} {
		if all, ok := f.median("Queries", row.all); ok {
			slowest, _ := f.median("Queries", row.slowest)
			rows = append(rows, []string{row.name, seconds(all), seconds(slowest)})
		}
	}
	return table(rows)
}

// agents returns the table of docs/fleet.md.
func (f *figures) agents() string {
	rows := [][]string{{"agents", "servers of each", "until all had their answer", "most memory of InfluxDB"}}
	for _, c := range agentCounts {
		name := fmt.Sprintf("AgentsAtOnce/agents=%d/servers=%d", c.agents, c.servers)
		if took, ok := f.median(name, "all-ms"); ok {
			peak, _ := f.median(name, "peak-MiB")
			rows = append(rows, []string{thousands(c.agents), thousands(c.servers), seconds(took / 1000), quantity(peak, "peak-MiB")})
		}
	}
	return table(rows)
}

// table formats rows, the first of which is the header, as Markdown.
func table(rows [][]string) string {
	var b strings.Builder
	for i, row := range rows {
		b.WriteString("|")
		for _, cell := range row {
			b.WriteString(strings.TrimRight(" "+cell, " ") + " |")
		}
		b.WriteString("\n")
		if i == 0 {
			b.WriteString("|" + strings.Repeat(" --- |", len(row)) + "\n")
		}
	}
	return b.String()
}

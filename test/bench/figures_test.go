package bench

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/perf/benchfmt"
)

// figures are the results of the benchmarks, by name without the number of processors. Of several
// runs of a benchmark the median counts.
type figures struct {
	config *benchfmt.Result                // the first result, for goos, cpu, date and so on
	values map[string]map[string][]float64 // by name and unit
}

func readFigures(t *testing.T, file string) *figures {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	f := &figures{values: make(map[string]map[string][]float64)}
	reader := benchfmt.NewReader(bytes.NewReader(text), file)
	for reader.Scan() {
		result, ok := reader.Result().(*benchfmt.Result)
		require.True(t, ok, "%v", reader.Result())
		if f.config == nil {
			f.config = result.Clone()
		}
		name, processors, _ := strings.Cut(result.Name.String(), "-")
		require.NotContains(t, processors, "/", "only the number of processors may follow a -")
		if f.values[name] == nil {
			f.values[name] = make(map[string][]float64)
		}
		for _, value := range result.Values {
			f.values[name][value.Unit] = append(f.values[name][value.Unit], value.Value)
		}
	}
	require.NoError(t, reader.Err())
	require.NotEmpty(t, f.values, file)
	return f
}

// median reports false if there is no result.
func (f *figures) median(name, unit string) (float64, bool) {
	values := slices.Sorted(slices.Values(f.values[name][unit]))
	if len(values) == 0 {
		return 0, false
	}
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2, true
}

// agentCounts are how many agents BenchmarkAgentsAtOnce starts, and the servers of each.
var agentCounts = []struct{ agents, servers int }{{100, 1}, {100, 5}, {500, 1}, {500, 5}, {1000, 1}, {1000, 5}, {5, 1000}}

// The clients, states and numbers of servers of BenchmarkRound.
var (
	clients = []struct{ key, name string }{{"plugin", "plugin"}, {"bare", "bare client"}, {"http", "`inputs.http`"}}
	states  = []struct{ key, name string }{{"none", "All answer"}, {"tenth", "One in ten hangs"}, {"all", "All hang"}}
	sizes   = []int{1, 100, 1000, 5000, 10000}
)

// round returns a result of BenchmarkRound.
func (f *figures) round(servers int, state, client, unit string) (float64, bool) {
	return f.median(fmt.Sprintf("Round/servers=%d/hanging=%s/client=%s", servers, state, client), unit)
}

// machine describes where and when the benchmarks ran.
func (f *figures) machine() string {
	_, processors, _ := strings.Cut(f.config.Name.String(), "-")
	return fmt.Sprintf("%s, %s/%s, %s processors (%s), %s", f.config.GetConfig("go"), f.config.GetConfig("goos"), f.config.GetConfig("goarch"),
		cmp.Or(processors, "1"), f.config.GetConfig("cpu"), f.config.GetConfig("date"))
}

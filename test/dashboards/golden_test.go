//go:build linux

package dashboards

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/golden"
)

// goldenFiles collects the sections of golden files and compares them at the end.
type goldenFiles struct {
	t     *testing.T
	files map[string]*goldenFile
}

type goldenFile struct {
	head     string
	sections []string // title, text, title, text, ...
}

func newGoldenFiles(t *testing.T) *goldenFiles {
	return &goldenFiles{t: t, files: make(map[string]*goldenFile)}
}

// add appends a section to a file. A section equal to an earlier one only refers to it.
func (g *goldenFiles) add(file, head, title, text string) {
	f := g.files[file]
	if f == nil {
		f = &goldenFile{head: head}
		g.files[file] = f
	}
	for i := 0; i < len(f.sections); i += 2 {
		if f.sections[i+1] == text {
			text = "as " + f.sections[i] + "\n"
			break
		}
	}
	f.sections = append(f.sections, title, text)
}

// compare compares the golden files of a folder with the collected sections, and fails on files
// that no longer belong to a panel or rule.
func (g *goldenFiles) compare(folder string) {
	g.t.Helper()
	root := filepath.Join("testdata", folder)
	if golden.Update() {
		require.NoError(g.t, os.RemoveAll(root))
	}
	for _, name := range slices.Sorted(maps.Keys(g.files)) {
		f := g.files[name]
		var b strings.Builder
		b.WriteString(f.head + "\n")
		for i := 0; i < len(f.sections); i += 2 {
			fmt.Fprintf(&b, "\n== %s\n\n%s", f.sections[i], f.sections[i+1])
		}
		path := filepath.Join(root, name+".txt")
		golden.Require(g.t, path, b.String())
	}
	err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(root, strings.TrimSuffix(path, ".txt"))
		require.NotNil(g.t, g.files[name], "%s is obsolete", path)
		return err
	})
	require.NoError(g.t, err)
}

// tableText aligns rows in columns. Consecutive rows that differ only in the time, their first
// cell, are merged.
func tableText(columns []string, rows [][]string) string {
	for i := 0; i < len(rows); i++ {
		j := i
		for j+1 < len(rows) && columns[0] == "Time" && slices.Equal(rows[i][1:], rows[j+1][1:]) {
			j++
		}
		if j > i {
			rows[i][0] += fmt.Sprintf(" to %s, %d rows", rows[j][0], j-i+1)
			rows = slices.Delete(rows, i+1, j+1)
		}
	}
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(columns, "\t"))
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	w.Flush()
	if len(rows) == 0 {
		b.WriteString("(no rows)\n")
	}
	return trailing.ReplaceAllString(b.String(), "\n")
}

var trailing = regexp.MustCompile(` +\n`)

// framesText formats the frames of a query.
func framesText(t target, all []*frame) string {
	if len(all) == 0 {
		return t.RefID + ": (nothing)\n"
	}
	var b strings.Builder
	for _, f := range all {
		if t.ResultFormat != "table" {
			fmt.Fprintf(&b, "%s: %q%s\n%s", t.RefID, f.Name, labelText(f.Fields[1].Labels), seriesText(f))
			continue
		}
		columns := make([]string, len(f.Fields))
		rows := make([][]string, len(f.Fields[0].Values))
		for i, one := range f.Fields {
			columns[i] = one.Name
			for j, value := range one.Values {
				rows[j] = append(rows[j], cell(one, value))
			}
		}
		fmt.Fprintf(&b, "%s:\n%s", t.RefID, tableText(columns, rows))
	}
	return b.String()
}

func labelText(labels map[string]string) string {
	parts := make([]string, 0, len(labels))
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		parts = append(parts, key+"="+strconv.Quote(labels[key]))
	}
	return " {" + strings.Join(parts, ", ") + "}"
}

// seriesText formats a time series, with one line for consecutive points of equal value.
func seriesText(f *frame) string {
	times, values := f.Fields[0], f.Fields[1]
	var b strings.Builder
	for i := 0; i < len(values.Values); {
		value, j := cell(values, values.Values[i]), i
		for j+1 < len(values.Values) && cell(values, values.Values[j+1]) == value {
			j++
		}
		fmt.Fprintf(&b, "  %s", timeText(times.Values[i]))
		if j > i {
			fmt.Fprintf(&b, " to %s, %d points", timeText(times.Values[j]), j-i+1)
		}
		fmt.Fprintf(&b, ": %s\n", value)
		i = j + 1
	}
	return b.String()
}

// cell formats a value; "~" stands for values that differ from run to run.
func cell(f *field, value any) string {
	name := strings.ToLower(f.Name + f.Config["displayNameFromDS"])
	number, isNumber := value.(float64)
	switch {
	case value == nil:
		return "-"
	case (strings.Contains(name, "response time") || strings.Contains(name, "days exposed")) && isNumber && number > 0:
		return "~"
	case f.Type == "time", isNumber && number > 1e12:
		return timeText(value)
	case isNumber:
		return strconv.FormatFloat(math.Round(number*100)/100, 'f', -1, 64)
	case value == "":
		return `""`
	}
	return fmt.Sprint(value)
}

func timeText(milliseconds any) string {
	n, ok := milliseconds.(float64)
	if !ok {
		return fmt.Sprint(milliseconds)
	}
	return time.UnixMilli(int64(n)).UTC().Format("2006-01-02 15:04")
}

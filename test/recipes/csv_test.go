//go:build linux

package recipes

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/test/rig"
)

func (r *fixture) inventoryRecipe(edits ...string) (file string, files map[string]string) {
	file = filepath.Join(r.TempDir(), "qlik-sense-inventory.csv")
	edits = append(edits, "/var/lib/telegraf/qlik-sense-inventory.csv", file)
	return file, map[string]string{"inventory-csv.conf": r.recipe("inventory-csv.conf", edits...)}
}

// csvLines reads a CSV file, whose lines must all have the same number of cells.
func (r *fixture) csvLines(file string) [][]string {
	r.Helper()
	lines, err := csv.NewReader(strings.NewReader(r.Read(file))).ReadAll()
	require.NoError(r, err)
	return lines
}

func testInventory(t *testing.T) {
	r := newFixture(t)
	june2019, err := simulator.Sample("june-2019")
	require.NoError(t, err)
	_, hosts := r.Start(oldServer(), simulator.Server{Reply: june2019}, simulator.Server{Fault: simulator.Fault503})
	file, files := r.inventoryRecipe()
	a := r.startAgent(r.Block(hosts, "  minimum_release = \"May 2024\"\n"+productionTag), files)
	a.awaitRounds(2)
	a.stop()

	lines := r.csvLines(file)
	header := strings.Split("timestamp,environment,source,result,release_label,version,compliance,compliance_code,compliance_reason,advisories,advisory_count,"+
		"exploited_advisory_count,max_cvss,exposed_days,fixed_in,patches_behind,latest_patch,support_days_left,below_minimum,version_mismatch,"+
		"certificate_expiry,response_time,http_response_code,result_code,release_year,release_month,patch,product_name,"+
		"deployment_type,sense_id,content_hash,deprecated_product_version,copyright_year_range,"+
		"releases_age_days,advisories_age_days,exploited_age_days,undecided_advisory_count,host,node_name,node_roles", ",")
	require.Equal(t, header, lines[0])
	require.Subset(t, header, fieldNames(), "a field of the point has no column")

	// The file has each point of the database once, with the same values.
	points := make(map[string]rig.Row)
	for _, p := range r.Points(0, "") {
		at, err := time.Parse(time.RFC3339Nano, p["time"].(string))
		require.NoError(t, err)
		points[at.Truncate(time.Second).Format(time.RFC3339)+p["source"].(string)+cellText(p["response_time"])] = p
	}
	require.Len(t, lines, 1+len(points))
	for _, line := range lines[1:] {
		cells := make(map[string]string, len(line))
		for i, cell := range line {
			cells[header[i]] = cell
		}
		key := cells["timestamp"] + cells["source"] + cells["response_time"]
		p := points[key]
		require.NotNil(t, p, key)
		delete(points, key)
		for _, name := range header[1:] {
			require.Equal(t, cellText(p[name]), cells[name], name)
		}
	}
	a.start()
	a.awaitRounds(2)
	a.stop()
	a.requirePluginPoints()
	headers := 0
	for _, line := range r.csvLines(file) {
		if line[0] == "timestamp" {
			require.Equal(t, header, line)
			headers++
		}
	}
	require.Equal(t, 2, headers, "a header for each start of Telegraf, as the recipe says")
}

// cellText formats a value of the database as the recipe does.
func cellText(value any) string {
	switch value := value.(type) {
	case nil:
		return ""
	case string:
		return value
	case interface{ String() string }:
		return value.String()
	}
	return "?"
}

// No line is lost in a rotation, and the number of archives is limited.
func testInventoryRotation(t *testing.T) {
	r := newFixture(t)
	_, hosts := r.Start(oldServer(), oldServer())
	file, files := r.inventoryRecipe(`rotation_interval = "720h"`, `rotation_interval = "1s"`)
	a := r.startAgent(r.Block(hosts, productionTag), files)
	folder := filepath.Dir(file)
	require.Eventually(t, func() bool {
		entries, err := os.ReadDir(folder)
		return err == nil && len(entries) >= 4
	}, rig.Patience, 20*time.Millisecond)
	a.stop()

	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	rows, headers := 0, 0
	for _, entry := range entries {
		if entry.Name() != filepath.Base(file) {
			require.Regexp(t, `^qlik-sense-inventory\.\d{4}-\d\d-\d\d-\d+\.csv$`, entry.Name())
		}
		for _, line := range r.csvLines(filepath.Join(folder, entry.Name())) {
			if line[0] == "timestamp" {
				headers++
			} else {
				rows++
			}
		}
	}
	require.Equal(t, 1, headers)
	require.Len(t, r.Points(0, ""), rows)
	require.Contains(t, files["inventory-csv.conf"], "rotation_max_archives = 24")
}

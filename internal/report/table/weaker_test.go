package table

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/report/reporttest"
	"telegraf-qlik-sense-version/internal/terminal"
)

// Weaker entries and a catalogue that could not be read are reported.
func TestCatalogueNotices(t *testing.T) {
	r := reporttest.Report(t, reporttest.Environment{
		Catalog: "/etc/catalog.toml", Weaker: []string{`CVE-2024-55579 is dismissed: "not for us"`}, Problem: "https://web.example.com/c: broken",
		Servers: []reporttest.Server{reporttest.Runs("qlik1.example.com", "May 2025 Patch 15", "14.231.27")},
	})
	text := strings.Join(strings.Fields(tableOf(t, r, terminal.Options{})), " ")
	require.Contains(t, text, `Weaker than what is built into the program: CVE-2024-55579 is dismissed: "not for us" (/etc/catalog.toml)`)
	require.Contains(t, text, "Judged by other data, because the catalogue cannot be read: https://web.example.com/c: broken")
}

package html

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/report/reporttest"
)

func TestCatalogueNotices(t *testing.T) {
	r := reporttest.Report(t, reporttest.Environment{
		Catalog: "/etc/catalog.toml", Weaker: []string{"CVE-2024-55579 is dismissed: <b>"}, Problem: "https://web.example.com/c: broken",
		Servers: []reporttest.Server{reporttest.Runs("qlik1.example.com", "May 2025 Patch 15", "14.231.27")},
	})
	var page bytes.Buffer
	require.NoError(t, Write(&page, r))
	require.Contains(t, page.String(), "Whoever writes /etc/catalog.toml can make servers compliant with such entries, "+
		"so somebody should review them: CVE-2024-55579 is dismissed: &lt;b&gt;.")
	require.Contains(t, page.String(), "The catalogue cannot be read: https://web.example.com/c: broken.")
}

package html

import (
	"testing"

	"telegraf-qlik-sense-version/internal/report/reporttest"
)

// The comparison fits all screens.
func TestHTMLSinceInBrowser(t *testing.T) {
	before, after := reporttest.Changes(t)
	content := render(t, since(t, before, after))
	browser := newBrowser(t)
	for _, width := range []int64{380, 800, 1280} {
		requireWithin(browser.open(t, content, width), width)
	}
}

package html

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/report"
	"telegraf-qlik-sense-version/internal/report/reporttest"
)

// payloads try to break out of the text of the page.
var payloads = []string{
	`<script>alert(1)</script>`,
	`"><img src=x onerror=alert(1)>`,
	`' onmouseover='alert(1)`,
	`javascript:alert(1)`,
	`]]> --> <!-- <![CDATA[`,
	`</style></title></script></svg></desc><svg onload=alert(1)>`,
	`&lt;b&gt; &#60;i&#62; &amp`,
	"nul \x00 bell \x07 escape \x1b[31m line \n return \r tab \t next \u0085",
	"qlik\u202emoc.elpmaxe\u202c \u2066isolate\u2069 \u200fmark\u200e \u061c",
	"bad utf-8 \xff\xfe\xc0\xaf",
	strings.Repeat("W", 1024),
	strings.Repeat("<", 1024),
	`{{.}} ${alert(1)} %s %!d`,
}

// unseen are the purposes of texts that the page does not contain.
var unseen = []string{"product", "deployment", "id", "hash", "deprecated", "copyright"}

// poisoned is a report with a payload in every text, each numbered, and the texts that its page has to
// show.
func poisoned(t *testing.T, payload string) (r *report.Report, expected []string) {
	t.Helper()
	n := 0
	r = reporttest.Hostile(t, func(what string) string {
		n++
		text := fmt.Sprintf("%s §%d§", payload, n)
		if !slices.Contains(unseen, what) {
			expected = append(expected, sanitize(text))
		}
		return text
	})
	return r, expected
}

// structure is the elements and attributes of a page.
func structure(document *html.Node) (names []string) {
	for n := range document.Descendants() {
		switch n.Type {
		case html.ElementNode:
			names = append(names, n.Data)
			for _, a := range n.Attr {
				names = append(names, n.Data+" "+a.Key)
			}
		case html.CommentNode:
			names = append(names, "<!--")
		}
	}
	return names
}

// The elements and attributes that the page may have.
var (
	knownElements = strings.Fields(`html head meta title style body a header h1 h2 h3 p time nav ul ol li main section strong
		dl div dt dd figure figcaption svg desc defs pattern rect path span code small wbr label input table caption thead tbody
		tr th td article tfoot details summary footer script`)
	knownAttributes = strings.Fields(`lang charset http-equiv content name class href id datetime aria-label aria-labelledby
		aria-hidden role width height x rx d fill patternunits hidden for type autocomplete spellcheck placeholder scope rel
		data-count data-value data-part data-server data-sortable data-filtered data-k data-advisory data-affected data-failure data-days data-undecided
		data-environment`)
)

func TestHostile(t *testing.T) {
	harmless, _ := poisoned(t, "harmless")
	want := structure(parse(t, render(t, harmless)))
	require.Contains(t, want, "dl")

	for _, payload := range payloads {
		r, expected := poisoned(t, payload)
		page := render(t, r)
		document := parse(t, page)
		require.Equal(t, want, structure(document), "%q changes the page", payload)

		text := textOf(document)
		require.Greater(t, len(expected), 80)
		require.Empty(t, slices.DeleteFunc(expected, func(one string) bool { return strings.Contains(text, one) }), "not on the page")
		for _, c := range string(page) {
			require.False(t, unicode.IsControl(c) && c != '\n' || unicode.Is(unicode.Bidi_Control, c), "%q in the page", c)
		}
		requireOurs(t, document)
	}
}

// requireOurs checks that a page has only the expected elements, attributes and addresses.
func requireOurs(t *testing.T, document *html.Node) {
	t.Helper()
	for n := range document.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		require.Contains(t, knownElements, n.Data)
		for _, a := range n.Attr {
			require.Contains(t, knownAttributes, strings.ToLower(a.Key))
			if a.Key == "href" {
				require.Regexp(t, `^(#[a-z]+(-\d+)?|https?://.*)$`, a.Val)
			}
		}
	}
	scripts := elements(document, "script")
	require.Len(t, scripts, 1)
	require.Equal(t, script, textOf(scripts[0]))
	styles := elements(document, "style")
	require.Len(t, styles, 1)
	require.Equal(t, styleSheet, textOf(styles[0]))
}

// Only web addresses become links.
func TestHTMLReferences(t *testing.T) {
	for address, linked := range map[string]bool{
		"https://nvd.nist.gov/vuln/detail/CVE-2023-48365": true,
		"http://example.com/":                             true,
		`https://example.com/"onclick="alert(1)`:          true,
		"javascript:alert(1)":                             false,
		" javascript:alert(1)":                            false,
		"JavaScript:alert(1)//https://":                   false,
		"\x01javascript:alert(1)":                         false,
		"data:text/html,<script>alert(1)</script>":        false,
		"//example.com/":                                  false,
		" https://example.com/":                           false,
		"https:example.com":                               false,
		"file:///etc/passwd":                              false,
		"the vendor's download addresses":                 false,
		"":                                                false,
	} {
		document := parse(t, render(t, &report.Report{Undecided: []report.Entry{{Advisory: &catalog.Advisory{ID: "CVE-2099-1", References: []string{address}}}}}))
		requireOurs(t, document)
		require.Contains(t, textOf(document), sanitize(address))
		links := having(document, "rel")
		if !linked {
			require.Empty(t, links, "%q", address)
			continue
		}
		require.Len(t, links, 1)
		to, _ := attribute(links[0], "href")
		require.Equal(t, address, to)
		rel, _ := attribute(links[0], "rel")
		require.Equal(t, "noreferrer noopener", rel)
	}
}

package report

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
)

// payloads are what a server or a setting might hold to break out of the page.
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

// unseen are the texts of the model that the page does not show.
var unseen = []string{
	"SenseID", "ContentHash", "DeprecatedProductVersion", "CopyrightYearRange", "DeploymentType", "ProductName", "Compliance",
}

// poison replaces every text of a report by what of gives for it and tells the texts
// that the page has to show.
func poison(r *Report, of func(n int) string) (shown []string) {
	n := 0
	var walk func(v reflect.Value, name string)
	next := func(name string) reflect.Value {
		n++
		text := of(n)
		if !slices.Contains(unseen, name) {
			shown = append(shown, visible(text))
		}
		return reflect.ValueOf(text)
	}
	walk = func(v reflect.Value, name string) {
		switch v.Kind() {
		case reflect.String:
			v.Set(next(name))
		case reflect.Pointer:
			if !v.IsNil() {
				walk(v.Elem(), name)
			}
		case reflect.Slice:
			for i := range v.Len() {
				walk(v.Index(i), name)
			}
		case reflect.Map:
			poisoned := reflect.MakeMap(v.Type())
			for range v.Len() {
				poisoned.SetMapIndex(next(name), next(name))
			}
			v.Set(poisoned)
		case reflect.Struct:
			for i := range v.NumField() {
				if v.Type().Field(i).IsExported() {
					walk(v.Field(i), v.Type().Field(i).Name)
				}
			}
		}
	}
	walk(reflect.ValueOf(r).Elem(), "")
	return shown
}

// poisoned is a report with a payload in every place, and the texts that its page has
// to show.
func poisoned(t *testing.T, mixed *Report, payload string) (r *Report, shown []string) {
	t.Helper()
	text, err := json.Marshal(mixed)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &r))
	for i := range r.Blocks {
		for j := range r.Blocks[i].Servers {
			if s := &r.Blocks[i].Servers[j]; !s.Vulnerable() {
				s.FixedIn = nil // a server that nothing applies to has nothing to install
			}
		}
	}
	r.Only = []string{"", ""}
	r.Catalogs = append(r.Catalogs, r.Catalogs[0])
	shown = poison(r, func(n int) string { return fmt.Sprintf("%s §%d§", payload, n) })
	for i := range r.Blocks {
		for j := range r.Blocks[i].Servers {
			if s := &r.Blocks[i].Servers[j]; len(s.Advisories) > 1 {
				shown = slices.DeleteFunc(shown, func(text string) bool { return text == visible(s.Advisories[0]) })
				s.Advisories[0] = r.Advisories[0].ID // as a link
			}
		}
	}
	return r, shown
}

// structure is a page without its texts.
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
		tr th td article details summary footer script`)
	knownAttributes = strings.Fields(`lang charset http-equiv content name class href id datetime aria-label aria-labelledby
		aria-hidden role width height x rx d fill patternunits hidden for type autocomplete spellcheck placeholder scope rel
		data-count data-value data-part data-server data-sortable data-filtered data-k data-advisory data-affected data-failure data-days`)
)

func TestHTMLHostile(t *testing.T) {
	mixed := mixedPage(t)
	harmless, _ := poisoned(t, mixed, "harmless")
	want := structure(parse(t, render(t, harmless)))
	require.Contains(t, want, "dl")

	for _, payload := range payloads {
		r, shown := poisoned(t, mixed, payload)
		page := render(t, r)
		document := parse(t, page)
		require.Equal(t, want, structure(document), "%q changes the page", payload)

		text := textOf(document)
		require.Greater(t, len(shown), 100)
		require.Empty(t, slices.DeleteFunc(shown, func(one string) bool { return strings.Contains(text, one) }), "not on the page")
		for _, c := range string(page) {
			require.False(t, unicode.IsControl(c) && c != '\n' || unicode.Is(unicode.Bidi_Control, c), "%q in the page", c)
		}
		requireOurs(t, document)
	}
}

// requireOurs checks that a page has only what we put there.
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

// Only addresses of the web are links.
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
		document := parse(t, render(t, &Report{Advisories: []Advisory{{ID: "CVE-2099-1", References: []string{address}}}}))
		requireOurs(t, document)
		require.Contains(t, textOf(document), visible(address))
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

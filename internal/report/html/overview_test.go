package html

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/fleet"
	"telegraf-qlik-sense-version/internal/plan"
	"telegraf-qlik-sense-version/internal/poll"
	"telegraf-qlik-sense-version/internal/release"
	"telegraf-qlik-sense-version/internal/report"
	"telegraf-qlik-sense-version/internal/report/reporttest"
)

// texts are the texts of the elements with a name.
func texts(n *html.Node, name string) (all []string) {
	for _, e := range elements(n, name) {
		all = append(all, textOf(e))
	}
	return all
}

// ofClass finds the elements with a class.
func ofClass(document *html.Node, class string) (found []*html.Node) {
	for _, n := range having(document, "class") {
		if names, _ := attribute(n, "class"); slices.Contains(strings.Fields(names), class) {
			found = append(found, n)
		}
	}
	return found
}

// matrixOf returns the rows of the matrix, with a star after green cells.
func matrixOf(t *testing.T, r *report.Report) (rows []string) {
	t.Helper()
	for _, tr := range having(parse(t, render(t, r)), "data-environment") {
		row := []string{texts(tr, "th")[0] + ":"}
		for _, td := range elements(tr, "td") {
			cell := textOf(td)
			if class, _ := attribute(td, "class"); strings.Contains(class, "ok") {
				cell += "*"
			}
			row = append(row, cell)
		}
		rows = append(rows, strings.Join(row, " "))
	}
	return rows
}

func TestHTMLMatrix(t *testing.T) {
	require.Equal(t, []string{"PROD: 3 1 1 0 1 5", "TEST: 1 1 0 2 1 5", "DEV: 0 1 0 0 4 5", "All: 4 3 1 2 6 15"}, matrixOf(t, reporttest.Mixed(t)))

	// Green means that everything is proven, so incomplete sites and empty environments are not green.
	require.Equal(t,
		[]string{"PROD: 2 0 0 0 1 3", "TEST nodes unknown: 1 0 0 0 0 1", "DEV nodes unknown: 0 0 0 0 0 0", "All: 3 0 0 0 1 4"},
		matrixOf(t, reporttest.Sites(t)))
	compliant := []reporttest.Server{reporttest.Runs("qlik1.example.com", "May 2025 Patch 15", "14.231.27")}
	require.Equal(t, []string{"environment 1, without tags: 1* 0 0 0 0 1", "All: 1* 0 0 0 0 1"},
		matrixOf(t, reporttest.Report(t, reporttest.Environment{Servers: compliant})))
	require.Equal(t, []string{"A: 0 0 0 0 0 0", "All: 0 0 0 0 0 0"}, matrixOf(t, reporttest.Report(t, reporttest.Environment{Name: "A"})))

	// Blocks with the same tags are one environment; those without tags are not.
	silent := []reporttest.Server{reporttest.Fails("qlik2.example.com", poll.Outcome{Result: poll.Timeout})}
	require.Equal(t, []string{"A: 1 0 0 0 1 2", "environment 2, without tags: 1* 0 0 0 0 1", "environment 4, without tags: 0 0 0 0 1 1", "All: 2 0 0 0 2 4"},
		matrixOf(t, reporttest.Report(t, reporttest.Environment{Name: "A", Servers: compliant}, reporttest.Environment{Servers: compliant},
			reporttest.Environment{Name: "A", Servers: silent}, reporttest.Environment{Servers: silent})))
}

// Of many environments, those with the most unproven servers have their own rows.
func TestHTMLMatrixManyEnvironments(t *testing.T) {
	environments := make([]reporttest.Environment, 0, maxEnvironments+3)
	for i := range maxEnvironments + 3 {
		server := reporttest.Runs("qlik1.example.com", "May 2025 Patch 15", "14.231.27")
		if i > 3 {
			server = reporttest.Runs("qlik1.example.com", "August 2023 Patch 1", "14.139.5")
		}
		environments = append(environments, reporttest.Environment{Name: fmt.Sprintf("E%d", i), Servers: []reporttest.Server{server}})
	}
	rows := matrixOf(t, reporttest.Report(t, environments...))
	require.Equal(t, "E4: 0 1 1 0 0 1", rows[0])
	require.Equal(t, []string{"others: 3 environments: 3* 0 0 0 0 3", "All: 4 7 7 0 0 11"}, rows[maxEnvironments:])
}

func TestHTMLWorstState(t *testing.T) {
	exploited := reporttest.Runs("a", "August 2023 Patch 1", "")
	vulnerable := reporttest.Runs("b", "May 2024 Patch 9", "")
	silent := reporttest.Fails("c", poll.Outcome{Result: poll.Timeout})
	unknown := reporttest.Runs("d", "Spring", "")
	compliant := reporttest.Runs("e", "May 2025 Patch 15", "")
	decided := reporttest.JudgeBy(func(c *catalog.Catalog) {
		c.Advisories = slices.DeleteFunc(c.Advisories, func(a catalog.Advisory) bool { return !a.Decides() })
	})
	const undecided = "Each of the 3 advisories undecided may concern any server: nobody can map them to releases yet."
	for name, test := range map[string]struct {
		environment reporttest.Environment
		want        []string
	}{
		"all": {reporttest.Environment{Servers: []reporttest.Server{compliant, unknown, silent, vulnerable, exploited}}, []string{
			"1 server is open to CVE-2023-48365, which is known to be exploited, for 1,105 days at most.",
			"1 server is open to CVE-2024-36077 (CVSS 8.8, high), for 916 days at most.",
			"1 server did not answer, so nothing is known about it.",
		}},
		"one of two on a card": {reporttest.Environment{Servers: []reporttest.Server{vulnerable}, Judge: reporttest.JudgeBy(func(c *catalog.Catalog) {
			c.Advisories = slices.DeleteFunc(c.Advisories, func(a catalog.Advisory) bool { return !a.Decides() })
			for i := range c.Advisories {
				if a := &c.Advisories[i]; a.ID == "CVE-2024-55580" {
					a.ExploitedSince = a.Published
				}
			}
		})}, []string{
			"1 server is open to CVE-2024-55580, which is known to be exploited, for 715 days at most.",
			"1 server is out of support, by the catalogue’s estimate."}},
		"nothing exploited": {reporttest.Environment{Servers: []reporttest.Server{compliant, unknown, silent, vulnerable}}, []string{
			"1 server is open to CVE-2024-55579 and CVE-2024-55580 (CVSS up to 8.8, high), for 715 days at most.",
			"1 server did not answer, so nothing is known about it.",
			"1 server answered, but nothing is proven about it.",
		}},
		"policy": {reporttest.Environment{Change: reporttest.AtLeast("November 2025"), Servers: []reporttest.Server{
			compliant, reporttest.Runs("f", "May 2025 Patch 3", "").Differs(),
		}}, []string{
			"2 servers are below the minimum release of their environment.",
			"1 server differs from the usual version of its environment.",
			undecided,
		}},
		"support": {reporttest.Environment{Judge: decided, Servers: []reporttest.Server{reporttest.Runs("a", "November 2023 Patch 18", "")}},
			[]string{"1 server is out of support, by the catalogue’s estimate."}},
		"undecided": {reporttest.Environment{Servers: []reporttest.Server{compliant}}, []string{undecided}},
		"nothing":   {reporttest.Environment{Judge: decided, Servers: []reporttest.Server{compliant}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			document := parse(t, render(t, reporttest.Report(t, test.environment)))
			var facts []string
			for _, list := range ofClass(document, "worst") {
				facts = append(facts, texts(list, "span")...)
			}
			for i := range facts {
				facts[i] = strings.TrimSpace(facts[i])
			}
			require.Equal(t, test.want, facts)
			require.Equal(t, test.want == nil, strings.Contains(textOf(document), "Nothing is known to be wrong with any server."))
		})
	}
	site := pageText(t, reporttest.Report(t, reporttest.Environment{Judge: decided, Servers: []reporttest.Server{compliant}, Site: reporttest.Unlisted("e")}))
	require.Contains(t, site, "Not all nodes of 1 site are known, so nothing is proven about it.")
	require.Contains(t, site, "Nothing is to be installed on the servers that are known.")
	require.Contains(t, pageText(t, &report.Report{}), "Nothing is known: no server was asked.")
	require.NotContains(t, pageText(t, &report.Report{}), "Nothing is to be installed.")
}

// The first page lists the steps of the plan; if there are many, it lists the first ones.
func TestHTMLNextSteps(t *testing.T) {
	lists := func(p *plan.Plan) (next, all []string) {
		document := parse(t, renderPlan(t, p))
		for _, list := range ofClass(document, "lines") {
			if class, _ := attribute(list, "class"); class == "lines" {
				all = texts(list, "li")
			} else {
				next = texts(list, "li")
			}
		}
		return next, all
	}
	planned, err := plan.New(reporttest.Thirty(t), plan.Options{Waves: []string{"DEV", "TEST", "PROD"}})
	require.NoError(t, err)
	next, all := lists(planned)
	require.Equal(t, planned.Lines(), next)
	require.Empty(t, all)

	large, err := plan.New(reporttest.Large(t, 2000), plan.Options{Waves: []string{"ENV-1", "ENV-2", "ENV-3", "ENV-4"}})
	require.NoError(t, err)
	next, all = lists(large)
	require.Greater(t, len(large.Lines()), maxNext)
	require.Equal(t, large.Lines()[:firstNext], next)
	require.Equal(t, large.Lines(), all)
}

// Advisories share a card only if their servers and the fix for each server are the same.
func TestHTMLCards(t *testing.T) {
	fixedIn := func(label string) []release.Release { return []release.Release{parseRelease(t, label)} }
	advisory := func(id, fix string, cvss float64) catalog.Advisory {
		return catalog.Advisory{ID: id, Verified: true, Published: catalog.DayOf(reporttest.At), CVSS: cvss, Fixed: fixedIn(fix)}
	}
	judge := reporttest.JudgeBy(func(c *catalog.Catalog) {
		c.Advisories = []catalog.Advisory{
			advisory("CVE-2027-1", "May 2025 Patch 5", 9), advisory("CVE-2027-2", "May 2025 Patch 9", 8), advisory("CVE-2027-3", "May 2025 Patch 5", 7),
		}
	})
	r := reporttest.Report(t, reporttest.Environment{Name: "A", Judge: judge, Servers: []reporttest.Server{
		reporttest.Runs("qlik1.example.com", "May 2025 Patch 3", ""), reporttest.Runs("qlik2.example.com", "May 2025 Patch 3", ""),
	}})
	document := parse(t, render(t, r))
	articles := elements(document, "article")
	cards := make([][]string, 0, len(articles))
	for _, article := range articles {
		cards = append(cards, values(article, "data-advisory"))
		require.Equal(t, []string{"2"}, values(article, "data-affected"))
		require.Contains(t, textOf(article), "qlik1.example.com,\nqlik2.example.com")
		labels, _ := attribute(article, "aria-labelledby")
		for _, id := range strings.Fields(labels) {
			require.Contains(t, values(article, "id"), id)
		}
	}
	require.Equal(t, [][]string{{"CVE-2027-1", "CVE-2027-3"}, {"CVE-2027-2"}}, cards)

	other := reporttest.Report(t, reporttest.Environment{Name: "A", Judge: judge, Servers: []reporttest.Server{reporttest.Runs("a", "May 2025 Patch 3", "")}},
		reporttest.Environment{Name: "B", Judge: reporttest.JudgeBy(func(c *catalog.Catalog) {
			c.Advisories = []catalog.Advisory{advisory("CVE-2027-1", "May 2025 Patch 5", 9)}
		}), Servers: []reporttest.Server{reporttest.Runs("b", "May 2025 Patch 3", "")}})
	require.Len(t, elements(parse(t, render(t, other)), "article"), 3, "one of them affects another server")
}

// Versions are sorted by release, including those known by their build alone; unknown ones come last.
func TestHTMLVersions(t *testing.T) {
	r := reporttest.Report(t, reporttest.Environment{Servers: []reporttest.Server{
		reporttest.Runs("a", "August 2023 Patch 1", "14.139.5"), reporttest.Runs("b", "Spring", "1.2"), reporttest.Runs("c", "August 2023 Patch 1", "14.139.5"),
		reporttest.Replies("d", []byte(`{"version":"14.187.14"}`)), reporttest.Runs("e", "May 2025 Patch 3", "14.231.8"),
		reporttest.Runs("f", "May 2025 Patch 15", "14.231.27"), reporttest.Runs("g", "November 2025", "14.254.6"),
	}})
	bars := ofClass(parse(t, render(t, r)), "name")
	names := make([]string, 0, len(bars))
	for _, n := range bars {
		names = append(names, textOf(n))
	}
	require.Equal(t, []string{"November 2025 14.254.6", "May 2025 Patch 15 14.231.27", "May 2025 Patch 3 14.231.8", "14.187.14",
		"August 2023 Patch 1 14.139.5", "Spring 1.2"}, names)
}

func TestHost(t *testing.T) {
	written := func(name string) string {
		var b strings.Builder
		require.NoError(t, host(name).Render(&b))
		return b.String()
	}
	require.Equal(t, `<span class="unbroken">qlik-1.<wbr>example.<wbr>com</span>`, written("qlik-1.example.com"))
	require.Equal(t, `<span class="unbroken">localhost</span>`, written("localhost"))
	require.Equal(t, `<span class="unbroken">&lt;b&gt;.<wbr>�</span>`, written("<b>.\u202e"))
	long := strings.Repeat("w", maxLabel+1)
	require.Equal(t, `<span class="unbroken long">`+long+`.<wbr>com</span>`, written(long+".com"))
}

// The middle of a long address is left out on paper, but is part of the text that is copied.
func TestHTMLLongReference(t *testing.T) {
	for address, middle := range map[string]string{
		"https://example.com/a/b/c/d?e": "a/b", "https://example.com/a/b/c": "", "https://example.com/a/b": "", "https://example.com": "",
	} {
		document := parse(t, render(t, &report.Report{Undecided: []report.Entry{{Advisory: &catalog.Advisory{ID: "CVE-2099-1", References: []string{address}}}}}))
		link := having(document, "rel")[0]
		require.Equal(t, address, textOf(link))
		var middles []string
		for _, n := range ofClass(link, "middle") {
			middles = append(middles, textOf(n))
		}
		require.Equal(t, middle, strings.Join(middles, ""))
	}
}

func parseRelease(t *testing.T, label string) release.Release {
	t.Helper()
	r, err := release.Parse(label)
	require.NoError(t, err)
	return r
}

// The page never recommends an installation that is not in the plan.
func TestHTMLFixesAgreeWithPlan(t *testing.T) {
	supported := func(s *fleet.Settings) { s.RequireSupport = true }
	for name, r := range map[string]*report.Report{
		"mixed": reporttest.Mixed(t), "thirty": reporttest.Thirty(t),
		"out of support": reporttest.Report(t, reporttest.Environment{Name: "A", Change: supported, Servers: []reporttest.Server{
			reporttest.Runs("qlik1.example.com", "May 2024 Patch 9", "14.187.14"), reporttest.Runs("qlik2.example.com", "November 2021", ""),
		}}),
	} {
		planned, err := plan.New(r, plan.Options{})
		require.NoError(t, err)
		targets := make(map[string]string)
		for _, row := range planned.Waves[0].Rows {
			targets[row.Server.Server.Source()] = ""
			if !row.Target.IsZero() {
				targets[row.Server.Server.Source()] = row.Target.String()
			}
		}
		told := 0
		for _, tr := range having(parse(t, render(t, r)), "data-server") {
			source, _ := attribute(tr, "data-server")
			text := textOf(tr)
			for _, match := range regexp.MustCompile(`(?:install|upgrade to) ([A-Z][a-z]+ \d{4}(?: Patch \d+)?)`).FindAllStringSubmatch(text, -1) {
				require.Equal(t, targets[source], match[1], "%s: %s", name, text)
				told++
			}
		}
		require.Positive(t, told, name)
		for _, card := range elements(parse(t, render(t, r)), "article") {
			require.NotRegexp(t, `install [A-Z]`, textOf(card), "a card does not say what to install")
		}
	}
}

// A row with unknown nodes is not green, even the row for the other environments, and even if another block
// with the same tags is complete.
func TestHTMLMatrixIncompleteSites(t *testing.T) {
	current := func(host string) reporttest.Server { return reporttest.Runs(host, "May 2025 Patch 15", "14.231.27") }
	many := make([]reporttest.Environment, 0, 12)
	for i := range cap(many) {
		e := reporttest.Environment{Name: fmt.Sprint("E", i), Servers: []reporttest.Server{current(fmt.Sprintf("qlik%d.example.com", i))}}
		if i == 11 {
			e.Site = reporttest.Unlisted("qlik11.example.com")
		}
		many = append(many, e)
	}
	rows := matrixOf(t, reporttest.Report(t, many...))
	require.NotContains(t, rows[len(rows)-2], "*", rows[len(rows)-2])
	require.NotContains(t, rows[len(rows)-1], "*")

	twoBlocks := reporttest.Report(t,
		reporttest.Environment{Name: "A", Site: reporttest.Unlisted("a.example.com"), Servers: []reporttest.Server{current("a.example.com")}},
		reporttest.Environment{Name: "A", Servers: []reporttest.Server{current("b.example.com")}})
	require.NotContains(t, matrixOf(t, twoBlocks)[0], "*")
}

package baseline

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"telegraf-qlik-sense-version/internal/judgement"
	"telegraf-qlik-sense-version/internal/report"
)

// remarks say what else differs than the answers of the servers.
func (b *Baseline) remarks(r *report.Report, c *report.Comparison) (all []string) {
	add := func(condition bool, format string, args ...any) {
		if condition {
			all = append(all, fmt.Sprintf(format, args...))
		}
	}
	d := &b.document
	add(d.Schema != Schema, "The baseline has schema %d, and %d is understood as a whole: what is compared may have meant something else.", d.Schema, Schema)
	add(d.AskedAt.After(r.AskedAt), "The baseline is later than this report, of %s.", instant(*d.AskedAt))
	add(len(r.Only) > 0, "Only the servers that this report is limited to are compared.")
	dark := 0
	for i := range c.Servers {
		if s := &c.Servers[i]; slices.Contains(s.Changes, report.GoneDark) && s.Then.Compliance == judgement.NonCompliant {
			dark++
		}
	}
	add(dark > 0, "%s not compliant then and did not answer now: nothing is proven closed there, though the counts are lower.", wasOrWere(dark))
	_, _, notCompared := c.Changed()
	add(notCompared > 0, "The baseline is limited to some servers: %s.", notComparedWords(notCompared))
	all = append(all, b.settingsRemarks(r)...)
	return append(all, b.dataRemarks(r)...)
}

func wasOrWere(n int) string {
	if n == 1 {
		return "1 server was"
	}
	return strconv.Itoa(n) + " servers were"
}

func notComparedWords(n int) string {
	if n == 1 {
		return "1 server of this report is not compared"
	}
	return strconv.Itoa(n) + " servers of this report are not compared"
}

// settingsRemarks say which settings of blocks differ. Blocks belong together that have the
// same tags.
func (b *Baseline) settingsRemarks(r *report.Report) []string {
	whole := len(r.Only) == 0 && len(b.document.Only) == 0 // or else blocks are left out
	older, compared := make(map[string][]*block), make(map[string]int)
	for _, block := range b.document.Blocks {
		key := tagsKey(block.Tags)
		older[key] = append(older[key], block)
	}
	var differences groups
	for i := range r.Blocks {
		now := &r.Blocks[i]
		key := tagsKey(now.Tags())
		if len(older[key]) == 0 {
			if whole {
				differences.add("a block that the baseline does not have", title(now.Tags()))
			}
			continue
		}
		for _, difference := range differ(older[key][0], now) {
			differences.add(difference, title(now.Tags()))
		}
		older[key] = older[key][1:]
		compared[key]++
	}
	for _, block := range b.document.Blocks { // in their order; the last ones of some tags may be left
		key := tagsKey(block.Tags)
		if compared[key]--; compared[key] < 0 && whole {
			differences.add("a block that only the baseline has", title(block.Tags))
		}
	}
	return differences.sentences("Other settings")
}

// differ says how the settings of a block differ.
func differ(then *block, now *report.Block) (all []string) {
	add := func(name, then, now string) {
		if then != now {
			all = append(all, fmt.Sprintf("%s was %s and is %s", name, then, now))
		}
	}
	settings := now.Round.Block
	minimum := "not set"
	if !settings.Minimum().IsZero() {
		minimum = settings.Minimum().String()
	}
	before := then.MinimumRelease
	if before == "" {
		before = "not set"
	}
	add("minimum_release", before, minimum)
	add("require_support", strconv.FormatBool(then.RequireSupport), strconv.FormatBool(settings.RequireSupport))
	add("same_version", strconv.FormatBool(then.SameVersion), strconv.FormatBool(settings.SameVersion))
	add("catalog_max_age", days(then.CatalogMaxAge), days(int(settings.CatalogMaxAge.Hours()/24)))
	add("the catalogue", then.Catalog, valid(now.Round.Catalog))
	return all
}

func days(n int) string { return strconv.Itoa(n) + "d" }

// dataRemarks say which parts of the catalogues are of another day.
func (b *Baseline) dataRemarks(r *report.Report) []string {
	older := make(map[string]*catalogue)
	for _, c := range b.document.Catalogs {
		older[c.Name] = c
	}
	var differences groups
	for i := range r.Catalogs {
		c := &r.Catalogs[i]
		then := older[valid(c.Name)]
		if then == nil {
			continue // the blocks say that
		}
		for _, part := range []struct{ name, then, now string }{
			{"releases", then.Releases, c.Releases.AsOf.String()},
			{"advisories", then.Advisories, c.Advisories.AsOf.String()},
			{"known exploitation", then.Exploited, c.Exploited.AsOf.String()},
		} {
			if part.then != part.now {
				differences.add(fmt.Sprintf("%s were of %s and are of %s", part.name, part.then, part.now), c.Name)
			}
		}
	}
	return differences.sentences("Other data")
}

// groups are differences, each with the names of what it is about.
type groups []group

type group struct {
	difference string
	names      []string
}

func (g *groups) add(difference, name string) {
	for i := range *g {
		if (*g)[i].difference == difference {
			(*g)[i].names = append((*g)[i].names, name)
			return
		}
	}
	*g = append(*g, group{difference, []string{name}})
}

// sentences are one for each difference: a fleet has many blocks.
func (g *groups) sentences(heading string) (all []string) {
	const named = 5
	for _, one := range *g {
		more := ""
		if n := len(one.names) - named; n > 0 {
			more = fmt.Sprintf(" and %d more", n)
			one.names = one.names[:named]
		}
		all = append(all, fmt.Sprintf("%s: %s (%s%s).", heading, one.difference, strings.Join(one.names, ", "), more))
	}
	return all
}

// title tells a block from others by its tags.
func title(tags map[string]string) string {
	if len(tags) == 0 {
		return "no tags"
	}
	parts := make([]string, 0, len(tags))
	for key, value := range tags {
		parts = append(parts, key+"="+value)
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}

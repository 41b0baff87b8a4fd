package baseline

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"telegraf-qlik-sense-version/internal/judgement"
	"telegraf-qlik-sense-version/internal/report"
	"telegraf-qlik-sense-version/internal/text"
)

// remarks returns a sentence for each difference other than those in the answers of the servers.
func (b *Baseline) remarks(r *report.Report, c *report.Comparison) (all []string) {
	add := func(condition bool, format string, args ...any) {
		if condition {
			all = append(all, fmt.Sprintf(format, args...))
		}
	}
	d := &b.document
	add(d.Schema != schema, "The baseline has schema %d, but this program fully understands only %d: "+
		"values that are compared may have had another meaning.", d.Schema, schema)
	add(d.AskedAt.After(r.AskedAt), "The baseline is later than this report, of %s.", instant(*d.AskedAt))
	add(len(r.Only) > 0, "Only the servers that this report is limited to are compared.")
	unjudged := 0
	for _, s := range c.Servers {
		wasOpen := s.Then != nil && s.Then.Compliance == judgement.NonCompliant
		if wasOpen && (s.Now == nil || s.Now.Compliance == judgement.Unknown) {
			unjudged++
		}
	}
	add(unjudged > 0, "%s %s not compliant then and %s not judged now: nothing is proven closed there, though the counts are lower.",
		text.Plural(unjudged, "server"), report.Inflect(unjudged, "was", "were"), report.Inflect(unjudged, "is", "are"))
	_, _, notCompared := c.Changed()
	add(notCompared > 0, "The baseline is limited to some servers: %s of this report %s not compared.",
		text.Plural(notCompared, "server"), report.Inflect(notCompared, "is", "are"))
	all = append(all, b.settingsRemarks(r)...)
	return append(all, b.dataRemarks(r)...)
}

// settingsRemarks returns a sentence for each setting that differs between blocks with the same tags.
func (b *Baseline) settingsRemarks(r *report.Report) []string {
	whole := len(r.Only) == 0 && len(b.document.Only) == 0 // otherwise blocks may be missing
	older := make(map[string][]*block)
	for _, block := range b.document.Blocks {
		key := tagsKey(block.Tags)
		older[key] = append(older[key], block)
	}
	var differences groups
	for _, now := range r.Blocks {
		key := tagsKey(now.Tags())
		if len(older[key]) == 0 {
			if whole {
				differences.add("a block that the baseline does not have", title(now.Tags()))
			}
			continue
		}
		for _, difference := range settingDifferences(older[key][0], now) {
			differences.add(difference, title(now.Tags()))
		}
		older[key] = older[key][1:]
	}
	for _, block := range b.document.Blocks {
		key := tagsKey(block.Tags)
		if left := older[key]; whole && len(left) > 0 && left[0] == block {
			differences.add("a block that only the baseline has", title(block.Tags))
			older[key] = left[1:]
		}
	}
	return differences.sentences("Other settings")
}

// settingDifferences describes each setting of a block that differs.
func settingDifferences(then *block, now *report.Block) (all []string) {
	add := func(name, then, now string) {
		if then != now {
			all = append(all, fmt.Sprintf("%s was %s and is %s", name, then, now))
		}
	}
	settings := now.Round.Block
	minimum := ""
	if !settings.Minimum().IsZero() {
		minimum = settings.Minimum().String()
	}
	add("minimum_release", cmp.Or(then.MinimumRelease, "not set"), cmp.Or(minimum, "not set"))
	add("require_support", strconv.FormatBool(then.RequireSupport), strconv.FormatBool(settings.RequireSupport))
	add("same_version", strconv.FormatBool(then.SameVersion), strconv.FormatBool(settings.SameVersion))
	add("catalog_max_age", days(then.CatalogMaxAge), days(int(settings.CatalogMaxAge.Hours()/24)))
	add("the catalogue", then.Catalog, validUTF8(now.Round.Catalog))
	return all
}

func days(n int) string { return strconv.Itoa(n) + "d" }

// dataRemarks returns a sentence for each part of the catalogues whose date differs.
func (b *Baseline) dataRemarks(r *report.Report) []string {
	older := make(map[string]*catalogue)
	for _, c := range b.document.Catalogs {
		older[c.Name] = c
	}
	var differences groups
	for _, c := range r.Catalogs {
		then := older[validUTF8(c.Name)]
		if then == nil {
			continue // settingsRemarks reports that
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

// groups are differences, each with the names of the blocks or catalogues that have it.
type groups []group

type group struct {
	difference string
	names      []string
}

func (g *groups) add(difference, name string) {
	place := slices.IndexFunc(*g, func(g group) bool { return g.difference == difference })
	if place < 0 {
		place = len(*g)
		*g = append(*g, group{difference: difference})
	}
	(*g)[place].names = append((*g)[place].names, name)
}

// sentences returns one for each difference, however many blocks have it.
func (g groups) sentences(heading string) (all []string) {
	const maxNames = 5
	for _, group := range g {
		more := ""
		if n := len(group.names) - maxNames; n > 0 {
			more = fmt.Sprintf(" and %d more", n)
			group.names = group.names[:maxNames]
		}
		all = append(all, fmt.Sprintf("%s: %s (%s%s).", heading, group.difference, strings.Join(group.names, ", "), more))
	}
	return all
}

// title identifies a block by its tags.
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

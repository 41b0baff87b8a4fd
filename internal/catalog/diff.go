package catalog

import (
	"fmt"
	"reflect"
	"strings"
)

// Diff returns the differences in a newer catalogue, for review: one line for each changed key
// of the catalogue, a release or an advisory.
func (c *Catalog) Diff(newer *Catalog) []string {
	lines := fields("", *c, *newer)
	lines = append(lines, entries("release", c.Releases, newer.Releases, func(r *Release) string { return r.Label.String() })...)
	return append(lines, entries("advisory", c.Advisories, newer.Advisories, func(a *Advisory) string { return a.ID })...)
}

func entries[E any](table string, old, newer []E, name func(*E) string) (lines []string) {
	before := make(map[string]E, len(old))
	for i := range old {
		before[name(&old[i])] = old[i]
	}
	for i := range newer {
		key := name(&newer[i])
		prefix := table + " " + key + ": "
		was, known := before[key]
		delete(before, key)
		if !known {
			prefix = table + " " + key + ": new: "
		}
		lines = append(lines, fields(prefix, was, newer[i])...)
	}
	for i := range old {
		if _, removed := before[name(&old[i])]; removed {
			lines = append(lines, table+" "+name(&old[i])+": removed")
		}
	}
	return lines
}

// fields compares two tables of a file without their subtables.
func fields[E any](prefix string, old, newer E) (lines []string) {
	before, after := reflect.ValueOf(old), reflect.ValueOf(newer)
	for i := range before.NumField() {
		key, _, _ := strings.Cut(before.Type().Field(i).Tag.Get("toml"), ",")
		if key == "release" || key == "advisory" {
			continue
		}
		if was, is := before.Field(i), after.Field(i); !reflect.DeepEqual(was.Interface(), is.Interface()) {
			change := value(is)
			if !before.IsZero() {
				change = value(was) + " -> " + change
			}
			lines = append(lines, prefix+key+": "+change)
		}
	}
	return lines
}

// value formats a value on one line, "none" for one that a file omits.
func value(v reflect.Value) string {
	if v.IsZero() {
		return "none"
	}
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if v.Kind() != reflect.Slice {
		return fmt.Sprint(v.Interface())
	}
	texts := make([]string, 0, v.Len())
	for i := range v.Len() {
		texts = append(texts, fmt.Sprint(v.Index(i).Interface()))
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

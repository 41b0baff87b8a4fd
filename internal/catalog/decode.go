package catalog

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/BurntSushi/toml"

	"telegraf-qlik-sense-version/internal/release"
	"telegraf-qlik-sense-version/internal/text"
)

// document is a catalogue whose entries are decoded later, one at a time, so that an error can
// name the entry. Its own lists hide those of Catalog from the decoder.
type document struct {
	Catalog

	Releases   []toml.Primitive `toml:"release"`
	Advisories []toml.Primitive `toml:"advisory"`
	End        struct{}         `toml:"end"` // see checkEnd
}

// decode returns the catalogue, nil if a value has the wrong type, and the errors, unknown keys
// included.
func decode(content string) (*Catalog, []error) {
	var d document
	meta, err := toml.Decode(content, &d)
	if err != nil {
		return nil, []error{valueError(err, "")}
	}
	c := &d.Catalog
	c.Releases, c.Advisories = make([]Release, len(d.Releases)), make([]Advisory, len(d.Advisories))
	var errs []error
	for i, entry := range d.Releases {
		if err := meta.PrimitiveDecode(entry, &c.Releases[i]); err != nil {
			errs = append(errs, fmt.Errorf("release %s: %w", nameOf(meta, entry, "label", i), valueError(err, "release")))
		}
	}
	for i, entry := range d.Advisories {
		if err := meta.PrimitiveDecode(entry, &c.Advisories[i]); err != nil {
			errs = append(errs, fmt.Errorf("advisory %s: %w", nameOf(meta, entry, "id", i), valueError(err, "advisory")))
		}
	}
	if len(errs) > 0 {
		return nil, errs // keys after an error in an entry would count as unknown
	}
	for _, key := range meta.Undecoded() {
		errs = append(errs, fmt.Errorf("%s: there is no such key", text.OneLine(key.String())))
	}
	return c, errs
}

// missingKeys finds missing keys without which an entry would silently decide nothing.
func missingKeys(tree map[string]any) []error {
	var errs []error
	for _, table := range []struct {
		name, title string
		keys        []string
	}{{"release", "label", []string{"verified"}}, {"advisory", "id", []string{"verified", "fixed"}}} {
		entries, _ := tree[table.name].([]map[string]any) // decode reports any other type
		for i, entry := range entries {
			for _, key := range table.keys {
				if _, found := entry[key]; !found {
					errs = append(errs, fmt.Errorf("%s %s: %s is missing", table.name, titleOf(entry, table.title, i), key))
				}
			}
		}
	}
	return errs
}

// nameOf returns the label or identifier of an entry, else its number in the file.
func nameOf(meta toml.MetaData, entry toml.Primitive, key string, i int) string {
	var fields map[string]any
	if err := meta.PrimitiveDecode(entry, &fields); err != nil {
		fields = nil
	}
	return titleOf(fields, key, i)
}

func titleOf(fields map[string]any, key string, i int) string {
	if name, ok := fields[key].(string); ok {
		return fmt.Sprintf("%.60q", name)
	}
	return fmt.Sprintf("number %d", i+1)
}

var (
	wrongPlace = regexp.MustCompile(`^toml: (?:line \d+ )?\(last key "((?:[^"\\]|\\.)*)"\): `)
	wrongType  = regexp.MustCompile(`^incompatible types: TOML value has type (.+); destination has type (.+)$`)
	noTable    = regexp.MustCompile(`^type mismatch for \S+: expected (table) but found (.+)$`)
	typeNames  = strings.NewReplacer(
		"primitive (string-like)", "a text in quotes", "string", "a text in quotes",
		"map[string]any", "a table", "table", "a table",
		"[]any", "a list", "slice", "a list",
		"integer", "a whole number", "int64", "a whole number",
		"float64", "a decimal number", "float", "a number",
		"boolean", "true or false", "bool", "true or false",
		"time.Time", "a day",
	)
)

var hints = []struct {
	err     error
	example string
}{
	{release.ErrLabel, `"May 2025" or "May 2025 Patch 3"`},
	{release.ErrBuild, `"14.173.8"`},
	{release.ErrTrack, `"14.173"`},
}

// valueError rewords the library's error about a value: with its key, but without the table,
// which the caller adds, and without the line, which may be wrong.
func valueError(err error, table string) error {
	key, message := "", strings.TrimPrefix(err.Error(), "toml: ")
	var value toml.ParseError
	if errors.As(err, &value) {
		key, message = value.LastKey, value.Message
	} else if place := wrongPlace.FindStringSubmatch(err.Error()); place != nil {
		key, message = place[1], strings.TrimPrefix(err.Error(), place[0])
	}
	key = strings.TrimPrefix(strings.TrimPrefix(key, table), ".")
	if types := wrongType.FindStringSubmatch(message); types != nil {
		message = fmt.Sprintf("must be %s, but is %s", typeNames.Replace(types[2]), typeNames.Replace(types[1]))
	} else if types := noTable.FindStringSubmatch(message); types != nil {
		message = fmt.Sprintf("must be %s, but is %s", typeNames.Replace(types[1]), typeNames.Replace(types[2]))
	}
	for _, hint := range hints { // the library does not wrap the error
		if strings.HasSuffix(message, hint.err.Error()) {
			message += ": write for example " + hint.example
		}
	}
	return errors.New(text.OneLine(strings.TrimPrefix(key+": "+message, ": ")))
}

package settings

import (
	"encoding"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/xrash/smetrics"

	"telegraf-qlik-sense-version/internal/poll"
)

// decode stores the values of a table in a block, after replacing environment variables.
// The TOML library does not do it strictly enough: it accepts keys in any letter case,
// ignores a number where a table belongs, and reports the line of an error only for the
// last block.
func decode(table map[string]any, block reflect.Value, lookup func(string) (string, bool)) []*poll.SettingError {
	fields := fieldsByKey(block)
	var problems []*poll.SettingError
	for _, key := range slices.Sorted(maps.Keys(table)) {
		field, known := fields[key]
		if !known {
			problems = append(problems, &poll.SettingError{Key: key, Err: unknownKey(key, fields)})
			continue
		}
		value, err := expand(table[key], lookup)
		if err == nil {
			err = errors.Join(checkPath(key, value), misplaced(key, value, fields))
		}
		if err == nil {
			err = assign(field.Addr().Interface(), value)
		}
		if err != nil {
			problems = append(problems, &poll.SettingError{Key: key, Err: err})
		}
	}
	return problems
}

// checkPath finds Windows paths whose backslashes were read as escapes: "C:\temp" in double
// quotes contains a tab.
func checkPath(key string, value any) error {
	switch key {
	case "tls_ca", "tls_cert", "tls_key", "token_file", "catalog_file":
		if path, ok := value.(string); ok && strings.ContainsFunc(path, unicode.IsControl) {
			return errors.New(windowsPath)
		}
	}
	return nil
}

// misplaced finds a setting below the header of a table of the block. TOML takes it for one of the
// tags or headers, so a policy written there would silently not count.
func misplaced(table string, value any, fields map[string]reflect.Value) error {
	entries, _ := value.(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		if _, known := fields[key]; known {
			return fmt.Errorf("%s is a setting of the block: write it above [%s.%s]", key, blockName, table)
		}
	}
	return nil
}

// fieldsByKey returns the fields of a struct and of the structs embedded in it.
func fieldsByKey(block reflect.Value) map[string]reflect.Value {
	fields := make(map[string]reflect.Value)
	for _, field := range reflect.VisibleFields(block.Type()) {
		if key := field.Tag.Get("toml"); key != "" && key != "-" {
			fields[key] = block.FieldByIndex(field.Index)
		}
	}
	return fields
}

// assign sets a field to a value of its type. The switch lists the types of all settings; a
// test compares it with the plugin.
func assign(field, value any) error {
	var ok bool
	switch field := field.(type) {
	case *string:
		*field, ok = value.(string)
		return mismatch(ok, value, "a string")
	case *bool:
		*field, ok = value.(bool)
		return mismatch(ok, value, "true or false, without quotes")
	case **bool:
		*field = new(bool)
		**field, ok = value.(bool)
		return mismatch(ok, value, "true or false, without quotes")
	case *int:
		var n int64
		n, ok = value.(int64)
		*field = int(n)
		return mismatch(ok && int64(*field) == n, value, "a whole number, without quotes")
	case encoding.TextUnmarshaler: // a duration
		var text string
		if text, ok = value.(string); !ok {
			return mismatch(ok, value, `a duration in quotes, such as "10s" or "180d"`)
		}
		return field.UnmarshalText([]byte(text))
	case *[]string:
		return assignList(field, value)
	case *map[string]string:
		return assignTable(field, value)
	}
	return fmt.Errorf("a setting of type %T cannot be read", field)
}

func assignList(field *[]string, value any) error {
	values, ok := value.([]any)
	if !ok {
		return mismatch(ok, value, `a list of strings, for example ["a", "b"]`)
	}
	*field = make([]string, len(values))
	for i, v := range values {
		if (*field)[i], ok = v.(string); !ok {
			return fmt.Errorf("must be a list of strings, but entry %d is %s", i+1, kind(v))
		}
	}
	return nil
}

func assignTable(field *map[string]string, value any) error {
	values, ok := value.(map[string]any)
	if !ok {
		return mismatch(ok, value, "a table whose values are strings")
	}
	*field = make(map[string]string, len(values))
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if (*field)[key], ok = values[key].(string); !ok {
			return fmt.Errorf("must be a table whose values are strings, but %q is %s", key, kind(values[key]))
		}
	}
	return nil
}

// mismatch describes a value of the wrong type, unless it is ok. It does not repeat the
// value, which may be a secret.
func mismatch(ok bool, value any, wanted string) error {
	if ok {
		return nil
	}
	return fmt.Errorf("must be %s, but is %s", wanted, kind(value))
}

func kind(value any) string {
	switch value.(type) {
	case string:
		return "a string"
	case bool:
		return "true or false"
	case int64:
		return "a whole number"
	case float64:
		return "a number with a fraction"
	case time.Time:
		return "a date or time"
	case []any:
		return "a list"
	case map[string]any:
		return "a table"
	case []map[string]any:
		return "a list of tables"
	}
	return "of another kind"
}

var variable = regexp.MustCompile(`\$\{[A-Za-z_][A-Za-z0-9_]*\}`)

// expand replaces ${NAME} in a string, in the strings of a list and in the values of a
// table. It works on parsed values, so that a variable can never add a setting. The error
// names all variables that are unset or empty.
func expand(value any, lookup func(string) (string, bool)) (any, error) {
	var missing []string
	var replace func(any) any
	replace = func(value any) any {
		switch value := value.(type) {
		case string:
			return variable.ReplaceAllStringFunc(value, func(match string) string {
				name := match[2 : len(match)-1]
				content, _ := lookup(name)
				// An empty one, in minimum_release for example, would silently mean no minimum.
				if content == "" && !slices.Contains(missing, name) {
					missing = append(missing, name)
				}
				return content
			})
		case []any:
			list := make([]any, len(value))
			for i, v := range value {
				list[i] = replace(v)
			}
			return list
		case map[string]any:
			table := make(map[string]any, len(value))
			for _, key := range slices.Sorted(maps.Keys(value)) {
				table[key] = replace(value[key])
			}
			return table
		}
		return value
	}

	expanded := replace(value)
	switch len(missing) {
	case 0:
		return expanded, nil
	case 1:
		return nil, fmt.Errorf("environment variable %s is unset or empty: set it for Telegraf's service, or write the value here", missing[0])
	}
	return nil, fmt.Errorf("environment variables %s are unset or empty: set them for Telegraf's service, or write the values here",
		strings.Join(missing, ", "))
}

func unknownKey(key string, fields map[string]reflect.Value) error {
	switch key {
	case "alias", "always_include_global_tags", "always_include_local_tags", "collection_jitter", "collection_offset",
		"drop", "fielddrop", "fieldexclude", "fieldinclude", "fieldpass", "interval", "log_level", "metricpass",
		"name_override", "name_prefix", "name_suffix", "namedrop", "namedrop_separator", "namepass", "namepass_separator",
		"pass", "precision", "startup_error_behavior", "tagdrop", "tagexclude", "taginclude", "tagpass", "time_source":
		return errors.New("is a setting that Telegraf has for every input: move it to the [[inputs.execd]] block")
	}
	best, similarity := "", 0.85
	for _, known := range slices.Sorted(maps.Keys(fields)) {
		if s := smetrics.JaroWinkler(strings.ToLower(key), known, 0.7, 4); s > similarity {
			best, similarity = known, s
		}
	}
	if best != "" {
		return fmt.Errorf("there is no such setting: did you mean %s?", best)
	}
	return errors.New(`there is no such setting: "telegraf-qlik-sense-version config" prints all of them; ` +
		"a tag belongs under [" + blockName + ".tags]")
}

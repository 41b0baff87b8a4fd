package fleet

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"telegraf-qlik-sense-version/internal/poll"
	"telegraf-qlik-sense-version/internal/text"
)

// Limits in bytes. They keep a point well below 64 KiB, the longest line that Telegraf
// reads from a plugin. Escaping may double their size.
const (
	maxTagName  = 256
	maxTagValue = 1 << 10
	maxTags     = 8 << 10 // all names and values of a block
)

func checkTags(tags map[string]string) error {
	var errs []error
	total := 0
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		total += len(key) + len(tags[key])
		if err := checkTag(key, tags[key]); err != nil {
			errs = append(errs, &poll.SettingError{Key: "tags", Err: err})
		}
	}
	if len(errs) == 0 && total > maxTags {
		return &poll.SettingError{Key: "tags", Err: fmt.Errorf(
			"names and values together are %d bytes long, more than %d: shorten or remove some", total, maxTags)}
	}
	return errors.Join(errs...)
}

// checkTag refuses a static tag that would not arrive unchanged.
func checkTag(key, value string) error {
	const tooLong = "is %d bytes long, more than %d: shorten it"
	const encoding = "is not valid UTF-8: check where it comes from"
	const cure = "contains a control character or ends in a backslash, which a tag cannot carry: change it"
	switch {
	case key == "":
		return errors.New("a tag needs a name")
	case len(key) > maxTagName:
		return fmt.Errorf("the name %s "+tooLong, text.Quote(key), len(key), maxTagName)
	case !utf8.ValidString(key):
		return fmt.Errorf("the name %q %s", key, encoding)
	case value == "":
		return fmt.Errorf("%q is empty: give it a value or remove it", key)
	case key == "source":
		return errors.New(`"source" is set to the server by this plugin: use another name`)
	case key == "host":
		return errors.New(`"host" is set to the agent's own name by Telegraf: use another name`)
	case key == "time" || strings.HasPrefix(key, "_"):
		return fmt.Errorf("InfluxDB reserves the name %q: use another one", key)
	case isField(key): // in a query, the tag would hide it
		return fmt.Errorf("%q is the name of a field of the points: use another one", key)
	case unfit(key):
		return fmt.Errorf("the name %q %s", key, cure)
	case len(value) > maxTagValue:
		return fmt.Errorf("the value of %q "+tooLong, key, len(value), maxTagValue)
	case !utf8.ValidString(value):
		return fmt.Errorf("the value of %q %s", key, encoding)
	case unfit(value):
		return fmt.Errorf("the value of %q %s", key, cure)
	}
	return nil
}

// unfit reports whether line protocol cannot represent a text in a tag: Telegraf would change
// it or drop the tag.
func unfit(s string) bool {
	return strings.ContainsFunc(s, unicode.IsControl) || strings.HasSuffix(s, `\`)
}

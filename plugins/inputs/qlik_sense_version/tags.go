package qlik_sense_version

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
// reads from a plugin; escaping may double what is written here.
const (
	maxTagName  = 256
	maxTagValue = 1 << 10
	maxTags     = 8 << 10 // all names and values of a block
)

func (q *QlikSenseVersion) initTags() error {
	var errs []error
	total := 0
	for _, key := range slices.Sorted(maps.Keys(q.Tags)) {
		total += len(key) + len(q.Tags[key])
		if err := checkTag(key, q.Tags[key]); err != nil {
			errs = append(errs, &poll.SettingError{Key: "tags", Err: err})
		}
	}
	if len(errs) == 0 && total > maxTags {
		return &poll.SettingError{Key: "tags", Err: fmt.Errorf(
			"names and values together are %d bytes long, more than %d: shorten or remove some", total, maxTags)}
	}
	return errors.Join(errs...)
}

// fieldNames are those of a point: in a query, a tag of the same name would hide the
// field.
var fieldNames = []string{
	"advisories", "advisory_count", "below_minimum", "certificate_expiry", "compliance", "compliance_code", "content_hash",
	"copyright_year_range", "deployment_type", "deprecated_product_version", "exploited_advisory_count", "fixed_in",
	"http_response_code", "latest_patch", "max_cvss", "patch", "patches_behind", "product_name", "release_label",
	"release_month", "release_year", "response_time", "result", "result_code", "sense_id", "support_days_left",
	"version", "version_mismatch",
}

// checkTag refuses a static tag that would not arrive as it is written.
func checkTag(key, value string) error {
	const tooLong = "is %d bytes long, more than %d: shorten it"
	const encoding = "is not valid UTF-8: check where it comes from"
	const cure = "holds a control character or ends in a backslash, which a tag cannot carry: change it"
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
		return fmt.Errorf("InfluxDB keeps the name %q for itself: use another one", key)
	case slices.Contains(fieldNames, key):
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

// unfit holds for what InfluxDB line protocol cannot carry in a tag: Telegraf
// would change it or drop the tag on the way.
func unfit(s string) bool {
	return strings.ContainsFunc(s, unicode.IsControl) || strings.HasSuffix(s, `\`)
}

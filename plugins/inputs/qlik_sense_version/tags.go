package qlik_sense_version

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"telegraf-qlik-sense-version/internal/poll"
)

func (q *QlikSenseVersion) initTags() error {
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(q.Tags)) {
		if err := checkTag(key, q.Tags[key]); err != nil {
			errs = append(errs, &poll.SettingError{Key: "tags", Err: err})
		}
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
	const cure = "holds a control character or ends in a backslash, which a tag cannot carry: change it"
	switch {
	case key == "":
		return errors.New("a tag needs a name")
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
	case unfit(value):
		return fmt.Errorf("the value of %q %s", key, cure)
	}
	return nil
}

// unfit holds for what InfluxDB line protocol cannot carry in a tag: Telegraf
// would change it or drop the tag on the way.
func unfit(text string) bool {
	return strings.ContainsFunc(text, unicode.IsControl) || strings.HasSuffix(text, `\`)
}

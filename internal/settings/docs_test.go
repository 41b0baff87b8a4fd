package settings

import (
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	assets "telegraf-qlik-sense-version"
	"telegraf-qlik-sense-version/internal/golden"
)

// The page explains each setting with the text of the sample.
func TestPageSample(t *testing.T) {
	golden.RequirePart(t, "../../docs/settings.md", "<!-- settings -->", "<!-- end of settings -->", settingSections(t))
}

var (
	settingKey = regexp.MustCompile(`(?m)^  (?:# )?(?:([a-z_]+) = |\[inputs\.qlik_sense_version\.([a-z_]+)\])`)
	pageName   = regexp.MustCompile(`\bdocs/([a-z-]+\.md)\b`)
)

// settingSections returns a section for each paragraph of the sample: the keys, their comment, and
// the default or example.
func settingSections(t *testing.T) string {
	t.Helper()
	_, sample, found := strings.Cut(assets.SampleConfig, header)
	require.True(t, found)
	sampled, defaults := settingsOf(everythingOn(t)), settingsOf(explicitDefaults())

	var page strings.Builder
	for paragraph := range strings.SplitSeq(sample, "\n\n") {
		matches := settingKey.FindAllStringSubmatch(paragraph, -1)
		keys := make([]string, 0, len(matches))
		label := "Default: "
		for _, match := range matches {
			key := match[1] + match[2]
			keys = append(keys, "`"+key+"`")
			if !reflect.DeepEqual(sampled[key], defaults[key]) {
				label = "Example: "
			}
		}
		comment, values := splitComment(paragraph)
		page.WriteString("### " + strings.Join(keys, ", ") + "\n\n" + comment + label + strings.Join(values, ", ") + "\n\n")
	}
	return page.String()
}

// splitComment returns the comment of a paragraph of the sample as Markdown, its indented lines as
// code, and the settings below it.
func splitComment(paragraph string) (comment string, values []string) {
	var markdown strings.Builder
	code := false
	fence := func(on bool) {
		if on != code {
			markdown.WriteString(map[bool]string{true: "\n```text\n", false: "```\n"}[on])
			code = on
		}
	}
	for line := range strings.Lines(paragraph) {
		line = strings.TrimSpace(line)
		text, isComment := strings.CutPrefix(line, "## ")
		if !isComment {
			values = append(values, "`"+strings.TrimSpace(strings.TrimPrefix(line, "#"))+"`")
			continue
		}
		text, isCode := strings.CutPrefix(text, "  ")
		fence(isCode)
		if !isCode {
			text = pageName.ReplaceAllString(text, "[$1]($1)")
		}
		markdown.WriteString(text + "\n")
	}
	fence(false)
	return markdown.String() + "\n", values
}

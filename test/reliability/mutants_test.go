//go:build linux

package reliability

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/test/rig"
)

// The mutants that the page explains are still in those lines.
func TestExplainedMutants(t *testing.T) {
	page, err := os.ReadFile(rig.Root + "/docs/reliability.md")
	require.NoError(t, err)
	rows := regexp.MustCompile("(?m)^\\| (\\w+/\\w+\\.go:.*?) \\| (.*?`.*?) \\|").FindAllStringSubmatch(string(page), -1)
	require.NotEmpty(t, rows)
	for _, row := range rows {
		mutated := regexp.MustCompile("`([^` ]+)` to ").FindAllStringSubmatch(row[2], -1)
		file := ""
		for i, place := range regexp.MustCompile(`(?:([\w/]+\.go):)?(\d+)`).FindAllStringSubmatch(row[1], -1) {
			if name := place[1]; strings.Contains(name, "/") {
				file = name
			} else if name != "" {
				file = strings.Split(file, "/")[0] + "/" + name
			}
			content, err := os.ReadFile(rig.Root + "/internal/" + file)
			require.NoError(t, err)
			line, err := strconv.Atoi(place[2])
			require.NoError(t, err)
			operator := strings.ReplaceAll(mutated[min(i, len(mutated)-1)][1], `\|`, "|")
			require.Contains(t, " "+strings.Split(string(content), "\n")[line-1]+" ", operator, "%s:%d", file, line)
		}
	}
}

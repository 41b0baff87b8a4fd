package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCatalogRefusedCalls(t *testing.T) {
	help := func(command string) string {
		return ": see " + strings.TrimSuffix("telegraf-qlik-sense-version catalog "+command, " ") + " --help\n"
	}
	_, missing := os.Stat("missing.toml") // with this system's error text
	tests := []struct {
		name     string
		args     []string
		expected string
	}{
		{"no command", nil, "E! catalog: name what to do: show, check, update or download" + help("")},
		{"unknown command", []string{"list"}, "E! catalog: there is no command \"list\", only show, check, update or download" + help("")},
		{"option in front", []string{"--catalog", "x", "show"}, "E! catalog: there is no command \"--catalog\", only show, check, update or download" + help("")},
		{"unknown option", []string{"show", "--verbose"}, "E! flag provided but not defined: -verbose" + help("show")},
		{"extra argument", []string{"show", "FILE"}, "E! \"FILE\" is not an option" + help("show")},
		{"unknown output", []string{"show", "--output", "yaml"}, "E! --output \"yaml\" is none of table, json\n"},
		{"show a missing file", []string{"show", "--catalog", "missing.toml"},
			"E! " + missing.Error() + ": check the path and its permissions\n"},
		{"check nothing", []string{"check"}, "E! name one FILE to check, not 0" + help("check")},
		{"check a file without a name", []string{"check", ""}, "E! name one FILE to check, not 0" + help("check")},
		{"check two files", []string{"check", "a", "b"}, "E! name one FILE to check, not 2" + help("check")},
		{"check with an option", []string{"check", "--from", "x"}, "E! flag provided but not defined: -from" + help("check")},
		{"update nothing", []string{"update"}, "E! name one FILE to bring up to date, not 0" + help("update")},
		{"update two files", []string{"update", "a", "--from", "x", "b"}, "E! name one FILE to bring up to date, not 2" + help("update")},
		{"bundle and mirror", []string{"update", "--from", "x", "--exploited-url", "https://example.com", "a"},
			"E! --from reads a bundle, and the options with -url name mirrors to read instead: use one of them\n"},
		{"bundle without a name", []string{"update", "--from", "", "a"}, "E! invalid value \"\" for flag -from: name a bundle" + help("update")},
		{"mirror without a name", []string{"update", "--advisories-url", "", "a"}, "E! --advisories-url is empty" + help("update")},
		{"mirror of an excluded source", []string{"download", "--no-releases", "--releases-url", "https://example.com", "a"},
			"E! --releases-url names a mirror, and --no-releases leaves it out: use one of them\n"},
		{"all sources excluded", []string{"update", "--no-releases", "--no-advisories", "--no-exploited", "missing.toml"},
			"E! missing.toml was not created: all sources are left out: there is nothing to do\n"},
		{"download nothing", []string{"download"}, "E! name one FILE to save the lists in, not 0" + help("download")},
		{"no address", []string{"update", "--releases-url", "example.com", "missing.toml"},
			"E! missing.toml was not created: the URL of the vendor's list of releases is not valid: write for example " +
				"https://api.github.com/repos/qlik-download/qlik-sense-server/releases?per_page=100\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := start(t, append([]string{"catalog"}, tt.args...)...)
			p.requireEnd(1)
			require.Empty(t, p.stdout.String())
			require.Equal(t, tt.expected, p.stderr.String())
		})
	}
}

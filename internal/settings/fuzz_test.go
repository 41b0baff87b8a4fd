package settings

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/stretchr/testify/require"

	assets "telegraf-qlik-sense-version"
)

func FuzzParse(f *testing.F) {
	f.Add(assets.SampleConfig)
	files, err := filepath.Glob("testdata/bad/*.conf")
	require.NoError(f, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		if namesFiles(text) {
			t.Skip("reading any file, a device for example, may never end")
		}
		blocks, err := parseText("fuzz.conf", text)
		if err == nil {
			require.NotEmpty(t, blocks)
			return
		}
		require.NotEmpty(t, err.Error())
		for _, line := range strings.Split(err.Error(), "\n") {
			require.Regexp(t, `^fuzz\.conf:[1-9]\d*: \S`, line)
		}
	})
}

// namesFiles reports whether a block would read files outside testdata.
func namesFiles(text string) bool {
	var tree struct {
		Inputs struct {
			Blocks []map[string]any `toml:"qlik_sense_version"`
		} `toml:"inputs"`
	}
	if _, err := toml.Decode(text, &tree); err != nil {
		return false // refused before any file is read
	}
	for _, block := range tree.Inputs.Blocks {
		for _, key := range []string{"tls_ca", "tls_cert", "tls_key", "token_file"} {
			if name, ok := block[key].(string); ok && !filepath.IsLocal(name) {
				return true
			}
		}
	}
	return false
}

// locate must end for a text that the TOML library refuses as well.
func FuzzLocate(f *testing.F) {
	f.Add(assets.SampleConfig)
	f.Add("[[inputs.qlik_sense_version]]\na = '''x''''\n\"b\\\"c\".d = [{e = \"#\"}, # f\n]\n")
	f.Fuzz(func(t *testing.T, text string) {
		lines := strings.Count(text, "\n") + 1
		for place, line := range locate(text) {
			require.GreaterOrEqual(t, line, 1, "%q", place)
			require.LessOrEqual(t, line, lines, "%q", place)
		}
	})
}

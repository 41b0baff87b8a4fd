package catalog

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/bad/*.toml")
	require.NoError(f, err)
	for _, file := range append(files, "testdata/good.toml", "catalog.toml") {
		content, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		if len(content) > MaxSize {
			t.Skip("Load refuses it")
		}
		c, err := Parse(content)
		if err != nil {
			require.Nil(t, c)
			for line := range strings.Lines(err.Error()) {
				require.NotEmpty(t, strings.TrimSpace(line))
			}
			return
		}
		require.NoError(t, c.Check())
		text, err := c.Encode("a comment\x00\xff\r\n")
		require.NoError(t, err)
		again, err := Parse(text)
		require.NoError(t, err, "what is written can be read")
		rewritten, err := again.Encode("a comment\x00\xff\r\n")
		require.NoError(t, err)
		require.Equal(t, string(text), string(rewritten), "and says the same")
	})
}

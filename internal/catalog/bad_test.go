package catalog

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"telegraf-qlik-sense-version/internal/golden"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// NAME.toml is refused with exactly the text of NAME.err.
func TestBadCatalogues(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.toml")
	require.NoError(t, err)
	require.Greater(t, len(files), 70)

	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".toml"), func(t *testing.T) {
			content, err := os.ReadFile(file)
			require.NoError(t, err)
			c, err := Parse(content)
			require.Error(t, err)
			require.Nil(t, c)
			got := err.Error() + "\n"

			expected := strings.TrimSuffix(file, ".toml") + ".err"
			golden.Require(t, expected, got)

			_, err = Load(file)
			require.Error(t, err)
			for line := range strings.Lines(err.Error()) {
				require.True(t, strings.HasPrefix(line, file+": "), line)
			}
		})
	}
}

func TestBadCatalogueFilesComplete(t *testing.T) {
	expected, err := filepath.Glob("testdata/bad/*.err")
	require.NoError(t, err)
	for _, file := range expected {
		require.FileExists(t, strings.TrimSuffix(file, ".err")+".toml")
	}
}

// The file that all bad files are derived from is good.
func TestGoodCatalogue(t *testing.T) {
	c, err := Load("testdata/good.toml")
	require.NoError(t, err)
	require.Len(t, c.Releases, 2)
	require.Len(t, c.Advisories, 2)

	content, err := os.ReadFile("testdata/good.toml")
	require.NoError(t, err)
	windows := "\ufeff" + strings.ReplaceAll(string(content), "\n", "\r\n")
	again, err := Parse([]byte(windows))
	require.NoError(t, err)
	require.Equal(t, c, again)
}

// A file crafted to consume memory or time is refused before it is decoded.
func TestHostileFiles(t *testing.T) {
	tests := []struct{ name, text string }{
		{"brackets", "a = " + strings.Repeat("[", MaxSize-4)},
		{"header", strings.Repeat("[", MaxSize)},
		{"key", strings.Repeat("a.", MaxSize/2-4) + "a = 1"},
		{"header of many parts", "[" + strings.Repeat("a.", MaxSize/2-4) + "a]"},
		{"inline tables", "a = " + strings.Repeat("{a=", MaxSize/3-4)},
		{"tables", strings.Repeat("[[a]]\n", MaxSize/6)},
		{"string without end", `a = "` + strings.Repeat(`\"`, MaxSize/2-4)},
		{"backslash at the end", `a = """\`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse([]byte(tt.text))
			require.Error(t, err)
			require.Less(t, len(err.Error()), 200)
		})
	}
}

func TestLoadRefuses(t *testing.T) {
	dir := t.TempDir()
	_, err := Load(filepath.Join(dir, "missing.toml"))
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "missing.toml")

	_, err = Load(dir)
	require.ErrorContains(t, err, dir)

	content, err := os.ReadFile("testdata/good.toml")
	require.NoError(t, err)
	file := filepath.Join(dir, "large.toml")
	padding := "#" + strings.Repeat("x", MaxSize-len(content)-2) + "\n"
	require.NoError(t, os.WriteFile(file, []byte(padding+string(content)), 0o600))
	_, err = Load(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, []byte(padding+string(content)+"\n"), 0o600))
	_, err = Load(file)
	require.EqualError(t, err, file+": is larger than 1048576 bytes: is it a catalogue?")
}

func good(t *testing.T) *Catalog {
	t.Helper()
	c, err := Load("testdata/good.toml")
	require.NoError(t, err)
	return c
}

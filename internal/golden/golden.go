// Package golden compares the output of tests with files of the repository. With -update it writes
// those files instead.
package golden

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write golden files and generated parts of pages instead of comparing with them")

// Update reports whether files are written instead of compared.
func Update() bool { return *update }

// Require compares got with the content of file.
func Require(t testing.TB, file, got string) {
	t.Helper()
	if *update {
		write(t, file, got)
		return
	}
	require.Equal(t, read(t, file), got, "%s: -update writes it", file)
}

// RequirePart compares got with the part of a page between two marks, each a line of its own.
func RequirePart(t testing.TB, page, begin, end, got string) {
	t.Helper()
	before, rest, found := strings.Cut(read(t, page), begin+"\n")
	require.True(t, found, "%s: %s", page, begin)
	part, after, found := strings.Cut(rest, end+"\n")
	require.True(t, found, "%s: %s", page, end)
	if *update {
		write(t, page, before+begin+"\n"+got+end+"\n"+after)
		return
	}
	require.Equal(t, part, got, "%s: -update writes it", page)
}

func read(t testing.TB, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err, "-update writes it")
	return string(content)
}

func write(t testing.TB, file, content string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o750))
	require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
}

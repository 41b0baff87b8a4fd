package settings

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const small = "[[inputs.qlik_sense_version]]\nhosts = [\"qlik1.example.com\"]\n"

// unset removes the variable from the environment of the test.
func unset(t *testing.T) {
	t.Helper()
	t.Setenv(Variable, "")
	require.NoError(t, os.Unsetenv(Variable))
}

func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "qlik.conf")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

func TestLoadFile(t *testing.T) {
	unset(t)
	t.Setenv("TEST_FROM_ENVIRONMENT", "qlik7.example.com")
	blocks, err := Load(write(t, strings.ReplaceAll(small, "qlik1.example.com", "${TEST_FROM_ENVIRONMENT}")), newBlock)
	require.NoError(t, err)
	require.Len(t, blocks, 1)
	require.Equal(t, []string{"qlik7.example.com"}, blocks[0].Hosts)
}

func TestLoadEnvironment(t *testing.T) {
	// The first line is empty if the drop-in has the name on a separate line.
	t.Setenv(Variable, "\n"+small)
	blocks, err := Load("", newBlock)
	require.NoError(t, err)
	require.Len(t, blocks, 1)
	require.Equal(t, []string{"qlik1.example.com"}, blocks[0].Hosts)

	t.Setenv(Variable, "\n"+small+"timeout = 5\n")
	_, err = Load("", newBlock)
	require.EqualError(t, err, "QLIK_SENSE_VERSION_CONFIG:4: inputs.qlik_sense_version.timeout: "+
		`must be a duration in quotes, such as "10s" or "180d", but is a whole number`)
}

func TestLoadSources(t *testing.T) {
	unset(t)
	_, err := Load("", newBlock)
	require.EqualError(t, err, "no settings: name a file with --config FILE, or put the settings into the environment variable QLIK_SENSE_VERSION_CONFIG")

	for _, text := range []string{small, ""} {
		t.Setenv(Variable, text)
		_, err = Load("qlik.conf", newBlock)
		require.EqualError(t, err,
			"settings come from --config qlik.conf and from the environment variable QLIK_SENSE_VERSION_CONFIG as well: use one of them")
	}
}

func TestLoadUnreadable(t *testing.T) {
	unset(t)
	missing := filepath.Join(t.TempDir(), "missing.conf")
	_, err := Load(missing, newBlock)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "reading the settings: ")
	require.ErrorContains(t, err, missing)

	folder := t.TempDir()
	_, err = Load(folder, newBlock)
	require.ErrorContains(t, err, "reading the settings: ")
	require.ErrorContains(t, err, folder)
}

func TestLoadSize(t *testing.T) {
	unset(t)
	comment := "#" + strings.Repeat("x", maxSize-len(small)-2) + "\n"
	_, err := Load(write(t, comment+small), newBlock)
	require.NoError(t, err)

	file := write(t, comment+small+"\n")
	_, err = Load(file, newBlock)
	require.EqualError(t, err, "reading the settings: "+file+" is larger than 1048576 bytes")
}

func TestLoadIndentedVariable(t *testing.T) {
	t.Setenv("  "+Variable, "[[inputs.qlik_sense_version]]")
	_, err := Load("", newBlock)
	require.EqualError(t, err, "no settings: there is a space before the name QLIK_SENSE_VERSION_CONFIG: begin the line with the name")
}

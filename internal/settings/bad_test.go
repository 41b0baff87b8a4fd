package settings

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"telegraf-qlik-sense-version/internal/golden"
	"telegraf-qlik-sense-version/plugins/inputs/qlik_sense_version"
)

// missingFile matches the error for a missing file on Linux.
var missingFile = regexp.MustCompile(`stat (\S+): no such file or directory`)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// secret is the password in the bad files. It must not be in the messages.
const secret = "hunter2secret"

func parseText(name, text string) ([]*qlik_sense_version.QlikSenseVersion, error) {
	return parseSources([]source{{Text: Text{name, text}, lookup: environment}}, newBlock)
}

// environment is the environment of all tests.
func environment(name string) (string, bool) {
	value, found := map[string]string{
		"TEST_NAME":      "qlik9.example.com",
		"TEST_TIMEOUT":   "7s",
		"TEST_NUMBER":    "8",
		"TEST_EMPTY":     "",
		"TEST_TWO_LINES": "one\ntwo",
		"TEST_HOSTILE":   "\"]]\n[[inputs.cpu]]\n'''\n${TEST_NAME} $HOME # \\",
	}[name]
	return value, found
}

// NAME.conf is refused with exactly the text of NAME.err.
func TestBadSettings(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.conf")
	require.NoError(t, err)
	require.Greater(t, len(files), 100)

	for _, file := range files {
		name := filepath.Base(file)
		t.Run(strings.TrimSuffix(name, ".conf"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			_, err = parseText(name, string(text))
			require.Error(t, err)
			got := err.Error() + "\n"

			expected := strings.TrimSuffix(file, ".conf") + ".err"
			if golden.Update() {
				require.NoError(t, os.WriteFile(expected, []byte(got), 0o600))
			}
			want, err := os.ReadFile(expected)
			require.NoError(t, err)
			inWordsOfThisSystem := missingFile.ReplaceAllFunc(want, func(found []byte) []byte {
				_, err := os.Stat(string(missingFile.FindSubmatch(found)[1]))
				return []byte(err.Error())
			})
			require.Equal(t, string(inWordsOfThisSystem), got)
			for line := range strings.Lines(got) {
				require.Regexp(t, `^`+name+`:\d+: \S`, line)
			}
			require.NotContains(t, got, secret)
			require.NotContains(t, got, "007008")
		})
	}
}

func TestBadSettingsFilesComplete(t *testing.T) {
	expected, err := filepath.Glob("testdata/bad/*.err")
	require.NoError(t, err)
	for _, file := range expected {
		require.FileExists(t, strings.TrimSuffix(file, ".err")+".conf")
	}
}

// The message of a problem is one line.
func TestProblemOneLine(t *testing.T) {
	d := document{name: "x.conf"}
	d.refuseAt(2, "tls_ca", errors.New("reading\r\nthe\u0085file"))
	require.EqualError(t, d.err(), "x.conf:2: tls_ca: reading  the file")
}

// Many problems must not take quadratic time.
func TestManyProblems(t *testing.T) {
	const n = 5000
	tests := []struct {
		name, text string
		problems   int
	}{
		{
			name:     "hosts of one block",
			text:     "[[inputs.qlik_sense_version]]\nhosts = [\n" + strings.Repeat("  \"not a host\",\n", n) + "]\n",
			problems: n,
		},
		{
			name:     "the same host again and again",
			text:     "[[inputs.qlik_sense_version]]\nhosts = [\n" + strings.Repeat("  \"qlik1\",\n", n) + "]\n",
			problems: n - 1,
		},
		{
			name:     "blocks",
			text:     strings.Repeat("[[inputs.qlik_sense_version]]\nhosts = [\"a b\"]\n[inputs.qlik_sense_version.tags]\n\"\" = \"\"\n", n),
			problems: 2 * n,
		},
		{
			name:     "blocks with the same server",
			text:     strings.Repeat("[[inputs.qlik_sense_version]]\nhosts = [\"qlik1\"]\n", n),
			problems: n - 1,
		},
		{
			name:     "unknown keys",
			text:     strings.Repeat("[[inputs.qlik_sense_version]]\ntime_out = 1\n", n),
			problems: n,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			start := time.Now()
			_, err := parseText("many.conf", tt.text)
			t.Logf("took %s", time.Since(start))
			require.Error(t, err)
			require.Equal(t, tt.problems, strings.Count(err.Error()+"\n", "\n"))
			require.Less(t, time.Since(start), 10*time.Second, "must stay far from quadratic")
		})
	}
}

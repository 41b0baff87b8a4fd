package settings

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/influxdata/telegraf/config"
	"github.com/influxdata/telegraf/plugins/inputs/execd"
	_ "github.com/influxdata/telegraf/plugins/parsers/influx" // the data format of drop-ins
	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/plugins/inputs/qlik_sense_version"
)

// ofTelegraf is the environment of Telegraf's service.
var ofTelegraf = map[string]string{
	"HOST": "qlik1.example.com", "EMPTY": "", "LINES": "a\nb", "DOLLAR": "a$HOST$$b", "QUOTES": `a"'b`, "SPACES": " a  b ", "LOWER_1": "x",
}

func lookupOfTelegraf(name string) (string, bool) {
	value, found := ofTelegraf[name]
	return value, found
}

// Compare with Telegraf's own code.
func TestExpandLikeTelegraf(t *testing.T) {
	for name, value := range ofTelegraf {
		t.Setenv(name, value)
	}
	values := []string{
		"$HOST", "${HOST}", "a${HOST}b", "$HOSTb", "$$HOST", "$$$HOST", "pa$$word", "pa$word", "$", "$$", "a$", "${", "${}", "${HOST", "$1", "${1}", "$-",
		"${HOST:-other}", "${NOT_SET:-other}", "${EMPTY:-other}", "${EMPTY-other}", "${NOT_SET-other}", "${HOST:+other}", "${NOT_SET:+other}",
		"$NOT_SET", "${NOT_SET}", "$EMPTY", "${EMPTY}", "$LINES", "$DOLLAR", "$QUOTES", "${SPACES}", "$LOWER_1", "${NOT_SET:-$HOST}", "${NOT_SET:-${HOST}}",
		"@HOST@", "%HOST%", "# $HOST", `\$HOST`, "Zürich $HOST", "${HOST}$HOST",
		"QLIK_SENSE_VERSION_CONFIG=\n[[inputs.qlik_sense_version]]\n  hosts = [\"$HOST\", \"${HOST}\"]\n  # $HOST\n  token_file = '$$HOST'\n",
	}
	for _, value := range values {
		text := fmt.Sprintf("[[inputs.execd]]\n  command = [\"telegraf-qlik-sense-version\"]\n  environment = ['''%s''']\n", value)
		telegraf := config.NewConfig()
		err := telegraf.LoadConfigData([]byte(text), "drop-in.conf")
		expanded, ourErr := expandAsTelegraf(value, lookupOfTelegraf)
		require.Equal(t, err == nil, ourErr == nil, "%s: %v, %v", value, err, ourErr)
		if err == nil {
			require.Equal(t, []string{expanded}, telegraf.Inputs[0].Input.(*execd.Execd).Environment, value)
		}
	}
}

// hostsOf are the servers of the blocks, in order.
func hostsOf(blocks []*qlik_sense_version.QlikSenseVersion) (all []string) {
	for _, block := range blocks {
		all = append(all, block.Hosts...)
	}
	return all
}

func TestLoadAll(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		return file
	}
	block := func(host, environment string) string {
		return fmt.Sprintf("[[inputs.qlik_sense_version]]\n  hosts = [\"%s\"]\n  [inputs.qlik_sense_version.tags]\n    environment = \"%s\"\n", host, environment)
	}
	dropIn := func(command, environment string) string {
		return "# a drop-in\n[[inputs.execd]]\n  command = " + command + "\n" + environment + "  signal = \"STDIN\"\n"
	}
	inside := func(settings string) string {
		return "  environment = ['OTHER=qlik-other', '''\nQLIK_SENSE_VERSION_CONFIG=\n" + settings + "''']\n"
	}
	const ours = `["/usr/bin/telegraf-qlik-sense-version"]`
	plain := write("plain.conf", block("qlik-plain", "A"))
	one := write("one.conf", dropIn(ours, inside(block("${HOST}", "B"))))
	followed := write("followed.toml", block("${STAGE}", "H"))
	lastCounts := write("last.conf", dropIn(`["telegraf-qlik-sense-version", "--config", "x", "-config", '`+followed+`']`,
		"  environment = [\"STAGE=first\", \"STAGE=qlik-followed\"]\n"))
	crlf := write("crlf.conf", strings.ReplaceAll(dropIn(ours, inside(block("qlik-crlf", "B"))), "\n", "\r\n"))
	ofTwo := write("of-two.toml", block("qlik-two", "C"))
	two := write("two.conf", dropIn(`["/usr/bin/telegraf-qlik-sense-version", "--log-level", "debug", "--config", '`+ofTwo+`']`, ""))
	together := write("together.conf", dropIn(`['C:\Program Files\Telegraf\Telegraf-Qlik-Sense-Version.EXE', '--config=`+plain+`']`, ""))
	entries := write("entries.conf", dropIn(ours, inside(block("$${OTHER}", "D"))))
	outside := write("outside.conf", dropIn(ours, ""))
	whole := write("telegraf.conf", "[agent]\n  interval = \"10s\"\n[[outputs.file]]\n[[inputs.cpu]]\n[[inputs.execd]]\n  command = [\"other\"]\n"+
		dropIn(ours, inside(block("qlik-whole", "E")))+dropIn(ours, inside(block("qlik-again", "F"))))
	load := func(lookup func(string) (string, bool), files ...string) ([]string, error) {
		blocks, _, err := LoadAll(files, lookup, newBlock)
		return hostsOf(blocks), err
	}

	for _, tt := range []struct {
		files    []string
		expected []string
	}{
		{[]string{plain}, []string{"qlik-plain"}},
		{[]string{one}, []string{"qlik1.example.com"}},
		{[]string{crlf}, []string{"qlik-crlf"}},
		{[]string{two}, []string{"qlik-two"}},
		{[]string{lastCounts}, []string{"qlik-followed"}},
		{[]string{together}, []string{"qlik-plain"}},
		{[]string{entries}, []string{"qlik-other"}},
		{[]string{whole}, []string{"qlik-whole", "qlik-again"}},
		{[]string{one, plain, two}, []string{"qlik1.example.com", "qlik-plain", "qlik-two"}},
	} {
		hosts, err := load(lookupOfTelegraf, tt.files...)
		require.NoError(t, err)
		require.Equal(t, tt.expected, hosts)
	}
	_, read, err := LoadAll([]string{two, plain}, lookupOfTelegraf, newBlock)
	require.NoError(t, err)
	require.Equal(t, []string{two, ofTwo, plain}, []string{read[0].Name, read[1].Name, read[2].Name})
	require.Equal(t, block("qlik-two", "C"), read[1].Content)
	withSettings := func(name string) (string, bool) {
		if name == Variable {
			return block("qlik-outside", "G"), true
		}
		return "", false
	}
	hosts, err := load(withSettings, outside)
	require.NoError(t, err)
	require.Equal(t, []string{"qlik-outside"}, hosts)

	other := write("other.conf", "[[inputs.execd]]\n  command = [\"other\"]\n")
	wrong := write("wrong.conf", dropIn(ours, inside("[[inputs.qlik_sense_version]]\n  hosts = [\"a b\"]\n")))
	changed := write("changed.conf", dropIn(ours, "  environment = [\"QLIK_SENSE_VERSION_CONFIG=\\n$LINES = 1\"]\n"))
	twin := write("twin.conf", block("qlik-plain", "A"))
	missing := filepath.Join(dir, "missing.toml")
	for _, tt := range []struct {
		files    []string
		lookup   func(string) (string, bool)
		expected string
	}{
		{[]string{other}, nil, other + ": no [[inputs.execd]] block of it starts telegraf-qlik-sense-version: name the drop-in that does"},
		{[]string{outside}, nil, outside + ": no settings: neither environment nor Telegraf's own environment has QLIK_SENSE_VERSION_CONFIG, and command has " +
			"no --config: where Telegraf's service has the variable from a file, name it with --env-file"},
		{[]string{wrong}, nil, wrong + `:7: inputs.qlik_sense_version.hosts: "a b": write one server per entry`},
		{[]string{changed}, nil, changed + ": QLIK_SENSE_VERSION_CONFIG:2: "},
		{[]string{plain, twin}, nil, twin + `:2: inputs.qlik_sense_version.hosts: "qlik-plain" is in the block of ` + plain + ":1 with the same tags"},
		{[]string{write("gone.conf", dropIn(`["telegraf-qlik-sense-version", "--config", '`+missing+`']`, ""))}, nil, "gone.conf: command: open " + missing},
		{[]string{write("both.conf", dropIn(`["telegraf-qlik-sense-version", "--config", "x"]`, inside("")))}, nil,
			"both.conf: settings come from --config x in command"},
		{[]string{write("refused.conf", dropIn(ours, inside(block("${NOT_SET:?is needed}", "A"))))}, nil, "refused.conf: environment: "},
		{[]string{plain}, withSettings, "settings come from --config " + plain + " and from the environment variable"},
		{[]string{missing, other}, nil, "reading the settings: open " + missing},
	} {
		lookup := tt.lookup
		if lookup == nil {
			lookup = lookupOfTelegraf
		}
		_, err := load(lookup, tt.files...)
		require.ErrorContains(t, err, tt.expected)
	}
}

// A drop-in leads to settings or to an error; any other text to neither.
func FuzzDropIn(f *testing.F) {
	for _, system := range []string{"linux", "windows"} {
		text, err := os.ReadFile(filepath.Join("../../deploy/telegraf.d", system, "qlik-sense-version.conf"))
		require.NoError(f, err)
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "-config") {
			t.Skip("reading any file, a device for example, may never end")
		}
		s := &source{Text: Text{"fuzz.conf", text}, lookup: lookupOfTelegraf}
		all, isDropIn, err := s.dropIn()
		require.Equal(t, isDropIn, err != nil || len(all) > 0)
	})
}

package stack

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// DropIn is the shipped one-file drop-in with the path of the plugin and other settings,
// and without the jitter, which would delay the first interval.
func (t *Tools) DropIn(settings string) (string, error) {
	shipped, err := os.ReadFile(filepath.Join(t.root, "deploy", "telegraf.d", "linux", "qlik-sense-version.conf"))
	if err != nil {
		return "", err
	}
	text := string(shipped)
	for _, edit := range []struct{ pattern, replacement string }{
		{`"/usr/bin/telegraf-qlik-sense-version"`, "'" + t.Plugin + "'"},
		{`  collection_jitter = "5m"\n`, ""},
		{`(?s)QLIK_SENSE_VERSION_CONFIG=\n.*\n'''\]`, "QLIK_SENSE_VERSION_CONFIG=\n" + settings + "\n''']"},
	} {
		pattern := regexp.MustCompile(edit.pattern)
		if !pattern.MatchString(text) {
			return "", fmt.Errorf("the drop-in has nothing like %s", edit.pattern)
		}
		text = pattern.ReplaceAllLiteralString(text, edit.replacement)
	}
	return text, nil
}

// agent sends metrics to an InfluxDB at once.
const agent = `[agent]
  interval = "1h"
  flush_interval = "100ms"
  hostname = "agent1"
  debug = true
[[outputs.influxdb]]
  urls = [%q]
  database = %q
`

// StartTelegraf starts a Telegraf with an input and the output to a database. Its
// configuration is written into dir; env is added to this process's environment.
func (t *Tools) StartTelegraf(dir, input string, db *InfluxDB, database string, env ...string) (*Process, error) {
	dropIn := filepath.Join(dir, "qlik-sense-version.conf")
	if err := os.WriteFile(dropIn, []byte(input), 0o600); err != nil {
		return nil, err
	}
	return t.StartTelegrafWith(dir, []string{"--config", dropIn}, db, database, env...)
}

// StartTelegrafWith is StartTelegraf with options that name the configuration of the inputs.
func (t *Tools) StartTelegrafWith(dir string, options []string, db *InfluxDB, database string, env ...string) (*Process, error) {
	config := filepath.Join(dir, "telegraf.conf")
	if err := os.WriteFile(config, []byte(fmt.Sprintf(agent, db.URL, database)), 0o600); err != nil {
		return nil, err
	}
	return Start(t.Telegraf, append([]string{"--config", config}, options...), env)
}

// StartAgent starts a Telegraf as its service does, with a telegraf.conf and a folder
// telegraf.d, which it creates in dir. dropIns are the contents of the files by name; env is
// added to this process's environment.
func StartAgent(program, dir, config string, dropIns map[string]string, env ...string) (*Process, error) {
	folder := filepath.Join(dir, "telegraf.d")
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return nil, err
	}
	main := filepath.Join(dir, "telegraf.conf")
	if err := os.WriteFile(main, []byte(config), 0o600); err != nil {
		return nil, err
	}
	for name, text := range dropIns {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	return Start(program, []string{"--config", main, "--config-directory", folder}, env)
}

// NoMaxAge is a setting with which the built-in data prove compliance on any day.
const NoMaxAge = "  catalog_max_age = \"36500d\"\n"

// Settings is a settings block for servers, with the certificates that the simulator
// exported to the folder site; more is appended.
func Settings(hosts []string, site, more string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "[[inputs.qlik_sense_version]]\n  hosts = [%s]\n", Quote(hosts))
	for _, file := range []struct{ key, name string }{{"tls_ca", "root.pem"}, {"tls_cert", "client.pem"}, {"tls_key", "client_key.pem"}} {
		fmt.Fprintf(&b, "  %s = %q\n", file.key, filepath.Join(site, file.name))
	}
	b.WriteString(more + "\n")
	return b.String()
}

// Quote returns the elements of a TOML list of strings.
func Quote(list []string) string {
	texts := make([]string, len(list))
	for i, text := range list {
		texts[i] = fmt.Sprintf("%q", text)
	}
	return strings.Join(texts, ", ")
}

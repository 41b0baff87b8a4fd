// Command help generates the man page and the shell completions from the program's --help, so
// that they cannot contradict it.
//
//	go run ./packaging/help PROGRAM FOLDER
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

const name = "telegraf-qlik-sense-version"

// commands are the words before --help, and a short description of each.
var commands = []struct{ words, purpose string }{
	{"", "rounds of polls under Telegraf, or a single one"},
	{"check", "the whole fleet at a glance"},
	{"plan", "what to install where, in which order"},
	{"catalog", "release and advisory data"},
	{"catalog show", "print a catalogue"},
	{"catalog check", "check a catalogue file"},
	{"catalog update", "update a catalogue file"},
	{"catalog download", "save the public lists in one file"},
	{"config", "print the settings file or the drop-in"},
	{"version", "print version, commit and Go version"},
}

// command is a command with its help.
type command struct {
	words, purpose, help string
	options              []option
}

// option is an option in a help.
type option struct {
	name    string   // with dashes
	value   string   // name of its value, or ""
	choices []string // possible values, if the help lists them
	text    string   // explanation, on one line
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return errors.New("name the program and a folder for the man page and the completions")
	}
	program, folder := args[0], args[1]
	all := make([]command, 0, len(commands))
	for _, c := range commands {
		output, err := exec.Command(program, append(strings.Fields(c.words), "--help")...).Output()
		if err != nil {
			return fmt.Errorf("%s %s --help: %w", program, c.words, err)
		}
		all = append(all, command{c.words, c.purpose, string(output), options(string(output))})
	}
	explain(all)
	for file, text := range map[string]string{
		"man/" + name + ".1":                 manPage(all),
		"completions/bash/" + name:           bash(all),
		"completions/zsh/_" + name:           zsh(all),
		"completions/fish/" + name + ".fish": fish(all),
	} {
		path := filepath.Join(folder, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // readable by everybody, as in the packages
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil { //nolint:gosec // readable by everybody, as in the packages
			return err
		}
	}
	return nil
}

var (
	// optionLine is the first line of one or several options.
	optionLine = regexp.MustCompile(`^  (--\S.*)$`)
	optionName = regexp.MustCompile(`(--[a-z-]+(?:=[a-z]+)?)(,?)(?: ([A-Z]+|[a-z]+(?:\|[a-z]+)+)\b)?`)
	// list matches the possible values in the explanation of an option.
	list = regexp.MustCompile(`^[a-z]+(?: \(default\))?(?:,(?: or)? [a-z]+(?: \(default\))?)+(?: or [a-z]+)?`)
	word = regexp.MustCompile(`[a-z]+`)
)

// indent is the indentation of an explanation from its second line.
const indent = "                            "

// options returns the options of a help, in order.
func options(help string) []option {
	var all []option
	lines := strings.Split(help, "\n")
	for i, line := range lines {
		if !optionLine.MatchString(line) {
			continue
		}
		names, text, _ := strings.Cut(strings.TrimSpace(line), "  ")
		explanation := []string{text}
		for _, next := range lines[i+1:] {
			if !strings.HasPrefix(next, indent) {
				break
			}
			explanation = append(explanation, next)
		}
		text = strings.Join(strings.Fields(strings.Join(explanation, " ")), " ")
		matches := optionName.FindAllStringSubmatch(names, -1)
		for _, match := range matches {
			o := option{name: match[1], value: match[3], text: strings.TrimRight(text, ":;,.")}
			if match[2] == "," && o.value == "" {
				o.value = matches[len(matches)-1][3] // "--tls-ca, --tls-cert FILE": the same for both
			}
			o.choices = choices(help, o)
			all = append(all, o)
		}
	}
	return append(all, option{name: "--help", text: "explain the options"})
}

// explain copies explanations from check to the commands that refer to it.
func explain(all []command) {
	known := make(map[string]option)
	for _, c := range all {
		for i, o := range c.options {
			if o.text == "" || strings.HasSuffix(o.text, "as in check") {
				c.options[i] = known[o.name]
			} else if c.words == "check" {
				known[o.name] = o
			}
		}
	}
}

// choices returns the values of an option that a help lists as "a, b or c" or "--option a|b".
func choices(help string, o option) (values []string) {
	if match := regexp.MustCompile(o.name + ` ([a-z]+(?:\|[a-z]+)+)`).FindStringSubmatch(help); match != nil {
		return strings.Split(match[1], "|")
	}
	if o.value == "" {
		return nil
	}
	for _, value := range word.FindAllString(list.FindString(o.text), -1) {
		if value != "default" && value != "or" {
			values = append(values, value)
		}
	}
	return values
}

// isFile reports whether the value of an option is a file name.
func (o option) isFile() bool { return o.value == "FILE" || o.value == "BUNDLE" }

// takesFile reports whether a command has a file as its argument.
func (c command) takesFile() bool {
	return regexp.MustCompile(`(?m)^  `+name+` `+c.words+`.* (FILE|BUNDLE)$`).MatchString(c.help) && strings.Contains(c.words, " ")
}

// subcommands returns the subcommands of c.
func (c command) subcommands(all []command) []command {
	var found []command
	for _, other := range all {
		rest, ok := strings.CutPrefix(other.words, c.words)
		if rest = strings.TrimSpace(rest); ok && rest != "" && !strings.Contains(rest, " ") {
			found = append(found, command{words: rest, purpose: other.purpose})
		}
	}
	return found
}

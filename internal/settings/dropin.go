package settings

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/compose-spec/compose-go/template"

	"telegraf-qlik-sense-version/internal/nesting"
)

// program is the name of the program in the command of a drop-in.
const program = "telegraf-qlik-sense-version"

// execdBlock is an [[inputs.execd]] block of a Telegraf configuration: the parts that can hold the
// settings of the program that it starts.
type execdBlock struct {
	Command     []string `toml:"command"`
	Environment []string `toml:"environment"`
}

// ourBlocks returns the blocks of a Telegraf configuration that start this program. Any
// other text, such as settings, is not a drop-in.
func ourBlocks(content string) (ours []execdBlock, isDropIn bool) {
	var config struct {
		Inputs struct {
			Execd []toml.Primitive `toml:"execd"`
		} `toml:"inputs"`
	}
	if _, err := nesting.Check(content); err != nil {
		return nil, false // too deep for the library
	}
	meta, err := toml.Decode(content, &config)
	if err != nil {
		return nil, false
	}
	for _, primitive := range config.Inputs.Execd {
		var block execdBlock
		// Ignore blocks that Telegraf would refuse.
		if meta.PrimitiveDecode(primitive, &block) == nil && block.isOurs() {
			ours = append(ours, block)
		}
	}
	return ours, len(config.Inputs.Execd) > 0
}

func (e *execdBlock) isOurs() bool {
	named := func(word string) bool {
		// Accept Windows paths on Linux as well.
		name := filepath.Base(strings.ReplaceAll(word, `\`, "/"))
		return strings.TrimSuffix(strings.ToLower(name), ".exe") == program
	}
	return slices.ContainsFunc(e.Command, named) ||
		slices.ContainsFunc(e.Environment, func(entry string) bool { return strings.HasPrefix(strings.TrimSpace(entry), Variable+"=") })
}

// dropIn returns the settings that the blocks of a Telegraf configuration give to this
// program: in environment, in the file that command names, or else in Telegraf's own
// environment.
func (s *source) dropIn() (all []source, isDropIn bool, err error) {
	blocks, isDropIn := ourBlocks(s.Content)
	if isDropIn && len(blocks) == 0 {
		return nil, true, fmt.Errorf("%s: no [[inputs.execd]] block of it starts %s: name the drop-in that does", s.Name, program)
	}
	var errs []error
	for i := range blocks {
		one, err := blocks[i].source(s)
		errs = append(errs, err)
		all = append(all, one)
	}
	return all, isDropIn, errors.Join(errs...)
}

func (e *execdBlock) source(in *source) (source, error) {
	command, err := expandAll(e.Command, in.lookup)
	if err != nil {
		return source{}, fmt.Errorf("%s: command: %w", in.Name, err)
	}
	environment, err := expandAll(e.Environment, in.lookup)
	if err != nil {
		return source{}, fmt.Errorf("%s: environment: %w", in.Name, err)
	}
	passed := func(name string) (string, bool) {
		// The last of several entries wins.
		for _, entry := range slices.Backward(environment) {
			if value, found := strings.CutPrefix(entry, name+"="); found {
				return value, true
			}
		}
		return in.lookup(name)
	}
	config, named := configOf(command)
	inside, set := passed(Variable)
	switch {
	case named && set:
		return source{}, fmt.Errorf("%s: settings come from --config %s in command and from the environment variable %s as well: use one of them",
			in.Name, config, Variable)
	case named:
		text, err := readFile(config)
		if err != nil {
			return source{}, fmt.Errorf("%s: command: %w", in.Name, err)
		}
		return source{Text: Text{config, text}, isNamed: true, lookup: passed}, nil
	case !set:
		return source{}, fmt.Errorf("%s: no settings: neither environment nor Telegraf's own environment has %s, and command has no --config: "+
			"where Telegraf's service has the variable from a file, name it with --env-file", in.Name, Variable)
	}
	name, text := e.inPlace(in, inside)
	return source{Text: Text{name, text}, lookup: passed}, nil
}

// inPlace pads settings with empty lines so that errors name the lines of the drop-in. Where
// expansion changed the number of lines, errors name the variable instead.
func (e *execdBlock) inPlace(in *source, inside string) (name, text string) {
	content := strings.ReplaceAll(in.Content, "\r\n", "\n") // as the library reads it
	for _, entry := range slices.Backward(e.Environment) {
		raw, found := strings.CutPrefix(entry, Variable+"=")
		if !found {
			continue
		}
		if at := strings.Index(content, entry); at >= 0 && strings.Count(raw, "\n") == strings.Count(inside, "\n") {
			return in.Name, strings.Repeat("\n", strings.Count(content[:at], "\n")) + inside
		}
		break
	}
	return in.Name + ": " + Variable, inside
}

// configOf returns the file that the option --config of a command names. The last of several
// wins.
func configOf(command []string) (file string, named bool) {
	for i, word := range command {
		option, value, together := strings.Cut(word, "=")
		switch {
		case option != "--config" && option != "-config":
		case together:
			file, named = value, true
		case i+1 < len(command):
			file, named = command[i+1], true
		}
	}
	return file, named
}

func expandAll(values []string, lookup func(string) (string, bool)) ([]string, error) {
	expanded := make([]string, len(values))
	for i, value := range values {
		var err error
		if expanded[i], err = expandAsTelegraf(value, lookup); err != nil {
			return nil, err
		}
	}
	return expanded, nil
}

// expandAsTelegraf replaces variables in a string of Telegraf's configuration as Telegraf does
// (substituteEnvironmentStrict of its package config): string by string, with the syntax of
// the compose specification. Unset variables and invalid syntax stay as they are.
func expandAsTelegraf(value string, lookup func(string) (string, bool)) (string, error) {
	replace := func(match string, lookup template.Mapping, config *template.Config) (string, error) {
		replaced, applied, err := template.DefaultReplacementAppliedFunc(match, lookup, config)
		switch {
		case err == nil && !applied, err != nil && strings.HasPrefix(err.Error(), "Invalid template:"):
			return match, nil
		}
		return replaced, err
	}
	return template.SubstituteWithOptions(value, template.Mapping(lookup), template.WithReplacementFunction(replace), template.WithoutLogging)
}

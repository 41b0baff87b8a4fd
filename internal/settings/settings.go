// Package settings reads the program's settings strictly: anything else is an error with
// file, line, key and what to do.
package settings

import (
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/BurntSushi/toml"

	"telegraf-qlik-sense-version/internal/fleet"
	"telegraf-qlik-sense-version/internal/nesting"
	"telegraf-qlik-sense-version/internal/poll"
)

// Variable is the environment variable that may hold the text of the settings, so that one
// Telegraf drop-in is enough.
const Variable = "QLIK_SENSE_VERSION_CONFIG"

// maxSize bounds a settings file, in bytes. 20,000 servers fit.
const maxSize = 1 << 20

const blockName = "inputs.qlik_sense_version"

// Block receives the settings of one block: a pointer to a struct whose fields have the
// names of the settings in a tag "toml".
type Block interface {
	// Init checks the settings. It joins *poll.SettingErrors.
	Init() error
	// Block is the block of the fleet, after Init.
	Block() *fleet.Block
}

// Load reads the settings from the file or, if that is "", from the environment variable, and
// initialises the blocks. newBlock returns a block with the defaults.
//
// The error joins all problems, one line each.
func Load[B Block](file string, newBlock func() B) ([]B, error) {
	if file == "" {
		blocks, _, err := LoadAll(nil, os.LookupEnv, newBlock)
		return blocks, err
	}
	if err := refuseBoth(file, os.LookupEnv); err != nil {
		return nil, err
	}
	one, err := fileSource(file, os.LookupEnv)
	if err != nil {
		return nil, err
	}
	return parseSources([]source{one}, newBlock)
}

// LoadAll is Load for several files, each with settings or with a Telegraf configuration whose
// [[inputs.execd]] blocks give settings to this program. lookup returns the value of an
// environment variable of Telegraf. LoadAll also returns the texts that it read.
func LoadAll[B Block](files []string, lookup func(string) (string, bool), newBlock func() B) ([]B, []Text, error) {
	fromVariable, set := lookup(Variable)
	switch {
	case len(files) > 0:
	case set:
		one := source{Text: Text{Variable, fromVariable}, lookup: lookup}
		blocks, err := parseSources([]source{one}, newBlock)
		return blocks, []Text{one.Text}, err
	case indentedVariable():
		return nil, nil, fmt.Errorf("no settings: there is a space before the name %s: begin the line with the name", Variable)
	default:
		return nil, nil, fmt.Errorf("no settings: name a file with --config FILE, or put the settings into the environment variable %s", Variable)
	}
	var all []source
	var read []Text
	var errs []error
	for _, file := range files {
		one, err := fileSource(file, lookup)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		read = append(read, one.Text)
		inside, isDropIn, err := one.dropIn()
		for i := range inside {
			if inside[i].isNamed {
				read = append(read, inside[i].Text)
			}
		}
		if !isDropIn {
			inside, err = []source{one}, refuseBoth(file, lookup)
		}
		all, errs = append(all, inside...), append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, nil, err
	}
	blocks, err := parseSources(all, newBlock)
	return blocks, read, err
}

// Text is the content of a file, or of the environment variable.
type Text struct{ Name, Content string }

// source is a text with settings.
type source struct {
	Text
	isNamed bool                        // the file is named in a drop-in
	lookup  func(string) (string, bool) // of environment variables
}

func fileSource(file string, lookup func(string) (string, bool)) (source, error) {
	content, err := readFile(file)
	if err != nil {
		return source{}, fmt.Errorf("reading the settings: %w", err)
	}
	return source{Text: Text{file, content}, lookup: lookup}, nil
}

// refuseBoth refuses a file if the environment variable is set as well.
func refuseBoth(file string, lookup func(string) (string, bool)) error {
	if _, set := lookup(Variable); set {
		return fmt.Errorf("settings come from --config %s and from the environment variable %s as well: use one of them", file, Variable)
	}
	return nil
}

func readFile(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", fmt.Errorf("%w: check the path after --config, and that the account that runs this may read the file", err)
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return "", err
	}
	if len(content) > maxSize {
		return "", fmt.Errorf("%s is larger than %d bytes", file, maxSize)
	}
	return string(content), nil
}

// indentedVariable reports whether the environment has the variable with a space before its name, as
// an indented drop-in sets it.
func indentedVariable() bool {
	return slices.ContainsFunc(os.Environ(), func(entry string) bool {
		return strings.HasPrefix(strings.TrimSpace(entry), Variable+"=")
	})
}

// parseSources reads the sources, whose blocks run in one process.
func parseSources[B Block](sources []source, newBlock func() B) ([]B, error) {
	var blocks []B
	var origins []origin // of the blocks
	errs := make([]error, len(sources))
	for i, one := range sources {
		d, inside, err := parseOne(one, newBlock)
		errs[i] = err
		for i, block := range inside {
			blocks, origins = append(blocks, block), append(origins, origin{d, i})
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	fleets := make([]*fleet.Block, len(blocks))
	for i, block := range blocks {
		fleets[i] = block.Block()
	}
	return blocks, refuseDuplicates(fleet.ShareClaims(fleets), origins)
}

// parseOne reads one source.
func parseOne[B Block](from source, newBlock func() B) (*document, []B, error) {
	content := strings.TrimPrefix(from.Content, "\ufeff") // Windows editors put it there
	d := &document{
		name: from.Name, places: sync.OnceValue(func() places { return locate(content) }),
		settings: fieldsByKey(reflect.ValueOf(newBlock()).Elem()),
	}

	if line, err := nesting.Check(content); err != nil {
		return nil, nil, fmt.Errorf("%s:%d: %w: settings need three levels at most", d.name, line, err)
	}
	var tree map[string]any
	if _, err := toml.Decode(content, &tree); err != nil {
		return nil, nil, d.syntaxError(content, err)
	}
	tables := d.tables(tree)
	if len(d.problems) > 0 {
		return nil, nil, d.err()
	}

	blocks := make([]B, 0, len(tables))
	for i, table := range tables {
		block := newBlock()
		problems := decode(table, reflect.ValueOf(block).Elem(), from.lookup)
		// A setting that Init finds missing may be one of the keys that were refused.
		if len(problems) == 0 {
			problems = poll.SettingErrors(block.Init())
		}
		for _, p := range problems {
			d.refuse(i, p.Key, p.Err)
		}
		blocks = append(blocks, block)
	}
	return d, blocks, d.err()
}

// origin is the document that a block is from, and the index of the block in it.
type origin struct {
	*document

	block int
}

func refuseDuplicates(duplicates []fleet.Duplicate, origins []origin) error {
	for _, duplicate := range duplicates {
		o, first := origins[duplicate.Block], origins[duplicate.First]
		place := fmt.Sprintf("of line %d", first.line(first.block))
		if first.document != o.document {
			place = fmt.Sprintf("of %s:%d", first.name, first.line(first.block))
		}
		o.refuse(o.block, duplicate.Key, fmt.Errorf(
			"%q is in the block %s with the same tags: their points would overwrite each other; remove one, or give the blocks different tags",
			duplicate.Server, place))
	}
	var errs []error
	for _, o := range origins {
		if o.block == 0 { // once for each document
			errs = append(errs, o.err())
		}
	}
	return errors.Join(errs...)
}

// Package settings reads the program's settings strictly: what is not understood
// is refused, with file, line, key and what to do.
package settings

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"github.com/BurntSushi/toml"

	"telegraf-qlik-sense-version/internal/fleet"
	"telegraf-qlik-sense-version/internal/nesting"
	"telegraf-qlik-sense-version/internal/poll"
	"telegraf-qlik-sense-version/internal/text"
)

// Variable is the environment variable that may hold the settings themselves, so
// that one Telegraf drop-in is enough.
const Variable = "QLIK_SENSE_VERSION_CONFIG"

// maxSize bounds a settings file, in bytes: 10,000 servers fit twice. In a larger one
// brackets could be nested until the TOML library runs out of stack.
const maxSize = 1 << 20

const blockName = "inputs.qlik_sense_version"

// Block is what the settings of one block are read into: a pointer to a struct whose
// fields bear the names of the settings in a tag "toml".
type Block interface {
	// Init checks the settings. What it finds wrong is joined, each part a *poll.SettingError.
	Init() error
	// Block is the block of the fleet that the settings describe, known after Init.
	Block() *fleet.Block
}

// Load reads the settings from the file or, where that is "", from the environment
// variable, into blocks that newBlock makes with the defaults, and initialises them.
//
// The error joins everything that was found wrong, one line each.
func Load[B Block](file string, newBlock func() B) ([]B, error) {
	if file == "" {
		blocks, _, err := LoadAll(nil, os.LookupEnv, newBlock)
		return blocks, err
	}
	if err := alone(file, os.LookupEnv); err != nil {
		return nil, err
	}
	one, err := fileSource(file, os.LookupEnv)
	if err != nil {
		return nil, err
	}
	return parseAll([]source{one}, newBlock)
}

// LoadAll is Load for several files, each with settings or with a Telegraf configuration whose
// [[inputs.execd]] blocks give settings to this program. lookup finds the value of an environment
// variable of Telegraf. It also returns what was read.
func LoadAll[B Block](files []string, lookup func(string) (string, bool), newBlock func() B) ([]B, []Text, error) {
	fromVariable, set := lookup(Variable)
	switch {
	case len(files) > 0:
	case set:
		blocks, err := Parse(Variable, fromVariable, lookup, newBlock)
		return blocks, []Text{{Variable, fromVariable}}, err
	case indentedVariable():
		return nil, nil, fmt.Errorf("no settings: there is a blank in front of the name %s: begin the line with the name", Variable)
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
			if inside[i].followed {
				read = append(read, inside[i].Text)
			}
		}
		if !isDropIn {
			inside, err = []source{one}, alone(file, lookup)
		}
		all, errs = append(all, inside...), append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, nil, err
	}
	blocks, err := parseAll(all, newBlock)
	return blocks, read, err
}

// Text is a file that was read, or the environment variable.
type Text struct{ Name, Content string }

// source is a text with settings.
type source struct {
	Text
	followed bool // a drop-in names the file
	// lookup finds the value of an environment variable.
	lookup func(string) (string, bool)
}

func fileSource(file string, lookup func(string) (string, bool)) (source, error) {
	content, err := readFile(file)
	if err != nil {
		return source{}, fmt.Errorf("reading the settings: %w", err)
	}
	return source{Text: Text{file, content}, lookup: lookup}, nil
}

// alone refuses a file beside the environment variable.
func alone(file string, lookup func(string) (string, bool)) error {
	if _, set := lookup(Variable); set {
		return fmt.Errorf("settings come from --config %s and from the environment variable %s as well: use one of them", file, Variable)
	}
	return nil
}

func readFile(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", fmt.Errorf("%w: check the path after --config, and that the account which runs this may read the file", err)
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

// indentedVariable finds the variable of a drop-in whose lines were indented.
func indentedVariable() bool {
	return slices.ContainsFunc(os.Environ(), func(entry string) bool {
		return strings.HasPrefix(strings.TrimSpace(entry), Variable+"=")
	})
}

// Parse reads settings that come from name; lookup finds the value of an
// environment variable.
func Parse[B Block](name, content string, lookup func(string) (string, bool), newBlock func() B) ([]B, error) {
	return parseAll([]source{{Text: Text{name, content}, lookup: lookup}}, newBlock)
}

// parseAll reads all sources, whose blocks belong together.
func parseAll[B Block](sources []source, newBlock func() B) ([]B, error) {
	var blocks []B
	var all documents
	var errs []error
	for _, one := range sources {
		d, inside, err := parseOne(one, newBlock)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		d.first = len(blocks)
		blocks = append(blocks, inside...)
		all = append(all, d)
	}
	if len(errs) == 0 {
		fleets := make([]*fleet.Block, len(blocks))
		for i, block := range blocks {
			fleets[i] = block.Block()
		}
		all.refuseTwins(fleets)
		fleet.Together(fleets)
	}
	for _, d := range all {
		errs = append(errs, d.err())
	}
	return blocks, errors.Join(errs...)
}

// parseOne reads a source by itself.
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
		before := len(d.problems)
		for _, p := range decode(table, reflect.ValueOf(block).Elem(), from.lookup) {
			d.refuse(i, p.Key, p.Err)
		}
		// With a key refused, what Init finds missing may only be misspelt.
		if len(d.problems) == before {
			d.refuseAll(i, block.Init())
		}
		blocks = append(blocks, block)
	}
	return d, blocks, d.err()
}

// documents are those whose blocks belong together.
type documents []*document

// of returns the document of a block, and which of its blocks it is.
func (all documents) of(block int) (d *document, inside int) {
	for _, one := range all {
		if one.first <= block {
			d = one
		}
	}
	return d, block - d.first
}

func (all documents) refuseTwins(blocks []*fleet.Block) {
	for _, twin := range fleet.Twins(blocks) {
		d, block := all.of(twin.Block)
		other, first := all.of(twin.First)
		place := fmt.Sprintf("of line %d", other.line(first))
		if other != d {
			place = fmt.Sprintf("of %s:%d", other.name, other.line(first))
		}
		d.refuse(block, twin.Key, fmt.Errorf(
			"%q is in the block %s with the same tags: their points would overwrite each other; remove one, or give the blocks different tags",
			twin.Server, place))
	}
}

// document is a text with settings and what was found wrong in it.
type document struct {
	name     string
	places   func() places
	settings map[string]reflect.Value // of a block, by key
	first    int                      // of its blocks, among those of all documents
	problems []problem
}

type problem struct {
	line int
	text string
}

// tables finds the blocks and refuses everything beside them.
func (d *document) tables(tree map[string]any) []map[string]any {
	for _, key := range slices.Sorted(maps.Keys(tree)) {
		if key == "inputs" {
			continue
		}
		problem := "only [[" + blockName + "]] blocks belong here; Telegraf's own settings stay in Telegraf's files"
		if _, known := d.settings[key]; known {
			problem = "stands in no block: write [[" + blockName + "]] above the settings of the first block"
			if _, isTable := tree[key].(map[string]any); isTable {
				problem = "stands in no block: write [" + blockName + "." + key + "]"
			}
		}
		d.refuseAt(d.places().line(-1, key), printable(key), errors.New(problem))
	}
	inputs, _ := tree["inputs"].(map[string]any) // anything else holds no block
	for _, key := range slices.Sorted(maps.Keys(inputs)) {
		if "inputs."+key != blockName {
			problem := "only [[" + blockName + "]] blocks belong here"
			if key == "execd" {
				problem += "; this is a drop-in for Telegraf: try it with telegraf --config FILE --test --test-wait 15, or look at its servers with check --config FILE"
			}
			d.refuseAt(d.places().line(-1, "inputs", key), "inputs."+printable(key), errors.New(problem))
		}
	}

	line := d.places().line(-1, strings.Split(blockName, ".")...)
	switch blocks := inputs["qlik_sense_version"].(type) {
	case []map[string]any:
		return blocks
	case map[string]any:
		d.refuseAt(line, blockName, fmt.Errorf("write [[%s]], with two brackets", blockName))
	case nil:
		// With something refused, that is what should have been the block.
		if len(d.problems) == 0 {
			d.refuseAt(1, blockName, fmt.Errorf(`there is no [[%s]] block: "telegraf-qlik-sense-version config" prints one to begin with`, blockName))
		}
	default:
		d.refuseAt(line, blockName, fmt.Errorf("must be a block that begins with [[%s]]", blockName))
	}
	return nil
}

// refuseAll takes apart what Init joined.
func (d *document) refuseAll(block int, err error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			d.refuseAll(block, e)
		}
		return
	}
	if setting, ok := errors.AsType[*poll.SettingError](err); ok {
		d.refuse(block, setting.Key, setting.Err)
	} else if err != nil {
		d.refuseAt(d.line(block), blockName, err)
	}
}

// line finds a key of a block; without a key, the block's header.
func (d *document) line(block int, key ...string) int {
	return d.places().line(block, append(strings.Split(blockName, "."), key...)...)
}

func (d *document) refuse(block int, key string, err error) {
	d.refuseAt(d.line(block, key), blockName+"."+printable(key), err)
}

func (d *document) refuseAt(line int, key string, err error) {
	d.problems = append(d.problems, problem{line, text.OneLine(fmt.Sprintf("%s:%d: %s: %v", d.name, line, key, err))})
}

// printable gives a key as it stands in the text, in quotes where it needs them.
func printable(key string) string {
	if key == "" || strings.ContainsFunc(key, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }) {
		return strconv.Quote(key)
	}
	return key
}

// err joins the problems in the order in which they stand in the text.
func (d *document) err() error {
	slices.SortStableFunc(d.problems, func(a, b problem) int { return a.line - b.line })
	errs := make([]error, 0, len(d.problems))
	for _, p := range d.problems {
		errs = append(errs, errors.New(p.text))
	}
	return errors.Join(errs...)
}

package settings

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"telegraf-qlik-sense-version/internal/text"
)

// document is a text with settings, and the problems in it.
type document struct {
	name     string
	places   func() places
	settings map[string]reflect.Value // of a block, by key
	problems []problem
}

type problem struct {
	line int
	text string
}

// tables returns the blocks and refuses everything else.
func (d *document) tables(tree map[string]any) []map[string]any {
	for _, key := range slices.Sorted(maps.Keys(tree)) {
		if key == "inputs" {
			continue
		}
		problem := "only [[" + blockName + "]] blocks belong here; Telegraf's own settings stay in Telegraf's files"
		if _, known := d.settings[key]; known {
			problem = "is outside every block: write [[" + blockName + "]] above the settings of the first block"
			if _, isTable := tree[key].(map[string]any); isTable {
				problem = "is outside every block: write [" + blockName + "." + key + "]"
			}
		}
		d.refuseAt(d.places().line(-1, key), printable(key), errors.New(problem))
	}
	inputs, _ := tree["inputs"].(map[string]any) // any other type holds no block
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
		// A table that was refused above is likely meant to be the block.
		if len(d.problems) == 0 {
			d.refuseAt(1, blockName, fmt.Errorf(`there is no [[%s]] block: "telegraf-qlik-sense-version config" prints one to begin with`, blockName))
		}
	default:
		d.refuseAt(line, blockName, fmt.Errorf("must be a block that begins with [[%s]]", blockName))
	}
	return nil
}

// line returns the line of a key of a block or, without a key, of the block's header.
func (d *document) line(block int, key ...string) int {
	return d.places().line(block, append(strings.Split(blockName, "."), key...)...)
}

func (d *document) refuse(block int, key string, err error) {
	d.refuseAt(d.line(block, key), blockName+"."+printable(key), err)
}

func (d *document) refuseAt(line int, key string, err error) {
	d.problems = append(d.problems, problem{line, text.OneLine(fmt.Sprintf("%s:%d: %s: %v", d.name, line, key, err))})
}

// printable returns a key in quotes if it has blanks or unprintable characters.
func printable(key string) string {
	if key == "" || strings.ContainsFunc(key, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }) {
		return strconv.Quote(key)
	}
	return key
}

// err joins the problems in the order of their lines.
func (d *document) err() error {
	slices.SortStableFunc(d.problems, func(a, b problem) int { return a.line - b.line })
	errs := make([]error, 0, len(d.problems))
	for _, p := range d.problems {
		errs = append(errs, errors.New(p.text))
	}
	return errors.Join(errs...)
}

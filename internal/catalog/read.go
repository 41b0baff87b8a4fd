package catalog

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/BurntSushi/toml"

	"telegraf-qlik-sense-version/internal/nesting"
	"telegraf-qlik-sense-version/internal/text"
)

// MaxSize bounds a catalogue, in bytes; the built-in one takes a twentieth of it.
const MaxSize = 1 << 20

// Load reads and checks the catalogue in a file. The error joins all problems, one line each,
// which begins with the file.
func Load(file string) (*Catalog, error) {
	content, err := read(file)
	if err != nil {
		return nil, err
	}
	c, err := Parse(content)
	if err != nil {
		return nil, within(file, err)
	}
	return c, nil
}

func read(file string) ([]byte, error) {
	// Opening a pipe without a writer would block.
	if info, err := os.Stat(file); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: is not a regular file: name one with a catalogue", file)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err != nil {
		return nil, err
	}
	if len(content) > MaxSize {
		return nil, fmt.Errorf("%s: is larger than %d bytes: is it a catalogue?", file, MaxSize)
	}
	return content, nil
}

// within prefixes each line of an error with the file.
func within(file string, err error) error {
	var errs []error
	for line := range strings.Lines(err.Error()) {
		errs = append(errs, fmt.Errorf("%s: %s", file, strings.TrimSuffix(line, "\n")))
	}
	return errors.Join(errs...)
}

// Parse reads and checks a catalogue. The error joins all problems, one line each.
func Parse(raw []byte) (*Catalog, error) {
	content := strings.TrimPrefix(string(raw), "\ufeff") // Windows editors add it
	if line, err := nesting.Check(content); err != nil {
		return nil, fmt.Errorf("line %d: %w: is it a catalogue?", line, err)
	}

	// Decode twice. The first pass finds syntax errors, for which the library reports the right
	// line. For an error in a value it reports the line where the key last occurs in any table.
	var tree map[string]any
	meta, err := toml.Decode(content, &tree)
	if err != nil {
		var syntax toml.ParseError
		if errors.As(err, &syntax) {
			return nil, fmt.Errorf("line %d: %s%s", syntax.Position.Line, text.OneLine(syntax.Message), cutOffHint(content))
		}
		return nil, err
	}
	if err := checkSchema(tree["schema"]); err != nil {
		return nil, err
	}
	if err := checkEnd(tree, meta.Keys()); err != nil {
		return nil, err
	}
	c, err := decodeChecked(content)
	if err := errors.Join(append(missingKeys(tree), err)...); err != nil {
		return nil, err
	}
	return c, nil
}

func decodeChecked(content string) (*Catalog, error) {
	c, errs := decode(content)
	if c != nil {
		errs = append(errs, c.Check())
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return c, nil
}

// checkSchema comes before all other checks: their rules may not apply to a later format.
func checkSchema(schema any) error {
	switch schema {
	case int64(Schema):
		return nil
	case nil:
		return fmt.Errorf("schema: is missing: is it a catalogue? One begins with schema = %d", Schema)
	}
	if _, number := schema.(int64); !number {
		return fmt.Errorf("schema: must be a number without quotes: schema = %d", Schema)
	}
	return fmt.Errorf("schema: this program reads format %d, the file has %v: update the program, or use a catalogue in its format", Schema, schema)
}

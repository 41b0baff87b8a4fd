package settings

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/BurntSushi/toml"

	"telegraf-qlik-sense-version/internal/text"
)

// syntaxError turns an error of the TOML library into one that says what to do.
func (d *document) syntaxError(content string, err error) error {
	parse, ok := errors.AsType[toml.ParseError](err)
	if !ok {
		return errors.New(text.OneLine(fmt.Sprintf("%s: %v", d.name, err)))
	}
	// The library counts a newline as part of the next line, and may place an error at the
	// end of a short text before its start.
	start := min(max(parse.Position.Start, 0), len(content))
	line := strings.Count(content[:start], "\n") + 1
	key := parse.LastKey
	if match := definedBefore.FindStringSubmatch(parse.Message); match != nil {
		key = match[1]
	}
	if key != "" {
		key = printable(key) + ": "
	}
	return errors.New(text.OneLine(fmt.Sprintf("%s:%d: %s%s", d.name, line, key, explain(parse.Message))))
}

// definedBefore finds the key of a duplicate: the library's LastKey is only the enclosing table.
var definedBefore = regexp.MustCompile(`(?s)^Key '(.*)' (?:has|was) already`)

const quotes = `put a text in quotes, for example "abc"`

// explain replaces messages of the library that quote the text, which may be a password, or
// do not say what to do.
func explain(message string) string {
	lower := strings.ToLower(message)
	for _, known := range []struct{ parts, meaning string }{
		{"utf-16", "the file is not UTF-8 text, but probably UTF-16: save it as UTF-8"},
		{"invalid utf-8", "the file is not UTF-8 text: save it as UTF-8"},
		{"escape|hexadecimal digits", windowsPath},
		{`expected value but found '\n'|eof; expected value`, "the value is missing"},
		{"expected value", "the value is neither a number nor true or false: " + quotes},
		{"invalid ", "the value is neither a number nor a date: " + quotes},
		{"out of range", "the number is too large"},
		{"floats must|cannot use sign|not a binary|not an octal|not a hexadecimal|expected a digit", "the value is not a number: " + quotes},
		{"top-level item", "something follows the value on its line: write one setting per line, and " + quotes},
		{`strings cannot contain newlines|expected '"|expected "'`, "the closing quote of a text is missing"},
		{"array terminator", "a comma or the closing ] of a list is missing before this line's text"},
		{"inline table terminator", "a comma or the closing } of a table is missing before this line's text"},
		{"table name|table array name", "a block begins with [[" + blockName + "]], with two brackets on both sides"},
		{"got ':' instead", `a setting is written as key = value: this is TOML, not YAML`},
		{"key separator", `"=" and a value are missing`},
		{"key '" + blockName + "' ", "every block begins with [[" + blockName + "]], with two brackets"},
		{"already", "is set twice in this block: remove one of them, or begin another block with [[" + blockName + "]]"},
	} {
		for part := range strings.SplitSeq(known.parts, "|") {
			if strings.Contains(lower, part) {
				return known.meaning
			}
		}
	}
	return message
}

const windowsPath = `a backslash inside double quotes starts an escape sequence: write Windows paths in single quotes, 'C:\Qlik\root.pem'`

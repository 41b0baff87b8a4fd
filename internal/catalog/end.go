package catalog

import (
	"errors"
	"fmt"
	"strings"

	"github.com/BurntSushi/toml"
)

// endTable is the value of ends_with and the name of the empty table at the end of a file that
// has this key. A file that was cut off between two entries is still valid TOML: without the
// key nothing would show that advisories are missing.
const endTable = "end"

// checkEnd checks that a file with ends_with ends with the table [end]. keys are all keys of
// the file in order.
func checkEnd(tree map[string]any, keys []toml.Key) error {
	endsWith, hasEndsWith := tree["ends_with"]
	end, hasEnd := tree[endTable]
	switch {
	case !hasEndsWith && !hasEnd:
		return nil // written by hand
	case !hasEndsWith:
		return errors.New(`end: the head of the file does not announce it: write ends_with = "end" below schema, or remove [end]`)
	case endsWith != endTable:
		return errors.New(`ends_with: must be "end": the file closes with the empty table [end]`)
	case !hasEnd:
		return errors.New(`the file was cut off: its head says ends_with = "end", but [end] is missing: copy or update it again`)
	}
	if table, ok := end.(map[string]any); !ok || len(table) > 0 {
		return errors.New("end: must be an empty table: write [end] as the last line, once, and nothing below it")
	}
	if last := keys[len(keys)-1]; last[0] != endTable {
		return fmt.Errorf("end: must close the file, but %s comes after it: move [end] to the last line", last[0])
	}
	return nil
}

// cutOffHint returns the most likely cause of a syntax error, "" if it is not a file that was
// cut off within a line.
func cutOffHint(content string) string {
	if strings.Contains(content, "\nends_with") && !strings.Contains(content, "\n[end]") {
		return ": the file was cut off, because [end] is missing: copy or update it again"
	}
	return ""
}

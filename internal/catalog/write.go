package catalog

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"telegraf-qlik-sense-version/internal/atomicfile"
	"telegraf-qlik-sense-version/internal/release"
	"telegraf-qlik-sense-version/internal/text"
)

// Patches are written one per line.
type Patches []Patch

// MarshalTOML returns a list of inline tables.
func (p Patches) MarshalTOML() ([]byte, error) {
	var content strings.Builder
	content.WriteString("[\n")
	for _, patch := range p {
		fmt.Fprintf(&content, "    { patch = %d, build = %q, basis = %q },\n", patch.Patch, patch.Build, patch.Basis)
	}
	content.WriteString("  ]")
	return []byte(content.String()), nil
}

// Notes are written one per line.
type Notes []string

// MarshalTOML returns a list.
func (n Notes) MarshalTOML() ([]byte, error) {
	var content strings.Builder
	content.WriteString("[\n")
	for _, note := range n {
		line, err := toml.Marshal(map[string]string{"n": note})
		if err != nil {
			return nil, err
		}
		content.WriteString("  " + strings.TrimSpace(strings.TrimPrefix(string(line), "n = ")) + ",\n")
	}
	content.WriteString("]")
	return []byte(content.String()), nil
}

// Encode returns the catalogue as a file: the comment, releases by age, advisories by
// identifier, and the table [end].
func (c *Catalog) Encode(comment string) ([]byte, error) {
	sorted := *c
	sorted.EndsWith = endTable
	sorted.Releases, sorted.Advisories = slices.Clone(c.Releases), slices.Clone(c.Advisories)
	sorted.sort()
	for i := range sorted.Advisories {
		if a := &sorted.Advisories[i]; a.Fixed == nil {
			a.Fixed = []release.Release{} // the key is required, but the library omits nil
		}
	}

	var content bytes.Buffer
	for line := range strings.Lines(comment) {
		// A comment may quote characters that TOML does not allow.
		line = text.OneLine(strings.ToValidUTF8(strings.TrimSuffix(line, "\n"), "?"))
		content.WriteString(strings.TrimSuffix("# "+line, " ") + "\n")
	}
	content.WriteString("\n")
	if err := toml.NewEncoder(&content).Encode(sorted); err != nil {
		return nil, fmt.Errorf("writing the catalogue: %w", err)
	}
	fmt.Fprintf(&content, "\n[%s]\n", sorted.EndsWith)
	return content.Bytes(), nil
}

// Digest returns the SHA-256, in hexadecimal digits, of what Encode returns without a comment.
// Catalogues with the same digest judge alike.
func (c *Catalog) Digest() string {
	content, err := c.Encode("")
	if err != nil {
		return "" // cannot happen for a catalogue that was read
	}
	return fmt.Sprintf("%x", sha256.Sum256(content))
}

func firstDay(r release.Release) Day {
	return DayOf(time.Date(r.Year, r.Month, 1, 0, 0, 0, 0, time.UTC))
}

// Save writes the catalogue to a file atomically, with a comment at the top.
func (c *Catalog) Save(file, comment string) error {
	content, err := c.Encode(comment)
	if err != nil {
		return err
	}
	if len(content) > MaxSize {
		return fmt.Errorf("the catalogue is %d bytes long, more than the %d that can be read", len(content), MaxSize)
	}
	if _, err := Parse(content); err != nil {
		return fmt.Errorf("the catalogue would be invalid: %w", err)
	}
	return atomicfile.Write(file, content)
}

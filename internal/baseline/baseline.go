// Package baseline reads an earlier report, a document of check --output json, and compares
// a report with it.
package baseline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"telegraf-qlik-sense-version/internal/boundedfile"
)

// schema is the version of the format that is fully understood.
const schema = 1

// The limits of a baseline: a server takes about 2 KB and two objects.
const (
	maxSize    = 64 << 20
	maxObjects = 1 << 18
)

// Baseline is an earlier report.
type Baseline struct{ document document }

// document has the members that are compared. Elements are pointers, so that a small file cannot
// take much memory.
type document struct {
	Schema   int          `json:"schema"`
	Program  string       `json:"program"`
	AskedAt  *time.Time   `json:"asked_at"`
	Only     []string     `json:"only"`
	Catalogs []*catalogue `json:"catalogs"`
	Blocks   []*block     `json:"blocks"`
}

type catalogue struct {
	Name       string `json:"name"`
	Releases   string `json:"releases_as_of"`
	Advisories string `json:"advisories_as_of"`
	Exploited  string `json:"exploited_as_of"`
}

type block struct {
	Tags           map[string]string `json:"tags"`
	MinimumRelease string            `json:"minimum_release"`
	RequireSupport bool              `json:"require_support"`
	SameVersion    bool              `json:"same_version"`
	CatalogMaxAge  int               `json:"catalog_max_age_days"`
	Catalog        string            `json:"catalog"`
	Servers        []*server         `json:"servers"`
}

// server is a server of the document, or one of the report in the same form.
type server struct {
	Source     string   `json:"source"`
	Host       string   `json:"host"`
	Result     string   `json:"result"`
	Label      string   `json:"release_label"`
	Build      string   `json:"version"`
	Compliance string   `json:"compliance"`
	Year       *int     `json:"release_year"`
	Month      *int     `json:"release_month"`
	Patch      *int     `json:"patch"`
	Advisories []string `json:"advisories"` // nil where the version could not be judged
	Exploited  int      `json:"exploited_advisory_count"`
}

// Read reads a baseline. The error names the file and says what to do.
func Read(ctx context.Context, file string) (*Baseline, error) {
	limiter := boundedfile.Limiter{Limit: 30 * time.Second}
	content, err := boundedfile.Within(ctx, &limiter, func() ([]byte, error) { return boundedfile.Read(file, maxSize) })
	var b *Baseline
	if err == nil {
		b, err = Parse(content)
	}
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		err = path.Err // the file is named already
	}
	if err != nil {
		return nil, fmt.Errorf("--baseline %s: %w: name a document that check --output json wrote", file, err)
	}
	return b, nil
}

// Parse reads a baseline from the content of its file.
func Parse(content []byte) (*Baseline, error) {
	// Windows PowerShell changes what it redirects into a file.
	content = bytes.TrimPrefix(content, []byte("\ufeff"))
	if bytes.HasPrefix(content, []byte{0xFF, 0xFE}) || bytes.HasPrefix(content, []byte{0xFE, 0xFF}) {
		return nil, errors.New("it is UTF-16, as Windows PowerShell redirects output: write it with --output-file")
	}
	if n := bytes.Count(content, []byte("{")); n > maxObjects {
		return nil, fmt.Errorf("it has %d objects, more than the %d that are read", n, maxObjects)
	}
	var b Baseline
	d := &b.document
	if err := json.Unmarshal(content, d); err != nil {
		return nil, fmt.Errorf("it cannot be read: %w", err)
	}
	switch {
	case d.Schema < 1 || d.Blocks == nil:
		return nil, errors.New("it is not a report")
	case d.AskedAt == nil:
		return nil, errors.New("it does not say when servers were asked")
	case slices.Contains(d.Catalogs, nil) || slices.Contains(d.Blocks, nil):
		return nil, errors.New("it has an empty catalogue or block")
	}
	for _, b := range d.Blocks {
		for _, s := range b.Servers {
			if s == nil || s.Source == "" {
				return nil, errors.New("it has a server without a name")
			}
		}
	}
	return &b, nil
}

package report

import (
	"encoding/json"
	"io"
	"slices"
)

// WriteJSON writes the report as a document that deploy/check-json.md describes.
func (r *Report) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r.withoutNull())
}

// withoutNull is the report with an empty list for each that is nil: a program that
// reads the document can then go through all of them.
func (r *Report) withoutNull() *Report {
	c := *r
	c.Summary.Versions = list(r.Summary.Versions)
	c.Catalogs = list(r.Catalogs)
	c.Blocks = list(slices.Clone(r.Blocks))
	for i := range c.Blocks {
		b := &c.Blocks[i]
		if b.Tags == nil {
			b.Tags = map[string]string{}
		}
		b.Servers = list(slices.Clone(b.Servers))
		for j := range b.Servers {
			b.Servers[j].Failure = b.Servers[j].Failure.withoutNull()
		}
	}
	c.Advisories = list(slices.Clone(r.Advisories))
	for i := range c.Advisories {
		a := &c.Advisories[i]
		a.Fixed, a.References, a.Affected = list(a.Fixed), list(a.References), list(a.Affected)
	}
	return &c
}

func (f *Failure) withoutNull() *Failure {
	if f == nil {
		return nil
	}
	c := *f
	c.ServerCertificate, c.ClientCertificate = f.ServerCertificate.withoutNull(), f.ClientCertificate.withoutNull()
	return &c
}

func (c *Certificate) withoutNull() *Certificate {
	if c == nil {
		return nil
	}
	filled := *c
	filled.Names = list(c.Names)
	return &filled
}

func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

package feed

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"telegraf-qlik-sense-version/internal/atomicfile"
	"telegraf-qlik-sense-version/internal/boundedfile"
	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/text"
)

// A bundle carries the replies of the sources to a machine without internet. It is a tar.gz whose
// first file, the manifest, lists the others: the raw pages, releases-1.json and so on.

const (
	manifestName = "manifest.json"
	bundleFormat = "telegraf-qlik-sense-version lists 1"
	maxBundle    = 64 << 20 // bytes, packed and unpacked
	maxManifest  = 64 << 10
)

type manifest struct {
	Format  string           `json:"format"`
	Sources []manifestSource `json:"sources"`
}

type manifestSource struct {
	Part    string `json:"part"`
	Address string `json:"address"`
	Read    string `json:"read"` // the day
	// Mirror is set if the pages are from a mirror, whose copy may be of any age.
	Mirror bool `json:"mirror"`
	Pages  int  `json:"pages"`
}

func pageName(part string, i int) string { return fmt.Sprintf("%s-%d.json", part, i+1) }

// Download saves the answers of the sources in a bundle.
type Download struct {
	Sources

	Bundle string
	Today  catalog.Day
}

// Run reads the sources and writes the bundle. It returns a line for each source in it, and the
// errors of those that failed; the bundle is written unless all failed.
func (d *Download) Run(ctx context.Context) (string, error) {
	chosen, err := d.chosen()
	if err == nil {
		err = checkBundle(d.Bundle)
	}
	if err != nil {
		return "", fmt.Errorf("%s was not written: %w", d.Bundle, err)
	}
	outcomes := d.fetch(ctx, chosen, d.Today)
	if errors.Is(ctx.Err(), context.Canceled) {
		return "", fmt.Errorf("%s was not written: interrupted", d.Bundle)
	}
	failed, good := partition(outcomes)
	errs := make([]error, 0, len(failed)+1)
	for _, o := range failed {
		errs = append(errs, withPrefix(fmt.Sprintf("%s has no %s: ", d.Bundle, o.part), o.err))
	}
	if len(good) == 0 {
		return "", errors.Join(append(errs, fmt.Errorf("%s was not written", d.Bundle))...)
	}
	content, err := packBundle(good, d.Today)
	if err == nil {
		err = atomicfile.Write(d.Bundle, content)
	}
	if err != nil {
		return "", fmt.Errorf("%s was not written: %w", d.Bundle, err)
	}
	var report strings.Builder
	for _, o := range good {
		fmt.Fprintf(&report, "%s: %s as of %s from %s\n", d.Bundle, o.part, o.answer.asOf(o.source), o.answer.address)
	}
	return report.String(), errors.Join(errs...)
}

// checkBundle returns an error if the bundle cannot be written, to fail before any request. It
// refuses to replace a file that is not a bundle, such as a catalogue named by mistake.
func checkBundle(file string) error {
	if err := atomicfile.Check(file); err != nil {
		return err
	}
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	defer f.Close()
	start := make([]byte, 2)
	if n, err := io.ReadFull(f, start); n > 0 && (err != nil || start[0] != 0x1F || start[1] != 0x8B) {
		return errors.New("it exists and is not a bundle: name another file")
	}
	return nil
}

func packBundle(outcomes []outcome, today catalog.Day) ([]byte, error) {
	m := manifest{Format: bundleFormat}
	for _, o := range outcomes {
		m.Sources = append(m.Sources, manifestSource{
			Part: o.part, Address: o.answer.address, Read: today.String(), Mirror: o.answer.read.IsZero(), Pages: len(o.answer.pages),
		})
	}
	head, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, err
	}
	var packed bytes.Buffer
	compressed := gzip.NewWriter(&packed)
	archive := tar.NewWriter(compressed)
	size := 0
	add := func(name string, content []byte) {
		size += len(content)
		err = errors.Join(err, archive.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content)), Typeflag: tar.TypeReg}))
		_, writeErr := archive.Write(content)
		err = errors.Join(err, writeErr)
	}
	add(manifestName, head)
	for _, o := range outcomes {
		for i, page := range o.answer.pages {
			add(pageName(o.part, i), page)
		}
	}
	if size > maxBundle {
		return nil, fmt.Errorf("the replies take %d MiB, but a bundle holds at most %d", size>>20, maxBundle>>20)
	}
	err = errors.Join(err, archive.Close(), compressed.Close())
	return packed.Bytes(), err
}

// readBundle reads the replies of the chosen sources from a bundle. It may come from anywhere:
// all of it is bounded, and nothing is written to disk.
func readBundle(file string, chosen []*source, today catalog.Day) ([]outcome, error) {
	packed, err := boundedfile.Read(file, maxBundle)
	if err != nil {
		return nil, fmt.Errorf("%w: check the path and its permissions", err)
	}
	m, pages, err := unpackBundle(packed)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	var outcomes []outcome
	for _, s := range chosen {
		o := outcome{source: s}
		i := slices.IndexFunc(m.Sources, func(one manifestSource) bool { return one.Part == s.part })
		if i < 0 {
			o.err = fmt.Errorf("%s has no reply of %s: download it again, or leave it out with --no-%s", file, s.name, s.part)
		} else if o.answer, o.err = m.Sources[i].answer(s, pages[s.part]); o.err != nil {
			o.err = fmt.Errorf("%s, %s: %w", file, s.part, o.err)
		}
		o.check(today)
		outcomes = append(outcomes, o)
	}
	return outcomes, nil
}

func (m *manifestSource) answer(s *source, pages [][]byte) (*answer, error) {
	read, err := catalog.ParseDay(m.Read)
	if err != nil {
		return nil, fmt.Errorf("was read on %s, which is not a day", text.Quote(m.Read))
	}
	a := &answer{address: text.Excerpt(redact(m.Address), 300), pages: pages}
	if !m.Mirror {
		a.read = read
	}
	a.list, err = s.parse(pages)
	return a, err
}

var errNoBundle = errors.New(`is not a bundle of "catalog download"`)

// unpackBundle returns the manifest and the pages of each part. The archive must contain exactly
// the files in the manifest, in that order.
func unpackBundle(packed []byte) (*manifest, map[string][][]byte, error) {
	compressed, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, nil, errNoBundle
	}
	limited := &io.LimitedReader{R: compressed, N: 2 * maxBundle} // with headers and padding
	archive := tar.NewReader(limited)
	room := maxBundle
	next := func(name string, limit int) ([]byte, error) {
		header, err := archive.Next()
		switch {
		case err != nil:
			return nil, bundleError(err)
		case header.Name != name || header.Typeflag != tar.TypeReg:
			return nil, fmt.Errorf("has %s where %s is expected: %w", text.Quote(header.Name), name, errNoBundle)
		}
		limit = min(limit, room)
		content, err := io.ReadAll(io.LimitReader(archive, int64(limit)+1))
		switch {
		case err != nil:
			return nil, bundleError(err)
		case len(content) > limit:
			return nil, fmt.Errorf("%s is larger than %d bytes", name, limit)
		}
		room -= len(content)
		return content, nil
	}

	head, err := next(manifestName, maxManifest)
	if err != nil {
		return nil, nil, err
	}
	m := &manifest{}
	if err := json.Unmarshal(head, m); err != nil || m.Format != bundleFormat {
		return nil, nil, fmt.Errorf("its manifest has format %s, and this program reads %q", text.Quote(m.Format), bundleFormat)
	}
	pages := make(map[string][][]byte)
	for _, one := range m.Sources {
		i := slices.IndexFunc(sources, func(s *source) bool { return s.part == one.Part })
		if i < 0 || pages[one.Part] != nil || one.Pages < 1 || one.Pages > maxPages {
			return nil, nil, fmt.Errorf("its manifest has %d pages of %s: %w", one.Pages, text.Quote(one.Part), errNoBundle)
		}
		for n := range one.Pages {
			page, err := next(pageName(one.Part, n), sources[i].maxPage)
			if err != nil {
				return nil, nil, err
			}
			pages[one.Part] = append(pages[one.Part], page)
		}
	}
	if _, err := archive.Next(); !errors.Is(err, io.EOF) {
		return nil, nil, fmt.Errorf("has more files than its manifest names: %w", errNoBundle)
	}
	// Read to the end to verify the checksum.
	if _, err := io.Copy(io.Discard, limited); err != nil {
		return nil, nil, bundleError(err)
	}
	if limited.N == 0 {
		return nil, nil, fmt.Errorf("unpacks to more than %d MiB: %w", 2*maxBundle>>20, errNoBundle)
	}
	return m, pages, nil
}

func bundleError(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("was cut off: copy it again")
	}
	return fmt.Errorf("cannot be read: %s: copy it again", text.Excerpt(err.Error(), 300))
}

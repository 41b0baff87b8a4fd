// Command notice prints the licences of everything that is linked into the program on the given
// platforms: they have to accompany a binary.
//
//	go run ./packaging/notice linux/amd64 windows/amd64 >NOTICE
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
)

const program = "./cmd/telegraf-qlik-sense-version"

const head = `telegraf-qlik-sense-version

The licence of the program itself is in the file LICENSE. The program contains the work of others,
which is listed here with its licences.

The release and advisory data use the NVD API. This product uses data from the NVD API but is
not endorsed or certified by the NVD.
`

// source is a module, or the standard library, with the files of its licence.
type source struct {
	name  string
	dir   string // of the module
	files []string
}

func main() {
	sources, err := linkedSources(os.Args[1:])
	if err == nil {
		err = write(os.Stdout, sources)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// linkedSources returns the sources of the program on any of the platforms, sorted by name.
func linkedSources(platforms []string) ([]source, error) {
	if len(platforms) == 0 {
		return nil, errors.New("name the platforms, such as linux/amd64")
	}
	found := map[string]*source{}
	for _, platform := range platforms {
		packages, err := packagesOf(platform)
		if err != nil {
			return nil, err
		}
		for _, p := range packages {
			if !p.Standard && p.Module.Main {
				continue
			}
			name, dir := "the Go standard library, "+runtime.Version(), p.Root
			if !p.Standard {
				name, dir = p.Module.Path+" "+p.Module.Version, p.Module.Dir
			}
			s := found[name]
			if s == nil {
				s = &source{name: name, dir: dir}
				found[name] = s
			}
			if err := s.collect(p.Dir); err != nil {
				return nil, err
			}
		}
	}
	sources := make([]source, 0, len(found))
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if len(found[name].files) == 0 {
			return nil, fmt.Errorf("%s: there is no file with a licence in %s: find out its licence before it is shipped", name, found[name].dir)
		}
		sources = append(sources, *found[name])
	}
	return sources, nil
}

type goPackage struct {
	Dir, Root string
	Standard  bool
	Module    *struct {
		Path, Version, Dir string
		Main               bool
	}
}

func packagesOf(platform string) ([]goPackage, error) {
	goos, goarch, ok := strings.Cut(platform, "/")
	if !ok {
		return nil, fmt.Errorf("%q is not a platform such as linux/amd64", platform)
	}
	cmd := exec.Command("go", "list", "-deps", "-json=Dir,Root,Standard,Module", program)
	cmd.Env = append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	output, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list for %s: %w", platform, err)
	}
	var packages []goPackage
	for decoder := json.NewDecoder(bytes.NewReader(output)); ; {
		var p goPackage
		switch err := decoder.Decode(&p); {
		case errors.Is(err, io.EOF):
			return packages, nil
		case err != nil:
			return nil, err
		}
		packages = append(packages, p)
	}
}

var terms = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents)([.-].*)?$`)

// collect adds the licences in a package's folder and in those above it, up to the module's: part
// of a module may have another licence.
func (s *source) collect(dir string) error {
	for ; strings.HasPrefix(dir, s.dir); dir = filepath.Dir(dir) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return err
		}
		for _, entry := range entries {
			file := filepath.Join(dir, entry.Name())
			if entry.Type().IsRegular() && terms.MatchString(entry.Name()) && filepath.Ext(file) != ".go" && !slices.Contains(s.files, file) {
				s.files = append(s.files, file)
			}
		}
	}
	return nil
}

func write(w io.Writer, sources []source) error {
	var b strings.Builder
	b.WriteString(head)
	for _, s := range sources {
		fmt.Fprintf(&b, "\n%s\n%s\n", strings.Repeat("=", 80), s.name)
		slices.Sort(s.files)
		for _, file := range s.files {
			text, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			relative, err := filepath.Rel(s.dir, file)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, "\n%s\n\n%s\n", filepath.ToSlash(relative), strings.TrimSpace(strings.ReplaceAll(string(text), "\r\n", "\n")))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

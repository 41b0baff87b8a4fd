package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"

	"github.com/BurntSushi/toml"

	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/internal/systeminfo"
)

// entry is one [[server]] of a fleet file, or the options for all servers.
type entry struct {
	Addr    string
	Name    string
	Release string
	Version string
	Sample  string
	Fault   string
	// Repository makes the server list the [[node]]s of the file as well.
	Repository bool
}

// plan returns the servers that the options and the fleet file describe.
func plan(o *options) ([]simulator.Server, error) {
	if o.all.Sample != "" && (o.given["release"] || o.given["version"]) {
		return nil, errors.New("--sample excludes --release and --version")
	}
	var entries []entry
	var nodes []byte
	if o.fleet != "" {
		if o.given["servers"] {
			return nil, errors.New("--fleet excludes --servers")
		}
		var err error
		if entries, nodes, err = readFleet(o.fleet); err != nil {
			return nil, err
		}
	} else {
		if o.servers < 1 {
			return nil, fmt.Errorf("--servers is %d, must be 1 or more", o.servers)
		}
		for _, addr := range simulator.Addresses(o.servers) {
			entries = append(entries, entry{Addr: addr})
		}
	}
	servers := make([]simulator.Server, 0, len(entries))
	for _, e := range entries {
		s, err := e.server(o.all)
		if err != nil {
			return nil, fmt.Errorf("server %s: %w", e.Addr, err)
		}
		if e.Repository {
			s.Repository = &simulator.Repository{List: nodes}
		}
		servers = append(servers, s)
	}
	return servers, nil
}

// server returns the server that e describes. It takes what e leaves out from all.
func (e entry) server(all entry) (simulator.Server, error) {
	if e.Sample != "" && (e.Release != "" || e.Version != "") {
		return simulator.Server{}, errors.New("sample excludes release and version")
	}
	if (e.Release == "") != (e.Version == "") {
		return simulator.Server{}, errors.New("release and version belong together")
	}
	fault, err := simulator.ParseFault(cmp.Or(e.Fault, all.Fault))
	if err != nil {
		return simulator.Server{}, err
	}
	source := e
	if e.Sample == "" && e.Release == "" {
		source = all
	}
	reply := simulator.Reply(source.Release, source.Version)
	if source.Sample != "" {
		if reply, err = simulator.Sample(source.Sample); err != nil {
			return simulator.Server{}, err
		}
	}
	return simulator.Server{Addr: e.Addr, Name: e.Name, Reply: reply, Fault: fault}, nil
}

// readFleet returns the servers of a file, and the reply of its Repository Services.
func readFleet(file string) (servers []entry, nodes []byte, err error) {
	var content struct {
		Server []entry
		Node   []simulator.SiteNode
	}
	meta, err := toml.DecodeFile(file, &content)
	if err != nil {
		return nil, nil, fmt.Errorf("reading %s: %w", file, err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return nil, nil, fmt.Errorf("reading %s: unknown key %q", file, unknown[0])
	}
	if len(content.Server) == 0 {
		return nil, nil, fmt.Errorf("reading %s: no [[server]]", file)
	}
	for i, e := range content.Server {
		if e.Addr == "" {
			return nil, nil, fmt.Errorf("reading %s: [[server]] %d has no addr", file, i+1)
		}
	}
	return content.Server, simulator.NodeList(content.Node...), nil
}

// renew reads the fleet file again and updates the running servers. It sets only those that changed,
// because that closes connections.
func renew(o *options, out io.Writer, fleet *simulator.Fleet, servers []simulator.Server) error {
	next, err := plan(o)
	if err != nil {
		return err
	}
	if len(next) != len(servers) {
		return fmt.Errorf("%d servers run, the file has %d: start again", len(servers), len(next))
	}
	for i, s := range next {
		if s.Addr != servers[i].Addr {
			return fmt.Errorf("server %d runs at %s, not at %s: start again", i+1, servers[i].Addr, s.Addr)
		}
	}
	for i, s := range next {
		if reflect.DeepEqual(s, servers[i]) {
			continue
		}
		if err := fleet.Set(i, s); err != nil {
			return err
		}
		servers[i] = s
		_, _ = fmt.Fprintln(out, fleet.Addr(i), describe(s))
	}
	return nil
}

// openSite opens the site in dir, or creates one. It does not create one next to other
// certificates, which may be the export of a real site.
func openSite(dir string) (*simulator.Site, error) {
	site, err := simulator.OpenSite(dir)
	if err == nil {
		return site, nil
	}
	for _, pattern := range []string{"*.pem", "*.key"} {
		if found, _ := filepath.Glob(filepath.Join(dir, pattern)); len(found) > 0 {
			return nil, fmt.Errorf("%s holds keys or certificates, but no site of this program: %w", dir, err)
		}
	}
	if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if site, err = simulator.NewSite(); err != nil {
		return nil, err
	}
	if err = site.Export(dir); err != nil {
		return nil, err
	}
	return site, nil
}

// list prints a line for each server; if there are many, for the first and the last.
func list(out io.Writer, fleet *simulator.Fleet, servers []simulator.Server) {
	const many = 20
	for i, s := range servers {
		if len(servers) <= many || i == 0 || i == len(servers)-1 {
			_, _ = fmt.Fprintln(out, fleet.Addr(i), describe(s))
		}
	}
	if len(servers) > many {
		_, _ = fmt.Fprintln(out, len(servers), "servers")
	}
}

// describe returns the label and the version in the reply, and the fault, if any.
func describe(s simulator.Server) string {
	text := " "
	if info, err := systeminfo.Decode(s.Reply); err == nil {
		text = info.ReleaseLabel + " " + info.Version
	}
	if s.Repository != nil {
		text += " repository"
	}
	if s.Fault != "" {
		text += " fault " + string(s.Fault)
	}
	return text
}

package fleet

import (
	"errors"
	"fmt"

	"telegraf-qlik-sense-version/internal/discovery"
	"telegraf-qlik-sense-version/internal/poll"
)

func (b *Block) parseHosts() error {
	if len(b.Hosts) == 0 && len(b.Discover) == 0 {
		return &poll.SettingError{Key: "hosts", Err: errors.New(
			`name at least one server, for example hosts = ["qlik1.example.com"], or a node of a site in discover`)}
	}
	var err error
	b.servers, err = poll.ParseHosts(b.Hosts)
	b.configured = make(map[string]bool, len(b.servers))
	for _, server := range b.servers {
		b.configured[server.Key()] = true
	}
	return err
}

func (b *Block) parseDiscover() error {
	if len(b.Discover) == 0 && b.DiscoverUser == "" {
		return nil
	}
	finder, err := discovery.New(b.Discover, b.DiscoverUser, b.Poll.Headers)
	if len(finder.Servers()) > 0 {
		b.nodes = &nodes{finder: finder, vanished: make(map[string]bool)}
	}
	return err
}

// Twin is a server in two blocks with the same tags: their points would overwrite each other.
type Twin struct {
	Key          string // the setting that names it, hosts or discover
	Server       *poll.Server
	Block, First int // indices of the blocks
}

// Twins returns the servers, and the sites, that are in several blocks with the same tags. The
// first node of discover identifies a site.
func Twins(blocks []*Block) []Twin {
	var twins []Twin
	seen := make(map[string]int)
	for i, b := range blocks {
		tags := fmt.Sprintf("%q", b.Tags) // sorted by key
		add := func(setting string, server *poll.Server) {
			series := setting + " " + server.Key() + " " + tags
			if first, found := seen[series]; found {
				twins = append(twins, Twin{Key: setting, Server: server, Block: i, First: first})
				return
			}
			seen[series] = i
		}
		for _, server := range b.servers {
			add("hosts", server)
		}
		if b.nodes != nil {
			add("discover", b.asked()[0])
		}
	}
	return twins
}

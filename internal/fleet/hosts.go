package fleet

import (
	"errors"

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

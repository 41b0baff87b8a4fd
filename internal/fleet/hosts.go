package fleet

import (
	"errors"
	"fmt"

	"telegraf-qlik-sense-version/internal/poll"
)

func (b *Block) parseHosts() error {
	if len(b.Hosts) == 0 {
		return &poll.SettingError{Key: "hosts", Err: errors.New(`name at least one server, for example hosts = ["qlik1.example.com"]`)}
	}
	var errs []error
	b.servers = make([]*poll.Server, 0, len(b.Hosts))
	seen := make(map[string]*poll.Server, len(b.Hosts))
	for _, host := range b.Hosts {
		server, err := poll.ParseServer(host)
		if err != nil {
			errs = append(errs, &poll.SettingError{Key: "hosts", Err: err})
			continue
		}
		if other, found := seen[server.Key()]; found {
			errs = append(errs, &poll.SettingError{Key: "hosts", Err: fmt.Errorf(
				"%q and %q are the same server: their points would overwrite each other; remove one, or move it to a block with other tags",
				other, server)})
			continue
		}
		seen[server.Key()] = server
		b.servers = append(b.servers, server)
	}
	return errors.Join(errs...)
}

// Twin is a server that two blocks with the same tags ask: their points would overwrite
// each other.
type Twin struct {
	Server       *poll.Server
	Block, First int // indices of the blocks
}

// Twins finds the servers that stand in several blocks with the same tags.
func Twins(blocks []*Block) []Twin {
	var twins []Twin
	seen := make(map[string]int)
	for i, b := range blocks {
		tags := fmt.Sprintf("%q", b.Tags) // sorted by key
		for _, server := range b.servers {
			series := server.Key() + " " + tags
			if first, found := seen[series]; found {
				twins = append(twins, Twin{Server: server, Block: i, First: first})
				continue
			}
			seen[series] = i
		}
	}
	return twins
}

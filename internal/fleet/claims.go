package fleet

import (
	"fmt"
	"slices"
	"sync"

	"telegraf-qlik-sense-version/internal/poll"
)

// claims record which of the blocks with the same tags polls a server: the points of two of
// them would overwrite each other.
type claims struct {
	mu    sync.Mutex
	owner map[string]*Block // by the key of the server
	site  map[string]*Block // by the key of the first node of discover
}

// take claims a server that b has found, and reports whether b polls it.
func (c *claims) take(key string, b *Block) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.owner[key] == nil {
		c.owner[key] = b
	}
	return c.owner[key] == b
}

// release gives up a server that is no longer found.
func (c *claims) release(key string, b *Block) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.owner[key] == b && !b.configured[key] {
		delete(c.owner, key)
	}
}

// Duplicate is a server in two blocks with the same tags: their points would overwrite each other.
type Duplicate struct {
	Key          string // the setting that names it, hosts or discover
	Server       *poll.Server
	Block, First int // indices of the blocks
}

// ShareClaims lets the blocks of a process share claims, before their first round: a server that
// one of them polls is not polled by another one with the same tags that discovers it. It
// returns the servers of hosts, and the sites, that are in several blocks with the same tags.
// The first node of discover identifies a site.
func ShareClaims(blocks []*Block) []Duplicate {
	var duplicates []Duplicate
	byTags := make(map[string]*claims)
	for i, b := range blocks {
		tags := fmt.Sprintf("%q", b.Tags) // sorted by key
		if byTags[tags] == nil {
			byTags[tags] = &claims{owner: make(map[string]*Block), site: make(map[string]*Block)}
		}
		b.claims = byTags[tags]
		add := func(setting string, owner map[string]*Block, server *poll.Server) {
			if first := owner[server.Key()]; first != nil {
				duplicates = append(duplicates, Duplicate{Key: setting, Server: server, Block: i, First: slices.Index(blocks, first)})
				return
			}
			owner[server.Key()] = b
		}
		for _, server := range b.servers {
			add("hosts", b.claims.owner, server)
		}
		if b.nodes != nil {
			add("discover", b.claims.site, b.discoverServers()[0])
		}
	}
	return duplicates
}

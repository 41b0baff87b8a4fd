package fleet

import (
	"fmt"
	"sync"
)

// claims record which of the blocks with the same tags polls a server: the points of two of
// them would overwrite each other.
type claims struct {
	mu    sync.Mutex
	owner map[string]*Block // by the key of the server
}

// newClaims claims the servers in the settings of a block.
func newClaims(b *Block) *claims {
	c := &claims{owner: make(map[string]*Block, len(b.servers))}
	c.add(b)
	return c
}

func (c *claims) add(b *Block) {
	for _, server := range b.servers {
		c.owner[server.Key()] = b
	}
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

// Together lets the blocks of a process share claims, before their first round: a server that
// one of them polls is not polled by another one with the same tags that discovers it.
func Together(blocks []*Block) {
	byTags := make(map[string]*claims)
	for _, b := range blocks {
		tags := fmt.Sprintf("%q", b.Tags) // sorted by key
		if byTags[tags] == nil {
			byTags[tags] = b.claims
			continue
		}
		b.claims = byTags[tags]
		b.claims.add(b)
	}
}

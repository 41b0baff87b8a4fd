package fleet

import (
	"fmt"
	"sync"
)

// claims say which of the blocks with the same tags polls a server: the points of two of them
// would overwrite each other.
type claims struct {
	mu    sync.Mutex
	owner map[string]*Block // by the key of the server
}

// newClaims returns those of a block for the servers in its settings.
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

// take reports whether b polls a server that it found.
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

// Together lets blocks that run side by side know of each other, before their first round:
// what one of them polls, the others with the same tags do not poll as well when they find it.
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

package catalog

// supersession checks superseded_by of an advisory.
func (k *checker) supersession(a *Advisory, errorf func(string, ...any)) {
	circular := false
	for _, id := range a.SupersededBy {
		switch other := k.advisories[id]; {
		case other == nil:
			errorf("superseded_by %.60q, which is not listed", id)
		case a.Decides() && other.Undecided():
			errorf("superseded_by %q, which is undecided: decide it first, or remove it here", id)
		case k.components[id] == k.components[a.ID] && !circular:
			circular = true // one line per advisory: there may be very many such pairs
			errorf("superseded_by %q, which this one supersedes in turn", id)
		}
	}
}

// findCycles numbers the advisories so that two have the same number if each supersedes the
// other, directly or through others.
func (k *checker) findCycles() {
	c := newComponents(func(id string) []string {
		if a := k.advisories[id]; a != nil {
			return a.SupersededBy
		}
		return nil
	})
	for i := range k.catalog.Advisories {
		c.find(k.catalog.Advisories[i].ID)
	}
	k.components = c.number
}

// components finds the strongly connected components of a graph by Tarjan's algorithm, which
// follows each edge once.
type components struct {
	next   func(id string) []string
	order  map[string]int // in which nodes were reached, from 1
	number map[string]int // of the component, 0 until it is complete
	open   []string       // nodes whose component is not complete
}

func newComponents(next func(id string) []string) *components {
	return &components{next: next, order: make(map[string]int), number: make(map[string]int)}
}

// find numbers the components of a node and of all nodes reachable from it.
func (c *components) find(id string) {
	if c.order[id] == 0 {
		c.visit(id)
	}
}

// visit returns the order of the earliest open node that is reachable. It recurses once for each
// node of a chain, of which a file of MaxSize can have thousands.
func (c *components) visit(id string) (low int) {
	low = len(c.order) + 1
	c.order[id] = low
	start := len(c.open)
	c.open = append(c.open, id)
	for _, next := range c.next(id) {
		switch {
		case c.number[next] != 0:
		case c.order[next] != 0:
			low = min(low, c.order[next])
		default:
			low = min(low, c.visit(next))
		}
	}
	if low == c.order[id] {
		for _, member := range c.open[start:] {
			c.number[member] = low
		}
		c.open = c.open[:start]
	}
	return low
}

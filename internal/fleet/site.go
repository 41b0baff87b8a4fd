package fleet

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"telegraf-qlik-sense-version/internal/discovery"
	"telegraf-qlik-sense-version/internal/poll"
	"telegraf-qlik-sense-version/internal/text"
)

// Site is the result of a round for the Qlik Sense site of a block.
type Site struct {
	// Attempts are the nodes of the setting discover that were asked, in its order. If Listed,
	// the last one returned the list of nodes.
	Attempts []discovery.Attempt
	Listed   bool
	// Nodes is the number of nodes in the list or, if there is none, in the previous one. They
	// are polled, except those Elsewhere.
	Nodes int
	// Elsewhere is how many of them another block with the same tags polls.
	Elsewhere int
	// Unusable is the number of further entries in the list without a usable host name.
	Unusable int
	// Vanished is the number of nodes that were listed since the start of the process, but are
	// not any more.
	Vanished int
	// FailedSince is the start of the first consecutive round without a list, zero if Listed.
	FailedSince time.Time
}

// Source is the first node of discover, which identifies the site.
func (s *Site) Source() *poll.Server { return s.Attempts[0].Server }

// AnsweredBy is the node that returned the list, or nil.
func (s *Site) AnsweredBy() *poll.Server {
	if !s.Listed {
		return nil
	}
	return s.Attempts[len(s.Attempts)-1].Server
}

// Outcome is that of the node that returned the list or, if none did, of the first.
func (s *Site) Outcome() *poll.Outcome {
	if s.Listed {
		return &s.Attempts[len(s.Attempts)-1].Outcome
	}
	return &s.Attempts[0].Outcome
}

// Complete reports whether all nodes of the site are known and can be asked.
func (s *Site) Complete() bool { return s.Listed && s.Unusable == 0 }

// Problem says why there is no list, and what is polled instead. It is "" if Listed.
func (s *Site) Problem() string {
	if s.Listed {
		return ""
	}
	causes := make([]string, 0, len(s.Attempts))
	for i := range s.Attempts {
		a := &s.Attempts[i]
		causes = append(causes, fmt.Sprintf("%s: %s: %s; %s", a.Server, a.Result, a.Cause, a.Hint))
	}
	fallback := "no list of them is known from before"
	if s.Nodes > 0 {
		fallback = fmt.Sprintf("the %s listed last stay polled", text.Plural(s.Nodes, "node"))
	}
	return fmt.Sprintf("its nodes cannot be listed since %s: %s (%s)", s.FailedSince.UTC().Format(time.RFC3339), strings.Join(causes, ". "), fallback)
}

// nodes is the state of a block with discover between rounds.
type nodes struct {
	finder      *discovery.Finder
	known       []discovery.Node // of the last list
	vanished    map[string]bool  // by key, at most discovery.MaxNodes
	failedSince time.Time
	answered    *poll.Server // that returned the last list
	unusable    int          // of the last list
	elsewhere   string       // the last warning of nodes that another block polls
}

// target is a server that a round asks.
type target struct {
	server *poll.Server
	node   *discovery.Node // nil for a server that is not in the list of nodes
	found  bool            // only discovered, not in the setting hosts
}

// find asks for the nodes of the site. It returns nil if the block has no discover, or if the
// round was cut off.
func (s *roundState) find(ctx context.Context, start time.Time) *Site {
	n := s.block.nodes
	if n == nil {
		return nil
	}
	attempts, list, known := n.finder.Find(func(service *poll.Service, server *poll.Server, read func([]byte) error) (poll.Outcome, bool) {
		if s.block.process.polls.enter(ctx) != nil {
			return poll.Outcome{}, false
		}
		return s.askOne(ctx, func() poll.Outcome { return s.poll.Ask(ctx, service, server, read) })
	})
	if !known {
		return nil
	}
	site := &Site{Attempts: attempts, Listed: list != nil}
	if list == nil {
		if n.failedSince.IsZero() {
			n.failedSince = start
		}
		site.FailedSince = n.failedSince
	} else {
		s.block.updateNodes(list, site)
		n.failedSince = time.Time{}
		site.Unusable = list.Unusable
	}
	site.Nodes, site.Vanished = len(n.known), len(n.vanished)
	return site
}

// updateNodes stores a new list and logs what has changed.
func (b *Block) updateNodes(list *discovery.List, site *Site) {
	n, log := b.nodes, b.process
	by := site.AnsweredBy()
	if !n.failedSince.IsZero() {
		log.infof("Site %s: its nodes are listed again, for the first time since %s", site.Source(), n.failedSince.UTC().Format(time.RFC3339))
	}
	if first := &site.Attempts[0]; by != n.answered && first.Server != by {
		log.warnf("Site %s: its nodes were listed by %s, because it did not do so itself: %s: %s; %s", site.Source(), by, first.Result, first.Cause, first.Hint)
	} else if n.answered != nil && by != n.answered {
		log.infof("Site %s: it lists its nodes itself again", site.Source())
	}
	if list.Unusable > 0 && list.Unusable != n.unusable {
		log.warnf("Site %s: %s in its list without a usable host name, which cannot be polled: look at the nodes in the QMC, and name what is missing in hosts",
			site.Source(), entries(list.Unusable))
	}
	before := make(map[string]discovery.Node, len(n.known))
	for _, node := range n.known {
		before[node.Server.Key()] = node
	}
	var added []string
	for i := range list.Nodes {
		node := &list.Nodes[i]
		key := node.Server.Key()
		if old, known := before[key]; known {
			node.Server = old.Server // the key of its log history
			delete(before, key)
			continue
		}
		added = append(added, title(node))
		delete(n.vanished, key)
	}
	if n.answered == nil {
		log.infof("Site %s: %s found, listed by %s: %s", site.Source(), text.Plural(len(list.Nodes), "node"), by, joinSome(added))
	} else {
		forEach(added, func(node string) { log.infof("Site %s: new in its list of nodes: %s", site.Source(), node) })
	}
	var gone []string
	for _, old := range n.known {
		key := old.Server.Key()
		if _, vanished := before[key]; !vanished {
			continue
		}
		gone = append(gone, title(&old))
		b.claims.release(key, b)
		if len(n.vanished) < discovery.MaxNodes {
			n.vanished[key] = true
		}
	}
	forEach(gone, func(node string) {
		log.warnf("Site %s: no longer in its list of nodes, and polled only where hosts names it: %s", site.Source(), node)
	})
	n.known, n.answered, n.unusable = list.Nodes, by, list.Unusable
}

func entries(n int) string {
	if n == 1 {
		return "there is 1 entry"
	}
	return fmt.Sprintf("there are %d entries", n)
}

// title is the host of a node and its name.
func title(n *discovery.Node) string {
	if n.Name == "" || n.Name == n.Server.Source() {
		return n.Server.Source()
	}
	return fmt.Sprintf("%s (%s)", n.Server.Source(), text.Quote(n.Name))
}

// maxLines bounds the log lines, and the names in one, for a list.
const maxLines = 20

func joinSome(names []string) string {
	if len(names) <= maxLines {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:maxLines], ", "), len(names)-maxLines)
}

// forEach calls tell for each node; beyond maxLines, once for the number of further ones.
func forEach(nodes []string, tell func(string)) {
	for i, node := range nodes {
		if i == maxLines {
			tell(fmt.Sprintf("%d more", len(nodes)-maxLines))
			return
		}
		tell(node)
	}
}

// targets are the servers of a round: those of hosts, and further nodes that are known. A node
// in hosts is asked as written there.
func (b *Block) targets(site *Site) []target {
	targets := make([]target, 0, len(b.servers))
	found := make(map[string]*discovery.Node)
	if b.nodes != nil {
		for i := range b.nodes.known {
			found[b.nodes.known[i].Server.Key()] = &b.nodes.known[i]
		}
	}
	for _, server := range b.servers {
		targets = append(targets, target{server: server, node: found[server.Key()]})
	}
	if len(found) == 0 {
		return targets
	}
	var elsewhere []string
	for i := range b.nodes.known {
		node := &b.nodes.known[i]
		switch key := node.Server.Key(); {
		case b.configured[key], b.only != nil && !b.only(node.Server):
		case !b.claims.take(key, b):
			elsewhere = append(elsewhere, title(node))
		default:
			targets = append(targets, target{server: node.Server, node: node, found: true})
		}
	}
	b.warnElsewhere(site, elsewhere)
	return targets
}

func (b *Block) warnElsewhere(site *Site, titles []string) {
	if site == nil {
		return
	}
	site.Elsewhere = len(titles)
	names := joinSome(titles)
	if names != "" && names != b.nodes.elsewhere {
		b.process.warnf("Site %s: another block with the same tags polls some of its nodes, which have one point there: %s; "+
			"give the blocks different tags if they are different sites", site.Source(), names)
	}
	b.nodes.elsewhere = names
}

// adaptHint adapts the hint for a server that was not configured but discovered.
func (b *Block) adaptHint(outcome *poll.Outcome) {
	proxied := b.Poll.Proxy.HTTPProxyURL != "" || b.Poll.Proxy.UseSystemProxy
	switch {
	case outcome.OutOfDescriptors || proxied:
	case outcome.Result == poll.DNSError:
		outcome.Hint = "the site knows its node by this name, which cannot be changed there: let this machine resolve it, by DNS or its hosts file"
	case outcome.Step == poll.StepConnect && slices.Contains([]poll.Result{poll.Timeout, poll.ConnectionFailed}, outcome.Result):
		outcome.Hint += "; the node was found through its site: port 9032 needs a firewall rule of its own, on each node"
	}
}

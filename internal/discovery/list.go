package discovery

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"

	"telegraf-qlik-sense-version/internal/poll"
	"telegraf-qlik-sense-version/internal/text"
)

// MaxNodes bounds the list of nodes. The largest sites have some dozens.
const MaxNodes = 1000

const maxName = 256 // bytes of the name of a node

// Errors of decode. They do not quote the reply.
var (
	errHTML    = errors.New("the reply is a web page, not JSON")
	errNotList = errors.New("the reply is not a list of nodes")
	errNoNodes = errors.New("the list of nodes is empty")
	errTooLong = fmt.Errorf("the list holds more than %d nodes", MaxNodes)
	errNoHost  = errors.New("no node in the list has a usable host name")
)

// List is the list of the nodes of a site. It is not empty.
type List struct {
	// Nodes have different hosts. The central node is the first, the others are in the order
	// of their hosts.
	Nodes []Node
	// Unusable is the number of further entries without a usable host name.
	Unusable int
}

// Node is a node of a site.
type Node struct {
	// Server is the About service at the host name of the node, as typed in the QMC.
	Server *poll.Server
	Name   string   // in the QMC, on one line; may be ""
	Roles  []string // some of central, engine, printing, proxy and scheduler, sorted
}

const central = "central"

// Central reports whether the node is the central one of its site.
func (n *Node) Central() bool { return slices.Contains(n.Roles, central) }

// roles are the roles by the lower-case names of their members.
var roles = map[string]string{
	"iscentral": central, "engineenabled": "engine", "printingenabled": "printing", "proxyenabled": "proxy", "schedulerenabled": "scheduler",
}

// decode reads the body of a reply. It ignores the case of the names of members, which differs
// between versions.
func decode(body []byte) (*List, error) {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\ufeff")))
	if len(body) > 0 && body[0] == '<' {
		return nil, errHTML
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	if token, err := decoder.Token(); err != nil || token != json.Delim('[') {
		return nil, errNotList
	}
	var list List
	for n := 0; decoder.More(); n++ {
		if n == MaxNodes {
			return nil, errTooLong
		}
		node, err := decodeNode(decoder)
		if err != nil {
			return nil, errNotList
		}
		if node.Server == nil {
			list.Unusable++
			continue
		}
		list.Nodes = append(list.Nodes, node)
	}
	if _, err := decoder.Token(); err != nil { // the closing bracket
		return nil, errNotList
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errNotList
	}
	switch {
	case len(list.Nodes) == 0 && list.Unusable > 0:
		return nil, errNoHost
	case len(list.Nodes) == 0:
		return nil, errNoNodes
	}
	list.sort()
	return &list, nil
}

// decodeNode reads an element of the list, one member at a time: for a malicious list, a map of all
// members would take twenty times its size in memory.
func decodeNode(decoder *json.Decoder) (Node, error) {
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return Node{}, errNotList
	}
	var node Node
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return Node{}, err
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return Node{}, err
		}
		member, _ := token.(string)
		switch member = strings.ToLower(member); member {
		case "name":
			node.Name = text.Truncate(line(value), maxName)
		case "hostname":
			node.Server = server(line(value))
		default:
			if role := roles[member]; role != "" && strings.EqualFold(string(value), "true") && !slices.Contains(node.Roles, role) {
				node.Roles = append(node.Roles, role)
			}
		}
	}
	_, err := decoder.Token() // the closing brace
	slices.Sort(node.Roles)
	return node, err
}

// line returns a JSON string on one line, or "" for another value.
func line(value json.RawMessage) string {
	var s string
	if json.Unmarshal(value, &s) != nil {
		return ""
	}
	return strings.TrimSpace(text.OneLine(s))
}

// server returns the About service of a host, or nil for anything but a name or an address: a list
// must not choose the port and the path, nor who gets a token.
func server(host string) *poll.Server {
	if _, err := netip.ParseAddr(host); err != nil && strings.ContainsAny(host, ":/[]") {
		return nil
	}
	s, err := poll.ParseServer(host)
	if err != nil {
		return nil
	}
	return s
}

// sort sorts the nodes and removes duplicate hosts.
func (l *List) sort() {
	slices.SortStableFunc(l.Nodes, func(a, b Node) int {
		if a.Central() != b.Central() {
			if a.Central() {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.Server.Key(), b.Server.Key())
	})
	seen := make(map[string]bool, len(l.Nodes))
	l.Nodes = slices.DeleteFunc(l.Nodes, func(n Node) bool {
		key := n.Server.Key()
		if seen[key] {
			return true
		}
		seen[key] = true
		return false
	})
}

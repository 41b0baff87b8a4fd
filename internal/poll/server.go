package poll

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
)

// The About service as the node itself offers it. Behind the proxy the path is
// /api/about/v1/systeminfo, after the prefix of the virtual proxy.
// Source: help.qlik.com, About Service API; the port from Butler's source.
const (
	defaultPort = "9032"
	defaultPath = "/v1/systeminfo"
)

// Server is one configured Qlik Sense server. It remembers the TLS session of its
// last poll, so that the next one can resume it.
type Server struct {
	url     *url.URL
	label   string
	session session
}

// ParseServer reads an entry of the setting hosts: a name, name:port, an address,
// [IPv6]:port, or a whole URL.
func ParseServer(host string) (*Server, error) {
	u, err := parseHost(host)
	if err != nil {
		return nil, err
	}
	if u.User != nil {
		return nil, errUserInfo
	}
	if u.Fragment != "" {
		return nil, errors.New(`a URL must not hold a "#" part`)
	}
	if err := checkHostname(u.Hostname()); err != nil {
		return nil, err
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return nil, fmt.Errorf("port %s is not within 1 to 65535", port)
		}
	}

	label := host
	if strings.Contains(host, "://") {
		// A query may hold a secret, and the label goes into logs.
		label = u.Scheme + "://" + u.Host + u.EscapedPath()
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = defaultPath
	}
	return &Server{url: u, label: label}, nil
}

// Source is the server's host name or address as configured, without port or
// path: the tag "source".
func (s *Server) Source() string { return s.url.Hostname() }

// HostPort is the name or address and the port that are asked.
func (s *Server) HostPort() string { return s.url.Host }

// String is the server as its administrator wrote it, for log lines.
func (s *Server) String() string { return s.label }

var errUserInfo = errors.New("a URL must not hold a user name or password: use token_file or headers")

func parseHost(host string) (*url.URL, error) {
	if host == "" {
		return nil, errors.New("a host must not be empty")
	}
	if scheme, _, found := strings.Cut(host, "://"); found {
		u, err := url.Parse(host)
		if err != nil && strings.Contains(host, "@") {
			return nil, errUserInfo // the parser's error may repeat a part of the password
		}
		if err != nil {
			return nil, fmt.Errorf("not a URL: %w", withoutURL(err))
		}
		if u.Scheme != "https" && u.Scheme != "http" {
			return nil, fmt.Errorf("scheme %q is neither https nor http", scheme)
		}
		return u, nil
	}

	if address, err := netip.ParseAddr(host); err == nil && address.Is6() {
		host = "[" + strings.Replace(host, "%", "%25", 1) + "]" // a zone is escaped in a URL
	}
	if strings.ContainsAny(host, "/?#@") {
		return nil, errors.New("write a name, name:port, or a whole URL that begins with https:// or http://")
	}
	if strings.ContainsAny(host, " ,;") {
		return nil, errors.New(`write one server per entry: ["qlik1.example.com", "qlik2.example.com"]`)
	}
	u, err := url.Parse("https://" + host)
	if err != nil {
		return nil, fmt.Errorf("neither a name, name:port nor a URL: %w", withoutURL(err))
	}
	if u.Port() == "" {
		u.Host = strings.TrimSuffix(u.Host, ":") + ":" + defaultPort
	}
	return u, nil
}

// withoutURL drops the whole URL that url.Parse puts in front of its error: it
// may hold a password.
func withoutURL(err error) error {
	if parse, ok := errors.AsType[*url.Error](err); ok {
		return parse.Err
	}
	return err
}

func checkHostname(name string) error {
	if name == "" {
		return errors.New("the host name is missing")
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return nil
	}
	for _, r := range name {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_.", r) {
			return fmt.Errorf("%q cannot stand in a host name: write one server per entry", r)
		}
	}
	return nil
}

// session is the TLS session of the last poll of one server, as bytes: the parsed
// certificates in a session take twice the memory, and hours pass before it is used.
//
// The standard cache is keyed by server name, which a block's tls_server_name makes
// the same for all its servers.
type session struct {
	mu         sync.Mutex
	generation int
	content    []byte // the ticket, then the state; nil without a session
	ticket     int    // length of the ticket
	end        time.Time
}

// endsBy limits the session, and those that follow from it, to the earlier of two
// times.
func (s *session) endsBy(a, b time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end = a
	if b.Before(a) {
		s.end = b
	}
}

// cache gives access to the session as long as it was made with the certificates
// of the same generation: a session outlives the check of the server's
// certificate, so it must not outlive the trust that the check was made with.
func (s *session) cache(generation int) tls.ClientSessionCache {
	return &sessionCache{s, generation}
}

type sessionCache struct {
	session *session
	wanted  int
}

// Get implements tls.ClientSessionCache. A session that cannot be used is none.
func (c *sessionCache) Get(string) (*tls.ClientSessionState, bool) {
	c.session.mu.Lock()
	defer c.session.mu.Unlock()
	if c.session.content == nil || c.session.generation != c.wanted || time.Now().After(c.session.end) {
		return nil, false
	}
	state, err := tls.ParseSessionState(c.session.content[c.session.ticket:])
	if err != nil {
		return nil, false
	}
	resumable, err := tls.NewResumptionState(c.session.content[:c.session.ticket], state)
	return resumable, err == nil
}

// Put implements tls.ClientSessionCache.
func (c *sessionCache) Put(_ string, resumable *tls.ClientSessionState) {
	c.session.mu.Lock()
	defer c.session.mu.Unlock()
	c.session.generation, c.session.content = c.wanted, nil
	if resumable == nil {
		return
	}
	ticket, state, err := resumable.ResumptionState()
	if err != nil || state == nil {
		return
	}
	if content, err := state.Bytes(); err == nil {
		c.session.content, c.session.ticket = slices.Concat(ticket, content), len(ticket)
	}
}

package poll

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"telegraf-qlik-sense-version/internal/text"
)

// Limits of an entry of hosts or discover, in bytes. Those of names are from the DNS (RFC 1035,
// 2.3.4).
const (
	maxEntry    = 2048
	maxHostname = 253
	maxLabel    = 63
)

// Server is one configured Qlik Sense server. It is immutable.
type Server struct {
	url      *url.URL // with an international name in its ASCII form
	source   string
	hostPort string
	label    string
}

// ParseServer reads an entry of the setting hosts.
func ParseServer(host string) (*Server, error) { return about.parseServer(host) }

// ParseHosts reads the setting hosts. The error joins *SettingErrors.
func ParseHosts(hosts []string) ([]*Server, error) {
	return about.ParseServers("hosts", hosts,
		"server: their points would overwrite each other; remove one, or move it to a block with other tags")
}

// ParseServers reads the entries of the setting key: a name, name:port, an address, [IPv6]:port,
// or a whole URL each. Two entries with the same Server.Key are an error, which ends with
// duplicate. The error joins *SettingErrors, which quote the entries without possible secrets.
func (service *Service) ParseServers(key string, entries []string, duplicate string) ([]*Server, error) {
	servers := make([]*Server, 0, len(entries))
	var errs []error
	seen := make(map[string]*Server, len(entries))
	for _, entry := range entries {
		server, err := service.parseServer(entry)
		if err == nil && seen[server.Key()] != nil {
			err = fmt.Errorf("%q and %q are the same %s", seen[server.Key()], server, duplicate)
		}
		if err != nil {
			errs = append(errs, &SettingError{key, err})
			continue
		}
		seen[server.Key()] = server
		servers = append(servers, server)
	}
	return servers, errors.Join(errs...)
}

func (service *Service) parseServer(host string) (*Server, error) {
	server, err := service.parse(host)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", text.Quote(redact(host)), err)
	}
	return server, nil
}

func (service *Service) parse(host string) (*Server, error) {
	if len(host) > maxEntry {
		return nil, fmt.Errorf("is longer than %d bytes", maxEntry)
	}
	u, err := parseHost(host, service.Port)
	if err != nil {
		return nil, err
	}
	if u.User != nil {
		return nil, errUserInfo
	}
	if u.Fragment != "" {
		return nil, errors.New(`a URL must not contain a "#" part`)
	}
	if port := u.Port(); port != "" && !isPort(port) {
		return nil, errPort
	}
	name, err := asciiName(u.Hostname())
	if err != nil {
		return nil, err
	}

	s := &Server{url: u, source: u.Hostname(), hostPort: u.Host, label: host}
	if strings.Contains(host, "://") {
		// The label is logged: it must not contain the query, which may be a secret.
		s.label = u.Scheme + "://" + u.Host + u.EscapedPath()
	}
	if name != s.source {
		u.Host = strings.Replace(u.Host, s.source, name, 1)
	}
	service.Locate(u)
	return s, nil
}

// Source is the server's host name or address as configured, without port or
// path: the tag "source".
func (s *Server) Source() string { return s.source }

// HostPort is the name or address as configured, and the port.
func (s *Server) HostPort() string { return s.hostPort }

// String is the server as configured, for log lines.
func (s *Server) String() string { return s.label }

// Key is a canonical form of the name or address, without the port: names that differ only in
// case, in a dot at the end or in the ASCII form of an international name have the same Key,
// and so have IPv6 addresses that differ only in zeros. It is for comparisons, not for display.
func (s *Server) Key() string {
	name := s.url.Hostname()
	if address, err := netip.ParseAddr(name); err == nil {
		return address.Unmap().String()
	}
	return strings.ToLower(strings.TrimSuffix(name, "."))
}

var (
	errUserInfo = errors.New("a URL must not contain a user name or password: use token_file or headers")
	errPort     = errors.New("the port must be a number from 1 to 65535")
)

func parseHost(host, defaultPort string) (*url.URL, error) {
	if host == "" {
		return nil, errors.New("a host must not be empty")
	}
	if strings.Contains(host, "://") {
		u, err := url.Parse(host)
		if err != nil {
			return nil, urlProblem("not a URL", host, err)
		}
		if u.Scheme != "https" && u.Scheme != "http" {
			return nil, fmt.Errorf("scheme %q is neither https nor http", u.Scheme)
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
		return nil, urlProblem("neither a name, name:port nor a URL", host, err)
	}
	if u.Port() == "" {
		u.Host = strings.TrimSuffix(u.Host, ":") + ":" + defaultPort
	}
	return u, nil
}

// urlProblem does not quote the URL as url.Parse does: it may contain a password, even instead
// of the port.
func urlProblem(what, host string, err error) error {
	if parse, ok := errors.AsType[*url.Error](err); ok {
		err = parse.Err
	}
	switch {
	case strings.Contains(host, "@"):
		return errUserInfo
	case strings.Contains(err.Error(), "port"), strings.Contains(err.Error(), "colon"):
		return errPort
	case strings.Contains(err.Error(), `"`):
		err = errors.New("it contains a character that is not allowed there")
	}
	return fmt.Errorf("%s: %w", what, err)
}

// redact hides possible secrets in an invalid entry: everything before an "@", after a "?" or
// "#", or instead of a port.
func redact(host string) string {
	address, hidden := host, ""
	if i := strings.IndexAny(host, "?#"); i >= 0 {
		if strings.Contains(host[i:], "@") { // the "?" or "#" may be part of a password
			return "..."
		}
		address, hidden = host[:i], host[i:i+1]+"..."
	}
	if at := strings.LastIndex(address, "@"); at >= 0 {
		address = "..." + address[at:]
	}
	return redactPort(address) + hidden
}

func redactPort(address string) string {
	start := 0
	if scheme, _, found := strings.Cut(address, "://"); found && !strings.Contains(scheme, ":") {
		start = len(scheme) + len("://")
	}
	authority, path, _ := strings.Cut(address[start:], "/")
	if end := strings.LastIndex(authority, "]"); end >= 0 {
		start, authority = start+end+1, authority[end+1:]
	} else if _, err := netip.ParseAddr(authority); err == nil {
		return address
	}
	colon := strings.Index(authority, ":")
	if colon < 0 {
		return address
	}
	if port := authority[colon+1:]; port == "" && path == "" || isPort(port) {
		return address
	}
	return address[:start+colon] + ":..."
}

func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}

// idnaProfile is idna.Lookup without its check of ASCII characters: checkHostname does that,
// and allows the underscores of Windows names.
var idnaProfile = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.CheckJoiners(true),
	idna.Transitional(false), idna.StrictDomainName(false))

// asciiName returns the name as it is in the DNS and in certificates.
func asciiName(name string) (string, error) {
	if name == "" {
		return "", errors.New("the host name is missing")
	}
	if !utf8.ValidString(name) {
		return "", errors.New("the host name is not written in UTF-8")
	}
	if address, err := netip.ParseAddr(name); err == nil {
		if address.Zone() == "" {
			return name, nil
		}
		return name, checkHostname(address.Zone()) // the name of an interface
	}
	ascii := name
	if strings.ContainsFunc(name, func(r rune) bool { return r >= utf8.RuneSelf }) || strings.Contains(strings.ToLower(name), "xn--") {
		var err error
		if ascii, err = idnaProfile.ToASCII(name); err != nil {
			return "", fmt.Errorf("not an international host name: %s", shorten(err))
		}
	}
	return ascii, checkHostname(ascii)
}

func checkHostname(name string) error {
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
	for _, r := range name {
		if !strings.ContainsRune(allowed, r) {
			return fmt.Errorf("%q is not allowed in a host name: write one server per entry", r)
		}
	}
	name = strings.TrimSuffix(name, ".")
	if len(name) > maxHostname {
		return fmt.Errorf("a host name has at most %d characters", maxHostname)
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > maxLabel {
			return fmt.Errorf("each part of a host name has 1 to %d characters", maxLabel)
		}
	}
	return nil
}

// Package discovery finds the nodes of a Qlik Sense site: every Repository Service of the
// site lists them.
package discovery

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"telegraf-qlik-sense-version/internal/poll"
	"telegraf-qlik-sense-version/internal/text"
)

const (
	// path is that of the whole list: the shorter one does not tell what a node does.
	// Source: help.qlik.com, Repository Service API.
	path = "/qrs/servernodeconfiguration/full"
	// xrfkey is sent twice, as the service wants it. It protects browsers, which is no
	// concern of a program, so that it need not be secret.
	xrfkey = "4vQtelegrafQlik1"

	maxBody = 4 << 20 // bytes of a list: 4 KiB for each of MaxNodes
	maxUser = 256     // bytes of the name of a user or of its directory
)

// DefaultUser is the technical user whose name the vendor's staff prefer for requests of
// programs.
const DefaultUser = `INTERNAL\sa_api`

// Finder asks for the nodes of one site.
type Finder struct {
	servers []*poll.Server
	service *poll.Service
}

// New reads the settings discover and discover_user. Of the headers of the block one named
// X-Qlik-User takes the place of the user. What it finds wrong is joined, each part a
// *poll.SettingError.
func New(discover []string, user string, headers map[string]string) (*Finder, error) {
	var errs []error
	qlikUser, err := userHeader(user)
	if err != nil {
		errs = append(errs, &poll.SettingError{Key: "discover_user", Err: err})
	}
	f := &Finder{service: newService(qlikUser, headers)}
	seen := make(map[string]*poll.Server, len(discover))
	for _, host := range discover {
		server, err := f.service.ParseServer(host)
		if err != nil {
			errs = append(errs, &poll.SettingError{Key: "discover", Err: err})
			continue
		}
		if other, found := seen[server.Key()]; found {
			errs = append(errs, &poll.SettingError{Key: "discover", Err: fmt.Errorf("%q and %q are the same node: remove one", other, server)})
			continue
		}
		seen[server.Key()] = server
		f.servers = append(f.servers, server)
	}
	return f, errors.Join(errs...)
}

// Servers are the nodes that are asked, in this order.
func (f *Finder) Servers() []*poll.Server { return f.servers }

// Attempt is how a node answered.
type Attempt struct {
	Server *poll.Server
	poll.Outcome
}

// Ask is poll.Round.Ask with a context. It returns false where nothing is known, for the
// round was cut off.
type Ask func(service *poll.Service, server *poll.Server, read func([]byte) error) (outcome poll.Outcome, known bool)

// Find asks one node after the other until one lists the nodes of the site. It returns what
// became of each that was asked; the last one is that which answered where there is a list.
func (f *Finder) Find(ask Ask) (attempts []Attempt, list *List, known bool) {
	for _, server := range f.servers {
		var found *List
		read := func(body []byte) (err error) {
			found, err = decode(body)
			return err
		}
		outcome, known := ask(f.service, server, read)
		// A Repository Service that was idle takes 3 to 15 seconds for its first reply.
		if known && outcome.Result == poll.Timeout && outcome.Step >= poll.StepHTTP {
			first := outcome.ResponseTime
			outcome, known = ask(f.service, server, read)
			outcome.ResponseTime += first
		}
		if !known {
			return nil, nil, false
		}
		attempts = append(attempts, Attempt{server, outcome})
		if outcome.Result == poll.Success {
			return attempts, found, true
		}
	}
	return attempts, nil, true
}

// userHeader returns DIRECTORY\USER as the header X-Qlik-User has it.
func userHeader(user string) (string, error) {
	directory, name, found := strings.Cut(user, `\`)
	switch {
	case !found || directory == "" || name == "":
		return "", fmt.Errorf(`%s is no user: write it as 'DIRECTORY\USER', in single quotes`, text.Quote(user))
	case !utf8.ValidString(user) || strings.ContainsFunc(user, unicode.IsControl):
		return "", errors.New("holds a control character or is not valid UTF-8: check it")
	case len(directory) > maxUser || len(name) > maxUser:
		return "", fmt.Errorf("is longer than %d bytes: check it", maxUser)
	}
	return "UserDirectory=" + escaped(directory) + "; UserId=" + escaped(name), nil
}

func escaped(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

func newService(user string, headers map[string]string) *poll.Service {
	header := http.Header{"X-Qlik-Xrfkey": {xrfkey}, "X-Qlik-User": {user}}
	for name := range headers {
		if http.CanonicalHeaderKey(name) == "X-Qlik-User" {
			header.Del("X-Qlik-User")
		}
	}
	return &poll.Service{
		Name:       "Repository Service",
		Port:       "4242",
		Windows:    "Qlik Sense Repository Service",
		Locate:     locate,
		Header:     header,
		MaxBody:    maxBody,
		StatusHint: statusHint,
		ReplyHint:  replyHint,
	}
}

// locate puts the path behind the prefix of a virtual proxy, and the key into the query.
func locate(u *url.URL) {
	if !strings.HasSuffix(u.Path, path) {
		u.Path = strings.TrimSuffix(u.Path, "/") + path
		if u.RawPath != "" {
			u.RawPath = strings.TrimSuffix(u.RawPath, "/") + path
		}
	}
	key := "Xrfkey=" + xrfkey
	if u.RawQuery != "" {
		key = "&" + key
	}
	u.RawQuery += key
}

const rightHint = "check discover_user: it must be a user of the site that may read its nodes; " +
	"behind a virtual proxy, check token_file or headers as well"

func statusHint(code int, body func() string) string {
	switch code {
	case http.StatusUnauthorized:
		return rightHint
	case http.StatusForbidden:
		if strings.Contains(body(), "XSRF") {
			return "the service did not get its key as it was sent (Xrfkey in the query, X-Qlik-Xrfkey in the headers): " +
				"look at what changes requests on the way"
		}
		return rightHint
	case http.StatusNotFound:
		return "the path is " + path + " on port 4242, and the same behind /PREFIX through the proxy"
	}
	return ""
}

func replyHint(err error) string {
	switch {
	case errors.Is(err, errHTML):
		return poll.LoginPageHint
	case errors.Is(err, errNoNodes):
		return "a site has at least its central node: " + rightHint
	case errors.Is(err, errNoHost):
		return "look at the host names of the nodes in the QMC; what cannot be repaired there belongs in hosts"
	}
	return "check host, port and path: another service may answer there"
}

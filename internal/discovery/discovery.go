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
	// path returns complete entries: without /full, the roles of a node are missing.
	// Source: help.qlik.com, Repository Service API.
	path = "/qrs/servernodeconfiguration/full"
	// xrfkey is sent twice, as the service requires. It protects browsers against cross-site
	// requests; a program may use a constant.
	xrfkey = "4vQtelegrafQlik1"

	maxBody = 4 << 20 // bytes of a list: 4 KiB for each of MaxNodes
	maxUser = 256     // bytes of a user's name, and of the directory
)

// DefaultUser is the internal user that the vendor's staff recommend for API requests.
const DefaultUser = `INTERNAL\sa_api`

// Finder finds the nodes of one site.
type Finder struct {
	servers []*poll.Server
	service *poll.Service
}

// New reads the settings discover and discover_user. A header X-Qlik-User of the block
// overrides the user. The error joins *poll.SettingErrors.
func New(discover []string, user string, headers map[string]string) (*Finder, error) {
	var errs []error
	qlikUser, err := userHeader(user)
	if err != nil {
		errs = append(errs, &poll.SettingError{Key: "discover_user", Err: err})
	}
	f := &Finder{service: newService(qlikUser, headers)}
	f.servers, err = f.service.ParseServers("discover", discover, "node: remove one")
	return f, errors.Join(append(errs, err)...)
}

// Servers are the nodes of the setting, in the order in which they are asked.
func (f *Finder) Servers() []*poll.Server { return f.servers }

// Attempt is the outcome of asking a node.
type Attempt struct {
	Server *poll.Server
	poll.Outcome
}

// Ask is poll.Round.Ask with a context. If the round is cut off, the outcome is not known.
type Ask func(service *poll.Service, server *poll.Server, read func([]byte) error) (outcome poll.Outcome, known bool)

// Find asks one node after the other until one returns the list of nodes. If there is a list, it
// is from the last attempt.
func (f *Finder) Find(ask Ask) (attempts []Attempt, list *List, known bool) {
	for _, server := range f.servers {
		var found *List
		read := func(body []byte) (err error) {
			found, err = decode(body)
			return err
		}
		outcome, known := ask(f.service, server, read)
		// An idle Repository Service takes 3 to 15 seconds for its first reply.
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

// userHeader returns the value of the header X-Qlik-User for DIRECTORY\USER.
func userHeader(user string) (string, error) {
	directory, name, found := strings.Cut(user, `\`)
	switch {
	case !found || directory == "" || name == "":
		return "", fmt.Errorf(`%s is not a user: write it as 'DIRECTORY\USER', in single quotes`, text.Quote(user))
	case !utf8.ValidString(user) || strings.ContainsFunc(user, unicode.IsControl):
		return "", errors.New("contains a control character or is not valid UTF-8: check it")
	case len(directory) > maxUser || len(name) > maxUser:
		return "", fmt.Errorf("is longer than %d bytes: check it", maxUser)
	}
	return "UserDirectory=" + escape(directory) + "; UserId=" + escape(name), nil
}

func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

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

// locate appends the path, to the prefix of a virtual proxy if there is one, and the key.
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

const permissionHint = "check discover_user: it must be a user of the site that may read its nodes; " +
	"behind a virtual proxy, check token_file or headers as well"

func statusHint(code int, body func() string) string {
	switch code {
	case http.StatusUnauthorized:
		return permissionHint
	case http.StatusForbidden:
		if strings.Contains(body(), "XSRF") {
			return "the service did not receive its key as it was sent (Xrfkey in the query, X-Qlik-Xrfkey in the headers): " +
				"look for a proxy that changes requests"
		}
		return permissionHint
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
		return "a site has at least its central node: " + permissionHint
	case errors.Is(err, errNoHost):
		return "look at the host names of the nodes in the QMC; what cannot be repaired there belongs in hosts"
	}
	return "check host, port and path: another service may answer there"
}

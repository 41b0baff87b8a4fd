package poll

import (
	"errors"
	"net/http"
	"net/url"

	"telegraf-qlik-sense-version/internal/systeminfo"
)

// Service is an HTTP service of a server: how to ask it, and its parts of the hints. It must not
// be changed once it is in use.
type Service struct {
	Name    string // "About service"
	Port    string // unless an entry says otherwise
	Windows string // name of the Windows service
	// Locate completes the URL of an entry.
	Locate func(*url.URL)
	Header http.Header // overrides the settings
	// MaxBody bounds the body of a reply, in bytes.
	MaxBody int64
	// StatusHint says what to do about a status other than 200, or returns "" for the general
	// hint. body returns the beginning of the body.
	StatusHint func(code int, body func() string) string
	// ReplyHint says what to do about a reply that could not be decoded.
	ReplyHint func(error) string
}

// The About service on the node itself. Behind the proxy the path is
// /api/about/v1/systeminfo, after the prefix of the virtual proxy.
// Source: help.qlik.com, About Service API; the port from Butler's source.
var about = Service{
	Name:    "About service",
	Port:    "9032",
	Windows: "Qlik Sense Service Dispatcher",
	Locate: func(u *url.URL) {
		if u.Path == "" || u.Path == "/" {
			u.Path = "/v1/systeminfo"
		}
	},
	MaxBody: 1 << 20, // real bodies have 500 bytes
	StatusHint: func(code int, _ func() string) string {
		switch code {
		case http.StatusUnauthorized, http.StatusForbidden:
			return "the virtual proxy requires a login: check token_file or headers, or ask the node itself on port 9032"
		case http.StatusNotFound:
			return "the path is /v1/systeminfo on port 9032, and /PREFIX/api/about/v1/systeminfo behind the proxy"
		}
		return ""
	},
	ReplyHint: func(err error) string {
		if errors.Is(err, systeminfo.ErrHTML) {
			return LoginPageHint
		}
		return "check host, port and path: another service may answer there"
	},
}

// LoginPageHint is for a reply that is a web page.
const LoginPageHint = "it is likely a login page: check token_file or headers, and the path"

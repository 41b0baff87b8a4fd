package poll

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"

	"github.com/influxdata/telegraf/plugins/common/proxy"
)

// proxyError is an error of a proxy that quotes neither its address nor its reply: both may
// contain credentials.
type proxyError string

func (e proxyError) Error() string { return string(e) }

const (
	// The proxy would get the site's client certificate, because the HTTP client has one TLS
	// configuration for proxy and server.
	errTLSProxy    = proxyError("a proxy that is itself reached by https is not supported: it would get the site's client certificate")
	errSystemProxy = proxyError("its address (HTTPS_PROXY, HTTP_PROXY) is not a URL")
)

func proxyAnswer(_ context.Context, _ *url.URL, _ *http.Request, response *http.Response) error {
	if response.StatusCode != http.StatusOK {
		return proxyError(fmt.Sprintf("it answered with HTTP status %d %s", response.StatusCode, http.StatusText(response.StatusCode)))
	}
	return nil
}

// checkProxy refuses settings that would fail at every poll. Errors do not quote the address,
// which may contain a password.
func checkProxy(p *proxy.HTTPProxy) error {
	if p.HTTPProxyURL == "" {
		return nil
	}
	if p.UseSystemProxy {
		return &SettingError{"http_proxy_url", errors.New("is ignored when use_system_proxy is true: remove one of them")}
	}
	u, err := url.Parse(p.HTTPProxyURL)
	if err != nil || u.Host == "" {
		return &SettingError{"http_proxy_url", errors.New("is not a URL: write for example http://proxy.example.com:3128")}
	}
	switch u.Scheme {
	case "http", "socks5", "socks5h":
		return nil
	case "https":
		return &SettingError{"http_proxy_url", errTLSProxy}
	}
	return &SettingError{"http_proxy_url", errors.New("begins with none of http://, socks5://, socks5h://")}
}

type proxyFunc = func(*http.Request) (*url.URL, error)

// findProxy wraps find and records the proxy. That of the system is only known for a request.
func (p *progress) findProxy(find proxyFunc) proxyFunc {
	if find == nil {
		return nil
	}
	return func(request *http.Request) (*url.URL, error) {
		u, err := find(request)
		p.mu.Lock()
		defer p.mu.Unlock()
		switch {
		case err != nil:
			p.proxy = "of the system"
			return nil, errSystemProxy // err quotes the address
		case u == nil:
			return nil, nil //nolint:nilnil // no proxy, for net/http
		}
		p.proxy = u.Scheme + "://" + u.Host
		if u.Scheme == "https" {
			return nil, errTLSProxy
		}
		return u, nil
	}
}

// proxyFailure says why a proxy did not open the connection.
func (p *progress) proxyFailure(err error) Outcome {
	outcome := Outcome{
		Result: ConnectionFailed,
		Step:   StepConnect,
		Hint:   "check the proxy settings (http_proxy_url, use_system_proxy), and that the proxy may and can reach the server",
	}
	var cause string
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		outcome.Result, outcome.Step = DNSError, StepResolve
		outcome.Hint = "check the name of the proxy (http_proxy_url, use_system_proxy) and this machine's DNS"
		cause = shorten(dns)
	} else if operation, ok := errors.AsType[*net.OpError](err); ok {
		cause = shorten(operation)
	} else if known, ok := errors.AsType[proxyError](err); ok {
		cause = known.Error()
	} else {
		cause = "it did not answer as a proxy does" // err quotes its reply
	}
	outcome.Cause = fmt.Sprintf("the proxy %s did not open the connection: %s", p.proxy, cause)
	return outcome
}

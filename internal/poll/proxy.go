package poll

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/influxdata/telegraf/plugins/common/proxy"
)

// errTLSProxy: such a proxy would be shown the site's client certificate, for the
// HTTP client has one set of TLS settings for proxy and server.
var errTLSProxy = errors.New("a proxy that is itself reached by https is not supported: it would get the site's client certificate")

// proxyStatusError is the answer of a proxy that does not open the connection. Its text
// is left out: it may repeat the credentials.
type proxyStatusError int

func (s proxyStatusError) Error() string {
	return fmt.Sprintf("the proxy answered with HTTP status %d %s", int(s), http.StatusText(int(s)))
}

func proxyAnswer(_ context.Context, _ *url.URL, _ *http.Request, response *http.Response) error {
	if response.StatusCode != http.StatusOK {
		return proxyStatusError(response.StatusCode)
	}
	return nil
}

// checkProxy refuses what would fail at every poll. The address may hold a
// password and is never repeated.
func checkProxy(p *proxy.HTTPProxy) error {
	if p.HTTPProxyURL == "" {
		return nil
	}
	if p.UseSystemProxy {
		return &SettingError{"http_proxy_url", errors.New("is ignored when use_system_proxy is true: remove one of them")}
	}
	u, err := url.Parse(p.HTTPProxyURL)
	if err != nil || u.Host == "" {
		return &SettingError{"http_proxy_url", errors.New("is no URL: write for example http://proxy.example.com:3128")}
	}
	switch u.Scheme {
	case "http", "socks5", "socks5h":
		return nil
	case "https":
		return &SettingError{"http_proxy_url", errTLSProxy}
	}
	return &SettingError{"http_proxy_url", errors.New("begins with none of http://, socks5://, socks5h://")}
}

// proxyFor is the proxy of the settings; that of the system is only known when a
// server is asked.
func proxyFor(p *proxy.HTTPProxy) (func(*http.Request) (*url.URL, error), error) {
	find, err := p.Proxy()
	if err != nil || find == nil {
		return nil, err
	}
	return func(request *http.Request) (*url.URL, error) {
		u, err := find(request)
		if err == nil && u != nil && u.Scheme == "https" {
			return nil, errTLSProxy
		}
		return u, err
	}, nil
}

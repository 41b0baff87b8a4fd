// Package feedtest simulates the three sources of a catalogue for tests: a server on 127.0.0.1
// and replies in their formats.
package feedtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// Parts are the paths of the sources on the server, as named in options.
var Parts = []string{"releases", "advisories", "exploited"}

// Server simulates the sources. Each answers 404 until Set is called.
type Server struct {
	*httptest.Server
	handlers map[string]*atomic.Pointer[http.HandlerFunc] // by part
}

// Start starts a server that ends with the test.
func Start(t testing.TB) *Server {
	t.Helper()
	s := &Server{handlers: make(map[string]*atomic.Pointer[http.HandlerFunc])}
	mux := http.NewServeMux()
	for _, part := range Parts {
		s.handlers[part] = &atomic.Pointer[http.HandlerFunc]{}
		s.Set(part, http.NotFound)
		mux.HandleFunc("/"+part, func(w http.ResponseWriter, r *http.Request) { s.Handler(part)(w, r) })
	}
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// Set sets the handler of a source.
func (s *Server) Set(part string, handler http.HandlerFunc) { s.handlers[part].Store(&handler) }

// Handler returns the handler of a source.
func (s *Server) Handler(part string) http.HandlerFunc { return *s.handlers[part].Load() }

// Mirrors returns the URLs of the sources by part.
func (s *Server) Mirrors() map[string]string {
	mirrors := make(map[string]string, len(Parts))
	for _, part := range Parts {
		mirrors[part] = s.URL + "/" + part
	}
	return mirrors
}

// Options returns the command-line options that make the server the mirror of each source.
func (s *Server) Options() []string {
	options := make([]string, 0, 2*len(Parts))
	for _, part := range Parts {
		options = append(options, "--"+part+"-url", s.URL+"/"+part)
	}
	return options
}

// Body returns a handler that answers with status 200.
func Body(content string) http.HandlerFunc { return Answer(http.StatusOK, content) }

// Answer returns a handler that answers with a status, a body and headers, given in pairs.
func Answer(code int, content string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		io.WriteString(w, content) //nolint:errcheck // the client may be gone
	}
}

// NVDPage returns one page of NVD's reply of a day: records from index start out of a total.
func NVDPage(at string, start, total int, records ...json.RawMessage) []byte {
	texts := make([]string, 0, len(records))
	for _, r := range records {
		texts = append(texts, `{"cve":`+string(r)+`}`)
	}
	return fmt.Appendf(nil, `{"resultsPerPage":%d,"startIndex":%d,"totalResults":%d,`+
		`"format":"NVD_CVE","version":"2.0","timestamp":"%sT08:15:00.123","vulnerabilities":[%s]}`,
		len(records), start, total, at, strings.Join(texts, ","))
}

// NVDReply returns NVD's reply in one page.
func NVDReply(at string, records ...json.RawMessage) []byte {
	return NVDPage(at, 0, len(records), records...)
}

// Record returns an invented NVD record; more are additional JSON members.
func Record(id, published, text string, more ...string) json.RawMessage {
	members := []string{
		fmt.Sprintf(`"id":%q,"sourceIdentifier":"cve@mitre.org","published":"%sT03:15:00.000","lastModified":"%sT04:00:00.000"`, id, published, published),
		fmt.Sprintf(`"descriptions":[{"lang":"es","value":"otra cosa"},{"lang":"en","value":%s}],"references":[{"url":"https://example.com/a"}]`, Quoted(text)),
	}
	if !strings.Contains(strings.Join(more, ""), "vulnStatus") {
		members = append(members, `"vulnStatus":"Deferred"`)
	}
	return json.RawMessage("{" + strings.Join(append(members, more...), ",") + "}")
}

// Quoted returns a text as a JSON string.
func Quoted(text string) []byte {
	content, err := json.Marshal(text)
	if err != nil {
		panic(err) // cannot happen for a string
	}
	return content
}

// KEV returns CISA's list of a day.
func KEV(at string, entries ...string) []byte {
	return fmt.Appendf(nil, `{"title":"t","catalogVersion":"%s","dateReleased":"%sT16:45:47.0648Z","count":%d,"vulnerabilities":[%s]}`,
		strings.ReplaceAll(at, "-", "."), at, len(entries), strings.Join(entries, ","))
}

// KEVEntry returns an entry of CISA's list.
func KEVEntry(id, vendor, product, added, ransomware string) string {
	return fmt.Sprintf(`{"cveID":%q,"vendorProject":%q,"product":%q,"vulnerabilityName":"A name","dateAdded":%q,"shortDescription":"What it does.",`+
		`"requiredAction":"","dueDate":"","knownRansomwareCampaignUse":%q,"notes":"see https:\/\/example.com\/b ; https://nvd.nist.gov/x"}`,
		id, vendor, product, added, ransomware)
}

// Package feedtest plays the three sources of a catalogue for tests: a server on 127.0.0.1, and
// the forms of their replies.
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

// Parts are the paths of the three sources on the server, and the words in options.
var Parts = []string{"releases", "advisories", "exploited"}

// Server plays the three sources. Until Set is called, they are not found.
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

// Set changes what a source answers.
func (s *Server) Set(part string, handler http.HandlerFunc) { s.handlers[part].Store(&handler) }

// Handler is what a source answers with now.
func (s *Server) Handler(part string) http.HandlerFunc { return *s.handlers[part].Load() }

// Mirrors are the addresses of the sources, by part.
func (s *Server) Mirrors() map[string]string {
	mirrors := make(map[string]string, len(Parts))
	for _, part := range Parts {
		mirrors[part] = s.URL + "/" + part
	}
	return mirrors
}

// Options name the server as the mirror of each source on a command line.
func (s *Server) Options() []string {
	options := make([]string, 0, 2*len(Parts))
	for _, part := range Parts {
		options = append(options, "--"+part+"-url", s.URL+"/"+part)
	}
	return options
}

// Body is a handler with a good answer.
func Body(content string) http.HandlerFunc { return Answer(http.StatusOK, content) }

// Answer is a handler with a status, a body and headers in pairs.
func Answer(code int, content string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		io.WriteString(w, content) //nolint:errcheck // the client may go
	}
}

// NVDPage is a page of a reply of NVD of a day, with records from an index on, out of a total.
func NVDPage(at string, start, total int, records ...json.RawMessage) []byte {
	texts := make([]string, 0, len(records))
	for _, r := range records {
		texts = append(texts, `{"cve":`+string(r)+`}`)
	}
	return fmt.Appendf(nil, `{"resultsPerPage":%d,"startIndex":%d,"totalResults":%d,`+
		`"format":"NVD_CVE","version":"2.0","timestamp":"%sT08:15:00.123","vulnerabilities":[%s]}`,
		len(records), start, total, at, strings.Join(texts, ","))
}

// NVDReply is a reply of NVD of one page.
func NVDReply(at string, records ...json.RawMessage) []byte {
	return NVDPage(at, 0, len(records), records...)
}

// Record is an invented record of NVD; more are further members of its object.
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

// Quoted is a text as JSON has it.
func Quoted(text string) []byte {
	content, err := json.Marshal(text)
	if err != nil {
		panic(err) // no string does that
	}
	return content
}

// KEV is CISA's list of a day.
func KEV(at string, entries ...string) []byte {
	return fmt.Appendf(nil, `{"title":"t","catalogVersion":"%s","dateReleased":"%sT16:45:47.0648Z","count":%d,"vulnerabilities":[%s]}`,
		strings.ReplaceAll(at, "-", "."), at, len(entries), strings.Join(entries, ","))
}

// KEVEntry is an entry of CISA's list.
func KEVEntry(id, vendor, product, added, ransomware string) string {
	return fmt.Sprintf(`{"cveID":%q,"vendorProject":%q,"product":%q,"vulnerabilityName":"A name","dateAdded":%q,"shortDescription":"What it does.",`+
		`"requiredAction":"","dueDate":"","knownRansomwareCampaignUse":%q,"notes":"see https:\/\/example.com\/b ; https://nvd.nist.gov/x"}`,
		id, vendor, product, added, ransomware)
}

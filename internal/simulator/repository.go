package simulator

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// nodesPath is where the Repository Service lists the nodes of its site, on port 4242 and
// behind the prefix of a virtual proxy.
const nodesPath = "/qrs/servernodeconfiguration/full"

// Repository is the Repository Service of a node, which knows all nodes of the site.
type Repository struct {
	List []byte // body of the reply, for example from NodeList
	// User is the only user who is not refused with status 401, for example INTERNAL\sa_api.
	// If it is empty, nobody is.
	User string
	// Asleep is how long the service takes to start, from the first request after Start or
	// Set, like one that was idle. All requests wait for that.
	Asleep time.Duration
}

// SiteNode is a node as the Repository Service lists it.
type SiteNode struct {
	Name string // in the QMC
	Host string // as typed in the QMC
	// Roles are some of central, engine, proxy, scheduler and printing.
	Roles []string
}

// nodeConfiguration has the relevant members of a real list.
// Source: the vendor's OpenAPI description of the Repository Service, 38.35.0.
type nodeConfiguration struct {
	ID                string    `json:"id"`
	CreatedDate       string    `json:"createdDate"`
	ModifiedDate      string    `json:"modifiedDate"`
	ModifiedByUser    string    `json:"modifiedByUserName"`
	CustomProperties  []string  `json:"customProperties"`
	Name              string    `json:"name"`
	HostName          string    `json:"hostName"`
	IsCentral         bool      `json:"isCentral"`
	NodePurpose       int       `json:"nodePurpose"`
	EngineEnabled     bool      `json:"engineEnabled"`
	ProxyEnabled      bool      `json:"proxyEnabled"`
	PrintingEnabled   bool      `json:"printingEnabled"`
	SchedulerEnabled  bool      `json:"schedulerEnabled"`
	FailoverCandidate bool      `json:"failoverCandidate"`
	ServiceCluster    reference `json:"serviceCluster"`
	Tags              []string  `json:"tags"`
	Roles             []string  `json:"roles"`
	Privileges        *string   `json:"privileges"`
	SchemaPath        string    `json:"schemaPath"`
}

type reference struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// NodeList is the reply of a Repository Service with these nodes.
func NodeList(nodes ...SiteNode) []byte {
	const created = "2023-10-25T11:56:42.498Z"
	list := make([]nodeConfiguration, 0, len(nodes))
	for _, n := range nodes {
		has := func(role string) bool { return slices.Contains(n.Roles, role) }
		list = append(list, nodeConfiguration{
			ID: "6baa5c73-af76-48c8-a5e8-c185c86a885c", CreatedDate: created, ModifiedDate: created, ModifiedByUser: `INTERNAL\sa_repository`,
			CustomProperties: []string{}, Name: n.Name, HostName: n.Host, IsCentral: has("central"), EngineEnabled: has("engine"),
			ProxyEnabled: has("proxy"), PrintingEnabled: has("printing"), SchedulerEnabled: has("scheduler"),
			ServiceCluster: reference{ID: "5b7e1a34-33ac-4b8e-9c1d-1f7ca5de6c2a", Name: "Cluster"}, Tags: []string{}, Roles: []string{},
			SchemaPath: "ServerNodeConfiguration",
		})
	}
	text, err := json.Marshal(list)
	if err != nil {
		panic(err) // strings, numbers and booleans cannot fail
	}
	return text
}

// nodes is the answer of the Repository Service.
func (r *Repository) nodes(w http.ResponseWriter, request *http.Request, s *Server) {
	key := request.URL.Query().Get("Xrfkey")
	if len(key) != 16 || !utf8.ValidString(key) || request.Header.Get("X-Qlik-Xrfkey") != key {
		status(http.StatusForbidden, "XSRF prevention check failed. Possible XSRF discovered.")(w, request, s)
		return
	}
	if r.User != "" && !strings.EqualFold(askedFor(request.Header.Get("X-Qlik-User")), r.User) {
		status(http.StatusUnauthorized, "Unauthorized")(w, request, s)
		return
	}
	send(w, http.StatusOK, jsonType, r.List)
}

// askedFor returns the DIRECTORY\user of a header X-Qlik-User.
func askedFor(header string) string {
	directory, user, _ := strings.Cut(header, ";")
	directory, found := strings.CutPrefix(strings.TrimSpace(directory), "UserDirectory=")
	user, foundUser := strings.CutPrefix(strings.TrimSpace(user), "UserId=")
	directory, err := url.PathUnescape(directory)
	user, userErr := url.PathUnescape(user)
	if !found || !foundUser || err != nil || userErr != nil {
		return ""
	}
	return directory + `\` + user
}

// wake waits until an idle service is ready. It returns false if the client goes away first.
func (p *phase) wake(r *http.Request) bool {
	if p.Repository == nil || p.Repository.Asleep == 0 {
		return true
	}
	timer := time.NewTimer(time.Until(p.awake()))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

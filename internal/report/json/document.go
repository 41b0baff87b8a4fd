package json

import (
	"time"

	"telegraf-qlik-sense-version/internal/release"
	"telegraf-qlik-sense-version/internal/report"
)

// document is the report. Members with omitempty or omitzero are left out if they are unknown or do
// not apply.
type document struct {
	Schema     int           `json:"schema"`
	Program    string        `json:"program"`
	AskedAt    time.Time     `json:"asked_at"`
	Origin     report.Origin `json:"origin"`
	Only       []string      `json:"only,omitempty"`
	Summary    summary       `json:"summary"`
	Catalogs   []catalogue   `json:"catalogs"`
	Blocks     []block       `json:"blocks"`
	Advisories []advisory    `json:"advisories"`
	Undecided  []undecided   `json:"undecided_advisories"`
	Dismissed  []dismissed   `json:"dismissed_advisories"`
	Notice     string        `json:"notice"`
	Baseline   *baseline     `json:"baseline,omitempty"`
}

type summary struct {
	Servers         int              `json:"servers"`
	Answered        int              `json:"answered"`
	Failed          int              `json:"failed"`
	Compliant       int              `json:"compliant"`
	NonCompliant    int              `json:"non_compliant"`
	Unknown         int              `json:"unknown"`
	ProvenPercent   *float64         `json:"proven_compliant_percent"`
	AnsweredPercent *float64         `json:"compliant_percent_of_answered"`
	Vulnerable      int              `json:"vulnerable"`
	Exploited       int              `json:"exploited"`
	BelowMinimum    int              `json:"below_minimum"`
	Mismatched      *int             `json:"version_mismatch"`
	OutOfSupport    int              `json:"out_of_support"`
	Versions        []report.Version `json:"versions"`
}

type catalogue struct {
	Name           string   `json:"name"`
	ReleasesAsOf   string   `json:"releases_as_of"`
	AdvisoriesAsOf string   `json:"advisories_as_of"`
	ExploitedAsOf  string   `json:"exploited_as_of"`
	ReleasesAge    int      `json:"releases_age_days"`
	AdvisoriesAge  int      `json:"advisories_age_days"`
	ExploitedAge   int      `json:"exploited_age_days"`
	Digest         string   `json:"sha256"`
	Weaker         []string `json:"weaker"`
}

type block struct {
	Tags           map[string]string `json:"tags"`
	MinimumRelease release.Release   `json:"minimum_release,omitzero"`
	RequireSupport bool              `json:"require_support"`
	SameVersion    bool              `json:"same_version"`
	CatalogMaxAge  int               `json:"catalog_max_age_days"`
	Catalog        string            `json:"catalog"`
	CatalogProblem string            `json:"catalog_problem,omitempty"`
	Site           *site             `json:"site,omitempty"`
	Summary        summary           `json:"summary"`
	Servers        []server          `json:"servers"`
}

type attempt struct {
	Host    string  `json:"host"`
	Result  string  `json:"result"`
	Failure failure `json:"failure"`
}

type failure struct {
	Step              string       `json:"step"`
	Cause             string       `json:"cause"`
	Hint              string       `json:"hint"`
	ServerCertificate *certificate `json:"server_certificate,omitempty"`
	ClientCertificate *certificate `json:"client_certificate,omitempty"`
}

type certificate struct {
	Subject   string    `json:"subject"`
	Names     []string  `json:"names"`
	Issuer    string    `json:"issuer"`
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
}

type advisory struct {
	ID             string            `json:"id"`
	Summary        string            `json:"summary"`
	Published      string            `json:"published"`
	ExposedDays    *int              `json:"exposed_days"`
	CVSS           float64           `json:"cvss"`
	CVSSSource     string            `json:"cvss_source,omitempty"`
	Severity       string            `json:"severity,omitempty"`
	ExploitedSince string            `json:"exploited_since,omitempty"`
	ExploitedDue   string            `json:"exploited_due,omitempty"`
	Ransomware     bool              `json:"ransomware"`
	Fixed          []release.Release `json:"fixed"`
	ReadBy         string            `json:"read_by,omitempty"`
	Source         string            `json:"source,omitempty"`
	Note           string            `json:"note,omitempty"`
	References     []string          `json:"references"`
	Affected       []affected        `json:"affected"`
}

type affected struct {
	Block   int    `json:"block"`
	Source  string `json:"source"`
	FixedIn string `json:"fixed_in"`
}

type undecided struct {
	ID             string   `json:"id"`
	Summary        string   `json:"summary"`
	ExploitedSince string   `json:"exploited_since,omitempty"`
	Catalog        string   `json:"catalog"`
	ReadBy         string   `json:"read_by,omitempty"`
	Source         string   `json:"source,omitempty"`
	Note           string   `json:"note,omitempty"`
	References     []string `json:"references"`
}

type dismissed struct {
	ID         string   `json:"id"`
	Summary    string   `json:"summary"`
	Reason     string   `json:"reason"`
	Catalog    string   `json:"catalog"`
	References []string `json:"references"`
}

type baseline struct {
	AskedAt     time.Time      `json:"asked_at"`
	Program     string         `json:"program"`
	Remarks     []string       `json:"remarks"`
	Then        report.Counts  `json:"then"`
	Now         report.Counts  `json:"now"`
	Unchanged   int            `json:"unchanged"`
	NotCompared int            `json:"not_compared"`
	Closed      []report.Tally `json:"closed"`
	Opened      []report.Tally `json:"opened"`
	Changed     []compared     `json:"changed"`
}

type compared struct {
	Source         string            `json:"source"`
	Host           string            `json:"host"`
	Tags           map[string]string `json:"tags"`
	Changes        []string          `json:"changes"`
	Then           *state            `json:"then,omitempty"`
	Now            *state            `json:"now,omitempty"`
	Closed         []string          `json:"closed"`
	OpenedByUpdate []string          `json:"opened_by_update"`
	OpenedByData   []string          `json:"opened_by_data"`
}

type state struct {
	Result     string `json:"result"`
	Label      string `json:"release_label,omitempty"`
	Build      string `json:"version,omitempty"`
	Compliance string `json:"compliance,omitempty"`
}

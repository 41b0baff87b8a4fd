// Package report asks a whole fleet once, through the plugin, and shows what came of
// it: as a table, as CSV, as JSON or as an HTML page.
package report

import (
	"time"
)

// Schema is the version of the JSON document's format.
const Schema = 1

// Report is what a fleet answered. Its JSON is documented in deploy/check-json.md; members that
// are pointers, and empty ones, are left out where they are not known.
type Report struct {
	Schema  int       `json:"schema"`
	Program string    `json:"program"`  // name and version of the program
	AskedAt time.Time `json:"asked_at"` // when the first server was asked
	// Only holds the hosts that the report was limited to; empty for the whole fleet.
	Only       []string   `json:"only,omitempty"`
	Summary    Summary    `json:"summary"`
	Catalogs   []Catalog  `json:"catalogs"`
	Blocks     []Block    `json:"blocks"`
	Advisories []Advisory `json:"advisories"` // those that apply to a server at least, the worst first
}

// Summary counts servers.
type Summary struct {
	Servers      int `json:"servers"`
	Answered     int `json:"answered"`
	Failed       int `json:"failed"`
	Compliant    int `json:"compliant"`
	NonCompliant int `json:"non_compliant"`
	Unknown      int `json:"unknown"`
	// CompliantPercent is the share of compliant servers among those that answered, nil
	// where none did.
	CompliantPercent *float64 `json:"compliant_percent"`
	Vulnerable       int      `json:"vulnerable"` // an advisory applies
	Exploited        int      `json:"exploited"`  // one that CISA lists as exploited
	BelowMinimum     int      `json:"below_minimum"`
	Mismatched       int      `json:"version_mismatch"`
	OutOfSupport     int      `json:"out_of_support"` // by the catalogue's estimate
	// Versions are the distinct versions, the one that most servers run first.
	Versions []Count `json:"versions"`
}

// Count is how many servers run a version.
type Count struct {
	ReleaseLabel string `json:"release_label,omitempty"`
	Version      string `json:"version,omitempty"`
	Servers      int    `json:"servers"`
}

// Catalog is the data that versions were judged by.
type Catalog struct {
	Name           string `json:"name"` // "built in", or the file
	ReleasesAsOf   string `json:"releases_as_of"`
	AdvisoriesAsOf string `json:"advisories_as_of"`
	ExploitedAsOf  string `json:"exploited_as_of"`
}

// Block is a block of the settings.
type Block struct {
	Tags           map[string]string `json:"tags"`
	MinimumRelease string            `json:"minimum_release,omitempty"`
	Catalog        string            `json:"catalog"` // a name among Catalogs
	Servers        []Server          `json:"servers"` // as in hosts
}

// Server is the point of a server, under the same names, with what belongs to it.
type Server struct {
	Source string `json:"source"`
	Host   string `json:"host"` // as it is written in the settings

	Result           string   `json:"result"`
	ResultCode       int      `json:"result_code"`
	ResponseTime     *float64 `json:"response_time,omitempty"` // seconds
	HTTPResponseCode *int     `json:"http_response_code,omitempty"`
	// CertificateExpiry is the time to the end of the server's certificate, in seconds.
	CertificateExpiry *int `json:"certificate_expiry,omitempty"`

	ReleaseLabel             string `json:"release_label,omitempty"`
	Version                  string `json:"version,omitempty"`
	ProductName              string `json:"product_name,omitempty"`
	DeploymentType           string `json:"deployment_type,omitempty"`
	SenseID                  string `json:"sense_id,omitempty"`
	ContentHash              string `json:"content_hash,omitempty"`
	DeprecatedProductVersion string `json:"deprecated_product_version,omitempty"`
	CopyrightYearRange       string `json:"copyright_year_range,omitempty"`

	Compliance             string   `json:"compliance,omitempty"` // "" where the server did not answer
	ComplianceCode         *int     `json:"compliance_code,omitempty"`
	ReleaseYear            *int     `json:"release_year,omitempty"`
	ReleaseMonth           *int     `json:"release_month,omitempty"`
	Patch                  *int     `json:"patch,omitempty"`
	LatestPatch            *int     `json:"latest_patch,omitempty"`
	PatchesBehind          *int     `json:"patches_behind,omitempty"`
	Advisories             []string `json:"advisories,omitempty"`
	AdvisoryCount          *int     `json:"advisory_count,omitempty"`
	ExploitedAdvisoryCount *int     `json:"exploited_advisory_count,omitempty"`
	MaxCVSS                *float64 `json:"max_cvss,omitempty"`
	FixedIn                *string  `json:"fixed_in,omitempty"`
	SupportDaysLeft        *int     `json:"support_days_left,omitempty"`
	BelowMinimum           *int     `json:"below_minimum,omitempty"`
	// VersionMismatch is left out where the report was limited to some hosts: the
	// others of the block were not asked.
	VersionMismatch *int `json:"version_mismatch,omitempty"`
	// Remark says why the version is not judged, or that label and build disagree.
	Remark string `json:"remark,omitempty"`

	Failure *Failure `json:"failure,omitempty"` // nil where the server answered
}

// Failure is what went wrong at which step, and what to do.
type Failure struct {
	Step              string       `json:"step"`
	Cause             string       `json:"cause"`
	Hint              string       `json:"hint"`
	ServerCertificate *Certificate `json:"server_certificate,omitempty"`
	ClientCertificate *Certificate `json:"client_certificate,omitempty"`
}

// Certificate is what one side showed the other.
type Certificate struct {
	Subject   string    `json:"subject"`
	Names     []string  `json:"names"` // of its subjectAltName
	Issuer    string    `json:"issuer"`
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
}

// Advisory is one that applies to servers of the report.
type Advisory struct {
	ID             string     `json:"id"`
	Summary        string     `json:"summary"`
	CVSS           float64    `json:"cvss"` // 0 where there is no score
	CVSSSource     string     `json:"cvss_source,omitempty"`
	ExploitedSince string     `json:"exploited_since,omitempty"` // the day on which CISA listed it
	Ransomware     bool       `json:"ransomware"`
	Fixed          []string   `json:"fixed"` // the first releases with the fix
	References     []string   `json:"references"`
	Affected       []Affected `json:"affected"`
}

// Affected is a server that an advisory applies to.
type Affected struct {
	Block  int    `json:"block"` // index in Blocks
	Source string `json:"source"`
	// FixedIn is the lowest patch of the server's release that has the fix of this
	// advisory, "" where there is none.
	FixedIn string `json:"fixed_in"`
}

// Answered holds for a server that told its version.
func (s *Server) Answered() bool { return s.Failure == nil }

// Vulnerable holds for a server that an advisory applies to.
func (s *Server) Vulnerable() bool { return len(s.Advisories) > 0 }

func (s *Server) exploited() bool {
	return s.ExploitedAdvisoryCount != nil && *s.ExploitedAdvisoryCount > 0
}

// is reads a field that says yes or no as 1 or 0, where it is known.
func is(flag *int) bool { return flag != nil && *flag == 1 }

// Status is the exit status of the command check: 2 where a server is non-compliant, 0 only
// where every server is proven compliant, else 3.
func (r *Report) Status() int {
	switch s := &r.Summary; {
	case s.NonCompliant > 0:
		return 2
	case s.Servers == 0 || s.Compliant < s.Servers:
		return 3
	}
	return 0
}

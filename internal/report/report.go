// Package report holds the results of one round over a fleet, for people: the servers and
// their judgements, the advisories that apply, and the counts. The packages below it write
// it as a table, CSV, JSON, an HTML page or a line for Nagios.
package report

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"iter"
	"maps"
	"slices"
	"time"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/fleet"
	"telegraf-qlik-sense-version/internal/judgement"
	"telegraf-qlik-sense-version/internal/release"
)

// Report is what the servers of a fleet answered, and how that was judged.
type Report struct {
	Program string    // name and version of the program
	AskedAt time.Time // when the first server was asked, in UTC
	Origin  Origin
	// Only holds the names that the report was limited to; empty for the whole fleet.
	Only     []string
	Summary  Summary
	Catalogs []*Catalog // distinct, in the order of the blocks
	Blocks   []*Block
	// Advisories are those that apply to at least one server, the most urgent first.
	Advisories []*Advisory
	// Undecided are the advisories that nobody has mapped to releases yet, and Dismissed those
	// that were set aside by a person or by NVD: of all catalogues, sorted by identifier.
	Undecided, Dismissed []Entry
	// Problems are the distinct reasons why servers were not judged by the current version of the
	// catalogue that the settings name.
	Problems []string
	// Since is what changed since an earlier report, nil where there is none to compare with.
	Since *Comparison
}

// Origin records where a report comes from, as evidence.
type Origin struct {
	Machine  string `json:"machine"` // that asked, "" if unknown
	Account  string `json:"account"` // "" if unknown
	Settings []File `json:"settings"`
}

// File is a file that was read.
type File struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"` // of its content, hexadecimal
}

// Entry is an advisory of a catalogue by which no server is judged.
type Entry struct {
	*catalog.Advisory
	Catalog string // name of the catalogue
}

// Block is a block of the settings.
type Block struct {
	Index   int // in Report.Blocks
	Round   *fleet.Round
	Summary Summary
	Catalog *Catalog  // by which its servers were judged
	Servers []*Server // in the order of the setting hosts, then the discovered nodes
}

// Server is the result of a server.
type Server struct {
	*fleet.Result
	Block *Block
}

// Catalog is the data that versions were judged by.
type Catalog struct {
	Name                            string // fleet.BuiltIn, the file or the URL
	Digest                          string // see catalog.Digest
	Releases, Advisories, Exploited Age
	// Weaker has a sentence for each entry that is weaker than the built-in one.
	Weaker []string
}

// Age is how old a part of a catalogue was on the day of the report.
type Age struct {
	AsOf   catalog.Day
	Days   int  // negative where AsOf is after the report
	Future bool // dated in the future: it proves nothing
}

// Old reports whether the part is old enough to warn about.
func (a Age) Old() bool { return a.Days > catalog.OldAfter }

// Advisory is one that applies to servers of the report.
type Advisory struct {
	*catalog.Advisory
	Affected []Affected
}

// ExposedDays is the number of days since the advisory was published.
func (a *Advisory) ExposedDays(r *Report) (days int, known bool) {
	return max(0, catalog.DayOf(r.AskedAt).DaysSince(a.Published)), !a.Published.IsZero()
}

// Affected is a server that an advisory applies to.
type Affected struct {
	Server *Server
	// FixedIn is the lowest patch of the server's release with the fix of this advisory, zero if
	// there is none.
	FixedIn release.Release
}

// Servers are those of all blocks.
func (r *Report) Servers() iter.Seq[*Server] {
	return func(yield func(*Server) bool) {
		for _, b := range r.Blocks {
			for _, s := range b.Servers {
				if !yield(s) {
					return
				}
			}
		}
	}
}

// Tags are the static tags.
func (b *Block) Tags() map[string]string { return b.Round.Block.Tags }

// Usual returns a server that runs the usual version of the block: the one that most servers run. It
// returns nil if versions were not compared.
func (b *Block) Usual() *Server {
	for _, s := range b.Servers {
		if s.Comparison == fleet.Same {
			return s
		}
	}
	return nil
}

// Proven reports whether a fresh answer and fresh data prove the server compliant.
func (s *Server) Proven() bool {
	return s.Answered() && s.Judgement.Compliance == judgement.Compliant
}

// Applying returns the advisories that are known to apply, sorted by identifier.
func (s *Server) Applying() []*catalog.Advisory {
	if s.Judgement.Verdict == nil {
		return nil
	}
	return s.Judgement.Verdict.Advisories
}

// Exploited returns the number of applying advisories that CISA lists as exploited.
func (s *Server) Exploited() int {
	if s.Judgement.Verdict == nil {
		return 0
	}
	return s.Judgement.Verdict.Exploited
}

// Fix returns the lowest patch of the server's release that has the fixes of all
// advisories that apply, if there is one.
func (s *Server) Fix() (fix release.Release, found bool) {
	for _, a := range s.Applying() {
		fixedIn, found := s.Round.Judge.FixedIn(a.ID, s.Judgement.Release)
		if !found {
			return release.Release{}, false
		}
		if fixedIn.Compare(fix) > 0 {
			fix = fixedIn
		}
	}
	return fix, !fix.IsZero()
}

// ID is a stable identifier of the server for other systems, derived from its address, ignoring
// case, and the static tags of its block. It changes only when they do.
func (s *Server) ID() string {
	sum := sha256.New()
	io.WriteString(sum, s.Server.Key()) //nolint:errcheck // it never fails
	for _, key := range slices.Sorted(maps.Keys(s.Block.Tags())) {
		io.WriteString(sum, "\x00"+key+"\x00"+s.Block.Tags()[key]) //nolint:errcheck // the same
	}
	return hex.EncodeToString(sum.Sum(nil))[:16]
}

// Site is how the discovery of the block's site ended, nil for a block without discovery.
func (b *Block) Site() *fleet.Site { return b.Round.Site }

// IncompleteSite reports whether the block's site has nodes that are unknown or cannot be
// asked: whatever its other nodes answer, it is not proven. A report that was limited makes no
// claim about sites.
func (r *Report) IncompleteSite(b *Block) bool {
	return b.Site() != nil && !b.Site().Complete() && len(r.Only) == 0
}

// Incomplete is the number of incomplete sites.
func (r *Report) Incomplete() (n int) {
	for _, b := range r.Blocks {
		if r.IncompleteSite(b) {
			n++
		}
	}
	return n
}

// Status is the exit status of the command check: 2 if a server is not compliant; else 3 if
// anything is unproven: a server, an incomplete site, or everything because no server was
// asked; else 0.
func (r *Report) Status() int {
	switch s := &r.Summary; {
	case s.NonCompliant > 0:
		return 2
	case s.Servers == 0, s.Compliant < s.Servers, r.Incomplete() > 0:
		return 3
	}
	return 0
}

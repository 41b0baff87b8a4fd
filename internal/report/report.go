// Package report is what one round over a fleet came to, for people: the servers with
// their judgements, the advisories that apply, and the counts. The packages below it
// write it as a table, as CSV, as JSON or as an HTML page.
package report

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"maps"
	"slices"
	"time"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/fleet"
	"telegraf-qlik-sense-version/internal/judgement"
	"telegraf-qlik-sense-version/internal/release"
)

// Report is what a fleet answered, and how that was judged.
type Report struct {
	Program string    // name and version of the program
	AskedAt time.Time // when the first server was asked, in UTC
	Origin  Origin
	// Only holds the hosts that the report was limited to; empty for the whole fleet.
	Only     []string
	Summary  Summary
	Catalogs []Catalog // each once, in the order of the blocks
	Blocks   []Block
	// Advisories are those that apply to a server at least, the most urgent first.
	Advisories []Advisory
	// Undecided are the advisories of all catalogues that nobody can map to releases
	// yet, by identifier, and Dismissed are those that somebody or NVD has set aside.
	Undecided, Dismissed []Entry
	// Problems say why servers are not judged by a catalogue that the settings name as it is
	// now, each once.
	Problems []string
	// Since is what changed since an earlier report, nil where there is none to compare with.
	Since *Comparison
}

// Origin is where a report comes from, for those who have to prove it later.
type Origin struct {
	Machine, Account string // that asked, "" where they cannot be told
	Settings         []File // none where there were none
}

// File is a file that was read.
type File struct {
	Name   string
	SHA256 string // of its bytes, in hexadecimal digits
}

// Entry is an advisory as a catalogue has it that no server is judged by.
type Entry struct {
	*catalog.Advisory
	Catalog string // its name
}

// Block is a block of the settings.
type Block struct {
	Round   *fleet.Round
	Summary Summary
	Catalog int      // index in Catalogs of what judged
	Servers []Server // in the order of the setting hosts, and then further nodes of the site
}

// Server is the result of a server.
type Server struct{ *fleet.Result }

// Catalog is the data that versions were judged by.
type Catalog struct {
	Name                            string // fleet.BuiltIn, the file or the URL
	Digest                          string // see catalog.Digest
	Releases, Advisories, Exploited Age
	// Weaker are its entries that are weaker than the built-in ones, a sentence each.
	Weaker []string
}

// Age is how old a part of a catalogue was on the day of the report.
type Age struct {
	AsOf   catalog.Day
	Days   int  // negative where AsOf is after the report
	Future bool // dated in the future: it proves nothing
}

// Old reports whether the part is so old that its age must be said.
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
	Block  int // index in Blocks
	Server *Server
	// FixedIn is the lowest patch of the server's release that has the fix of this
	// advisory, zero where there is none.
	FixedIn release.Release
}

// Tags are the static tags.
func (b *Block) Tags() map[string]string { return b.Round.Block.Tags }

// Usual returns a server that runs the version that is usual in the block, nil where
// versions were not compared.
func (b *Block) Usual() *Server {
	for i := range b.Servers {
		if b.Servers[i].Comparison == fleet.Same {
			return &b.Servers[i]
		}
	}
	return nil
}

// Proven reports whether a fresh answer and fresh data prove the server compliant.
func (s *Server) Proven() bool {
	return s.Answered() && s.Judgement.Compliance == judgement.Compliant
}

// Applying returns the advisories that are known to apply, by identifier.
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
		one, found := s.Round.Judge.FixedIn(a.ID, s.Judgement.Release)
		if !found {
			return release.Release{}, false
		}
		if one.Compare(fix) > 0 {
			fix = one
		}
	}
	return fix, !fix.IsZero()
}

// ID is a stable identifier of a server for other systems: of its address, in which letter case
// does not matter, and the static tags of its block. It stays as long as they do.
func (b *Block) ID(s *Server) string {
	sum := sha256.New()
	io.WriteString(sum, s.Server.Key()) //nolint:errcheck // it never fails
	for _, key := range slices.Sorted(maps.Keys(b.Tags())) {
		io.WriteString(sum, "\x00"+key+"\x00"+b.Tags()[key]) //nolint:errcheck // the same
	}
	return hex.EncodeToString(sum.Sum(nil))[:16]
}

// Site is what became of the nodes of the block's site, nil where they were not asked for.
func (b *Block) Site() *fleet.Site { return b.Round.Site }

// IncompleteSite reports whether the block is of a site with nodes that are not known or cannot
// be asked: whatever its other nodes answer, it is not proven. A report that was limited claims
// nothing of sites.
func (r *Report) IncompleteSite(b *Block) bool {
	return b.Site() != nil && !b.Site().Complete() && len(r.Only) == 0
}

// Incomplete is the number of such sites.
func (r *Report) Incomplete() (n int) {
	for i := range r.Blocks {
		if r.IncompleteSite(&r.Blocks[i]) {
			n++
		}
	}
	return n
}

// Status is the exit status of the command check: 0 where every server answered and is
// proven compliant, 2 where one is not compliant, else 3. Where no server was asked, or a site
// has nodes that are not known, nothing is proven.
func (r *Report) Status() int {
	switch s := &r.Summary; {
	case s.NonCompliant > 0:
		return 2
	case s.Servers == 0, s.Compliant < s.Servers, r.Incomplete() > 0:
		return 3
	}
	return 0
}

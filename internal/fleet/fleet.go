// Package fleet asks Qlik Sense servers which version they run, judges the answers and
// compares them: one round over the servers of a block at a time, which ends in typed
// results. It knows nothing of points and reports.
package fleet

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/judgement"
	"telegraf-qlik-sense-version/internal/poll"
	"telegraf-qlik-sense-version/internal/release"
)

// Settings are those of one block: the servers of a Qlik Sense site or environment.
type Settings struct {
	Hosts                 []string
	Discover              []string // nodes of the site that are asked for its nodes, in this order
	DiscoverUser          string   // as DIRECTORY\USER, in whose name that is done
	MaxConcurrentRequests int      // servers of this block asked at the same time
	Poll                  poll.Settings
	MinimumRelease        string        // "" for none
	RequireSupport        bool          // the end of support is part of the policy
	SameVersion           bool          // the servers should run one version
	CatalogFile           string        // "" for none
	CatalogURL            string        // the same from a web server; without both, the built-in catalogue
	CatalogMaxAge         time.Duration // of advisory data that prove compliance
	Tags                  map[string]string
}

// Block is a block whose settings are in order. Its rounds must not overlap.
type Block struct {
	Settings

	process    *Process
	poller     *poll.Poller
	servers    []*poll.Server  // of hosts
	configured map[string]bool // their keys
	nodes      *nodes          // nil without discover
	claims     *claims
	only       func(*poll.Server) bool // nil unless the block is limited
	policy     judgement.Policy
	catalog    *source
	limited    bool // to some of its servers
	// minimumChecked is set when the minimum release was looked for in the catalogue.
	minimumChecked bool
}

// New checks the settings, and reads the certificates and the catalogue once. It needs
// no network. What it finds wrong is joined, each part a *poll.SettingError.
func New(settings Settings, process *Process) (*Block, error) {
	b := &Block{Settings: settings, process: process}
	var errs []error
	if b.MaxConcurrentRequests < 1 {
		errs = append(errs, &poll.SettingError{Key: "max_concurrent_requests", Err: errors.New("must be 1 or more")})
	}
	errs = append(errs, checkTags(b.Tags), b.parseHosts(), b.parseDiscover(), b.parsePolicy())
	if source, err := process.source(b.CatalogFile, b.CatalogURL); err != nil {
		errs = append(errs, err)
	} else {
		b.catalog = source
	}
	poller, err := poll.New(b.Poll)
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, err
	}
	b.poller = poller
	b.claims = newClaims(b)
	b.warn()
	return b, nil
}

func (b *Block) parsePolicy() error {
	const day = 24 * time.Hour
	var errs []error
	if b.CatalogMaxAge < day {
		errs = append(errs, &poll.SettingError{Key: "catalog_max_age", Err: errors.New(`must be one day or more, for example "180d"`)})
	}
	b.policy = judgement.Policy{RequireSupport: b.RequireSupport, MaxAge: int(b.CatalogMaxAge / day)}
	if b.MinimumRelease != "" {
		minimum, err := release.Parse(b.MinimumRelease)
		if err != nil {
			errs = append(errs, &poll.SettingError{Key: "minimum_release", Err: fmt.Errorf(`%w: write it like "May 2025 Patch 3"`, err)})
		}
		b.policy.Minimum = minimum
	}
	return errors.Join(errs...)
}

// warn names settings that are allowed but weaken what is proven.
func (b *Block) warn() {
	if b.Poll.TLS.InsecureSkipVerify {
		b.process.warnf(`Setting insecure_skip_verify accepts any server: prefer tls_ca, with tls_verify = "chain" where names do not match`)
	}
	if b.Poll.TokenFile != "" || len(b.Poll.Headers) > 0 {
		for _, s := range slices.Concat(b.servers, b.asked()) {
			if strings.HasPrefix(s.String(), "http://") {
				b.process.warnf("Server %s is asked without TLS: its token and headers can be read on the way", s)
			}
		}
	}
	if b.catalog.remote == nil {
		b.checkMinimum(b.catalog.judge)
	}
}

// checkMinimum says once that the minimum release may be misspelt, or newer than the
// catalogue.
func (b *Block) checkMinimum(judge *judgement.Judge) {
	if b.minimumChecked {
		return
	}
	b.minimumChecked = true
	initial := b.policy.Minimum.Initial()
	if !initial.IsZero() && !slices.ContainsFunc(judge.Catalog.Releases, func(r catalog.Release) bool { return r.Label == initial }) {
		b.process.warnf("Setting minimum_release: the catalogue has no release %q: check the month and the year", initial)
	}
}

// Servers are those of the setting hosts, in its order. Nodes that are found come on top of
// them in each round.
func (b *Block) Servers() []*poll.Server { return b.servers }

// Policy is what its servers are judged by.
func (b *Block) Policy() judgement.Policy { return b.policy }

// Minimum is the setting minimum_release, zero where there is none.
func (b *Block) Minimum() release.Release { return b.policy.Minimum }

// Discovers reports whether the nodes of a site are asked for.
func (b *Block) Discovers() bool { return b.nodes != nil }

// asked are the nodes of the setting discover.
func (b *Block) asked() []*poll.Server {
	if b.nodes == nil {
		return nil
	}
	return b.nodes.finder.Servers()
}

// Only limits the block to the servers for which keep returns true, those that will be found
// among them. They are not compared any more: the others may run what most do.
func (b *Block) Only(keep func(*poll.Server) bool) {
	b.only = keep
	b.servers = slices.DeleteFunc(slices.Clone(b.servers), func(s *poll.Server) bool { return !keep(s) })
	b.limited = true
}

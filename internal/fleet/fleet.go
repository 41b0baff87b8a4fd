// Package fleet asks the servers of a block which version they run, judges the answers and
// compares them. Its results are typed; it knows nothing of points and reports.
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
	Discover              []string // nodes whose Repository Service lists the nodes, tried in this order
	DiscoverUser          string   // DIRECTORY\USER for these requests
	MaxConcurrentRequests int      // of this block
	Poll                  poll.Settings
	MinimumRelease        string        // "" for none
	RequireSupport        bool          // the end of support is part of the policy
	SameVersion           bool          // the servers should run one version
	CatalogFile           string        // "" for none
	CatalogURL            string        // instead of CatalogFile; without both, the built-in catalogue is used
	CatalogMaxAge         time.Duration // of advisory data that prove compliance
	Tags                  map[string]string
}

// Block is a block with valid settings. Its rounds must not overlap.
type Block struct {
	Settings

	process    *Process
	poller     *poll.Poller
	servers    []*poll.Server  // of hosts
	configured map[string]bool // their keys
	nodes      *nodes          // nil without discover
	claims     *claims
	only       func(*poll.Server) bool // nil for all servers
	policy     judgement.Policy
	catalog    *source

	minimumChecked bool // whether the catalogue has the minimum release
}

// New checks the settings, and reads the certificates and the catalogue once. It needs
// no network. The error joins *poll.SettingErrors.
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
	ShareClaims([]*Block{b})
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

// warn warns of settings that are valid but risky.
func (b *Block) warn() {
	if b.Poll.TLS.InsecureSkipVerify {
		b.process.warnf(`Setting insecure_skip_verify accepts any server: prefer tls_ca, with tls_verify = "chain" if names do not match`)
	}
	if b.Poll.TokenFile != "" || len(b.Poll.Headers) > 0 {
		for _, s := range slices.Concat(b.servers, b.discoverServers()) {
			if strings.HasPrefix(s.String(), "http://") {
				b.process.warnf("Server %s is asked without TLS: its token and headers can be read on the way", s)
			}
		}
	}
	if b.catalog.remote == nil {
		b.checkMinimum(b.catalog.judge)
	}
}

// checkMinimum warns once of a minimum release that is not in the catalogue.
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

// Servers are the servers of the setting hosts, in its order. A round adds the nodes that it
// discovers.
func (b *Block) Servers() []*poll.Server { return b.servers }

// Policy is the policy of the settings.
func (b *Block) Policy() judgement.Policy { return b.policy }

// Minimum is the setting minimum_release, or zero.
func (b *Block) Minimum() release.Release { return b.policy.Minimum }

// Discovers reports whether the setting discover is set.
func (b *Block) Discovers() bool { return b.nodes != nil }

// discoverServers are the nodes of the setting discover.
func (b *Block) discoverServers() []*poll.Server {
	if b.nodes == nil {
		return nil
	}
	return b.nodes.finder.Servers()
}

// Only limits the block to the servers for which keep returns true, discovered ones included.
// Their versions are not compared any more: the majority may be among the others.
func (b *Block) Only(keep func(*poll.Server) bool) {
	b.only = keep
	b.servers = slices.DeleteFunc(slices.Clone(b.servers), func(s *poll.Server) bool { return !keep(s) })
}

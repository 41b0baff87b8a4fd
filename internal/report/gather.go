package report

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"telegraf-qlik-sense-version/internal/fleet"
	"telegraf-qlik-sense-version/internal/poll"
)

// Gather asks all servers of the blocks once, in one round. The error is that of a ctx
// that ended before the round did. Where polled is not nil, it is called after each poll.
func Gather(ctx context.Context, blocks []*fleet.Block, program string, only []string, polled func()) (*Report, error) {
	rounds := make([]*fleet.Round, len(blocks))
	var group sync.WaitGroup
	for i, block := range blocks {
		group.Go(func() {
			block.AwaitCatalog(ctx)
			rounds[i] = block.Round(ctx, polled)
		})
	}
	group.Wait()
	if ctx.Err() != nil {
		return nil, errors.New("interrupted before all servers were asked")
	}
	if len(only) > 0 {
		var err error
		if rounds, err = named(rounds, only); err != nil {
			return nil, err
		}
	}
	return New(program, only, rounds), nil
}

// New makes a report of rounds. Program is the name and version of the program, only what
// the blocks were limited to.
func New(program string, only []string, rounds []*fleet.Round) *Report {
	r := &Report{Program: program, Only: only, Blocks: make([]Block, len(rounds))}
	for i, round := range rounds {
		if i == 0 || round.Start.Before(r.AskedAt) {
			r.AskedAt = round.Start.UTC()
		}
		b := &r.Blocks[i]
		b.Round, b.Servers = round, make([]Server, len(round.Results))
		for j := range round.Results {
			b.Servers[j].Result = &round.Results[j]
		}
		b.Catalog = r.addCatalog(round)
	}
	r.summarise()
	r.listAdvisories()
	return r
}

// named leaves out the rounds over sites that have none of the named servers. A name that no
// server has is an error.
func named(rounds []*fleet.Round, only []string) ([]*fleet.Round, error) {
	var sites []string
	rounds = slices.DeleteFunc(rounds, func(round *fleet.Round) bool {
		if site := round.Site; site != nil && !site.Listed {
			sites = append(sites, fmt.Sprintf("; site %s: %s", site.Source(), site.Problem()))
		}
		return len(round.Results) == 0
	})
	for _, name := range only {
		if !slices.ContainsFunc(rounds, func(round *fleet.Round) bool {
			return slices.ContainsFunc(round.Results, func(r fleet.Result) bool { return isCalled(r.Server, name) })
		}) {
			return nil, fmt.Errorf("--only %s: neither the settings nor their sites have such a server: write it as in hosts or as the site has it%s",
				name, strings.Join(sites, ""))
		}
	}
	return rounds, nil
}

// isCalled reports whether a name is that of a server, with or without what else is known of
// it (port, path).
func isCalled(s *poll.Server, name string) bool {
	return slices.ContainsFunc([]string{s.Source(), s.HostPort(), s.String()}, func(own string) bool { return strings.EqualFold(name, own) })
}

// Limit leaves only the named servers to be asked. A name that no server can have is an error;
// where nodes are still to be found, Gather tells.
func Limit(blocks []*fleet.Block, only []string) ([]*fleet.Block, error) {
	if len(only) == 0 {
		return blocks, nil
	}
	found, discovers := make(map[string]bool, len(only)), false
	var left []*fleet.Block
	for _, block := range blocks {
		for _, s := range block.Servers() {
			for _, name := range only {
				found[name] = found[name] || isCalled(s, name)
			}
		}
		block.Only(func(s *poll.Server) bool {
			return slices.ContainsFunc(only, func(name string) bool { return isCalled(s, name) })
		})
		discovers = discovers || block.Discovers()
		if len(block.Servers()) > 0 || block.Discovers() {
			left = append(left, block)
		}
	}
	for _, name := range only {
		if !found[name] && !discovers {
			return nil, fmt.Errorf("--only %s: the settings have no such server: write it as in hosts, with or without the port", name)
		}
	}
	return left, nil
}

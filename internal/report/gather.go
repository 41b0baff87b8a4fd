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

// Gather polls the servers of all blocks once. It returns an error if ctx ends first. Where polled
// is not nil, it is called after each poll.
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
		if rounds, err = limitRounds(rounds, only); err != nil {
			return nil, err
		}
	}
	return New(program, only, rounds), nil
}

// New makes a report of rounds. Program is the name and version of the program, only the names
// that the blocks were limited to.
func New(program string, only []string, rounds []*fleet.Round) *Report {
	r := &Report{Program: program, Only: only}
	for i, round := range rounds {
		if i == 0 || round.Start.Before(r.AskedAt) {
			r.AskedAt = round.Start.UTC()
		}
		b := &Block{Index: i, Round: round, Catalog: r.addCatalog(round)}
		for j := range round.Results {
			b.Servers = append(b.Servers, &Server{&round.Results[j], b})
		}
		b.Summary = summaryOf(slices.Values(b.Servers))
		r.Blocks = append(r.Blocks, b)
	}
	r.Summary = summaryOf(r.Servers())
	r.listAdvisories()
	return r
}

// limitRounds drops the rounds without any of the named servers. A name that no server has is an
// error.
func limitRounds(rounds []*fleet.Round, only []string) ([]*fleet.Round, error) {
	var problems strings.Builder
	rounds = slices.DeleteFunc(rounds, func(round *fleet.Round) bool {
		if site := round.Site; site != nil && !site.Listed {
			fmt.Fprintf(&problems, "; site %s: %s", site.Source(), site.Problem())
		}
		return len(round.Results) == 0
	})
	for _, name := range only {
		if !slices.ContainsFunc(rounds, func(round *fleet.Round) bool {
			return slices.ContainsFunc(round.Results, func(r fleet.Result) bool { return hasName(r.Server, name) })
		}) {
			return nil, fmt.Errorf("--only %s: neither the settings nor their sites have such a server: write it as in hosts or as the site has it%s",
				name, problems.String())
		}
	}
	return rounds, nil
}

// hasName reports whether a name is that of the server, with or without port and path.
func hasName(s *poll.Server, name string) bool {
	return slices.ContainsFunc([]string{s.Source(), s.HostPort(), s.String()}, func(own string) bool { return strings.EqualFold(name, own) })
}

// Limit limits the blocks to the named servers. A name that no server can have is an error;
// where nodes are yet to be discovered, Gather reports it.
func Limit(blocks []*fleet.Block, only []string) ([]*fleet.Block, error) {
	if len(only) == 0 {
		return blocks, nil
	}
	var left []*fleet.Block
	for _, block := range blocks {
		block.Only(func(s *poll.Server) bool {
			return slices.ContainsFunc(only, func(name string) bool { return hasName(s, name) })
		})
		if len(block.Servers()) > 0 || block.Discovers() {
			left = append(left, block)
		}
	}
	for _, name := range only {
		if !slices.ContainsFunc(left, func(b *fleet.Block) bool {
			return b.Discovers() || slices.ContainsFunc(b.Servers(), func(s *poll.Server) bool { return hasName(s, name) })
		}) {
			return nil, fmt.Errorf("--only %s: the settings have no such server: write it as in hosts, with or without the port", name)
		}
	}
	return left, nil
}

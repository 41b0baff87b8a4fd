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
		r.addCatalog(round)
	}
	r.summarise()
	r.listAdvisories()
	return r
}

// Limit leaves only the named servers to be asked. A name is that of a server with or
// without what else the settings say of it (port, path); one that no server has is
// an error.
func Limit(blocks []*fleet.Block, only []string) ([]*fleet.Block, error) {
	if len(only) == 0 {
		return blocks, nil
	}
	found := make(map[string]bool, len(only))
	var left []*fleet.Block
	for _, block := range blocks {
		block.Only(func(s *poll.Server) bool {
			kept := false
			for _, name := range only {
				if slices.ContainsFunc([]string{s.Source(), s.HostPort(), s.String()}, func(own string) bool { return strings.EqualFold(name, own) }) {
					found[name], kept = true, true
				}
			}
			return kept
		})
		if len(block.Servers()) > 0 {
			left = append(left, block)
		}
	}
	for _, name := range only {
		if !found[name] {
			return nil, fmt.Errorf("--only %s: the settings have no such server: write it as in hosts, with or without the port", name)
		}
	}
	return left, nil
}

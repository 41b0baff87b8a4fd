package catalog

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// linked returns the good catalogue with n more advisories. next returns the numbers of those
// that supersede advisory i.
func linked(t *testing.T, n int, next func(i int) []int) *Catalog {
	t.Helper()
	c := good(t)
	for i := range n {
		a := c.Advisories[0]
		a.ID = fmt.Sprintf("CVE-2024-%05d", i)
		for _, other := range next(i) {
			a.SupersededBy = append(a.SupersededBy, fmt.Sprintf("CVE-2024-%05d", other))
		}
		c.Advisories = append(c.Advisories, a)
	}
	return c
}

// between returns the numbers from first up to, but not including, last.
func between(first, last int) (numbers []int) {
	for i := first; i < last; i++ {
		numbers = append(numbers, i)
	}
	return numbers
}

// Each advisory is visited once, however they are linked.
func TestSupersessionVisitsEachOnce(t *testing.T) {
	const n = 400
	for name, next := range map[string]func(int) []int{
		"chain":                     func(i int) []int { return between(i+1, min(i+2, n)) },
		"chain from its end":        func(i int) []int { return between(max(i-1, 0), i) },
		"circle":                    func(i int) []int { return []int{(i + 1) % n} },
		"each by all that follow":   func(i int) []int { return between(i+1, n) },
		"each by all":               func(int) []int { return between(0, n) },
		"each by some in a circle":  func(i int) []int { return []int{(i + 1) % n, (i + 7) % n, (i * i) % n} },
		"not linked with any other": func(int) []int { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			steps := make(map[string]int)
			c := newComponents(func(id string) (ids []string) {
				steps[id]++
				i, err := strconv.Atoi(id)
				require.NoError(t, err)
				for _, other := range next(i) {
					ids = append(ids, strconv.Itoa(other))
				}
				return ids
			})
			for i := range n {
				c.find(strconv.Itoa(i))
			}
			require.Len(t, steps, n)
			require.Len(t, c.number, n)
			for id, count := range steps {
				require.Equal(t, 1, count, id)
			}
		})
	}
}

// The components match those found by a search from each node.
func TestComponents(t *testing.T) {
	const n = 60
	for shift := range 12 {
		next := func(i int) []int {
			if i%5 == shift%5 {
				return nil
			}
			return []int{(i*i + shift) % n, (i*7 + 3) % n}
		}
		reached := make([][]bool, n)
		for i := range n {
			reached[i] = make([]bool, n)
			for open := []int{i}; len(open) > 0; open = open[1:] {
				for _, j := range next(open[0]) {
					if !reached[i][j] {
						reached[i][j] = true
						open = append(open, j)
					}
				}
			}
		}
		c := linked(t, n, next)
		k := &checker{catalog: c, advisories: make(map[string]*Advisory)}
		for i := range c.Advisories {
			k.advisories[c.Advisories[i].ID] = &c.Advisories[i]
		}
		k.findCycles()
		for i := range n {
			for j := range n {
				want := i == j || reached[i][j] && reached[j][i]
				require.Equal(t, want, k.components[fmt.Sprintf("CVE-2024-%05d", i)] == k.components[fmt.Sprintf("CVE-2024-%05d", j)], "%d, %d", i, j)
			}
		}
	}
}

// A chain of as many advisories as a catalogue can hold is accepted; a cycle causes a line for each.
func TestLongSupersession(t *testing.T) {
	n := maxAdvisories - len(good(t).Advisories)
	chain := linked(t, n, func(i int) []int { return between(i+1, min(i+2, n)) })
	require.Len(t, chain.Advisories, maxAdvisories)
	require.NoError(t, chain.Check())

	circle := linked(t, n, func(i int) []int { return []int{(i + 1) % n, (i + 2) % n} })
	problems := strings.Split(circle.Check().Error(), "\n")
	require.Len(t, problems, n)
	for _, problem := range problems {
		require.Contains(t, problem, ", which this one supersedes in turn")
	}
}

// Only the members of a cycle are named, not those that lead to or from it.
func TestSupersessionCycle(t *testing.T) {
	c := linked(t, 6, func(i int) []int { return map[int][]int{0: {1}, 1: {2, 5}, 2: {3}, 3: {1}, 4: {0}}[i] })
	problems := strings.Split(c.Check().Error(), "\n")
	slices.Sort(problems)
	require.Equal(t, []string{
		`advisory "CVE-2024-00001": superseded_by "CVE-2024-00002", which this one supersedes in turn`,
		`advisory "CVE-2024-00002": superseded_by "CVE-2024-00003", which this one supersedes in turn`,
		`advisory "CVE-2024-00003": superseded_by "CVE-2024-00001", which this one supersedes in turn`,
	}, problems)
}

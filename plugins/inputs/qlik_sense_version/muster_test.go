package qlik_sense_version

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// play runs a round in which each letter is a server that answers with that version,
// and "." one that fails. It gives what was let go after each of them and at the end,
// a letter for each server: in upper case where it differs.
func play(servers int, events string) string {
	m := newMuster(servers)
	var released []byte
	var steps []string
	step := func() {
		slices.Sort(released)
		steps = append(steps, string(released))
		released = nil
	}
	for _, event := range events {
		if event == '.' {
			m.failed()
		} else {
			m.answered(string(event), func(mismatch bool) {
				letter := byte(event)
				if mismatch {
					letter -= 'a' - 'A'
				}
				released = append(released, letter)
			})
		}
		step()
	}
	m.ended()
	step()
	return strings.Join(steps, " ")
}

func TestMuster(t *testing.T) {
	tests := []struct {
		name    string
		servers int
		events  string
		want    string
	}{
		{"one server", 1, "a", "a "},
		{"one server that fails", 1, ".", " "},
		{"two of the same", 2, "aa", " aa "},
		{"two that differ: nobody knows which is right", 2, "ab", " AB "},
		{"one of two failed", 2, "a.", " a "},
		{"one differs", 3, "aba", "  Baa "},
		{"clear as soon as the rest cannot turn it over", 5, "aaabb", "  aaa B B "},
		{"not clear while the rest can", 5, "aabb.", "    AABB "},
		{"a failure makes it clear", 4, "a.a.", "  aa  "},
		{"most, though less than half", 5, "aabcd", "    BCDaa "},
		{"level at the top, a third version below", 5, "aabbc", "    AABBC "},
		{"all differ", 3, "abc", "  ABC "},
		{"cut off before it was clear", 4, "ab", "  AB"},
		{"cut off with a lead", 5, "aab", "   Baa"},
		{"nobody answered", 3, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, play(tt.servers, tt.events))
		})
	}
}

// Whatever the order in which servers answer, each point is let go once, and its
// judgement is that of the round as a whole.
func TestMusterOrderMakesNoDifference(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		events := make([]byte, 1+random.IntN(9))
		for i := range events {
			events[i] = "aaabbc."[random.IntN(7)]
		}
		want := sorted(play(len(events), string(events)))
		require.Len(t, want, len(events)-strings.Count(string(events), "."))
		random.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
		require.Equal(t, want, sorted(play(len(events), string(events))), "%s", events)
	}
}

func sorted(steps string) string {
	letters := []byte(strings.ReplaceAll(steps, " ", ""))
	slices.Sort(letters)
	return string(letters)
}

//go:build linux

package recipes

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/test/rig"
)

// After the clock was ahead for a while, the state is from the future. Neither a new answer nor silence
// may wait until that time has come.
func testDigestClockWasAhead(t *testing.T) {
	r := newFixture(t)
	e := r.startEndpoint()
	fleet, hosts := r.startMixed()
	files := r.digestRecipe(e, append([]string{"silent_hours = 50", "silent_hours = 3"}, shortDays...)...)
	a := r.startAgent(r.Block(hosts, productionTag), files)
	require.Equal(t, firstDigest, digestText(t, e.await(1)[0].body, hosts))
	a.stop()
	a.shiftState(60 * 24 * time.Hour)

	r.set(fleet, 1, okLabel, okVersion)
	polled := slices.Delete(slices.Clone(hosts), 2, 3) // qlik2, which was compliant, is silent now
	a.files[dropIn] = r.DropIn(r.Block(polled, productionTag), `"6h"`, fmt.Sprintf("%q", round))
	a.start()
	said := func(text string) func() bool {
		return func() bool {
			return slices.ContainsFunc(e.accepted()[1:], func(sent request) bool { return strings.Contains(digestText(t, sent.body, hosts), text) })
		}
	}
	require.Eventually(t, said("\nClosed by a newer answer: qlik1 (PROD)"), rig.Patience, 10*time.Millisecond)
	require.Eventually(t, said("\nqlik2 (PROD): new: not polled since DAY"), rig.Patience, 10*time.Millisecond)
}

var stateTime = regexp.MustCompile(`"(?:polled|answered|judged|pushed|looked|told)":\d+`)

// shiftState adds a duration to the times in the state of an agent that was stopped.
func (a *agent) shiftState(by time.Duration) {
	a.Helper()
	states := make(map[string][]byte) // by plugin: JSON of the bytes of a gob
	content, err := os.ReadFile(a.statefile)
	require.NoError(a, err)
	require.NoError(a, json.Unmarshal(content, &states))
	shifted := 0
	for id, state := range states {
		var encoded []byte
		require.NoError(a, json.Unmarshal(state, &encoded))
		var texts map[string]any
		require.NoError(a, gob.NewDecoder(bytes.NewReader(encoded)).Decode(&texts))
		for key, text := range texts {
			texts[key] = stateTime.ReplaceAllStringFunc(text.(string), func(found string) string {
				name, number, _ := strings.Cut(found, ":")
				seconds, err := strconv.Atoi(number)
				require.NoError(a, err)
				shifted++
				return fmt.Sprintf("%s:%d", name, seconds+int(by.Seconds()))
			})
		}
		var out bytes.Buffer
		require.NoError(a, gob.NewEncoder(&out).Encode(texts))
		states[id], err = json.Marshal(out.Bytes())
		require.NoError(a, err)
	}
	require.NotZero(a, shifted)
	content, err = json.Marshal(states)
	require.NoError(a, err)
	require.NoError(a, os.WriteFile(a.statefile, content, 0o600))
}

package judgement

import (
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/stretchr/testify/require"
)

// labelled is a [[case]] of testdata/cases.toml: a judgement by the built-in catalogue, worked
// out by hand from the sources. A missing key means unknown.
type labelled struct {
	Label         string    `toml:"label"`
	Build         string    `toml:"build"`
	Advisories    *[]string `toml:"advisories"`
	Compliance    string    `toml:"compliance"`
	PatchesBehind *int      `toml:"patches_behind"`
	FixedIn       *string   `toml:"fixed_in"`
	Reason        string    `toml:"reason"`
	Source        string    `toml:"source"`
}

func labelledCases(t testing.TB) []labelled {
	t.Helper()
	var file struct {
		Cases []labelled `toml:"case"`
	}
	meta, err := toml.DecodeFile("testdata/cases.toml", &file)
	require.NoError(t, err)
	require.Empty(t, meta.Undecoded())
	require.Greater(t, len(file.Cases), 400)
	return file.Cases
}

func TestLabelledCases(t *testing.T) {
	seen := make(map[string]bool)
	for _, c := range labelledCases(t) {
		t.Run(c.Label+","+c.Build, func(t *testing.T) {
			require.False(t, seen[t.Name()], "a case is listed once")
			seen[t.Name()] = true
			require.NotEmpty(t, c.Reason)
			require.NotEmpty(t, c.Source)

			j := judged(BuiltIn(), c.Label, c.Build)
			require.Equal(t, c.Compliance, j.Compliance.String(), c.Reason)
			behind, known := j.PatchesBehind()
			require.Equal(t, c.PatchesBehind != nil, known, c.Reason)
			if known {
				require.Equal(t, *c.PatchesBehind, behind, c.Reason)
			}
			if c.Compliance == "unknown" {
				require.NotEmpty(t, j.Remark, "why is told")
				require.Nil(t, j.Verdict, c.Reason)
				require.Nil(t, c.Advisories)
				require.Nil(t, c.FixedIn)
				return
			}
			require.Equal(t, *c.Advisories, ids(j.Verdict), c.Reason)
			require.Equal(t, *c.FixedIn, j.Verdict.FixedIn, c.Reason)
		})
	}
}

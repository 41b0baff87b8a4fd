package nesting

import (
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/stretchr/testify/require"
)

func TestCheck(t *testing.T) {
	deep := strings.Repeat("[", Max+1)
	dots := strings.Repeat(".a", Max+1)
	for _, text := range []string{
		"", "a = 1", strings.Repeat("[", Max) + strings.Repeat("]", Max), "a = [[1], [2]]\n[a.b.c]\n",
		`a = "` + deep + `"`, "a = '" + deep + "'", "# " + deep + dots, `a = """` + "\n" + deep + `""""` + "\nb = 1", "a = '''" + deep + "'''",
		`a = "\\" # ` + deep, `a = "\"` + deep + `"`, strings.Repeat("a = [1.5, 2.5]\n", 100),
	} {
		line, err := Check(text)
		require.NoError(t, err, text)
		require.Zero(t, line)
	}
	for text, want := range map[string]int{
		"\n\na = " + deep:                          3,
		"a" + dots + " = 1":                        1,
		`a = """` + "\n\n" + `"""` + "\n[a" + dots: 4,
		`a = "\\"` + "\nb = " + deep:               2,
		"a = 'x\n" + deep:                          2,
	} {
		line, err := Check(text)
		require.Error(t, err, text)
		require.Equal(t, want, line, text)
	}
}

// The TOML library needs little memory for an accepted text.
func FuzzCheck(f *testing.F) {
	f.Add("a = [[[1]]]")
	f.Add("a.b.c = '''x'''")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := Check(text); err != nil {
			return
		}
		var tree map[string]any
		if _, err := toml.Decode(text, &tree); err != nil {
			return
		}
		require.LessOrEqual(t, depth(tree), 3*Max, "%q", text)
	})
}

func depth(value any) int {
	deepest := 0
	switch value := value.(type) {
	case map[string]any:
		for _, v := range value {
			deepest = max(deepest, depth(v))
		}
	case []map[string]any:
		for _, v := range value {
			deepest = max(deepest, depth(v))
		}
	case []any:
		for _, v := range value {
			deepest = max(deepest, depth(v))
		}
	default:
		return 0
	}
	return deepest + 1
}

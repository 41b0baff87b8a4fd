package catalog

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBuiltIn(t *testing.T) {
	c, err := Parse([]byte(builtIn))
	require.NoError(t, err)
	require.Equal(t, BuiltIn(), c)

	text, err := c.Encode("comment")
	require.NoError(t, err)
	again, err := Parse(text)
	require.NoError(t, err)
	again.EndsWith = c.EndsWith // says something of the file, not of the data
	require.Equal(t, c, again, "not as an update would write it: are releases in order of age, and advisories of their identifiers as text?")
}

package simulator

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestClaimNetwork(t *testing.T) {
	first, release, err := ClaimNetwork()
	require.NoError(t, err)
	second, releaseSecond, err := ClaimNetwork()
	require.NoError(t, err)
	require.NotEqual(t, first, second)
	require.NoError(t, release())
	require.NoError(t, releaseSecond())
}

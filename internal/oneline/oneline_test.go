package oneline

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOf(t *testing.T) {
	require.Equal(t, "a  b c d  é😀", Of("a\r\nb\tc\x1bd\x00\u0085é😀"))
	require.Empty(t, Of(""))
}

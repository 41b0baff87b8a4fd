//go:build !unix

package poll

import "testing"

func TestMain(m *testing.M) { verifyTestMain(m) }

package report

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStatus(t *testing.T) {
	for _, tt := range []struct {
		name    string
		summary Summary
		status  int
	}{
		{"all compliant", Summary{Servers: 2, Answered: 2, Compliant: 2}, 0},
		{"nobody was asked", Summary{}, 3},
		{"no answer", Summary{Servers: 2, Answered: 1, Failed: 1, Compliant: 1}, 3},
		{"unknown", Summary{Servers: 2, Answered: 2, Compliant: 1, Unknown: 1}, 3},
		{"counted in no way", Summary{Servers: 2, Answered: 2, Compliant: 1}, 3},
		{"non-compliant", Summary{Servers: 2, Answered: 2, Compliant: 1, NonCompliant: 1}, 2},
		{"non-compliant and no answer", Summary{Servers: 2, Answered: 1, Failed: 1, NonCompliant: 1}, 2},
		{"non-compliant and unknown", Summary{Servers: 2, Answered: 2, NonCompliant: 1, Unknown: 1}, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.status, (&Report{Summary: tt.summary}).Status())
		})
	}
}

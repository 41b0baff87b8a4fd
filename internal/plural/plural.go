// Package plural counts things in messages.
package plural

import "fmt"

// Of gives "1 release" or "37 releases": the number and the thing, whose plural ends
// in s.
func Of(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

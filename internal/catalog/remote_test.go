package catalog

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Package fleet, which uses Remote, tests the rest.
func TestCheckURL(t *testing.T) {
	for address, problem := range map[string]string{
		"https://web.example.com/catalog.toml":        "",
		"https://web.example.com:8443/catalog.toml":   "",
		"https://[::1]/catalog.toml":                  "",
		"":                                            "is not a URL",
		"web.example.com/catalog.toml":                "is not a URL",
		"https:///catalog.toml":                       "is not a URL",
		"https://:8443/catalog.toml":                  "is not a URL",
		"https://web.example.com:secret/catalog.toml": "is not a URL",
		"http://web.example.com/catalog.toml":         "must begin with https://",
		"file:///secret.toml":                         "must begin with https://",
		"https://me:secret@web.example.com/c.toml":    "contains a user name",
		"https://web.example.com/c.toml?key=secret":   "contains a ? or a #",
		"https://web.example.com/c.toml?":             "contains a ? or a #",
		"https://web.example.com/c.toml#secret":       "contains a ? or a #",
	} {
		err := CheckURL(address)
		if problem == "" {
			require.NoError(t, err, address)
			continue
		}
		require.ErrorContains(t, err, problem, address)
		require.NotContains(t, err.Error(), "secret")
	}
}

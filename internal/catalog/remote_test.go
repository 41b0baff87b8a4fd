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
		"":                                            "is no URL",
		"web.example.com/catalog.toml":                "is no URL",
		"https:///catalog.toml":                       "is no URL",
		"https://:8443/catalog.toml":                  "is no URL",
		"https://web.example.com:secret/catalog.toml": "is no URL",
		"http://web.example.com/catalog.toml":         "must begin with https://",
		"file:///secret.toml":                         "must begin with https://",
		"https://me:secret@web.example.com/c.toml":    "has a user name in it",
		"https://web.example.com/c.toml?key=secret":   "has a ? or a # in it",
		"https://web.example.com/c.toml?":             "has a ? or a # in it",
		"https://web.example.com/c.toml#secret":       "has a ? or a # in it",
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

package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/hashicorp/go-envparse"

	"telegraf-qlik-sense-version/internal/discovery"
	"telegraf-qlik-sense-version/internal/poll"
	"telegraf-qlik-sense-version/internal/settings"
	"telegraf-qlik-sense-version/plugins/inputs/qlik_sense_version"
)

// siteOptions describe a site instead of a settings file.
type siteOptions struct {
	discover      []string
	user          string
	ca, cert, key string
	verify        string
}

func (o *siteOptions) define(flags *flag.FlagSet) {
	flags.Func("discover", "", func(host string) error {
		o.discover = append(o.discover, host)
		return nil
	})
	flags.StringVar(&o.user, "discover-user", discovery.DefaultUser, "")
	flags.StringVar(&o.ca, "tls-ca", "", "")
	flags.StringVar(&o.cert, "tls-cert", "", "")
	flags.StringVar(&o.key, "tls-key", "", "")
	flags.StringVar(&o.verify, "tls-verify", poll.VerifyFull, "")
}

// load returns the blocks of the settings and the texts that were read, or the block that the
// options describe.
func (o *checkOptions) load() ([]*qlik_sense_version.QlikSenseVersion, []settings.Text, error) {
	lookup, err := lookupIn(o.envFile)
	if err != nil {
		return nil, nil, err
	}
	newBlock, err := blockMaker(o.logLevel)
	if err != nil {
		return nil, nil, err
	}
	_, isSet := lookup(settings.Variable)
	siteOption := o.firstGiven("discover", "tls-")
	switch {
	case len(o.site.discover) == 0 && siteOption != "":
		return nil, nil, fmt.Errorf("--%s belongs to --discover, which is missing: with a settings file, write it there", siteOption)
	case len(o.site.discover) == 0:
		return settings.LoadAll(o.config, lookup, newBlock)
	case len(o.config) > 0 || isSet:
		return nil, nil, fmt.Errorf("the servers come from --discover and from settings (--config or %s) as well: use one of them", settings.Variable)
	}
	block := newBlock()
	block.Discover, block.DiscoverUser = o.site.discover, o.site.user
	block.TLSCA, block.TLSCert, block.TLSKey, block.TLSVerify = o.site.ca, o.site.cert, o.site.key, o.site.verify
	if err := block.Init(); err != nil {
		return nil, nil, asOptions(err)
	}
	return []*qlik_sense_version.QlikSenseVersion{block}, nil, nil
}

// lookupIn returns a function that looks up variables in a file in systemd's format, if file
// is not "", and then in the environment.
func lookupIn(file string) (func(name string) (string, bool), error) {
	if file == "" {
		return os.LookupEnv, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("--env-file: %w", err)
	}
	defer f.Close()
	variables, err := envparse.Parse(io.LimitReader(f, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("--env-file %s: %w: write NAME=value, one to a line", file, err)
	}
	return func(name string) (string, bool) {
		if value, found := variables[name]; found {
			return value, true
		}
		return os.LookupEnv(name)
	}, nil
}

// asOptions replaces the names of settings in an error with those of the options.
func asOptions(err error) error {
	parts := poll.SettingErrors(err)
	errs := make([]error, len(parts))
	for i, e := range parts {
		errs[i] = fmt.Errorf("--%s: %w", strings.ReplaceAll(e.Key, "_", "-"), e.Err)
	}
	return errors.Join(errs...)
}

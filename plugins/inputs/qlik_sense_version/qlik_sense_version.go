// Package qlik_sense_version is a Telegraf input that asks Qlik Sense servers
// which version they run.
package qlik_sense_version

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/config"
	"github.com/influxdata/telegraf/plugins/common/proxy"
	"github.com/influxdata/telegraf/plugins/common/tls"
	"github.com/influxdata/telegraf/plugins/inputs"
	"golang.org/x/sync/errgroup"

	assets "telegraf-qlik-sense-version"
	"telegraf-qlik-sense-version/internal/poll"
	"telegraf-qlik-sense-version/internal/release"
)

const measurement = "qlik_sense_version"

// QlikSenseVersion is one block of the settings: the servers of one Qlik Sense
// site or environment.
type QlikSenseVersion struct {
	Hosts                 []string          `toml:"hosts"`
	Timeout               config.Duration   `toml:"timeout"`
	MaxConcurrentRequests int               `toml:"max_concurrent_requests"`
	TLSVerify             string            `toml:"tls_verify"`
	TokenFile             string            `toml:"token_file"`
	Headers               map[string]string `toml:"headers"`
	Tags                  map[string]string `toml:"tags"`
	Log                   telegraf.Logger   `toml:"-"`
	tls.ClientConfig
	proxy.HTTPProxy

	poller  *poll.Poller
	servers []*server
}

// server is a configured server and what is remembered of it between rounds.
type server struct {
	*poll.Server
	running  string // the version that it answered last, "" before the first answer
	failures int    // polls that failed since then
}

// New returns a block with the defaults of every setting.
func New() *QlikSenseVersion {
	return &QlikSenseVersion{
		Timeout:               config.Duration(10 * time.Second),
		MaxConcurrentRequests: 64,
		TLSVerify:             poll.VerifyFull,
	}
}

// SampleConfig returns the settings, each one explained.
func (*QlikSenseVersion) SampleConfig() string {
	return assets.SampleConfig
}

// Init checks every setting and reads the certificates once. It needs no network.
// What it finds wrong is joined, each part a *poll.SettingError.
func (q *QlikSenseVersion) Init() error {
	var errs []error
	if q.MaxConcurrentRequests < 1 {
		errs = append(errs, &poll.SettingError{Key: "max_concurrent_requests", Err: errors.New("must be 1 or more")})
	}
	errs = append(errs, q.initTags(), q.initServers())

	poller, err := poll.New(poll.Settings{
		Timeout:   time.Duration(q.Timeout),
		TLS:       q.ClientConfig,
		TLSVerify: q.TLSVerify,
		Proxy:     q.HTTPProxy,
		TokenFile: q.TokenFile,
		Headers:   q.Headers,
	})
	if err := errors.Join(append(errs, err)...); err != nil {
		return err
	}
	q.poller = poller
	q.warn()
	return nil
}

func (q *QlikSenseVersion) initServers() error {
	if len(q.Hosts) == 0 {
		return &poll.SettingError{Key: "hosts", Err: errors.New(`name at least one server, for example hosts = ["qlik1.example.com"]`)}
	}

	var errs []error
	q.servers = make([]*server, 0, len(q.Hosts))
	seen := make(map[string]string, len(q.Hosts))
	for _, host := range q.Hosts {
		target, err := poll.ParseServer(host)
		if err != nil {
			errs = append(errs, &poll.SettingError{Key: "hosts", Err: fmt.Errorf("%q: %w", redact(host), err)})
			continue
		}
		key := strings.ToLower(target.Source())
		if other, found := seen[key]; found {
			errs = append(errs, &poll.SettingError{Key: "hosts", Err: fmt.Errorf(
				"%q and %q are the same server: their points would overwrite each other; remove one, or move it to a block with other tags",
				other, target)})
			continue
		}
		seen[key] = target.String()
		q.servers = append(q.servers, &server{Server: target})
	}
	return errors.Join(errs...)
}

// redact hides what may be a secret in a host that could not be read: what stands
// before an "@" or behind a "?".
func redact(host string) string {
	address, query, found := strings.Cut(host, "?")
	if at := strings.LastIndex(address, "@"); at >= 0 {
		address = "..." + address[at:]
	}
	switch {
	case !found:
		return address
	case strings.Contains(query, "@"): // the "?" may be one of a password
		return "..."
	}
	return address + "?..."
}

// warn names settings that are allowed but weaken a poll.
func (q *QlikSenseVersion) warn() {
	if q.InsecureSkipVerify {
		q.Log.Warn(`Setting insecure_skip_verify accepts any server: prefer tls_ca, with tls_verify = "chain" where names do not match`)
	}
	if q.TokenFile == "" && len(q.Headers) == 0 {
		return
	}
	for _, s := range q.servers {
		if strings.HasPrefix(s.String(), "http://") {
			q.Log.Warnf("Server %s is asked without TLS: its token and headers can be read on the way", s)
		}
	}
}

// Gather asks every server of the block once and adds one point for each.
func (q *QlikSenseVersion) Gather(acc telegraf.Accumulator) error {
	q.GatherContext(context.Background(), acc)
	return nil
}

// GatherContext is Gather that gives up when ctx ends. A server that has not
// answered by then has no point in this round: nothing is known of it.
func (q *QlikSenseVersion) GatherContext(ctx context.Context, acc telegraf.Accumulator) {
	start := time.Now()
	round := q.poller.Round()

	var group errgroup.Group
	group.SetLimit(q.MaxConcurrentRequests)
	for _, s := range q.servers {
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error {
			outcome := round.Poll(ctx, s.Server)
			if ctx.Err() != nil && outcome.Result != poll.Success {
				return nil
			}
			acc.AddFields(measurement, fields(&outcome, start), q.tags(s), start)
			if outcome.Result != poll.Success {
				s.failures++
				acc.AddError(fmt.Errorf("%s: %s: %s; %s", s, outcome.Result, outcome.Cause, outcome.Hint))
				return nil
			}
			q.logAnswer(s, &outcome)
			return nil
		})
	}
	group.Wait() //nolint:errcheck // the functions above return no error
	q.Log.Debugf("Round of polls ended; servers: %d, time: %s", len(q.servers), time.Since(start).Round(time.Millisecond))
}

// logAnswer tells the first version of a server, every change of it, and that a
// server is back.
func (q *QlikSenseVersion) logAnswer(s *server, outcome *poll.Outcome) {
	running := outcome.Info.ReleaseLabel
	switch {
	case running == "":
		running = outcome.Info.Version
	case outcome.Info.Version != "":
		running += " (" + outcome.Info.Version + ")"
	}

	if s.failures > 0 {
		q.Log.Infof("%s answers again; polls that failed before: %d", s, s.failures)
	}
	switch s.running {
	case running:
		q.Log.Debugf("%s runs %q, answered in %s", s, running, outcome.ResponseTime.Round(time.Millisecond))
	case "":
		q.Log.Infof("%s runs %q", s, running)
	default:
		q.Log.Infof("%s changed from %q to %q", s, s.running, running)
	}
	s.running, s.failures = running, 0
}

// tags makes the tags of a point: the block's and the server.
func (q *QlikSenseVersion) tags(s *server) map[string]string {
	tags := make(map[string]string, len(q.Tags)+1)
	maps.Copy(tags, q.Tags)
	tags["source"] = s.Source()
	return tags
}

// fields makes the fields of a point; what is not known is left out.
func fields(outcome *poll.Outcome, start time.Time) map[string]interface{} {
	f := make(map[string]interface{}, 16)
	f["result"] = outcome.Result.String()
	f["result_code"] = int(outcome.Result)
	if outcome.ResponseTime > 0 {
		f["response_time"] = outcome.ResponseTime.Seconds()
	}
	if outcome.StatusCode != 0 {
		f["http_response_code"] = outcome.StatusCode
	}
	if !outcome.CertificateExpiry.IsZero() {
		f["certificate_expiry"] = outcome.CertificateExpiry.Unix() - start.Unix()
	}
	if outcome.Info == nil {
		return f
	}
	for name, value := range map[string]string{
		"content_hash":               outcome.Info.ContentHash,
		"sense_id":                   outcome.Info.SenseID,
		"version":                    outcome.Info.Version,
		"deployment_type":            outcome.Info.DeploymentType,
		"release_label":              outcome.Info.ReleaseLabel,
		"deprecated_product_version": outcome.Info.DeprecatedProductVersion,
		"product_name":               outcome.Info.ProductName,
		"copyright_year_range":       outcome.Info.CopyrightYearRange,
	} {
		if value != "" {
			f[name] = value
		}
	}
	if r, err := release.Parse(outcome.Info.ReleaseLabel); err == nil {
		f["release_year"] = r.Year
		f["release_month"] = int(r.Month)
		f["patch"] = r.Patch
	}
	return f
}

func init() {
	inputs.Add("qlik_sense_version", func() telegraf.Input { return New() })
}

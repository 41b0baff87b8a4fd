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
	"github.com/influxdata/telegraf/plugins/common/proxy"
	"github.com/influxdata/telegraf/plugins/common/tls"
	"github.com/influxdata/telegraf/plugins/inputs"
	"golang.org/x/sync/errgroup"

	assets "telegraf-qlik-sense-version"
	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/judgement"
	"telegraf-qlik-sense-version/internal/poll"
	"telegraf-qlik-sense-version/internal/release"
)

const measurement = "qlik_sense_version"

// QlikSenseVersion is one block of the settings: the servers of one Qlik Sense
// site or environment.
type QlikSenseVersion struct {
	Hosts                 []string          `toml:"hosts"`
	Timeout               Duration          `toml:"timeout"`
	MaxConcurrentRequests int               `toml:"max_concurrent_requests"`
	TLSVerify             string            `toml:"tls_verify"`
	TokenFile             string            `toml:"token_file"`
	Headers               map[string]string `toml:"headers"`
	MinimumRelease        string            `toml:"minimum_release"`
	CatalogFile           string            `toml:"catalog_file"`
	Tags                  map[string]string `toml:"tags"`
	Log                   telegraf.Logger   `toml:"-"`
	tls.ClientConfig
	proxy.HTTPProxy

	// Polled is called after each poll, from several goroutines, where it is set.
	Polled func() `toml:"-"`

	poller  *poll.Poller
	servers []*server
	minimum release.Release
	catalogue
}

// New returns a block with the defaults of every setting.
func New() *QlikSenseVersion {
	return &QlikSenseVersion{
		Timeout:               Duration(10 * time.Second),
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
	errs = append(errs, q.initTags(), q.initServers(), q.initMinimum(), q.initCatalogue())

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
	q.warnOfMinimum()
	q.announce()
	q.warnOfAge(catalog.DayOf(time.Now()))
	return nil
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
	round := q.poller.Round(ctx)
	judge := q.judgeOn(catalog.DayOf(start))
	versions := newMuster(len(q.servers))

	var group errgroup.Group
	group.SetLimit(q.MaxConcurrentRequests)
	for _, s := range q.servers {
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error {
			outcome := round.Poll(ctx, s.Server)
			if q.Polled != nil {
				q.Polled()
			}
			if ctx.Err() != nil && outcome.Result != poll.Success {
				return nil
			}
			if outcome.Result != poll.Success {
				s.failures++
				acc.AddFields(measurement, pollFields(&outcome, start), q.tags(s), start)
				acc.AddError(&PollError{Server: s.Server, Outcome: outcome})
				versions.failed()
				return nil
			}
			verdict := judge.Judge(outcome.Info.ReleaseLabel, outcome.Info.Version, q.minimum)
			q.logAnswer(s, &outcome, &verdict)
			versions.answered(versionOf(outcome.Info), func(mismatch bool) {
				f := pollFields(&outcome, start)
				addInfo(f, outcome.Info)
				addJudgement(f, &verdict, catalog.DayOf(start))
				f["version_mismatch"] = number(mismatch)
				acc.AddFields(measurement, f, q.tags(s), start)
			})
			return nil
		})
	}
	group.Wait() //nolint:errcheck // the functions above return no error
	versions.ended()
	q.Log.Debugf("Round of polls ended; servers: %d, time: %s", len(q.servers), time.Since(start).Round(time.Millisecond))
}

// PollError is the error that a failed poll adds to the accumulator.
type PollError struct {
	Server  *poll.Server
	Outcome poll.Outcome
}

func (e *PollError) Error() string {
	return fmt.Sprintf("%s: %s: %s; %s", e.Server, e.Outcome.Result, e.Outcome.Cause, e.Outcome.Hint)
}

// logAnswer tells the first version of a server, every change of it, what the judge
// remarks on it, and that a server is back.
func (q *QlikSenseVersion) logAnswer(s *server, outcome *poll.Outcome, verdict *judgement.Judgement) {
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
	switch {
	case verdict.Remark == s.remark || verdict.Remark == "":
	case verdict.Compliance == judgement.Unknown:
		q.Log.Warnf("%s is not judged: %s", s, verdict.Remark)
	default:
		q.Log.Warnf("%s: %s", s, verdict.Remark)
	}
	s.running, s.remark, s.failures = running, verdict.Remark, 0
}

// tags makes the tags of a point: the block's and the server.
func (q *QlikSenseVersion) tags(s *server) map[string]string {
	tags := make(map[string]string, len(q.Tags)+1)
	maps.Copy(tags, q.Tags)
	tags["source"] = s.Source()
	return tags
}

func init() {
	inputs.Add("qlik_sense_version", func() telegraf.Input { return New() })
}

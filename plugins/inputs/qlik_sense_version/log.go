package qlik_sense_version

import (
	"log/slog"
	"maps"
	"time"

	"telegraf-qlik-sense-version/internal/fleet"
	"telegraf-qlik-sense-version/internal/judgement"
	"telegraf-qlik-sense-version/internal/poll"
)

// history is what was last logged of a server.
type history struct {
	version  string // of the last answer, "" before the first
	remark   string // of the judge on that version
	failures int    // failed polls since then
}

func (q *QlikSenseVersion) logNotices() {
	for _, n := range q.process.Notices() {
		switch n.Level {
		case slog.LevelError:
			q.Log.Error(n.Text)
		case slog.LevelWarn:
			q.Log.Warn(n.Text)
		default:
			q.Log.Info(n.Text)
		}
	}
}

// logResult logs the first version of a server, every change of it, the remarks of the judge,
// and that a server answers again. A failed poll is an error of the accumulator instead.
func (q *QlikSenseVersion) logResult(r *fleet.Result) {
	h := q.history[r.Server]
	if h == nil {
		h = &history{}
		q.history[r.Server] = h
	}
	if !r.Answered() {
		h.failures++
		return
	}

	version := versionOf(r)
	if h.failures > 0 {
		q.Log.Infof("%s answers again; polls that failed before: %d", r.Server, h.failures)
	}
	switch h.version {
	case version:
		q.Log.Debugf("%s runs %q, answered in %s", r.Server, version, r.Outcome.ResponseTime.Round(time.Millisecond))
	case "":
		q.Log.Infof("%s runs %q", r.Server, version)
	default:
		q.Log.Infof("%s changed from %q to %q", r.Server, h.version, version)
	}
	switch remark := r.Judgement.Remark; {
	case remark == h.remark || remark == "":
	case r.Judgement.Compliance == judgement.Unknown:
		q.Log.Warnf("%s is not judged: %s", r.Server, remark)
	default:
		q.Log.Warnf("%s: %s", r.Server, remark)
	}
	*h = history{version: version, remark: r.Judgement.Remark}
}

// forgetOthers keeps only the history of servers that a round asked: nodes of a site come and
// go.
func (q *QlikSenseVersion) forgetOthers(round *fleet.Round) {
	asked := make(map[*poll.Server]bool, len(round.Results))
	for i := range round.Results {
		asked[round.Results[i].Server] = true
	}
	maps.DeleteFunc(q.history, func(server *poll.Server, _ *history) bool { return !asked[server] })
}

// versionOf is the label, the build, or both.
func versionOf(r *fleet.Result) string {
	info := r.Outcome.Info
	switch {
	case info.ReleaseLabel == "":
		return info.Version
	case info.Version == "":
		return info.ReleaseLabel
	}
	return info.ReleaseLabel + " (" + info.Version + ")"
}

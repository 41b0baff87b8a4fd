package qlik_sense_version

import (
	"maps"
	"time"

	"telegraf-qlik-sense-version/internal/fleet"
	"telegraf-qlik-sense-version/internal/judgement"
	"telegraf-qlik-sense-version/internal/poll"
)

// history is what was logged of a server.
type history struct {
	version  string // that it told last, "" before the first answer
	remark   string // of the judge on that version
	failures int    // polls that failed since then
}

func (q *QlikSenseVersion) logNotices() {
	for _, n := range q.process.Notices() {
		switch n.Level {
		case fleet.Error:
			q.Log.Error(n.Text)
		case fleet.Warning:
			q.Log.Warn(n.Text)
		case fleet.Info:
			q.Log.Info(n.Text)
		}
	}
}

// logResult tells the first version of a server, every change of it, what the judge remarks on
// it, and that a server answers again. What went wrong with a poll is an error of the
// accumulator.
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

// forgetOthers keeps the history of those servers alone that a round asked: nodes of a site
// come and go.
func (q *QlikSenseVersion) forgetOthers(round *fleet.Round) {
	asked := make(map[*poll.Server]bool, len(round.Results))
	for i := range round.Results {
		asked[round.Results[i].Server] = true
	}
	maps.DeleteFunc(q.history, func(server *poll.Server, _ *history) bool { return !asked[server] })
}

// versionOf is the version for people: label, build, or both.
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

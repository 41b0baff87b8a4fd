package fleet

import (
	"slices"

	"telegraf-qlik-sense-version/internal/discovery"
	"telegraf-qlik-sense-version/internal/systeminfo"
)

// Type is the type of a field.
type Type string

// The types of fields.
const (
	String  Type = "string"
	Integer Type = "integer"
	Float   Type = "float"
	// List is a sorted list of strings: with commas between them in points and CSV, an array
	// in JSON.
	List Type = "list"
)

// FieldOf is a field of a point, a column of CSV and a member of JSON, and an entry in the
// documentation. T is the type of the result that it is read from.
type FieldOf[T any] struct {
	Name string
	Type Type
	Unit string // or ""
	// Meaning is a phrase in Markdown without a full stop.
	Meaning string
	// Value returns nil if it is not known, or else a string, an int, a float64 or a []string.
	Value func(*T) any
}

// Field is a field of the measurement qlik_sense_version.
type Field = FieldOf[Result]

// Fields are the fields of the measurement qlik_sense_version, in the order of the columns.
// Append new ones: spreadsheets and scripts may count columns.
var Fields = []Field{
	// Of every poll.
	{"result", String, "", "how the poll ended: `success`, or why no version was read",
		func(r *Result) any { return r.Outcome.Result.String() }},
	{"result_code", Integer, "", "the same as a number, 0 for `success`",
		func(r *Result) any { return int(r.Outcome.Result) }},
	{"response_time", Float, "seconds", "until the reply was read or an error occurred; left out if no request was made",
		func(r *Result) any { return optional(r.Outcome.ResponseTime.Seconds(), r.Outcome.ResponseTime > 0) }},
	{"http_response_code", Integer, "", "HTTP status, if one was received",
		func(r *Result) any { return optional(r.Outcome.StatusCode, r.Outcome.StatusCode != 0) }},
	{"certificate_expiry", Integer, "seconds", "until the certificate of the server expires, negative after that; also in a failed poll, " +
		"if the server presented one",
		certificateExpiry},

	// The reply of the server, named as Butler names it.
	{"release_label", String, "", "`releaseLabel` of the reply, for example `February 2024 Patch 1`",
		member(func(i *systeminfo.Info) string { return i.ReleaseLabel })},
	{"version", String, "", "`version` of the reply: the build, for example `14.173.4`",
		member(func(i *systeminfo.Info) string { return i.Version })},
	{"product_name", String, "", "`productName` of the reply: `Qlik Sense`", member(func(i *systeminfo.Info) string { return i.ProductName })},
	{"deployment_type", String, "", "`deploymentType` of the reply: `QlikSenseServer`", member(func(i *systeminfo.Info) string { return i.DeploymentType })},
	{"sense_id", String, "", "`senseId` of the reply, for example `qliksenseserver:14.173.4`", member(func(i *systeminfo.Info) string { return i.SenseID })},
	{"content_hash", String, "", "`contentHash` of the reply: changes with the content", member(func(i *systeminfo.Info) string { return i.ContentHash })},
	{"deprecated_product_version", String, "", "`deprecatedProductVersion` of the reply: `4.0.X`, a constant",
		member(func(i *systeminfo.Info) string { return i.DeprecatedProductVersion })},
	{"copyright_year_range", String, "", "`copyrightYearRange` of the reply, for example `1993-2024`",
		member(func(i *systeminfo.Info) string { return i.CopyrightYearRange })},

	// The judgement.
	{"compliance", String, "", "`compliant`, `non_compliant` or `unknown`, if the server answered",
		func(r *Result) any { return optional(r.Judgement.Compliance.String(), r.Answered()) }},
	{"compliance_code", Integer, "", "the same as a number: 0, 1 or 2",
		func(r *Result) any { return optional(int(r.Judgement.Compliance), r.Answered()) }},
	{"compliance_reason", List, "", "why it is not `compliant`; empty if it is",
		func(r *Result) any { return optional(r.Judgement.Reasons.Names(), r.Answered()) }},
	{"release_year", Integer, "", "year of the release, from the label or, without one, from the build",
		func(r *Result) any { return optional(r.Judgement.Release.Year, r.Judgement.HasMonth) }},
	{"release_month", Integer, "", "month of the release, 1 to 12",
		func(r *Result) any { return optional(int(r.Judgement.Release.Month), r.Judgement.HasMonth) }},
	{"patch", Integer, "", "patch of the release, 0 for the initial release",
		func(r *Result) any { return optional(r.Judgement.Release.Patch, r.Judgement.HasPatch) }},
	{"latest_patch", Integer, "", "newest patch of that release in the catalogue: a lower bound", latestPatch},
	{"patches_behind", Integer, "", "distance from `patch` to `latest_patch`, never negative",
		func(r *Result) any { return optional(r.Judgement.PatchesBehind()) }},
	{"advisory_count", Integer, "", "number of known advisories that apply",
		verdict(func(r *Result) any { return len(r.Judgement.Verdict.Advisories) })},
	{"exploited_advisory_count", Integer, "", "how many of them CISA lists as exploited",
		verdict(func(r *Result) any { return r.Judgement.Verdict.Exploited })},
	{"advisories", List, "", "their identifiers; empty if none applies", verdict(func(r *Result) any { return r.Advisories() })},
	{"max_cvss", Float, "", "the highest CVSS score among them, 0 if none applies",
		verdict(func(r *Result) any { return r.Judgement.Verdict.MaxCVSS })},
	{"fixed_in", String, "", "the lowest patch of the same release that fixes them all; empty if there is none or none is needed",
		verdict(func(r *Result) any { return r.Judgement.Verdict.FixedIn })},
	{"support_days_left", Integer, "days", "to the end of support, negative after it; an estimate",
		func(r *Result) any { return optional(r.Judgement.SupportDaysLeft()) }},
	{"below_minimum", Integer, "", "1 below `minimum_release`, else 0; if that is set and can be determined",
		func(r *Result) any { return optional(number(r.Judgement.BelowMinimum), r.Judgement.HasMinimum) }},
	{"version_mismatch", Integer, "", "1 if the version differs from the one that most servers of the block run in this round (in a tie, " +
		"that of the central node or else the newest), else 0; left out with `same_version = false`",
		func(r *Result) any { return optional(number(r.Comparison == Different), r.Comparison != NotCompared) }},
	{"exposed_days", Integer, "days", "since the oldest advisory that applies was published; left out if none applies",
		func(r *Result) any { return optional(r.Judgement.ExposedDays()) }},

	// The catalogue, of every poll.
	{"releases_age_days", Integer, "days", "since the list of releases in use was read",
		func(r *Result) any { return r.Round.Day().DaysSince(r.Round.Judge.Catalog.ReleasesAsOf) }},
	{"advisories_age_days", Integer, "days", "since advisories were last looked for",
		func(r *Result) any { return r.Round.Day().DaysSince(r.Round.Judge.Catalog.AdvisoriesAsOf) }},
	{"exploited_age_days", Integer, "days", "since the list of known exploited vulnerabilities was read",
		func(r *Result) any { return r.Round.Day().DaysSince(r.Round.Judge.Catalog.ExploitedAsOf) }},
	{"undecided_advisory_count", Integer, "", "number of advisories in the catalogue that nobody can map to releases yet",
		func(r *Result) any { return r.Round.Judge.Undecided }},

	// The node in the list of its site.
	{"node_name", String, "", "name of the node in the QMC, if `discover` listed the server",
		func(r *Result) any { return optional(nodeOf(r).Name, nodeOf(r).Name != "") }},
	{"node_roles", List, "", "some of `central`, `engine`, `printing`, `proxy` and `scheduler`, if `discover` listed the server",
		func(r *Result) any { return optional(append([]string{}, nodeOf(r).Roles...), r.Node != nil) }},
}

// SiteFields are the fields of the measurement qlik_sense_site, in the order of columns.
var SiteFields = []FieldOf[Site]{
	{"result", String, "", "how the request for the nodes of the site ended: `success`, or why no node of `discover` listed them",
		func(s *Site) any { return s.Outcome().Result.String() }},
	{"result_code", Integer, "", "the same as a number, 0 for `success`",
		func(s *Site) any { return int(s.Outcome().Result) }},
	{"response_time", Float, "seconds", "until the list was read or an error occurred; left out if no request was made",
		func(s *Site) any { return optional(s.Outcome().ResponseTime.Seconds(), s.Outcome().ResponseTime > 0) }},
	{"nodes", Integer, "", "number of nodes in the list", func(s *Site) any { return optional(s.Nodes+s.Unusable, s.Listed) }},
	{"answered_by", String, "", "the node of `discover` that listed them", func(s *Site) any {
		if !s.Listed {
			return nil
		}
		return s.AnsweredBy().Source()
	}},
	{"nodes_vanished", Integer, "", "number of nodes that were listed since the start of the program and no longer are",
		func(s *Site) any { return optional(s.Vanished, s.Listed) }},
	{"nodes_unusable", Integer, "", "number of nodes in the list without a usable host name: the site is not proven without them",
		func(s *Site) any { return optional(s.Unusable, s.Listed) }},
}

// nodeOf returns the node, or the zero Node if there is none.
func nodeOf(r *Result) *discovery.Node {
	if r.Node == nil {
		return &discovery.Node{}
	}
	return r.Node
}

// isField reports whether a field has that name.
func isField(name string) bool {
	return slices.ContainsFunc(Fields, func(f Field) bool { return f.Name == name }) ||
		slices.ContainsFunc(SiteFields, func(f FieldOf[Site]) bool { return f.Name == name })
}

// Advisories are the identifiers of the advisories that apply, sorted.
func (r *Result) Advisories() []string {
	if r.Judgement.Verdict == nil {
		return nil
	}
	ids := make([]string, 0, len(r.Judgement.Verdict.Advisories))
	for _, a := range r.Judgement.Verdict.Advisories {
		ids = append(ids, a.ID)
	}
	return ids
}

// optional returns a value, or nil if it is not known.
func optional[T any](value T, isKnown bool) any {
	if !isKnown {
		return nil
	}
	return value
}

// member reads a member of the reply, which is not known if it is empty.
func member(get func(*systeminfo.Info) string) func(*Result) any {
	return func(r *Result) any {
		if r.Outcome.Info == nil || get(r.Outcome.Info) == "" {
			return nil
		}
		return get(r.Outcome.Info)
	}
}

// verdict reads a value that is known only if there is a verdict.
func verdict(value func(*Result) any) func(*Result) any {
	return func(r *Result) any {
		if r.Judgement.Verdict == nil {
			return nil
		}
		return value(r)
	}
}

func certificateExpiry(r *Result) any {
	expiry := r.Outcome.CertificateExpiry
	return optional(int(expiry.Unix()-r.Round.Start.Unix()), !expiry.IsZero())
}

func latestPatch(r *Result) any {
	if r.Judgement.Listed == nil || r.Judgement.Listed.LatestPatch == nil {
		return nil
	}
	return *r.Judgement.Listed.LatestPatch
}

// number returns 1 for true and 0 for false, so that values can be summed up.
func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

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

// FieldOf is a field of a point, and with it a column of CSV and a member of JSON: they share
// name and meaning, as the documentation does. It is read from a T.
type FieldOf[T any] struct {
	Name string
	Type Type
	Unit string // "" for what has none
	// Meaning is a phrase in Markdown without a full stop.
	Meaning string
	// Value reads the field: nil where it is not known, else a string, an int, a float64 or a
	// []string.
	Value func(*T) any
}

// Field is a field of the measurement qlik_sense_version.
type Field = FieldOf[Result]

// Fields are the fields of the measurement qlik_sense_version, in the order of columns.
// New ones go to the end: spreadsheets and scripts may count columns.
var Fields = []Field{
	// Of every poll.
	{"result", String, "", "how the poll ended: `success`, or why no version was read",
		func(r *Result) any { return r.Outcome.Result.String() }},
	{"result_code", Integer, "", "the same as a number, 0 for `success`",
		func(r *Result) any { return int(r.Outcome.Result) }},
	{"response_time", Float, "seconds", "until the reply was read or an error occurred; left out if no request was made",
		func(r *Result) any { return known(r.Outcome.ResponseTime.Seconds(), r.Outcome.ResponseTime > 0) }},
	{"http_response_code", Integer, "", "HTTP status, if one was received",
		func(r *Result) any { return known(r.Outcome.StatusCode, r.Outcome.StatusCode != 0) }},
	{"certificate_expiry", Integer, "seconds", "until the certificate of the server expires, negative after that; also in a failed poll, if the server showed one",
		certificateExpiry},

	// What the server told, named as Butler names it.
	{"release_label", String, "", "`releaseLabel` of the reply, for example `February 2024 Patch 1`",
		told(func(i *systeminfo.Info) string { return i.ReleaseLabel })},
	{"version", String, "", "`version` of the reply: the build, for example `14.173.4`",
		told(func(i *systeminfo.Info) string { return i.Version })},
	{"product_name", String, "", "`productName` of the reply: `Qlik Sense`", told(func(i *systeminfo.Info) string { return i.ProductName })},
	{"deployment_type", String, "", "`deploymentType` of the reply: `QlikSenseServer`", told(func(i *systeminfo.Info) string { return i.DeploymentType })},
	{"sense_id", String, "", "`senseId` of the reply, for example `qliksenseserver:14.173.4`", told(func(i *systeminfo.Info) string { return i.SenseID })},
	{"content_hash", String, "", "`contentHash` of the reply: changes with the content", told(func(i *systeminfo.Info) string { return i.ContentHash })},
	{"deprecated_product_version", String, "", "`deprecatedProductVersion` of the reply: `4.0.X`, a constant",
		told(func(i *systeminfo.Info) string { return i.DeprecatedProductVersion })},
	{"copyright_year_range", String, "", "`copyrightYearRange` of the reply, for example `1993-2024`",
		told(func(i *systeminfo.Info) string { return i.CopyrightYearRange })},

	// How that was judged.
	{"compliance", String, "", "`compliant`, `non_compliant` or `unknown`, if the server answered",
		func(r *Result) any { return known(r.Judgement.Compliance.String(), r.Answered()) }},
	{"compliance_code", Integer, "", "the same as a number: 0, 1 or 2",
		func(r *Result) any { return known(int(r.Judgement.Compliance), r.Answered()) }},
	{"compliance_reason", List, "", "why it is not `compliant`; empty if it is",
		func(r *Result) any { return known(r.Judgement.Reasons.Names(), r.Answered()) }},
	{"release_year", Integer, "", "year of the release, from the label or, without one, from the build",
		func(r *Result) any { return known(r.Judgement.Release.Year, r.Judgement.HasMonth) }},
	{"release_month", Integer, "", "month of the release, 1 to 12",
		func(r *Result) any { return known(int(r.Judgement.Release.Month), r.Judgement.HasMonth) }},
	{"patch", Integer, "", "patch of the release, 0 for the initial release",
		func(r *Result) any { return known(r.Judgement.Release.Patch, r.Judgement.HasPatch) }},
	{"latest_patch", Integer, "", "newest patch of that release in the catalogue: a lower bound", latestPatch},
	{"patches_behind", Integer, "", "distance from `patch` to `latest_patch`, never negative",
		func(r *Result) any { return known(r.Judgement.PatchesBehind()) }},
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
		func(r *Result) any { return known(r.Judgement.SupportDaysLeft()) }},
	{"below_minimum", Integer, "", "1 below `minimum_release`, else 0; if that is set and can be determined",
		func(r *Result) any { return known(number(r.Judgement.BelowMinimum), r.Judgement.HasMinimum) }},
	{"version_mismatch", Integer, "", "1 if the version differs from the one that most servers of the block run in this round (in a tie, " +
		"that of the central node or else the newest), else 0; left out with `same_version = false`",
		func(r *Result) any { return known(number(r.Comparison == Different), r.Comparison != NotCompared) }},
	{"exposed_days", Integer, "days", "since the oldest advisory that applies was published; left out if none applies",
		func(r *Result) any { return known(r.Judgement.ExposedDays()) }},

	// The data that judge, of every poll.
	{"releases_age_days", Integer, "days", "since the list of releases in use was read",
		func(r *Result) any { return r.Round.Day().DaysSince(r.Round.Judge.Catalog.ReleasesAsOf) }},
	{"advisories_age_days", Integer, "days", "since advisories were last looked for",
		func(r *Result) any { return r.Round.Day().DaysSince(r.Round.Judge.Catalog.AdvisoriesAsOf) }},
	{"exploited_age_days", Integer, "days", "since the list of known exploited vulnerabilities was read",
		func(r *Result) any { return r.Round.Day().DaysSince(r.Round.Judge.Catalog.ExploitedAsOf) }},
	{"undecided_advisory_count", Integer, "", "number of advisories in the catalogue that nobody can map to releases yet",
		func(r *Result) any { return r.Round.Judge.Undecided }},

	// What the site knows of the node.
	{"node_name", String, "", "name of the node in the QMC, if `discover` listed the server",
		func(r *Result) any { return known(nodeOf(r).Name, nodeOf(r).Name != "") }},
	{"node_roles", List, "", "some of `central`, `engine`, `printing`, `proxy` and `scheduler`, if `discover` listed the server",
		func(r *Result) any { return known(append([]string{}, nodeOf(r).Roles...), r.Node != nil) }},
}

// SiteFields are the fields of the measurement qlik_sense_site, in the order of columns.
var SiteFields = []FieldOf[Site]{
	{"result", String, "", "how the request for the nodes of the site ended: `success`, or why no node of `discover` listed them",
		func(s *Site) any { return s.Outcome().Result.String() }},
	{"result_code", Integer, "", "the same as a number, 0 for `success`",
		func(s *Site) any { return int(s.Outcome().Result) }},
	{"response_time", Float, "seconds", "until the list was read or an error occurred; left out if no request was made",
		func(s *Site) any { return known(s.Outcome().ResponseTime.Seconds(), s.Outcome().ResponseTime > 0) }},
	{"nodes", Integer, "", "number of nodes in the list", func(s *Site) any { return known(s.Nodes+s.Unusable, s.Listed) }},
	{"answered_by", String, "", "the node of `discover` that listed them", func(s *Site) any {
		if !s.Listed {
			return nil
		}
		return s.AnsweredBy().Source()
	}},
	{"nodes_vanished", Integer, "", "number of nodes that were listed since the start of the program and no longer are",
		func(s *Site) any { return known(s.Vanished, s.Listed) }},
	{"nodes_unusable", Integer, "", "number of nodes in the list without a usable host name: the site is not proven without them",
		func(s *Site) any { return known(s.Unusable, s.Listed) }},
}

// nodeOf returns what is known of the node, the zero Node for nothing.
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

// known returns a value, or nil where it is not known.
func known[T any](value T, isKnown bool) any {
	if !isKnown {
		return nil
	}
	return value
}

// told reads a member of the reply, which is not known where it is empty.
func told(member func(*systeminfo.Info) string) func(*Result) any {
	return func(r *Result) any {
		if r.Outcome.Info == nil || member(r.Outcome.Info) == "" {
			return nil
		}
		return member(r.Outcome.Info)
	}
}

// verdict reads what is known only where the advisories were held against the version.
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
	return known(int(expiry.Unix()-r.Round.Start.Unix()), !expiry.IsZero())
}

func latestPatch(r *Result) any {
	if r.Judgement.Listed == nil || r.Judgement.Listed.LatestPatch == nil {
		return nil
	}
	return *r.Judgement.Listed.LatestPatch
}

// number is how a field says no and yes, so that yeses can be summed up.
func number(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

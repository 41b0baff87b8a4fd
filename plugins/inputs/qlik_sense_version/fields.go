package qlik_sense_version

import (
	"time"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/judgement"
	"telegraf-qlik-sense-version/internal/poll"
	"telegraf-qlik-sense-version/internal/systeminfo"
)

// pollFields makes the fields that every point has, and room for the others. What is
// not known is left out.
func pollFields(outcome *poll.Outcome, start time.Time) map[string]interface{} {
	size := 8
	if outcome.Info != nil {
		size = 32
	}
	f := make(map[string]interface{}, size)
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
	return f
}

// addInfo adds what the server told.
func addInfo(f map[string]interface{}, info *systeminfo.Info) {
	for name, value := range map[string]string{
		"content_hash":               info.ContentHash,
		"sense_id":                   info.SenseID,
		"version":                    info.Version,
		"deployment_type":            info.DeploymentType,
		"release_label":              info.ReleaseLabel,
		"deprecated_product_version": info.DeprecatedProductVersion,
		"product_name":               info.ProductName,
		"copyright_year_range":       info.CopyrightYearRange,
	} {
		if value != "" {
			f[name] = value
		}
	}
}

// addJudgement adds what follows from that. What is not known is left out.
func addJudgement(f map[string]interface{}, j *judgement.Judgement, today catalog.Day) {
	f["compliance"] = j.Compliance.String()
	f["compliance_code"] = int(j.Compliance)
	if j.HasMonth {
		f["release_year"] = j.Release.Year
		f["release_month"] = int(j.Release.Month)
	}
	if j.HasPatch {
		f["patch"] = j.Release.Patch
	}
	if j.Listed != nil && j.Listed.LatestPatch != nil {
		f["latest_patch"] = *j.Listed.LatestPatch
	}
	if behind, known := j.PatchesBehind(); known {
		f["patches_behind"] = behind
	}
	if days, known := j.SupportDaysLeft(today); known {
		f["support_days_left"] = days
	}
	if j.HasMinimum {
		f["below_minimum"] = number(j.BelowMinimum)
	}
	if j.Verdict != nil {
		f["advisories"] = j.Verdict.Advisories
		f["advisory_count"] = j.Verdict.Count
		f["exploited_advisory_count"] = j.Verdict.Exploited
		f["max_cvss"] = j.Verdict.MaxCVSS
		f["fixed_in"] = j.Verdict.FixedIn
	}
}

// number is how a field says no and yes, so that yeses can be summed up.
func number(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

package report

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
)

// largeFleet is a fleet of servers of all kinds that was never asked.
func largeFleet(servers int) *Report {
	number := func(n int) *int { return &n }
	words := func(s string) *string { return &s }
	r := &Report{
		Schema: Schema, Program: "telegraf-qlik-sense-version v0.0.0-test", AskedAt: time.Date(2026, time.November, 21, 8, 30, 0, 0, time.UTC),
		Catalogs: []Catalog{{Name: "built in", ReleasesAsOf: "2026-11-01", AdvisoriesAsOf: "2026-11-21", ExploitedAsOf: "2026-11-20"}},
		Advisories: []Advisory{
			{ID: "CVE-2023-48365", CVSS: 9.9, CVSSSource: "NVD", ExploitedSince: "2025-01-13", Fixed: []string{"August 2023 Patch 2"}},
			{ID: "CVE-2024-36077", CVSS: 8.8}, {ID: "CVE-2024-55579", CVSS: 8.8}, {ID: "CVE-2024-55580"},
		},
	}
	for i := range servers {
		if i%200 == 0 {
			r.Blocks = append(r.Blocks, Block{Tags: map[string]string{"environment": fmt.Sprintf("ENV-%d", i/200+1)}, Catalog: "built in"})
		}
		block := len(r.Blocks) - 1
		b := &r.Blocks[block]
		s := Server{Source: fmt.Sprintf("qlik-%d.example.com", i+1), Result: "success"}
		s.Host = s.Source
		switch i % 10 {
		case 9:
			s.Result = "tls_error"
			c := &Certificate{Subject: "CN=" + s.Source, Names: []string{s.Source}, Issuer: "CN=qlik-CA", NotBefore: r.AskedAt, NotAfter: r.AskedAt}
			s.Failure = &Failure{Step: "TLS", Cause: "x509: certificate signed by unknown authority", Hint: "set tls_ca", ServerCertificate: c}
		case 8:
			s.ReleaseLabel, s.Version, s.Compliance, s.Remark = "Spring", "1.2", "unknown", "the release label is no release"
		default:
			patch := i % 17
			s.ReleaseLabel, s.Version = fmt.Sprintf("August 2023 Patch %d", patch), fmt.Sprintf("14.139.%d", patch+4)
			s.ReleaseYear, s.ReleaseMonth, s.Patch = number(2023), number(8), &patch
			s.Compliance, s.FixedIn, s.PatchesBehind = "compliant", words(""), number(16-patch)
			s.SupportDaysLeft, s.AdvisoryCount, s.VersionMismatch = number(patch-5), number(0), number(patch%2)
			if patch == 16 {
				break
			}
			s.Compliance, s.FixedIn, s.ExploitedAdvisoryCount = "non_compliant", words("August 2023 Patch 16"), number(1)
			for j := range r.Advisories {
				s.Advisories = append(s.Advisories, r.Advisories[j].ID)
				r.Advisories[j].Affected = append(r.Advisories[j].Affected, Affected{Block: block, Source: s.Source, FixedIn: "August 2023 Patch 16"})
			}
		}
		b.Servers = append(b.Servers, s)
	}
	r.summarise()
	return r
}

// demonstration is a fleet of simulated servers under the names that servers have.
func demonstration(t *testing.T) *Report {
	t.Helper()
	runs := func(label, build string) simulator.Server {
		return simulator.Server{Reply: simulator.Reply(label, build)}
	}
	r := gather(t, 47,
		environment{name: "PROD", more: `  minimum_release = "May 2024 Patch 10"`, servers: []simulator.Server{
			runs("May 2025 Patch 15", "14.231.27"), runs("May 2025 Patch 15", "14.231.27"),
			runs("May 2025 Patch 3", "14.231.8"), runs("May 2024 Patch 9", "14.187.14"),
		}},
		environment{name: "TEST", servers: []simulator.Server{
			runs("November 2025", "14.254.6"), runs("November 2025", "14.254.6"),
			runs("August 2023 Patch 1", "14.139.5"), {Fault: simulator.FaultClientRefused},
		}},
		environment{name: "DEV", servers: []simulator.Server{
			runs("May 2022 Patch 18", "14.67.34"), {Reply: []byte(`{"version":"14.231.8"}`)}, {Fault: simulator.Fault503},
		}},
	)
	text, err := json.Marshal(r)
	require.NoError(t, err)
	var renamed []string
	for _, b := range r.Blocks {
		for i := range b.Servers {
			name := fmt.Sprintf("qlik-%s-%d.example.com", strings.ToLower(b.Tags["environment"]), i+1)
			renamed = append([]string{b.Servers[i].Source, name}, renamed...) // the last first: 127.47.1.1 begins 127.47.1.10
		}
	}
	var named Report
	require.NoError(t, json.Unmarshal([]byte(strings.NewReplacer(renamed...).Replace(string(text))), &named))
	named.Program = "telegraf-qlik-sense-version"
	return &named
}

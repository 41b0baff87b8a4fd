package catalog

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const invented = "CVE-2027-0001"

// recorded returns a machine-read record last modified on a day.
func recorded(t *testing.T, id, modified string, fixed ...string) Record {
	t.Helper()
	a := fixing(t, id, "2026-01-10", fixed...)
	a.ReadBy, a.Source, a.RecordModified = Machine, "https://nvd.nist.gov/vuln/detail/"+id, day(t, modified)
	if len(fixed) == 0 {
		a.Note = "the text has no list"
	}
	return Record{Advisory: a}
}

func rejected(t *testing.T, id, modified string) Record {
	t.Helper()
	r := recorded(t, id, modified)
	r.Rejected, r.Status = true, "Rejected"
	return r
}

func TestMergeAdvisories(t *testing.T) {
	const curated, unmapped = "CVE-2024-36077", "GHSA-8qvr-jr3j-p3rg"
	machine := func(edit func(*Advisory)) func(*Catalog) {
		return func(c *Catalog) {
			a := recorded(t, invented, "2026-01-12", "May 2024 Patch 5").Advisory
			edit(&a)
			c.Advisories = append(c.Advisories, a)
		}
	}
	nothing := func(*Advisory) {}
	tests := []struct {
		name             string
		edit             func(*Catalog) // of the good catalogue
		records          []Record
		changes, remarks []string
		id               string
		fixed            []string // of that entry afterwards
		decides          bool
	}{
		{"new", nil, []Record{recorded(t, invented, "2026-01-12", "May 2024 Patch 3")},
			[]string{invented + ": new, fixed in May 2024 Patch 3"}, nil, invented, []string{"May 2024 Patch 3"}, true},
		{"new and undecided", nil, []Record{recorded(t, invented, "2026-01-12")},
			[]string{invented + ": new, undecided: the text has no list"}, nil, invented, nil, false},
		{"new in a release that the catalogue lacks", nil, []Record{recorded(t, invented, "2026-01-12", "May 2027 Patch 3")},
			[]string{invented + ": new, fixed in May 2027 Patch 3", "May 2027: added as announced, because " + invented + " names it"},
			nil, invented, []string{"May 2027 Patch 3"}, true},
		{"new in two releases, one of which the catalogue lacks", nil, []Record{recorded(t, invented, "2026-01-12", "May 2024 Patch 3", "May 2027 Patch 3")},
			[]string{invented + ": new, fixed in May 2024 Patch 3, May 2027 Patch 3", "May 2027: added as announced, because " + invented + " names it"},
			nil, invented, []string{"May 2024 Patch 3", "May 2027 Patch 3"}, true},
		{"never known and rejected", nil, []Record{rejected(t, invented, "2026-01-12")}, nil, nil, "", nil, false},
		{"lacking in the reply", machine(nothing), nil, nil, nil, invented, []string{"May 2024 Patch 5"}, true},

		{"machine, another list", machine(nothing), []Record{recorded(t, invented, "2026-01-13", "May 2024 Patch 3")},
			[]string{invented + ": fixed in May 2024 Patch 5 -> May 2024 Patch 3"}, nil, invented, []string{"May 2024 Patch 3"}, true},
		{"machine, another list on the same day", machine(nothing), []Record{recorded(t, invented, "2026-01-12", "May 2024 Patch 3")},
			[]string{invented + ": fixed in May 2024 Patch 5 -> May 2024 Patch 3"}, nil, invented, []string{"May 2024 Patch 3"}, true},
		{"machine, an older record", machine(nothing), []Record{recorded(t, invented, "2026-01-11", "May 2024 Patch 3")},
			nil, nil, invented, []string{"May 2024 Patch 5"}, true},
		{"machine, a list that cannot be read any more", machine(nothing), []Record{recorded(t, invented, "2026-01-13")},
			nil, []string{invented + ": kept the fixed releases of an earlier record: the text has no list"},
			invented, []string{"May 2024 Patch 5"}, true},
		{"machine, dismissed by somebody", machine(func(a *Advisory) { a.Dismissed = "no proxy" }), []Record{recorded(t, invented, "2026-01-13",
			"May 2024 Patch 3")},
			[]string{invented + ": fixed in May 2024 Patch 5 -> May 2024 Patch 3"}, nil, invented, []string{"May 2024 Patch 3"}, false},
		{"machine, rejected", machine(nothing), []Record{rejected(t, invented, "2026-01-13")},
			[]string{invented + ": dismissed: rejected by NVD, 2026-01-13"}, nil, invented, []string{"May 2024 Patch 5"}, false},
		{"machine, not rejected any more", machine(func(a *Advisory) { a.Dismissed = "rejected by NVD, 2026-01-12" }),
			[]Record{recorded(t, invented, "2026-01-13", "May 2024 Patch 5")},
			[]string{invented + ": counts again: NVD does not reject it any more"}, nil, invented, []string{"May 2024 Patch 5"}, true},

		{"curated, the record says otherwise", nil, []Record{recorded(t, curated, "2026-01-12", "May 2024", "February 2024 Patch 2")}, nil,
			[]string{curated + ": NVD's record says fixed in May 2024, February 2024 Patch 2, the entry says May 2024, February 2024 Patch 4: " +
				"the hand-written entry stays"}, curated, []string{"May 2024", "February 2024 Patch 4"}, true},
		{"curated, the record changed", func(c *Catalog) { c.Advisories[0].RecordModified = day(t, "2025-01-01") },
			[]Record{recorded(t, curated, "2026-01-12", "February 2024 Patch 4", "May 2024")}, nil,
			[]string{curated + ": NVD's record changed on 2026-01-12, but the entry is based on the one of 2025-01-01: the hand-written entry stays"},
			curated, []string{"May 2024", "February 2024 Patch 4"}, true},
		{"curated, the record agrees", nil, []Record{recorded(t, curated, "2026-01-12", "February 2024 Patch 4", "May 2024")}, nil, nil,
			curated, []string{"May 2024", "February 2024 Patch 4"}, true},
		{"curated, the record has no list", nil, []Record{recorded(t, curated, "2026-01-12")}, nil, nil,
			curated, []string{"May 2024", "February 2024 Patch 4"}, true},
		{"curated, rejected", func(c *Catalog) {
			c.Advisories = append(c.Advisories, fixing(t, "CVE-2024-9999", "2024-05-22", "May 2024"))
		},
			[]Record{rejected(t, curated, "2026-01-13")},
			[]string{curated + ": dismissed: rejected by NVD, 2026-01-13"}, nil, curated, []string{"May 2024", "February 2024 Patch 4"}, false},
		{"curated and undecided, the record has a list", nil, []Record{recorded(t, unmapped, "2026-01-12", "May 2024 Patch 3")},
			[]string{unmapped + ": fixed in no release -> May 2024 Patch 3", unmapped + ": new summary",
				unmapped + ": read by machine from now on; the hand-written note was: Nobody knows"}, nil, unmapped, []string{"May 2024 Patch 3"}, true},
		{"curated and undecided, the record has no list", nil, []Record{recorded(t, unmapped, "2026-01-12")}, nil, nil, unmapped, nil, false},
		{"kept and undecided, the record has a list", func(c *Catalog) { c.Advisories[1].Keep = true }, []Record{recorded(t, unmapped, "2026-01-12",
			"May 2024 Patch 3")},
			nil, []string{unmapped + ": NVD's record says fixed in May 2024 Patch 3, the entry says no release: the hand-written entry stays"},
			unmapped, nil, false},
		{"kept, rejected", func(c *Catalog) { c.Advisories[0].Keep = true }, []Record{rejected(t, curated, "2026-01-13")},
			nil, []string{curated + ": NVD rejected the record on 2026-01-13: the hand-written entry stays"},
			curated, []string{"May 2024", "February 2024 Patch 4"}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := good(t)
			c.Advisories[1].Summary, c.Advisories[1].Note = "Something else", "Nobody knows"
			if tt.edit != nil {
				tt.edit(c)
			}
			for i := range tt.records {
				tt.records[i].CVSS = 0
			}
			before := c.clone()
			merged, report, err := c.MergeAdvisories(tt.records, day(t, "2026-02-01"))
			require.NoError(t, err)
			require.Equal(t, before, c, "the catalogue itself stays as it is")
			require.Equal(t, tt.changes, withoutScores(report.Changes))
			require.Equal(t, tt.remarks, report.Remarks)
			require.Equal(t, day(t, "2026-02-01"), merged.AdvisoriesAsOf)
			require.Equal(t, c.ExploitedAsOf, merged.ExploitedAsOf)
			a := merged.byID()[tt.id]
			if tt.id == "" {
				require.Equal(t, c.Advisories, merged.Advisories)
				return
			}
			require.ElementsMatch(t, labels(t, tt.fixed...), a.Fixed)
			require.Equal(t, tt.decides, a.Decides())

			again, report, err := merged.MergeAdvisories(tt.records, day(t, "2026-02-01"))
			require.NoError(t, err)
			require.Equal(t, merged, again, "the same records change nothing more")
			require.Empty(t, report.Changes)
			require.Empty(t, report.Remarks)
		})
	}
}

// A new score replaces that of a machine-read entry and causes a remark on a curated one.
func TestMergeScores(t *testing.T) {
	const curated = "CVE-2024-36077" // 8.8
	for _, tt := range []struct {
		score           float64
		byMachine       bool
		change, remarks string
		want            float64
	}{
		{9.8, false, "", curated + ": NVD's record has the score 9.8 (nvd), the entry 8.8: the hand-written entry stays", 8.8},
		{8.8, false, "", "", 8.8},
		{0, false, "", "", 8.8}, // not scored yet
		{9.8, true, curated + ": score 8.8 -> 9.8 (nvd)", "", 9.8},
		{8.8, true, "", "", 8.8},
	} {
		c := good(t)
		r := recorded(t, curated, "2026-01-12", "February 2024 Patch 4", "May 2024")
		if tt.byMachine {
			c.Advisories[0] = r.Advisory
			c.Advisories[0].CVSS = 8.8
		}
		r.CVSS, r.CVSSSource = tt.score, "nvd"
		merged, report, err := c.MergeAdvisories([]Record{r}, c.AdvisoriesAsOf)
		require.NoError(t, err)
		require.Equal(t, tt.change, strings.Join(report.Changes, "; "))
		require.Equal(t, tt.remarks, strings.Join(report.Remarks, "; "))
		require.InDelta(t, tt.want, merged.byID()[curated].CVSS, 1e-9)
	}
}

// Source: CVSS v3.1 specification, section 5.
func TestSeverity(t *testing.T) {
	for score, want := range map[float64]string{
		10: "critical", 9: "critical", 8.9: "high", 7: "high", 6.9: "medium", 4: "medium", 3.9: "low", 0.1: "low", 0: "",
	} {
		require.Equal(t, want, Severity(score), score)
	}
}

// withoutScores removes changes of scores, which have their own test.
func withoutScores(changes []string) (rest []string) {
	for _, change := range changes {
		if !strings.Contains(change, ": score ") {
			rest = append(rest, change)
		}
	}
	return rest
}

func TestMergeAdvisoriesKeepsCISAData(t *testing.T) {
	c := good(t)
	e := Exploit{ID: invented, Since: day(t, "2026-01-05"), Ransomware: true, Advisory: &Advisory{
		ID: invented, Summary: "Qlik Sense has a flaw.", Verified: true, References: []string{"r"}, ReadBy: Machine, Source: "s", Note: "NVD had no record of it",
	}}
	merged, report, err := c.MergeExploits([]Exploit{e, e, {ID: "CVE-2020-0001", Since: day(t, "2021-01-01")}, {ID: "CVE-2024-36077", Since: day(t,
		"2024-06-01")}},
		day(t, "2026-01-06"))
	require.NoError(t, err)
	require.Equal(t, []string{invented + ": new, exploited since 2026-01-05, undecided: NVD had no record of it"}, report.Changes)
	require.Empty(t, report.Remarks)
	require.Equal(t, day(t, "2026-01-06"), merged.ExploitedAsOf)
	require.Equal(t, []*Advisory{merged.byID()[invented], merged.byID()["GHSA-8qvr-jr3j-p3rg"]}, merged.Undecided())
	require.True(t, merged.byID()[invented].Published.IsZero())

	decided, report, err := merged.MergeAdvisories([]Record{recorded(t, invented, "2026-01-12", "May 2024 Patch 3")}, day(t, "2026-02-01"))
	require.NoError(t, err)
	require.Equal(t, []string{invented + ": fixed in no release -> May 2024 Patch 3", invented + ": new summary"}, report.Changes)
	a := decided.byID()[invented]
	require.True(t, a.Decides() && a.Ransomware)
	require.Equal(t, day(t, "2026-01-05"), a.ExploitedSince, "before it was published")
}

func TestMergeExploitsMarksEveryEntry(t *testing.T) {
	c := good(t)
	c.Advisories[0].ExploitedSince, c.Advisories[0].Ransomware = Day{}, false
	c.Advisories[0].Keep = true
	merged, report, err := c.MergeExploits([]Exploit{{ID: "CVE-2024-36077", Since: day(t, "2024-06-02"), Ransomware: true}}, day(t, "2024-07-01"))
	require.NoError(t, err)
	require.Equal(t, []string{"CVE-2024-36077: exploited since 2024-06-02", "CVE-2024-36077: used in ransomware campaigns"}, report.Changes)
	require.Equal(t, c.ExploitedAsOf, merged.ExploitedAsOf, "a list of an earlier day does not turn the day back")

	again, report, err := merged.MergeExploits(nil, day(t, "2024-07-01"))
	require.NoError(t, err)
	require.Equal(t, merged, again)
	require.Equal(t, []string{"CVE-2024-36077: not in CISA's list; it still counts as exploited"}, report.Remarks)

	_, _, err = c.MergeExploits([]Exploit{{ID: "CVE-2024-36077", Since: day(t, "2031-06-02")}}, day(t, "2024-07-01"))
	require.ErrorContains(t, err, "it does not fit the catalogue: advisory \"CVE-2024-36077\": exploited_since 2031-06-02 is after exploited_as_of")
}

// CISA's data are merged into every entry; into one marked keep only if they make it worse.
func TestMergeExploitsOfKnownEntries(t *testing.T) {
	const id = "CVE-2024-36077" // exploited since 2024-06-01, by ransomware groups
	since, later, due := day(t, "2024-06-01"), day(t, "2024-06-02"), day(t, "2024-06-22")
	for _, tt := range []struct {
		name string
		own  func(*Advisory)
		list Exploit
		want string // changes
		due  Day    // afterwards
	}{
		{"as it was", func(*Advisory) {}, Exploit{Since: since, Ransomware: true}, "", Day{}},
		{"less than was known", func(a *Advisory) { a.ExploitedDue = due }, Exploit{Since: since}, "", due},
		{"no ransomware", func(a *Advisory) { a.Ransomware = false }, Exploit{Since: since}, "", Day{}},
		{"ransomware", func(a *Advisory) { a.Ransomware = false }, Exploit{Since: since, Ransomware: true}, id + ": used in ransomware campaigns", Day{}},
		{"a day to act by", func(*Advisory) {}, Exploit{Since: since, Due: due}, id + ": to be fixed by 2024-06-22", due},
		{"the same day to act by", func(a *Advisory) { a.ExploitedDue = due }, Exploit{Since: since, Due: due}, "", due},
		{"another day", func(a *Advisory) { a.ExploitedDue = due }, Exploit{Since: later}, id + ": exploited since 2024-06-01 -> 2024-06-02", Day{}},
		{"kept", func(a *Advisory) { a.Keep, a.Ransomware = true, false }, Exploit{Since: later, Due: due, Ransomware: true},
			id + ": used in ransomware campaigns", Day{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := good(t)
			tt.own(&c.Advisories[0])
			tt.list.ID = id
			merged, report, err := c.MergeExploits([]Exploit{tt.list}, c.ExploitedAsOf)
			require.NoError(t, err)
			require.Equal(t, tt.want, strings.Join(report.Changes, "; "))
			require.Equal(t, tt.due, merged.Advisories[0].ExploitedDue)
		})
	}
}

// The built-in catalogue replaces machine-read entries and removes nothing.
func TestComplementOfReadEntries(t *testing.T) {
	builtIn := good(t)
	for _, tt := range []struct {
		name    string
		own     func(*Advisory)
		change  string
		decides bool
	}{
		{"machine", func(a *Advisory) { a.ReadBy, a.Source, a.Fixed = Machine, "s", labels(t, "May 2024 Patch 1") },
			"brought up to date from the built-in catalogue", true},
		{"machine and kept", func(a *Advisory) { a.ReadBy, a.Source, a.Keep = Machine, "s", true },
			"kept as in the file, although it differs in the built-in catalogue", true},
		{"machine and dismissed", func(a *Advisory) { a.ReadBy, a.Source, a.Dismissed = Machine, "s", "no" },
			"kept as in the file, although it differs in the built-in catalogue", false},
		{"machine and rejected", func(a *Advisory) { a.ReadBy, a.Source, a.Dismissed = Machine, "s", "rejected by NVD, 2026-01-01" },
			"brought up to date from the built-in catalogue", true},
		{"written", func(a *Advisory) { a.Summary = "other words" }, "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := good(t)
			c.AdvisoriesAsOf = day(t, "2026-05-01")
			tt.own(&c.Advisories[0])
			result, changes := c.Complement(builtIn)
			if tt.change == "" {
				require.Empty(t, changes)
			} else {
				require.Equal(t, []string{"CVE-2024-36077: " + tt.change}, changes)
			}
			require.Equal(t, tt.decides, result.Advisories[0].Decides())
		})
	}

	c := good(t)
	a := &c.Advisories[1]
	a.ReadBy, a.Source, a.Fixed, a.ExploitedSince = Machine, "s", labels(t, "May 2024 Patch 1"), day(t, "2025-07-01")
	result, changes := c.Complement(builtIn)
	require.Empty(t, changes, "nobody could map it, and a machine did")
	require.Equal(t, *a, result.Advisories[1])

	// The built-in exploitation data come with their day.
	c, later := good(t), good(t)
	c.AdvisoriesAsOf, c.Advisories[1].Keep = day(t, "2026-05-01"), true
	later.Advisories[1].ExploitedSince, later.ExploitedAsOf = day(t, "2025-09-01"), day(t, "2025-09-02")
	result, changes = c.Complement(later)
	require.Equal(t, []string{"GHSA-8qvr-jr3j-p3rg: exploited since 2025-09-01", "exploited as of 2025-08-25 -> 2025-09-02"}, changes)
	require.True(t, result.Advisories[1].Exploited())

	// CISA's data stay.
	c = good(t)
	a = &c.Advisories[1]
	a.ReadBy, a.Source, a.ExploitedSince, a.Ransomware = Machine, "s", day(t, "2025-07-01"), true
	result, changes = c.Complement(builtIn)
	require.Equal(t, []string{a.ID + ": brought up to date from the built-in catalogue"}, changes)
	require.True(t, result.Advisories[1].Exploited() && result.Advisories[1].Ransomware && !result.Advisories[1].ByMachine())
}

package feed

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/feed/feedtest"
	"telegraf-qlik-sense-version/internal/judgement"
	"telegraf-qlik-sense-version/internal/release"
)

// Whatever the feeds contain, no update makes a release look less affected than a curated entry, unless the
// record is rejected, which is reported.
func TestUpdatesNeverLessStrict(t *testing.T) {
	builtIn := judgement.BuiltIn()
	today := day(t, today)
	for seed := range uint64(10) {
		random := rand.New(rand.NewPCG(seed, 1))
		f := startFeeds(t)
		file, _ := builtInFile(t)
		for range 3 {
			records, rejected := randomRecords(t, random)
			f.Set("advisories", feedtest.Body(string(feedtest.NVDReply("2031-06-29", records...))))
			f.Set("exploited", feedtest.Body(string(randomKEV(random))))
			before, err := catalog.Load(file)
			require.NoError(t, err)
			result, err := f.update(t, file).Run(t.Context())
			if err != nil {
				// All built-in advisories that decide may be rejected at the same time.
				require.ErrorContains(t, err, "advisory: there is none that decides")
				continue
			}
			for i := range before.Advisories {
				old := &before.Advisories[i]
				a := advisoryOf(result.Catalog, old.ID)
				require.NotNil(t, a, "what a reply lacks stays")
				require.True(t, a.Exploited() || !old.Exploited())
				if old.Decides() && !a.Decides() {
					require.Contains(t, rejected, old.ID)
					require.Contains(t, result.String(), old.ID+": dismissed: rejected by NVD, ")
				}
				if old.ByMachine() && a.Decides() && !slices.Equal(old.Fixed, a.Fixed) {
					require.Contains(t, result.String(), old.ID+": fixed in ")
				}
			}
			judge := judgement.New(result.Catalog)
			for i := range builtIn.Catalog.Releases {
				label := builtIn.Catalog.Releases[i].Label
				for label.Patch = 0; label.Patch < 25; label.Patch++ {
					was := builtIn.Judge(label.String(), "", &judgement.Policy{}, today)
					is := judge.Judge(label.String(), "", &judgement.Policy{}, today)
					if was.Verdict == nil {
						continue
					}
					require.NotNil(t, is.Verdict, label)
					for _, a := range was.Verdict.Advisories {
						if advisoryOf(result.Catalog, a.ID).Dismissed == "" {
							require.True(t, slices.ContainsFunc(is.Verdict.Advisories, func(now *catalog.Advisory) bool { return now.ID == a.ID }),
								"seed %d: %s and %s", seed, a.ID, label)
						}
					}
				}
			}
		}
	}
}

// randomRecords returns changed stored records and invented ones.
func randomRecords(t *testing.T, random *rand.Rand) (records []json.RawMessage, rejected map[string]bool) {
	t.Helper()
	rejected = make(map[string]bool)
	ids := make([]string, 0, 12)
	ids = append(ids, "CVE-2031-0001", "CVE-2031-0002")
	for id := range samples(t) {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		modified := fmt.Sprintf("2031-06-%02d", 1+random.IntN(28))
		switch random.IntN(6) {
		case 0: // missing
		case 1:
			if strings.HasPrefix(id, "CVE-2031") {
				records = append(records, feedtest.Record(id, modified, clean))
			} else {
				records = append(records, sample(t, id))
			}
		case 2:
			if random.IntN(3) == 0 {
				rejected[id] = true
				records = append(records, feedtest.Record(id, modified, "Rejected reason: withdrawn.", `"vulnStatus":"Rejected"`))
			}
		case 3:
			records = append(records, feedtest.Record(id, modified, "Qlik Sense has a flaw."))
		default:
			records = append(records, feedtest.Record(id, modified, "Qlik Sense has a flaw. This is fixed in "+randomList(random)+"."))
		}
	}
	if len(records) == len(rejected) { // an empty reply is refused
		records = append(records, feedtest.Record("CVE-2031-0003", "2031-06-01", clean))
	}
	return records, rejected
}

func randomList(random *rand.Rand) string {
	known := catalog.BuiltIn().Releases
	var names []string
	seen := make(map[release.Release]bool)
	for range 1 + random.IntN(5) {
		r := known[random.IntN(len(known))].Label
		if !seen[r] {
			seen[r] = true
			r.Patch = random.IntN(20)
			names = append(names, r.String())
		}
	}
	return strings.Join(names, ", ")
}

func randomKEV(random *rand.Rand) []byte {
	var entries []string
	for _, a := range catalog.BuiltIn().Advisories {
		if random.IntN(2) == 0 && strings.HasPrefix(a.ID, "CVE-") {
			entries = append(entries, feedtest.KEVEntry(a.ID, "Qlik", "Sense", "2031-06-01", []string{"Known", "Unknown"}[random.IntN(2)]))
		}
	}
	return feedtest.KEV("2031-06-28", append(entries, feedtest.KEVEntry("CVE-2031-0002", "Qlik", "Sense", "2031-06-01", "Known"))...)
}

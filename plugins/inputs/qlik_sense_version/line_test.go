package qlik_sense_version

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/influxdata/telegraf/plugins/serializers/influx"
	"github.com/stretchr/testify/require"
)

// Telegraf stops reading at a line longer than 64 KiB. A point with all values at their limits, and every
// character escaped, takes about half of that.
func TestLongestLine(t *testing.T) {
	const maxTagName, maxTagValue, maxTags = 256, 1 << 10, 8 << 10 // the limits of the settings
	reply := make(map[string]string)
	for _, member := range []string{
		"contentHash", "senseId", "version", "deploymentType", "releaseLabel", "deprecatedProductVersion", "productName", "copyrightYearRange",
	} {
		reply[member] = strings.Repeat(`"`, 10_000)
	}
	body, err := json.Marshal(reply)
	require.NoError(t, err)
	// A proxy that answers for every server name.
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Write(body)
	}))
	defer proxy.Close()

	source := strings.Repeat("qlik-sense-node.", 16)[:253]
	q, _ := newPlugin("http://" + source + "/v1/systeminfo")
	q.HTTPProxyURL = proxy.URL
	q.Tags = map[string]string{strings.Repeat(",", maxTagName): strings.Repeat("=", maxTagValue)}
	for i := range 6 {
		q.Tags[string(rune('a'+i))] = strings.Repeat(" ", maxTagValue)
	}
	q.Tags["z"] = strings.Repeat(",", maxTags-maxTagName-7*maxTagValue-7)
	require.NoError(t, q.Init())

	points := gather(t, q).points
	require.Len(t, points, 1)
	serializer := &influx.Serializer{}
	require.NoError(t, serializer.Init())
	line, err := serializer.Serialize(points[0])
	require.NoError(t, err)
	require.Contains(t, string(line), "source="+source)
	require.Greater(t, len(line), 2*maxTags+2*8*1024, "some value is below its limit")
	require.Less(t, len(line), 60<<10)
}

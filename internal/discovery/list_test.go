package discovery

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
)

func describe(l *List) (nodes []string) {
	for _, n := range l.Nodes {
		nodes = append(nodes, fmt.Sprintf("%s %q %s", n.Server.Source(), n.Name, strings.Join(n.Roles, ",")))
	}
	return nodes
}

// The example of the vendor's documentation, with members of 2013.
const vendors = `[{ "customProperties": [], "name": "MyServerNodeConfiguration", "hostName": "qlik.com", "isCentral": false,
"engineEnabled": true, "proxyEnabled": false, "schedulerEnabled": true, "tags": [], "temporaryfilepath": "",
"privileges": null, "id": "6baa5c73-af76-48c8-a5e8-c185c86a885c", "createdDate": "2013-10-25T11:56:42.498Z",
"modifiedDate": "2013-10-25T11:56:42.498Z", "modifiedByUserName": "INTERNAL\\sa_repository",
"schemaPath": "ServerNodeConfiguration" }]`

func TestDecode(t *testing.T) {
	for name, tt := range map[string]struct {
		body     string
		want     []string
		unusable int
	}{
		"vendor's example": {vendors, []string{`qlik.com "MyServerNodeConfiguration" engine,scheduler`}, 0},
		"mark and blanks":  {"\ufeff \r\n[{\"hostName\":\"a\"}]\n", []string{`a "" `}, 0},
		"letter case": {
			`[{"Id":"1","Name":"N","HostName":"a","IsCentral":true,"EngineEnabled":false,"PrintingEnabled":true}]`,
			[]string{`a "N" central,printing`}, 0,
		},
		"capitals": {`[{"HOSTNAME":"a","ISCENTRAL":true,"NAME":"N"}]`, []string{`a "N" central`}, 0},
		"order":    {`[{"hostName":"c"},{"hostName":"B"},{"hostName":"z","isCentral":true}]`, []string{`z "" central`, `B "" `, `c "" `}, 0},
		"the same host": {
			`[{"hostName":"A.example.com.","name":"1"},{"hostName":"a.example.com","isCentral":true},{"hostName":"a"}]`,
			[]string{`a.example.com "" central`, `a "" `}, 0,
		},
		"addresses":   {`[{"hostName":"10.0.0.7"},{"hostName":"2001:DB8::7"}]`, []string{`10.0.0.7 "" `, `2001:DB8::7 "" `}, 0},
		"blanks":      {`[{"hostName":" a\n","name":"\u0007two\nlines "}]`, []string{`a "two lines" `}, 0},
		"other types": {`[{"hostName":"a","name":7,"isCentral":"true","engineEnabled":1,"proxyEnabled":null,"tags":[{"x":[]}]}]`, []string{`a "" `}, 0},
		"role twice":  {`[{"hostName":"a","isCentral":true,"IsCentral":true}]`, []string{`a "" central`}, 0},
		"long name":   {`[{"hostName":"a","name":"` + strings.Repeat("ä", 300) + `"}]`, []string{`a "` + strings.Repeat("ä", 128) + `" `}, 0},
		"hosts that lead elsewhere": {
			`[{"hostName":"a:443"},{"hostName":"https://a"},{"hostName":"a/b"},{"hostName":"u@a"},{"hostName":"a?b"},{"hostName":"[::1]:80"},` +
				`{"hostName":"a#b"},{"hostName":""},{"hostName":null},{},{"hostName":"a b"},{"hostName":"` + strings.Repeat("a", 3000) + `"},{"hostName":"ok"}]`,
			[]string{`ok "" `}, 12,
		},
	} {
		list, err := decode([]byte(tt.body))
		require.NoError(t, err, name)
		require.Equal(t, tt.want, describe(list), name)
		require.Equal(t, tt.unusable, list.Unusable, name)
	}
}

func TestDecodeRefuses(t *testing.T) {
	node := `{"hostName":"qlik1"}`
	for body, want := range map[string]error{
		"": errNotList, "null": errNotList, "{}": errNotList, node: errNotList, "[": errNotList, "[" + node: errNotList, "[" + node + "]]": errNotList,
		"[" + node + "] x": errNotList, "[1]": errNotList, `["qlik1"]`: errNotList, "[" + node + ",]": errNotList, "[[]]": errNotList,
		"[" + node + ",null]": errNotList, `[{"hostName":}]`: errNotList, "<html>": errHTML, "[]": errNoNodes, "[{}]": errNoHost,
		"[" + strings.Repeat(node+",", MaxNodes) + node + "]":            errTooLong,
		`[{"tags":` + strings.Repeat("[", 20000) + `]`:                   errNotList,
		"[" + strings.Repeat(`{},`, MaxNodes) + `{"hostName":"b"}` + "]": errTooLong,
	} {
		list, err := decode([]byte(body))
		require.ErrorIs(t, err, want, body[:min(len(body), 80)])
		require.Nil(t, list)
	}
	list, err := decode([]byte("[" + strings.Repeat(node+",", MaxNodes-1) + node + "]"))
	require.NoError(t, err)
	require.Len(t, list.Nodes, 1)
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(vendors))
	f.Add(simulator.NodeList(seven...))
	f.Add([]byte(`[{"hostName":"a:443"},{"HostName":"B","isCentral":true,"tags":[{"a":[1]}]}]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		list, err := decode(body)
		if err != nil {
			require.Nil(t, list)
			require.Contains(t, []error{errHTML, errNotList, errNoNodes, errTooLong, errNoHost}, err)
			return
		}
		require.NotEmpty(t, list.Nodes)
		require.LessOrEqual(t, len(list.Nodes)+list.Unusable, MaxNodes)
		seen := make(map[string]bool)
		for i, n := range list.Nodes {
			require.LessOrEqual(t, len(n.Name), maxName)
			require.NotContains(t, n.Name, "\n")
			require.Regexp(t, `:9032$`, n.Server.HostPort(), "a list does not choose the port")
			require.Equal(t, n.Server.Source(), n.Server.String(), "nor a path")
			require.False(t, seen[n.Server.Key()])
			seen[n.Server.Key()] = true
			require.False(t, i > 0 && n.Central() && !list.Nodes[i-1].Central(), "the central one is first")
			require.LessOrEqual(t, len(n.Roles), len(roles))
		}
	})
}

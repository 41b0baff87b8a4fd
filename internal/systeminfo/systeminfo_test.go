package systeminfo

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestDecode(t *testing.T) {
	tests := []struct {
		name string
		body string
		want Info
	}{
		{
			name: "real reply of June 2019",
			body: `{"contentHash":"e884c2143e1f4b94db9032f6761aba0b","senseId":"qliksenseserver:13.32.2","releaseLabel":"June 2019",` +
				`"originalClassName":"Composition","deprecatedProductVersion":"4.0.X","productName":"Qlik Sense","version":"13.32.2",` +
				`"copyrightYearRange":"1993-2019","deploymentType":"QlikSenseServer"}`,
			want: Info{
				ContentHash:              "e884c2143e1f4b94db9032f6761aba0b",
				SenseID:                  "qliksenseserver:13.32.2",
				Version:                  "13.32.2",
				DeploymentType:           "QlikSenseServer",
				ReleaseLabel:             "June 2019",
				DeprecatedProductVersion: "4.0.X",
				ProductName:              "Qlik Sense",
				CopyrightYearRange:       "1993-2019",
			},
		},
		{
			name: "product-info.json",
			body: `{"composition":{"version":"13.32.2","releaseLabel":"June 2019"},"components":[{"component":"About Service"}]}`,
			want: Info{Version: "13.32.2", ReleaseLabel: "June 2019"},
		},
		{
			name: "the object itself goes before a composition in it",
			body: `{"version":"1","composition":{"version":"2"}}`,
			want: Info{Version: "1"},
		},
		{
			name: "release label alone",
			body: `{"releaseLabel":"May 2025 Patch 3"}`,
			want: Info{ReleaseLabel: "May 2025 Patch 3"},
		},
		{
			name: "byte order mark and white space around",
			body: "\ufeff \r\n{\"version\":\"14.254.6\"}\n",
			want: Info{Version: "14.254.6"},
		},
		{
			name: "numbers and booleans are taken as their text",
			body: `{"version":14.10,"productName":true,"senseId":-1e3}`,
			want: Info{Version: "14.10", ProductName: "true", SenseID: "-1e3"},
		},
		{
			name: "null, arrays and objects are left out",
			body: `{"version":"14.254.6","productName":null,"senseId":["x"],"releaseLabel":{"x":1}}`,
			want: Info{Version: "14.254.6"},
		},
		{
			name: "member names are exact",
			body: `{"Version":"1","VERSION":"2","version":"3"}`,
			want: Info{Version: "3"},
		},
		{
			name: "control characters become spaces",
			body: `{"version":"14\n254\u0000\u009b6\t","productName":"a\u001bb"}`,
			want: Info{Version: "14 254  6 ", ProductName: "a b"},
		},
		{
			name: "escapes and characters beyond ASCII",
			body: `{"version":"1","productName":"Qlik \"Sense\" \\ é \ud83d\ude00"}`,
			want: Info{Version: "1", ProductName: `Qlik "Sense" \ é 😀`},
		},
		{
			name: "a value is cut at 1 KiB, not inside a character",
			body: `{"version":"` + strings.Repeat("x", 1023) + `é"}`,
			want: Info{Version: strings.Repeat("x", 1023)},
		},
		{
			name: "a value of exactly 1 KiB is whole",
			body: `{"version":"` + strings.Repeat("x", 1022) + `é"}`,
			want: Info{Version: strings.Repeat("x", 1022) + "é"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			info, err := Decode([]byte(tt.body))
			require.NoError(t, err)
			require.Equal(t, &tt.want, info)
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	tests := []struct {
		name string
		body string
		want error
	}{
		{"nothing", "", ErrEmpty},
		{"byte order mark alone", "\ufeff\n", ErrEmpty},
		{"login page", "\n<!DOCTYPE html><html></html>", ErrHTML},
		{"text", "Service starting", ErrNotJSON},
		{"null", "null", ErrNotJSON},
		{"array", `[{"version":"1"}]`, ErrNotJSON},
		{"string", `"14.254.6"`, ErrNotJSON},
		{"broken off", `{"version":"14.254.6"`, ErrNotJSON},
		{"something behind the object", `{"version":"14.254.6"} {}`, ErrNotJSON},
		{"nested too deep", `{"version":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`, ErrNotJSON},
		{"empty object", `{}`, ErrNoVersion},
		{"other JSON", `{"error":"not found"}`, ErrNoVersion},
		{"version is empty", `{"version":"","releaseLabel":""}`, ErrNoVersion},
		{"version is null", `{"version":null}`, ErrNoVersion},
		{"version is blank", `{"version":"\u0000\n "}`, ErrNoVersion},
		{"a comma too many", `{"version":"14.254.6",}`, ErrNotJSON},
		{"a name that is no string", `{1:"14.254.6"}`, ErrNotJSON},
		{"broken behind the version", `{"version":"14.254.6","x":nul}`, ErrNotJSON},
		{"composition is no object", `{"composition":["version"]}`, ErrNoVersion},
		{"composition within a composition", `{"composition":{"composition":{"version":"1"}}}`, ErrNoVersion},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			info, err := Decode([]byte(tt.body))
			require.ErrorIs(t, err, tt.want)
			require.Nil(t, info)
		})
	}
}

// A reply of a mebibyte may consist of unknown members.
func TestDecodeMemory(t *testing.T) {
	var body strings.Builder
	body.WriteString(`{"version":"14.254.6"`)
	for i := 0; body.Len() < 1<<20; i++ {
		fmt.Fprintf(&body, `,"%x":1`, i)
	}
	body.WriteString("}")
	reply := []byte(body.String())

	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := Decode(reply)
	runtime.ReadMemStats(&after)
	require.NoError(t, err)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(32<<20), "bytes allocated; a map of all members takes 40 MiB")
}

// A truncated value must not keep the reply in memory.
func TestDecodeReleasesReply(t *testing.T) {
	const replies = 4
	long := strings.Repeat("x", 1<<20-100)
	for name, body := range map[string]string{
		"text":              `{"version":"` + long + `"}`,
		"text with escapes": `{"version":"\u0000` + long + `"}`,
		"number":            `{"version":` + strings.Repeat("1", len(long)) + `}`,
		"composition":       `{"composition":{"releaseLabel":"` + long + `"}}`,
		"short values":      `{"version":"1","productName":"2","senseId":3,"x":"` + long + `"}`,
		"unknown bytes":     `{"version":"` + strings.Repeat("\xff", len(long)) + `"}`,
		"every member": `{"version":"` + long[:len(long)/8] + `","releaseLabel":"` + long[:len(long)/8] + `","contentHash":"` + long[:len(long)/8] +
			`","senseId":"` + long[:len(long)/8] + `","deploymentType":"` + long[:len(long)/8] + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			kept := make([]*Info, replies)
			before := heap()
			for i := range kept {
				var err error
				kept[i], err = Decode([]byte(body)) // a new body for each
				require.NoError(t, err)
			}
			require.Less(t, heap()-before, int64(1<<20), "bytes kept of %d replies", replies)
			runtime.KeepAlive(kept)
		})
	}
}

// heap is the memory in use, in bytes.
func heap() int64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"version":"14.173.4","releaseLabel":"February 2024 Patch 1"}`))
	f.Add([]byte(`{"composition":{"version":14.10},"components":[]}`))
	f.Add([]byte("\ufeff{\"version\":\"\xff\\u0000\\ud800\"}"))
	f.Add([]byte("<html>"))
	f.Fuzz(func(t *testing.T, body []byte) {
		info, err := Decode(body)
		if err != nil {
			require.Nil(t, info)
			return
		}
		require.NotEmpty(t, info.Version+info.ReleaseLabel)
		for _, value := range []string{
			info.ContentHash, info.SenseID, info.Version, info.DeploymentType, info.ReleaseLabel,
			info.DeprecatedProductVersion, info.ProductName, info.CopyrightYearRange,
		} {
			require.LessOrEqual(t, len(value), maxValue)
			require.True(t, utf8.ValidString(value))
			require.NotContains(t, strings.Map(func(r rune) rune {
				if unicode.IsControl(r) {
					return '\n'
				}
				return 'x'
			}, value), "\n")
		}
	})
}

package simulator

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// systemInfo has the members of real replies, in the order of the June 2019
// sample.
type systemInfo struct {
	ContentHash              string `json:"contentHash"`
	SenseID                  string `json:"senseId"`
	ReleaseLabel             string `json:"releaseLabel"`
	OriginalClassName        string `json:"originalClassName"`
	DeprecatedProductVersion string `json:"deprecatedProductVersion"`
	ProductName              string `json:"productName"`
	Version                  string `json:"version"`
	CopyrightYearRange       string `json:"copyrightYearRange"`
	DeploymentType           string `json:"deploymentType"`
}

var yearInLabel = regexp.MustCompile(`\b20\d\d\b`)

// Reply is the systeminfo object as a real server of that release and version sends it. The year
// of the copyright is that of the label, or 2017, when the service was introduced with 3.2.
func Reply(releaseLabel, version string) []byte {
	year := yearInLabel.FindString(releaseLabel)
	if year == "" {
		year = "2017"
	}
	info := systemInfo{
		SenseID:                  "qliksenseserver:" + version,
		ReleaseLabel:             releaseLabel,
		OriginalClassName:        "Composition",
		DeprecatedProductVersion: "4.0.X",
		ProductName:              "Qlik Sense",
		Version:                  version,
		CopyrightYearRange:       "1993-" + year,
		DeploymentType:           "QlikSenseServer",
	}
	hash := sha256.Sum256(marshal(info))
	info.ContentHash = hex.EncodeToString(hash[:16])
	return marshal(info)
}

func marshal(info systemInfo) []byte {
	text, err := json.Marshal(info)
	if err != nil {
		panic(err) // a struct of strings cannot fail
	}
	return text
}

// productInfo is the file product-info.json with a reply inside, unless the reply is such a file
// already. The two further members are shortened from the June 2019 sample.
func productInfo(reply []byte) []byte {
	var members map[string]json.RawMessage
	if json.Unmarshal(reply, &members) == nil && members["composition"] != nil {
		return reply
	}
	text := []byte(`{"composition":`)
	text = append(text, reply...)
	return append(text, `,"components":[{"component":"About Service","version":"1.17.0"}],`+
		`"externalUrls":{"serverHelpBaseUrl":"https://help.qlik.com/{language}/sense/June2019/csh/"}}`...)
}

//go:embed samples/*.json
var samples embed.FS

// Samples are the names of replies of real servers, sorted. samples/README.md has the sources.
func Samples() []string {
	entries, err := samples.ReadDir("samples")
	if err != nil {
		panic(err) // they are embedded
	}
	names := make([]string, 0, len(entries))
	for _, entry := range entries {
		names = append(names, strings.TrimSuffix(entry.Name(), ".json"))
	}
	return names
}

// Sample is the reply of a real server, exactly as in its source.
func Sample(name string) ([]byte, error) {
	text, err := samples.ReadFile("samples/" + name + ".json")
	if err != nil {
		return nil, fmt.Errorf("unknown sample %q, known are %s", name, strings.Join(Samples(), ", "))
	}
	return text, nil
}

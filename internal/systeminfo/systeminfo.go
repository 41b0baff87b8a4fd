// Package systeminfo reads what the About service of Qlik Sense Enterprise on
// Windows answers to GET /v1/systeminfo.
package systeminfo

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"telegraf-qlik-sense-version/internal/text"
)

// maxValue is the longest text kept of one member, in bytes. Real values stay
// below 60; the limit keeps a hostile server from filling a database.
const maxValue = 1024

// Why a reply is not the systeminfo object. No error ever quotes the reply.
var (
	ErrEmpty     = errors.New("the reply is empty")
	ErrHTML      = errors.New("the reply is a web page, not JSON")
	ErrNotJSON   = errors.New("the reply is not a JSON object")
	ErrNoVersion = errors.New("the reply is JSON, but has neither version nor releaseLabel")
)

// Info holds the members of the systeminfo object, "" where the reply lacks one
// or holds null, an array or an object there.
//
// Members as in the vendor's documentation and in real replies of June 2019,
// February 2024 and November 2025; originalClassName ("Composition" in each) is
// left out.
type Info struct {
	ContentHash              string
	SenseID                  string
	Version                  string // build, for example "14.173.4"
	DeploymentType           string
	ReleaseLabel             string // for example "February 2024 Patch 1"
	DeprecatedProductVersion string
	ProductName              string
	CopyrightYearRange       string
}

// Decode reads the body of a reply: the systeminfo object, or product-info.json,
// which holds that object as its member "composition". The object needs a version
// or a release label; everything else is optional, and unknown members are
// ignored.
func Decode(body []byte) (*Info, error) {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\ufeff")))
	if len(body) == 0 {
		return nil, ErrEmpty
	}
	if body[0] == '<' {
		return nil, ErrHTML
	}

	object, err := decodeObject(body)
	if err != nil {
		return nil, err
	}
	if info := fromObject(object); info != nil {
		return info, nil
	}
	if composition, err := decodeObject(object["composition"]); err == nil {
		if info := fromObject(composition); info != nil {
			return info, nil
		}
	}
	return nil, ErrNoVersion
}

// decodeObject keeps the known members, and keeps them raw: a struct would take
// "Version" for "version", and would refuse the whole reply for one member of
// another type. A map of all members would take twenty times the memory of a reply
// that is made for it.
func decodeObject(body []byte) (map[string]json.RawMessage, error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return nil, ErrNotJSON
	}
	object := make(map[string]json.RawMessage)
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, ErrNotJSON
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, ErrNotJSON
		}
		switch name {
		case "contentHash", "senseId", "version", "deploymentType", "releaseLabel", "deprecatedProductVersion",
			"productName", "copyrightYearRange", "composition":
			object[name.(string)] = value
		}
	}
	if _, err := decoder.Token(); err != nil { // the closing bracket
		return nil, ErrNotJSON
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, ErrNotJSON
	}
	return object, nil
}

func fromObject(object map[string]json.RawMessage) *Info {
	info := &Info{
		ContentHash:              value(object["contentHash"]),
		SenseID:                  value(object["senseId"]),
		Version:                  value(object["version"]),
		DeploymentType:           value(object["deploymentType"]),
		ReleaseLabel:             value(object["releaseLabel"]),
		DeprecatedProductVersion: value(object["deprecatedProductVersion"]),
		ProductName:              value(object["productName"]),
		CopyrightYearRange:       value(object["copyrightYearRange"]),
	}
	if info.Version == "" && info.ReleaseLabel == "" {
		return nil
	}
	return info
}

// value gives a JSON string as it is and a number or boolean as it is written, in
// a form that is safe in a log line, a tag and a table: one line, bounded.
func value(member json.RawMessage) string {
	if len(member) == 0 {
		return ""
	}
	value := string(member)
	switch member[0] {
	case '"':
		if err := json.Unmarshal(member, &value); err != nil {
			return ""
		}
	case '{', '[', 'n':
		return ""
	}

	value = text.OneLine(value)
	if strings.TrimSpace(value) == "" {
		return ""
	}
	return text.Truncate(value, maxValue)
}

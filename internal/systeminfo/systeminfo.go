// Package systeminfo reads the reply of the About service of Qlik Sense Enterprise on Windows
// to GET /v1/systeminfo.
package systeminfo

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"telegraf-qlik-sense-version/internal/text"
)

// maxValue bounds the value of a member, in bytes. Real values have less than 60; a malicious
// server must not fill the database.
const maxValue = 1024

// Errors of Decode. They do not quote the reply.
var (
	ErrEmpty     = errors.New("the reply is empty")
	ErrHTML      = errors.New("the reply is a web page, not JSON")
	ErrNotJSON   = errors.New("the reply is not a JSON object")
	ErrNoVersion = errors.New("the reply is JSON, but has neither version nor releaseLabel")
)

// Info holds the members of the systeminfo object. A member is "" if the reply lacks it, or
// if it is null, an array or an object there.
//
// Source: the vendor's documentation, and real replies of June 2019, February 2024 and November
// 2025. The member originalClassName ("Composition" in each) is left out.
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

// members are the fields by their names in the object.
func (i *Info) members() map[string]*string {
	return map[string]*string{
		"contentHash":              &i.ContentHash,
		"senseId":                  &i.SenseID,
		"version":                  &i.Version,
		"deploymentType":           &i.DeploymentType,
		"releaseLabel":             &i.ReleaseLabel,
		"deprecatedProductVersion": &i.DeprecatedProductVersion,
		"productName":              &i.ProductName,
		"copyrightYearRange":       &i.CopyrightYearRange,
	}
}

// Decode reads the body of a reply: the systeminfo object, or product-info.json,
// which has that object as its member "composition". The object needs a version
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

	info, composition, err := decodeObject(body)
	if err != nil {
		return nil, err
	}
	if info.Version == "" && info.ReleaseLabel == "" {
		if info, _, err = decodeObject(composition); err != nil || info.Version == "" && info.ReleaseLabel == "" {
			return nil, ErrNoVersion
		}
	}
	return info, nil
}

// decodeObject reads one member at a time: a struct would accept "Version" for "version", and
// refuse the whole reply for one member of another type. For a malicious reply, a map of all
// members would take twenty times its size in memory.
func decodeObject(body []byte) (info *Info, composition json.RawMessage, err error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return nil, nil, ErrNotJSON
	}
	info = &Info{}
	members := info.members()
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return nil, nil, ErrNotJSON
		}
		var raw json.RawMessage
		if err := decoder.Decode(&raw); err != nil {
			return nil, nil, ErrNotJSON
		}
		name, _ := token.(string)
		if member := members[name]; member != nil {
			*member = value(raw)
		} else if name == "composition" {
			composition = raw
		}
	}
	if _, err := decoder.Token(); err != nil { // the closing brace
		return nil, nil, ErrNotJSON
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, nil, ErrNotJSON
	}
	return info, composition, nil
}

// value returns a JSON string, or the text of a number or boolean, so that it is safe in a log
// line, a tag and a table: one line of bounded length.
func value(member json.RawMessage) string {
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

package feed

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/release"
)

// maxEntries is ten times the maximum number of entries that GitHub lists.
const maxEntries = 10_000

// parse adds the entries of a page, a JSON array. It decodes one entry at a time, so that a bad
// one is skipped alone.
func (l *releaseList) parse(content []byte) error {
	rest, err := fromBracket(content, '[', "a list")
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(rest))
	if _, err := decoder.Token(); err != nil { // the bracket
		return jsonError(err, decoder.InputOffset())
	}
	for decoder.More() {
		if l.entries() == maxEntries {
			return fmt.Errorf("has more than %d entries: is it the vendor's list?", maxEntries)
		}
		var element json.RawMessage
		if err := decoder.Decode(&element); err != nil {
			return jsonError(err, decoder.InputOffset())
		}
		l.add(element)
	}
	if _, err := decoder.Token(); err != nil {
		return jsonError(err, decoder.InputOffset())
	}
	return checkRest(rest[decoder.InputOffset():])
}

// entry has the members of an element of the list that are used. A RawMessage is nil for a
// missing key, not for null.
type entry struct {
	Name        json.RawMessage `json:"name"`
	Tag         json.RawMessage `json:"tag_name"`
	PublishedAt json.RawMessage `json:"published_at"`
	Draft       bool            `json:"draft"`
	Prerelease  bool            `json:"prerelease"`
}

// add adds an element of the list, or skips it with the reason.
func (l *releaseList) add(content json.RawMessage) {
	var e entry
	if err := json.Unmarshal(content, &e); err != nil {
		l.skip(skipped{name: string(content[:min(len(content), 1<<10)]), reason: "is not an entry in GitHub's format"})
		return
	}
	s := skipped{preview: e.Draft || e.Prerelease}
	var nameErr, tagErr, err error
	s.name, nameErr = stringValue(e.Name, "name")
	s.tag, tagErr = stringValue(e.Tag, "tag_name")
	var accepted catalog.Listed
	switch {
	case s.preview:
		err = errors.New("is a draft or a prerelease")
	case nameErr != nil:
		err = nameErr
	case tagErr != nil:
		err = tagErr
	default:
		accepted, err = listed(s.name, s.tag, e.PublishedAt)
	}
	if err != nil {
		s.reason = err.Error()
		l.skip(s)
		return
	}
	l.releases = append(l.releases, accepted)
}

// skip keeps no more of a hostile text than a message can show.
func (l *releaseList) skip(s skipped) {
	const limit = 1 << 10
	s.name, s.tag = strings.Clone(s.name[:min(len(s.name), limit)]), strings.Clone(s.tag[:min(len(s.tag), limit)])
	l.skipped = append(l.skipped, s)
}

// stringValue returns a string member of an entry. null, as for a release without a name, is
// "".
func stringValue(value json.RawMessage, key string) (content string, err error) {
	if value == nil {
		return "", fmt.Errorf("has no %s", key)
	}
	if err := json.Unmarshal(value, &content); err != nil {
		return "", fmt.Errorf("has a %s that is not a string", key)
	}
	return content, nil
}

func listed(name, tag string, publishedAt json.RawMessage) (l catalog.Listed, err error) {
	if l.Release, err = release.Parse(name); err != nil {
		return l, errors.New("the name is not a release")
	}
	if l.Build, err = release.ParseBuild(strings.TrimPrefix(tag, "v")); err != nil {
		return l, errors.New("the tag is not a build")
	}
	var published time.Time
	err = json.Unmarshal(publishedAt, &published)
	if l.Published = catalog.DayOf(published); err != nil || !l.Published.After(catalog.Day{}) {
		return l, errors.New("published_at is not a time")
	}
	return l, nil
}

package feed

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/release"
	"telegraf-qlik-sense-version/internal/text"
)

// maxEntries is ten times what GitHub gives of any list.
const maxEntries = 10_000

var errTruncated = errors.New("ends in the middle of the list")

// parse adds the entries of a list in JSON, or of several one after the other.
func (l *ReleaseList) parse(content []byte) error {
	for at, lists := 0, 0; ; lists++ {
		rest, err := trimStart(content[at:])
		if err != nil {
			return err
		}
		at = len(content) - len(rest)
		switch {
		case len(rest) == 0 && lists == 0:
			return errors.New("is empty")
		case len(rest) == 0:
			return nil
		case rest[0] != '[':
			return notAList(rest)
		}
		n, err := l.parseList(rest)
		var syntax *json.SyntaxError
		switch {
		case errors.As(err, &syntax):
			return fmt.Errorf("is no JSON from byte %d on: %s", at+n, text.OneLine(err.Error()))
		case err != nil:
			return err
		}
		at += n
	}
}

// trimStart cuts off white space and byte order marks, which Windows programs write and
// which end up between pages that are appended.
func trimStart(content []byte) ([]byte, error) {
	for {
		rest := bytes.TrimPrefix(bytes.TrimLeft(content, " \t\r\n"), []byte("\ufeff"))
		if len(rest) == len(content) {
			break
		}
		content = rest
	}
	if bytes.HasPrefix(content, []byte{0xFF, 0xFE}) || bytes.HasPrefix(content, []byte{0xFE, 0xFF}) {
		return nil, errors.New(`is UTF-16, as Windows PowerShell writes with ">": save it as UTF-8, for example with curl.exe -o FILE`)
	}
	return content, nil
}

// notAList says what stands there instead of a list.
func notAList(content []byte) error {
	start := string(content[:min(len(content), 1<<10)])
	switch content[0] {
	case '<':
		return fmt.Errorf("is a web page, not a list in JSON: perhaps that of a proxy where one has to log in; it begins with %s", text.Quote(start))
	case '{':
		var object struct{ Message string }
		if err := json.Unmarshal(content, &object); err == nil && object.Message != "" {
			return fmt.Errorf("is no list but a message: %s", text.Quote(object.Message))
		}
		return fmt.Errorf("is a JSON object, not a list: it begins with %s", text.Quote(start))
	}
	return fmt.Errorf("is no list in JSON: it begins with %s", text.Quote(start))
}

// parseList adds the entries of the list at the start of the text and gives the
// length of what was read.
func (l *ReleaseList) parseList(content []byte) (int, error) {
	decoder := json.NewDecoder(bytes.NewReader(content))
	read := func(err error) (int, error) {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errTruncated
		}
		return int(decoder.InputOffset()), err
	}
	if _, err := decoder.Token(); err != nil { // the bracket
		return read(err)
	}
	for decoder.More() {
		if len(l.Releases)+len(l.Skipped) == maxEntries {
			return read(fmt.Errorf("has more than %d entries: is it %s?", maxEntries, releases.name))
		}
		var element json.RawMessage
		if err := decoder.Decode(&element); err != nil {
			return read(err)
		}
		l.add(element)
	}
	_, err := decoder.Token()
	return read(err)
}

// entry has what is used of an element of the list. Of a key that is missing nothing
// is there, not even null.
type entry struct {
	Name        json.RawMessage `json:"name"`
	Tag         json.RawMessage `json:"tag_name"`
	PublishedAt json.RawMessage `json:"published_at"`
	Draft       bool            `json:"draft"`
	Prerelease  bool            `json:"prerelease"`
}

// add takes an element of the list or says why it does not.
func (l *ReleaseList) add(content json.RawMessage) {
	var e entry
	if err := json.Unmarshal(content, &e); err != nil {
		l.skip(Skipped{Name: string(content[:min(len(content), 1<<10)]), Reason: "is no entry as GitHub writes them"})
		return
	}
	s := Skipped{Preview: e.Draft || e.Prerelease}
	var nameErr, tagErr, err error
	s.Name, nameErr = stringValue(e.Name, "name")
	s.Tag, tagErr = stringValue(e.Tag, "tag_name")
	var taken catalog.Listed
	switch {
	case s.Preview:
		err = errors.New("is a draft or a prerelease")
	case nameErr != nil:
		err = nameErr
	case tagErr != nil:
		err = tagErr
	default:
		taken, err = listed(s.Name, s.Tag, e.PublishedAt)
	}
	if err != nil {
		s.Reason = err.Error()
		l.skip(s)
		return
	}
	l.Releases = append(l.Releases, taken)
}

// skip keeps no more of hostile texts than a message can show.
func (l *ReleaseList) skip(s Skipped) {
	const most = 1 << 10
	s.Name, s.Tag = strings.Clone(s.Name[:min(len(s.Name), most)]), strings.Clone(s.Tag[:min(len(s.Tag), most)])
	l.Skipped = append(l.Skipped, s)
}

// stringValue returns a string of an entry. null, which GitHub has for a release without a
// name, is "".
func stringValue(value json.RawMessage, key string) (content string, err error) {
	if value == nil {
		return "", fmt.Errorf("has no %s", key)
	}
	if err := json.Unmarshal(value, &content); err != nil {
		return "", fmt.Errorf("has a %s that is no text", key)
	}
	return content, nil
}

func listed(name, tag string, publishedAt json.RawMessage) (l catalog.Listed, err error) {
	if l.Release, err = release.Parse(name); err != nil {
		return l, errors.New("the name is no release")
	}
	if l.Build, err = release.ParseBuild(strings.TrimPrefix(tag, "v")); err != nil {
		return l, errors.New("the tag is no build")
	}
	var published time.Time
	if err := json.Unmarshal(publishedAt, &published); err != nil || published.IsZero() {
		return l, errors.New("published_at is no time")
	}
	l.Published = catalog.DayOf(published)
	return l, nil
}

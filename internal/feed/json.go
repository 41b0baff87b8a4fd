package feed

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"telegraf-qlik-sense-version/internal/text"
)

// fromBracket returns a reply from its opening bracket, which must be the expected one.
func fromBracket(content []byte, bracket byte, what string) ([]byte, error) {
	rest, err := trimStart(content)
	switch {
	case err != nil:
		return nil, err
	case len(rest) == 0:
		return nil, errors.New("is empty")
	case rest[0] != bracket:
		return nil, notJSON(rest, what)
	}
	return rest, nil
}

// parseObject reads a reply that is one JSON object. Unknown members are ignored.
func parseObject(content []byte, value any) error {
	rest, err := fromBracket(content, '{', "an object")
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(rest))
	if err := decoder.Decode(value); err != nil {
		return jsonError(err, decoder.InputOffset())
	}
	return checkRest(rest[decoder.InputOffset():])
}

// checkRest refuses a reply that has anything after its end.
func checkRest(rest []byte) error {
	if after, err := trimStart(rest); err != nil || len(after) > 0 {
		return fmt.Errorf("has more after its end: %s", text.Quote(string(rest)))
	}
	return nil
}

// jsonError rewords an error of the decoder.
func jsonError(err error, offset int64) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errTruncated
	}
	if _, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("is not JSON from byte %d on: %s", offset, text.OneLine(err.Error()))
	}
	if value, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("has %s in %s: has its format changed?", text.Quote(value.Value), text.Quote(value.Field))
	}
	return errors.New(text.Excerpt(err.Error(), 300) + ": has its format changed?")
}

// trimStart cuts off white space and byte order marks. Windows programs write these, also between
// pages that somebody joined.
func trimStart(content []byte) ([]byte, error) {
	for {
		rest := bytes.TrimPrefix(bytes.TrimLeft(content, " \t\r\n"), []byte("\ufeff"))
		if len(rest) == len(content) {
			break
		}
		content = rest
	}
	if bytes.HasPrefix(content, []byte{0xFF, 0xFE}) || bytes.HasPrefix(content, []byte{0xFE, 0xFF}) {
		return nil, errors.New("is UTF-16, as Windows PowerShell writes it: keep it in UTF-8, as it was downloaded")
	}
	return content, nil
}

// notJSON describes a reply that does not begin with the expected bracket.
func notJSON(content []byte, wanted string) error {
	start := string(content[:min(len(content), 1<<10)])
	if content[0] == '<' {
		return fmt.Errorf("is a web page, not %s in JSON: perhaps the login page of a proxy; it begins with %s", wanted, text.Quote(start))
	}
	var object struct{ Message string }
	if err := json.Unmarshal(content, &object); err == nil && object.Message != "" {
		return fmt.Errorf("is not %s but a message: %s", wanted, text.Quote(object.Message))
	}
	return fmt.Errorf("is not %s in JSON: it begins with %s", wanted, text.Quote(start))
}

package jsonlog_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/cmd/sluice/internal/jsonlog"
)

// corpus adds the lines of all files there are, and what JSON is hard to read.
func corpus(f *testing.F) {
	f.Helper()
	for _, pattern := range []string{"../../testdata/demo/log/makes/*.log", "testdata/*.log"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			for line := range bytes.Lines(text) {
				f.Add(bytes.TrimSuffix(line, []byte("\n")))
			}
		}
	}
	for _, text := range hard {
		f.Add([]byte(text))
	}
}

var hard = []string{
	`{"a":1,}`, `{,"a":1}`, `{"a":1,,"b":2}`, `{"a"}`, `{"a":}`, `{"a" 1}`, `{a:1}`, `{'a':1}`, `{1:2}`, `{"a":1}}`, `{{"a":1}}`, `{"a":1]`, `{"a":[1}`,
	`{"a":[1,]}`, `{"a":[,1]}`, `{"a":[]}`, `{"a":[[],[[]],{}]}`, `{"a":{}}`, `{"a":{,}}`, `{"a":{"b"}}`, `{"a":{"b":1,}}`, `{"a":[1 2]}`, `{"a":1 "b":2}`,
	`{"a":01}`, `{"a":-}`, `{"a":-1}`, `{"a":-01}`, `{"a":1.}`, `{"a":.1}`, `{"a":1.5}`, `{"a":1e}`, `{"a":1e+}`, `{"a":1E-7}`, `{"a":+1}`, `{"a":0x1}`, `{"a":1_0}`,
	`{"a":-0}`, `{"a":0.0}`, `{"a":00}`, `{"a":1e5}`, `{"a":NaN}`, `{"a":Infinity}`, `{"a":9223372036854775808}`, `{"a":1e999}`,
	`{"a":true}`, `{"a":false}`, `{"a":null}`, `{"a":tru}`, `{"a":truey}`, `{"a":nul}`, `{"a":True}`, `{"a":undefined}`,
	`{"a":"\x"}`, `{"a":"\u12"}`, `{"a":"\u123g"}`, `{"a":"\uD83D\uDE00"}`, `{"a":"\uD83D"}`, `{"a":"\uDE00\uD83D"}`, `{"a":"\ud83d\u0041"}`, `{"a":"\"}`, `{"a":"\\"}`,
	`{"a":"\/\b\f\n\r\t\""}`, `{"a":"12345678\"12345678"}`, "{\"a\":\"tab\t\"}", "{\"a\":\"nul\x00\"}", "{\"a\":\"1234567\x1f\"}", "{\"a\":\"del\x7f\"}",
	"{\"a\":\"\xff\"}", "{\"\xff\":1}", "{\"a\":\"\xed\xa0\x80\"}", "{\"a\":\"1234567é\"}", "{\"a\":\u00a01}", "{\v\"a\":1}", "\ufeff{\"a\":1}", " \t\r\n{ \"a\" : 1 } \r\n",
	`{"":1}`, `{"":{"":[]}}`, `{"a":1,"a":2}`, `{"a":{"b":1,"b":2}}`, `{"a.b":{"c":1},"a":{"b.c":2}}`, `{}`, `{ }`, `{`, `}`, `{}{}`, `{"a":"}`, `{"a":"}"}`, `{"a":1}//`,
	`{"level":"info","log":{"level":"error"}}`, `{"log":{"level":"error"},"level":"info"}`, `{"level":7,"short_message":"x"}`, `{"level":"7","short_message":"x","version":"1.1"}`,
	`{"level":10}`, `{"level":9}`, `{"level":-4}`, `{"level":30.0}`, `{"level":"OFF"}`, `{"level":"  info "}`, `{"level":""}`, `{"level":{"level":"info"}}`, `{"l\u0065vel":"info","level":"warn"}`,
	`{"level":"gold","severity":"error"}`, `{"PRIORITY":3,"level":"x"}`, `{"log":"{\"level\":\"warn\"}","time":1795341600}`, `{"time":1795341600,"log":"{\"level\":\"warn\"}","level":"info"}`,
	`2026-11-22T10:00:00Z stdout F {"level":"info"}`, `2026-11-22T10:00:00Z stdout F {"log":{"level":"info"}} `, `2026-11-22T10:00:00Z stdout X {"level":"info"}`,
}

// decoded reads the value that comes next in the way of encoding/json, but that of members with the same key the first
// counts, and that integers are int.
func decoded(d *json.Decoder) (any, error) {
	token, err := d.Token()
	switch token := token.(type) {
	case json.Number:
		if n, err := strconv.Atoi(token.String()); err == nil {
			return n, nil
		}
		f, _ := strconv.ParseFloat(token.String(), 64)
		return f, nil
	case json.Delim:
		if token == '[' {
			list := []any{}
			for d.More() {
				v, err := decoded(d)
				if err != nil {
					return nil, err
				}
				list = append(list, v)
			}
			_, err = d.Token()
			return list, err
		}
		m := map[string]any{}
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return nil, err
			}
			v, err := decoded(d)
			if err != nil {
				return nil, err
			}
			if _, ok := m[key.(string)]; !ok {
				m[key.(string)] = v
			}
		}
		_, err = d.Token()
		return m, err
	}
	return token, err
}

// FuzzParse compares with encoding/json.
func FuzzParse(f *testing.F) {
	corpus(f)
	var p jsonlog.Parser
	f.Fuzz(func(t *testing.T, text []byte) {
		before := bytes.Clone(text)
		l, err := p.Parse(text)
		if !bytes.Equal(text, before) {
			t.Fatalf("the text has become %q", text)
		}
		object := bytes.Trim(bytes.TrimPrefix(bytes.TrimLeft(l.Text, "\x00"), []byte("\ufeff")), " \t\r\n")
		if err == nil {
			object = bytes.TrimLeft(bytes.TrimPrefix(object, l.Prefix), " \t")
		}
		isObject := len(object) > 0 && object[0] == '{'
		if valid := isObject && json.Valid(object); valid != (err == nil) {
			t.Fatalf("valid is %t, and the error %v, of %q", valid, err, object)
		}
		if isObject && err != nil && !errors.Is(err, jsonlog.ErrBroken) {
			t.Fatalf("got %v of an object", err)
		}
		if err != nil {
			if l.HasLevel || !l.Time.IsZero() || l.Message != nil || l.Members != nil || l.Prefix != nil || l.Source() != (slog.Source{}) {
				t.Fatalf("there is more than text in %+v", l)
			}
			return
		}
		compare(t, l, object)
		for _, m := range l.Members {
			first := slices.IndexFunc(l.Members, func(other jsonlog.Member) bool { return bytes.Equal(other.Key, m.Key) })
			if v, ok := l.Lookup(string(m.Key)); !ok || !bytes.Equal(v, l.Members[first].Value) {
				t.Fatalf("found %q (%t) for %q, want %q", v, ok, m.Key, l.Members[first].Value)
			}
			l.Number(string(m.Key))
			l.HasTag(string(m.Key))
		}
		if _, err := json.Marshal(l.Message); err != nil {
			t.Fatal(err)
		}
		if err := slog.NewJSONHandler(io.Discard, nil).Handle(t.Context(), l.Record()); err != nil {
			t.Fatal(err)
		}
	})
}

// compare compares the members with what encoding/json reads.
func compare(t *testing.T, l *jsonlog.Line, object []byte) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(object))
	d.UseNumber()
	if _, err := d.Token(); err != nil {
		t.Fatal(err)
	}
	for _, m := range l.Members {
		key, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			t.Fatal(err)
		}
		if key != string(m.Key) || !bytes.Equal(value, m.Value) {
			t.Fatalf("got %q: %q, want %q: %q", m.Key, m.Value, key, value)
		}
		if m.Role == jsonlog.Message && string(l.Message) != text(t, value) {
			t.Fatalf("got the message %q for %s", l.Message, value)
		}
	}
	if d.More() {
		t.Fatalf("there are more than the %d members", len(l.Members))
	}
	if depth(object) > 50 {
		return // there it is text
	}
	d = json.NewDecoder(bytes.NewReader(object))
	d.UseNumber()
	want, err := decoded(d)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, any(l.Map())); diff != "" {
		t.Fatalf("mismatch (-want +got):\n%s", diff)
	}
}

// text returns the text of a JSON string, and others as they are.
func text(t *testing.T, value []byte) (s string) {
	t.Helper()
	if value[0] != '"' {
		return string(value)
	}
	if err := json.Unmarshal(value, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// depth returns how many brackets may be open at once.
func depth(text []byte) int {
	return strings.Count(string(text), "{") + strings.Count(string(text), "[")
}

// FuzzLevelOf compares the two ways to a level.
func FuzzLevelOf(f *testing.F) {
	corpus(f)
	var p jsonlog.Parser
	f.Fuzz(func(t *testing.T, text []byte) {
		quick, ok := p.LevelOf(text)
		l, err := p.Parse(text)
		if ok && err == nil && (!l.HasLevel || l.Level != quick) {
			t.Fatalf("LevelOf says %v, and Parse %v (%t)", quick, l.Level, l.HasLevel)
		}
	})
}

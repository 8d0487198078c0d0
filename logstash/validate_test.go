package logstash_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sluicelog/sluice/logstash"
)

// accepts reports whether a Shipper takes line.
func accepts(t *testing.T, s *logstash.Shipper, line []byte) bool {
	t.Helper()
	_, err := s.Write(line)
	if err != nil && !errors.Is(err, logstash.ErrFull) && !errors.Is(err, logstash.ErrInvalid) {
		t.Fatal(err)
	}
	return !errors.Is(err, logstash.ErrInvalid)
}

// fullShipper returns a Shipper that has no room, and a way to end it.
func fullShipper(t testing.TB) *logstash.Shipper {
	t.Helper()
	s := newShipper(t, &fakeTransport{send: sendNever}, &logstash.DialOptions{MaxEvents: 1})
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = s.Shutdown(ctx)
	})
	writeEvents(t, s, 0, 1)
	return s
}

// An event is what encoding/json accepts, if it is an object, in UTF-8, and
// without a raw newline.
func FuzzWrite(f *testing.F) {
	for _, seed := range []string{
		`{}`, ` { "a" : [ ] , "b" : { } } `, `{"a":-0.5e+10,"b":[true,false,null,"\u00e9\"\\"]}`,
		`{"a":01}`, `{"a":1.}`, `{"a":.5}`, `{"a":1e}`, `{"a":-}`, `{"a":tru}`, `{"a":[1,]}`, `{"a":1,}`, `{,}`,
		`{"a"}`, `{"a":}`, `{"a" 1}`, `{1:2}`, `{"a":"\x"}`, `{"a":"\u00g0"}`, "{\"a\":\"\x7f\"}", "{\"\xc3\":1}",
		`{"a":"`, `{"a":"\`, `{"a":"\u00`, `{"a":1]`, `{"a":[1}`, "{\"a\":\n1}", "{\"a\":\x001}", "\v{}", "{}\u00a0", `{}{}`,
	} {
		f.Add([]byte(seed))
	}
	s := fullShipper(f)
	f.Fuzz(func(t *testing.T, line []byte) {
		if len(line) > 1000 {
			t.Skip("the limits of nesting and numbers have their own test")
		}
		event := bytes.TrimSpace(line)
		want := bytes.HasPrefix(event, []byte("{")) && !bytes.ContainsAny(event, "\r\n") &&
			utf8.Valid(event) && json.Valid(event)
		if got := accepts(t, s, line); got != want {
			t.Errorf("Write(%q) accepts: %v, want %v", line, got, want)
		}
	})
}

func TestWriteLimits(t *testing.T) {
	s := fullShipper(t)
	nested := func(n int) string { return `{"a":` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + "}" }
	number := func(n int) string { return `{"a":` + strings.Repeat("1", n) + "}" }
	tests := []struct {
		name string
		line string
		want bool
	}{
		{"nested 1000 deep", nested(1000), true},
		{"nested 1001 deep", nested(1001), false},
		{"nested very deep", nested(400_000), false},
		{"number of 1000 digits", number(1000), true},
		{"number of 1001 digits", number(1001), false},
	}
	for _, tt := range tests {
		if got := accepts(t, s, []byte(tt.line)); got != tt.want {
			t.Errorf("%s: accepted %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestWriteSaysWhere(t *testing.T) {
	s := fullShipper(t)
	for line, want := range map[string]string{
		"hello":                `byte 'h' at offset 0`,
		`{"a":"` + "\n" + `"}`: `byte '\n' at offset 6`,
		`{"a":1}x`:             `byte 'x' at offset 7`,
		`{"a":1`:               `ends after 6 bytes`,
	} {
		if _, err := s.Write([]byte(line)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Write(%q): %v; want %s", line, err, want)
		}
	}
}

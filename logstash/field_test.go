package logstash_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
)

func TestField(t *testing.T) {
	const none = "none"
	for _, tt := range []struct{ name, path, event, want string }{
		{"a string", "host", `{"a":1,"host":"web-1"}`, "web-1"},
		{"a string with escapes", "a", `{"a":"x\"y\u00e9"}`, `x\"y\u00e9`},
		{"an empty string", "a", `{"a":""}`, ""},
		{"a number", "a", `{"a":-1.50e3,"b":2}`, "-1.50e3"},
		{"true", "a", `{"a": true }`, "true"},
		{"an object", "a", `{"a": {"b": [1, "}"]} ,"c":1}`, `{"b": [1, "}"]}`},
		{"an array", "a", `{"a":[1,[2]]}`, `[1,[2]]`},
		{"null", "a", `{"a":null}`, none},
		{"absent", "a", `{"b":1}`, none},
		{"an empty object", "a", `{}`, none},
		{"nested", "trace.id", `{"x":{"id":0},"trace":{"span":{"id":1},"id":"t"}}`, "t"},
		{"dotted", "trace.id", `{"trace":1,"trace.id":"t"}`, "t"},
		{"dotted in part", "a.b.c.d", `{"a.b":{"c.d":"x"}}`, "x"},
		{"no such member of the first", "trace.id", `{"trace":{"ids":1},"trace.id":"t"}`, "t"},
		{"both", "trace.id", `{"trace":{"id":"first"},"trace.id":"second"}`, "first"},
		{"null, then another", "a", `{"a":null,"a":2}`, "2"},
		{"a longer name", "host", `{"hostname":1,"host.name":2}`, none},
		{"a shorter name", "host", `{"hos":1,"h":2,"":3}`, none},
		{"an empty name", "", `{"a":1,"":3}`, "3"},
		{"the path goes on behind a string", "a.b", `{"a":"b"}`, none},
		{"white space", "a.b", " { \"a\" :\t{ \"b\" : 7 } } ", "7"},
		{"an escaped name", "ab", `{"a\u0062":1}`, none},
		{"a quote in the name that is sought", `a"`, `{"a":1,"a\"":2}`, none},
		{"no object", "a", `["a"]`, none},
		{"nothing", "a", ``, none},
		{"cut off", "b", `{"a":[1,`, none},
		{"cut off in a name", "a", `{"a`, none},
		{"cut off in the value", "a", `{"a":"x`, none},
		{"no comma", "b", `{"a":1 "b":2}`, none},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := logstash.Field(tt.path)([]byte(tt.event))
			if tt.want == none && got == nil {
				return
			}
			if diff := cmp.Diff(tt.want, string(got)); diff != "" || got == nil {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
		})
	}
	if got := logstash.Field("trace", "id")([]byte(`{"trace":{"id":5}}`)); string(got) != "5" {
		t.Errorf("a path of two names: %q, want 5", got)
	}
	if got := logstash.Field()([]byte(`{"a":1}`)); got != nil {
		t.Errorf("no path: %q, want nil", got)
	}
}

func TestFieldAllocations(t *testing.T) {
	if testlog.Race {
		t.Skip("the race detector allocates")
	}
	field, event := logstash.Field("request_id"), typicalEvent()
	if got := testing.AllocsPerRun(100, func() {
		if len(field(event)) == 0 {
			t.Error("not found")
		}
	}); got != 0 {
		t.Errorf("%v allocations, want 0", got)
	}
}

// What Field finds in an event is what encoding/json finds.
func FuzzField(f *testing.F) {
	for _, event := range []string{
		`{"a":{"b":"x"}}`, `{"a.b":1}`, `{"a":1,"b":{"a":[]}}`, `{"a":{"b":null},"a.b":true}`, `{"b":"\\","a":"}"}`, `{"a":{"a":{"b":{}}}}`, "{", `{"a":`,
	} {
		f.Add([]byte(event))
	}
	one, two := logstash.Field("a"), logstash.Field("a", "b")
	f.Fuzz(func(t *testing.T, event []byte) {
		event = bytes.TrimSpace(event) // as a Shipper does
		_ = two(event)
		got := one(event)
		var m map[string]json.RawMessage
		if logstash.CheckEvent(event, 1<<20) != nil || json.Unmarshal(event, &m) != nil || bytes.Count(event, []byte(`"a"`)) != 1 || bytes.Contains(event, []byte(`\`)) {
			return // it is only not to panic, or there may be several
		}
		want := m["a"]
		switch {
		case want == nil, string(want) == "null":
			want = nil
		case want[0] == '"':
			want = want[1 : len(want)-1]
		}
		if !bytes.Equal(want, got) {
			t.Errorf("%q of %q, want %q", got, event, want)
		}
	})
}

func BenchmarkField(b *testing.B) {
	event := typicalEvent()
	for _, name := range []string{"level", "request_id", "absent"} {
		b.Run(name, func(b *testing.B) {
			field := logstash.Field(name)
			b.ReportAllocs()
			for b.Loop() {
				field(event)
			}
		})
	}
}

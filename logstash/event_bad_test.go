package logstash_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
)

// decode returns an event, in which numbers are json.Number.
func decode(t testing.TB, line []byte, opts *logstash.Options) map[string]any {
	t.Helper()
	event, err := parseEvent(line, opts)
	if err != nil {
		t.Fatalf("%v: %.2000s", err, line)
	}
	return event
}

func number(v any) int {
	n, _ := v.(json.Number)
	i, _ := n.Int64()
	return int(i)
}

func many(n int, key string) []slog.Attr {
	attrs := make([]slog.Attr, n)
	for i := range attrs {
		attrs[i] = slog.String(fmt.Sprint(key, i), strings.Repeat("v", 30))
	}
	return attrs
}

func anys(attrs []slog.Attr) []any {
	args := make([]any, len(attrs))
	for i, a := range attrs {
		args[i] = a
	}
	return args
}

// TestEventTooLongKeepsItsShape has all that can make an event too long. What it says
// of itself is still there, and of the type that it was.
func TestEventTooLongKeepsItsShape(t *testing.T) {
	t.Parallel()
	huge, very := 10<<20, 100_000
	if testlog.Race {
		huge, very = 2<<20, 40_000
	}
	text := strings.Repeat("0123456789", huge/10)
	long := text[:5<<18] // longer than 1 MiB
	nested := map[string]any{"k": "v"}
	for range 120 {
		nested = map[string]any{"k": nested, "text": text[:10_000]}
	}
	tags := make([]string, 30_000)
	for i := range tags {
		tags[i] = fmt.Sprint("a tag of the length that some have ", i)
	}
	tests := []struct {
		name string
		msg  string
		with func(slog.Handler) slog.Handler
		args []any
	}{
		{name: "a message", msg: text},
		{name: "an attr", args: []any{"a", text}},
		{name: "bytes", args: []any{"a", []byte(text)}},
		{name: "maps in maps", args: []any{"a", nested}},
		{name: "a list", args: []any{"a", strings.Split(long, "56")}},
		{name: "very many attrs", args: anys(many(very, "a"))},
		{name: "a group of 30,000", args: []any{slog.Attr{Key: "g", Value: slog.GroupValue(many(30_000, "a")...)}}},
		{name: "what With has bound", with: withArgs("a", long)},
		{name: "a bound group", with: inGroup("g", anys(many(30_000, "a"))...), args: []any{"k", 1}},
		{name: "a key", args: []any{long, 1}},
		{name: "the name of a group", with: inGroup(long), args: []any{"k", 1}},
		{name: "a key in a group of the event's own", args: []any{slog.Group("host", long, 1)}},
		{name: "host", args: []any{slog.Attr{Key: "host", Value: slog.GroupValue(many(30_000, "a")...)}}},
		{name: "http and url", args: []any{
			slog.Attr{Key: "http", Value: slog.GroupValue(many(30_000, "a")...)}, slog.Attr{Key: "url", Value: slog.GroupValue(many(30_000, "a")...)},
		}},
		{name: "http as a map", args: []any{"http", nested}},
		{name: "error", args: []any{slog.Attr{Key: "error", Value: slog.GroupValue(many(30_000, "a")...)}}},
		{name: "tags", args: []any{"tags", tags}},
		{name: "a long tag", args: []any{"tags", long}},
		{name: "@metadata", args: []any{slog.Attr{Key: "@metadata", Value: slog.GroupValue(many(30_000, "a")...)}}},
		{name: "a text in @metadata", args: []any{slog.Group("@metadata", "a", long)}},
		{name: "an error's text", args: []any{"err", errors.New(long)}},
		{name: "all of it", msg: text, with: withArgs(slog.Group("@metadata", "a", long), "tags", tags), args: []any{
			"err", errors.New(long), slog.Attr{Key: "host", Value: slog.GroupValue(many(10_000, "a")...)}, "tags", tags, "a", nested,
		}},
	}
	for _, tt := range tests {
		for profile, limit := range map[logstash.Profile]int{logstash.V1: 0, logstash.ECS: 2000} { // 0 is 1 MiB
			if testlog.Race && rand.IntN(2) == 0 { // it takes ten times as long
				continue
			}
			t.Run(fmt.Sprint(tt.name, " ", profile), func(t *testing.T) {
				opts := &logstash.Options{
					Profile: profile, Host: "web-1", Type: "app", Tags: []string{"prod"}, EventID: true, Sequence: true,
					LoggerName: "app", MaxEventBytes: limit,
				}
				line := encode(t, opts, tt.with, halfPast, slog.LevelWarn, tt.msg, tt.args...)
				event := decode(t, []byte(line+"\n"), opts)
				if n := number(event["truncated"]); n <= 2000 || n <= 1<<20 && limit == 0 {
					t.Errorf("truncated is %v", event["truncated"])
				}
				member := func(path ...string) any {
					var v any = event
					for _, name := range path {
						m, _ := v.(map[string]any)
						v = m[name]
					}
					return v
				}
				id, level, logger := member("uuid"), member("level"), member("logger_name")
				if profile == logstash.ECS {
					id, level, logger = member("event", "id"), member("log", "level"), member("log", "logger")
				}
				meta := member("@metadata", "_id")
				got := []any{event["@timestamp"], level, logger, member("host", "name"), event["type"], id != nil && id == meta}
				want := []any{"2026-11-21T23:30:00.12Z", "WARN", "app", "web-1", "app", true}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("mismatch (-want +got):\n%s\n%.1500s", diff, line)
				}
				if list, _ := event["tags"].([]any); !slices.Contains(list, any("prod")) {
					t.Errorf("tags are %.100v", event["tags"])
				}
				if _, ok := event["message"].(string); !ok {
					t.Errorf("message is %.100v", event["message"])
				}
			})
		}
	}
}

func TestEventBounds(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("0123456789", 300_000)
	tests := []struct {
		limit, most int
		truncated   bool
	}{
		{limit: 0, most: 1 << 20, truncated: true},
		{limit: -1, most: math.MaxInt},
		{limit: 1, most: 1024, truncated: true},
		{limit: 1024, most: 1024, truncated: true},
		{limit: 10_000_000, most: 10_000_000},
	}
	for _, tt := range tests {
		opts := &logstash.Options{MaxEventBytes: tt.limit}
		line := encode(t, opts, nil, halfPast, slog.LevelInfo, "m", "a", text) + "\n"
		event := decode(t, []byte(line), opts)
		if _, truncated := event["truncated"]; truncated != tt.truncated || len(line) > tt.most {
			t.Errorf("limit %d: truncated %t, %d bytes", tt.limit, truncated, len(line))
		}
		if a, _ := event["a"].(string); !tt.truncated && a != text || !strings.HasPrefix(a, text[:100]) {
			t.Errorf("limit %d: %.200s", tt.limit, a)
		}
	}
	// As long as allowed, and one byte longer.
	room := 2000 - len(encode(t, &logstash.Options{Host: "h"}, nil, halfPast, slog.LevelInfo, "m", "a", "")) - 1
	for _, more := range []int{0, 1} {
		opts := &logstash.Options{Host: "h", MaxEventBytes: 2000}
		line := encode(t, opts, nil, halfPast, slog.LevelInfo, "m", "a", text[:room+more]) + "\n"
		if _, truncated := decode(t, []byte(line), opts)["truncated"]; truncated != (more > 0) {
			t.Errorf("%d bytes too long: %s", more, line)
		}
	}
}

func TestFieldBounds(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("x", 100)
	const cut = `xxxxxxxxxxxxxxxxxxxx…(+80 bytes)`
	failed := &tracedError{text: text, pcs: here()}
	opts := &logstash.Options{MaxFieldBytes: 20, Profile: logstash.ECS, Tags: []string{text}, Host: "h"}
	line := encode(t, opts, withArgs("bound", text), halfPast, slog.LevelInfo, text, text, 1, "tags", text, "err", failed, "v", valuer{slog.StringValue(text)},
		slog.Group("g", "k", text), "b", []byte(text), "m", map[string]string{"k": text}, slog.Group("@metadata", "k", text))
	event := decode(t, []byte(line+"\n"), opts)
	failure, _ := event["error"].(map[string]any)
	group, _ := event["g"].(map[string]any)
	metadata, _ := event["@metadata"].(map[string]any)
	tags, _ := event["tags"].([]any)
	got := map[string]any{
		"message": event["message"], "key": number(event[cut]), "bound": event["bound"], "value": event["v"], "group": group["k"],
		"bytes": event["b"], "map": event["m"], "tags": tags, "error": failure["message"], "metadata": metadata["k"],
	}
	want := map[string]any{
		"message": cut, "key": 1, "bound": cut, "value": cut, "group": cut,
		"bytes": "eHh4eHh4eHh4eHh4eHh4…(+116 bytes)", "map": `{"k":"xxxxxxxxxxxxxx…(+88 bytes)`, "tags": []any{cut, cut}, "error": cut, "metadata": cut,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	if trace, _ := failure["stack_trace"].(string); !strings.HasPrefix(trace, "*logstash_test.trace…(+") {
		t.Errorf("stack_trace %q", trace)
	}

	for _, none := range []int{0, -1} {
		line := encode(t, &logstash.Options{MaxFieldBytes: none}, nil, halfPast, slog.LevelInfo, text, text, text)
		if strings.Count(line, text) != 3 {
			t.Errorf("MaxFieldBytes %d: %s", none, line)
		}
	}
}

type marshals struct {
	text  string
	err   error
	panic any
}

func (m marshals) MarshalJSON() ([]byte, error) {
	if m.panic != nil {
		panic(m.panic)
	}
	return []byte(m.text), m.err
}

type textMarshals struct{ text string }

func (m textMarshals) MarshalText() ([]byte, error) {
	if m.text == "" {
		return nil, errors.New("no text")
	}
	return []byte(m.text), nil
}

type badStringer struct{}

func (badStringer) String() string { panic("no string") }

type badError struct{}

func (badError) Error() string { panic("no text") }

type badValuer struct{}

func (badValuer) LogValue() slog.Value { panic("no value") }

type endlessValuer struct{}

func (e endlessValuer) LogValue() slog.Value { return slog.AnyValue(e) }

type loop struct{ Next *loop }

// TestBadValuesCostOnlyThemselves has values that cannot be written. Each becomes a
// text that says why; the rest of the event, and the next one, are whole.
func TestBadValuesCostOnlyThemselves(t *testing.T) {
	t.Parallel()
	cyclic := &loop{}
	cyclic.Next = cyclic
	cyclicMap := map[string]any{}
	cyclicMap["m"] = cyclicMap
	tests := []struct {
		name  string
		value any
		want  string // what the value begins with, encoded
	}{
		{"a Marshaler with an error", marshals{err: errors.New("no \"JSON\"\n")}, `"!ERROR:json: error calling MarshalJSON for type logstash_test.marshals: no \"JSON\"\n"`}, //nolint:revive // a newline is what matters
		{"a Marshaler that panics", marshals{panic: "no JSON"}, `"!PANIC: no JSON"`},
		{"a Marshaler that panics with an error", marshals{panic: badError{}}, `"!PANIC: `},
		{"a Marshaler with half an object", marshals{text: `{"a":1`}, `"!ERROR:json: error calling MarshalJSON`},
		{"a Marshaler with two values", marshals{text: `{} {}`}, `"!ERROR:json: error calling MarshalJSON`},
		{"a Marshaler with nothing", marshals{}, `"!ERROR:json: error calling MarshalJSON`},
		{"a Marshaler with newlines", marshals{text: "\n[1,\n2]\r\n"}, `[1,2]`},
		{"a Marshaler with a newline in a string", marshals{text: "\"a\nb\""}, `"!ERROR:json: error calling MarshalJSON`},
		{"a Marshaler with invalid UTF-8", marshals{text: "\"\xff\""}, `"\ufffd"`},
		{"a TextMarshaler with an error", textMarshals{}, `"!ERROR:json: error calling MarshalText`},
		{"a TextMarshaler with invalid UTF-8 and a newline", textMarshals{"\xff\n"}, `"\ufffd\n"`},
		{"a Stringer that panics", badStringer{}, `"!PANIC: no string"`},
		{"an error that panics", badError{}, `{"message":"!PANIC: no text","type":"logstash_test.badError"}`},
		{"a LogValuer that panics", badValuer{}, ``},
		{"a LogValuer without end", endlessValuer{}, ``},
		{"a channel", make(chan int), `"!ERROR:json: unsupported type: chan int"`},
		{"a function", func() {}, `"!ERROR:json: unsupported type: func()"`},
		{"a complex number", complex(1, 2), `"!ERROR:json: unsupported type: complex128"`},
		{"a map with a channel", map[string]any{"c": make(chan int)}, `"!ERROR:json: unsupported type: chan int"`},
		{"a pointer to itself", cyclic, `"!ERROR:json: unsupported value: encountered a cycle via *logstash_test.loop"`},
		{"a map that contains itself", cyclicMap, `"!ERROR:json: unsupported value: encountered a cycle via map[string]interface {}"`},
		{"NaN", math.NaN(), `null`},
		{"NaN in a list", []float64{1, math.NaN()}, `"!ERROR:json: unsupported value: NaN"`},
		{"a float32 that is infinite", float32(math.Inf(1)), `null`},
		{"a nil Marshaler", (*time.Time)(nil), `null`},
		{"a year beyond 9999", time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC), `"!ERROR:time.Time year outside of range [0,9999]"`},
		{"half of a surrogate pair", marshals{text: `["\ud800"]`}, `["` + "\ufffd" + `"]`},
		{"invalid UTF-8 in a map", map[string]string{"\xff": "\xff"}, "{\"\ufffd\":" + `"\ufffd"}`},
	}
	for _, profile := range []logstash.Profile{logstash.V1, logstash.ECS, logstash.ECSDotted} {
		for _, tt := range tests {
			t.Run(fmt.Sprint(tt.name, " ", profile), func(t *testing.T) {
				t.Parallel()
				var buf testlog.Buffer
				opts := &logstash.Options{Profile: profile, Host: "h"}
				h := logstash.NewHandler(&buf, opts)
				log := func(h slog.Handler, args ...any) string {
					buf.Reset()
					slog.New(h).Info("m", args...)
					decode(t, buf.Bytes(), opts)
					return buf.String()
				}
				for _, line := range []string{
					log(h, "before", 1, "v", tt.value, "after", 2),
					log(h.WithAttrs([]slog.Attr{slog.Int("before", 1), slog.Any("v", tt.value)}), "after", 2),
					log(h, "g", slog.GroupValue(slog.Int("before", 1), slog.Any("v", tt.value), slog.Int("after", 2))),
					log(h.WithGroup("g").WithAttrs([]slog.Attr{slog.Int("before", 1), slog.Any("v", tt.value)}), "after", 2),
				} {
					if want := `"before":1,"v":` + tt.want; !strings.Contains(line, want) || !strings.Contains(line, `,"after":2}`) {
						t.Errorf("want %s … ,\"after\":2}, got %s", want, line)
					}
				}
				for _, key := range []string{"error", "err", "http", "tags", "host", "@metadata", "log", "logger", "labels", "@timestamp"} {
					log(h, "before", 1, key, tt.value, "after", 2)
				}
				for _, attrs := range []string{"attrs", "labels"} {
					inner := *opts
					inner.Attrs = attrs
					line := log(logstash.NewHandler(&buf, &inner), "before", 1, "v", tt.value, "after", 2)
					if !strings.Contains(line, `"before":1,"v":`) || !strings.Contains(line, `,"after":2}`) {
						t.Errorf("Attrs %q: got %s", attrs, line)
					}
				}
				if line := log(h, "k", "v"); !strings.Contains(line, `,"k":"v"}`) && profile != logstash.ECS {
					t.Errorf("the next event: %s", line)
				}
			})
		}
	}
}

// TestHostileText has keys and texts that would break a line, or an event, in every
// place where a text can stand.
func TestHostileText(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"\"}\n{\"forged\":true", "\x00\x1b[31m\r\n\u2028", "\xff\xfe", "\xed\xa0\x80", `\`, `\"`, `\ud800`, "a[b][c]", "..", ".a.", " ", "\u00a0",
		"@timestamp", "_id", "[@metadata][x]", strings.Repeat("é", 2000), "%{[@metadata][_id]}",
	} {
		for _, profile := range []logstash.Profile{logstash.V1, logstash.ECS, logstash.ECSDotted} {
			for _, attrs := range []string{"", "labels", text} {
				opts := &logstash.Options{
					Profile: profile, Attrs: attrs, LoggerName: text, Host: text, Type: text, Tags: []string{text},
					Service:  logstash.Service{Name: text, Version: text, Environment: text, Node: text},
					LevelTag: func(slog.Level) string { return text }, EventID: true,
					Fields: []slog.Attr{slog.String("f"+text, text)}, Metadata: []slog.Attr{slog.String(text, text)},
				}
				if attrs == "@timestamp" || attrs == "_id" {
					continue // what is asked for is what is got
				}
				with := chain(withArgs("x"+text, text, "tags", text), inGroup(text, "y"+text, text))
				line := encode(t, opts, with, halfPast, slog.LevelInfo, text, "z"+text, text, "m", map[string]any{text: text}, "err", errors.New(text),
					slog.Group("g"+text, text, text))
				event := decode(t, []byte(line+"\n"), opts)
				if want := strings.ToValidUTF8(text, ""); event["message"] != text && len(want) == len(text) {
					t.Errorf("message %q, want %q", event["message"], text)
				}
				if n, _ := event["tags"].([]any); len(n) != 3 {
					t.Errorf("tags %q", event["tags"])
				}
				if strings.Contains(line, `"forged":`) {
					t.Errorf("forged: %s", line)
				}
			}
		}
	}
}

// TestOwnFieldsOfAnotherType has attrs that are named like the event's own fields, or
// like those of Elasticsearch.
func TestOwnFieldsOfAnotherType(t *testing.T) {
	t.Parallel()
	names := strings.Fields("@timestamp @version level level_value logger_name caller_method_name caller_file_name caller_line_number message host " +
		"service type uuid sequence trace_id span_id stack_trace stack_hash tags @metadata log log.level log.logger log.origin.function event " +
		"event.id event.dataset error error.message error.type error.stack_trace ecs ecs.version host.name service.name trace trace.id span span.id " +
		"_id _index _source _type _routing _field_names _ignored _doc_count _size _tier _seq_no _version " +
		"http url user_agent agent input labels truncated")
	values := []any{
		nil, 1, -1.5, true, "text",
		[]any{1},
		[]string{},
		map[string]any{},
		map[string]any{"a": 1},
		map[string]any{"name": 1, "id": 2, "level": 3, "message": 4},
		errors.New("e"), json.RawMessage(`"x"`), json.RawMessage(`{"name":[]}`), json.RawMessage(`{`),
		valuer{slog.GroupValue(slog.Int("name", 1))},
		slog.GroupValue(), slog.GroupValue(slog.Int("name", 1), slog.Int("id", 2), slog.Int("level", 3)), &tracedError{text: "e", pcs: here()},
		time.Time{},
		badValuer{},
		(*slog.Source)(nil), &slog.Source{Line: 1}, (*tracedError)(nil),
	}
	for profile := range logstash.Profile(3) {
		t.Run(fmt.Sprint(profile), func(t *testing.T) {
			t.Parallel()
			opts := &logstash.Options{
				Profile: profile, Collisions: logstash.Collisions(profile+1) % 3, AddSource: true, EventID: true, Sequence: true, Tags: []string{"t"}, Type: "app", Host: "h",
				LoggerName: "app", Service: logstash.Service{Name: "s", Version: "v"}, StackHash: true,
			}
			var buf bytes.Buffer
			h := logstash.NewHandler(&buf, opts)
			log := func(h slog.Handler, args ...any) map[string]any {
				buf.Reset()
				slog.New(h).Info("m", args...)
				return decode(t, buf.Bytes(), opts)
			}
			own := log(h)
			for _, name := range names {
				for i, value := range values {
					if testlog.Race && rand.IntN(4) > 0 { // it takes ten times as long
						continue
					}
					for where, event := range map[string]map[string]any{
						"record": log(h, "k", 1, name, value, "l", 2),
						"With":   log(h.WithAttrs([]slog.Attr{slog.Int("k", 1), slog.Any(name, value)}), "l", 2),
						"twice":  log(h.WithAttrs([]slog.Attr{slog.Any(name, value)}), "k", 1, name, value, "l", 2),
						"inline": log(h, slog.Group("", "k", 1, name, value, "l", 2)),
						"group":  log(h.WithGroup(name), "k", 1, "v", value, "l", 2),
					} {
						if where == "group" {
							if len(event) < len(own) {
								t.Errorf("group %q, value %d: %v", name, i, event)
							}
							continue
						}
						if number(event["k"]) != 1 || number(event["l"]) != 2 {
							t.Errorf("%s %q, value %d: attrs of %v", where, name, i, event)
						}
						for _, same := range []string{"@version", "level", "level_value", "message", "type", "log.level", "host.name", "ecs.version", "ecs"} {
							if _, isObject := own[same].(map[string]any); isObject {
								continue
							}
							if event[same] != own[same] && own[same] != nil {
								t.Errorf("%s %q, value %d: %s is %v", where, name, i, same, event[same])
							}
						}
					}
				}
			}
		})
	}
}

// TestGroupsWithoutEnd has a program that derives a handler from itself again and
// again.
func TestGroupsWithoutEnd(t *testing.T) {
	t.Parallel()
	value := any(1)
	for range 190 {
		value = []any{value}
	}
	for _, attrs := range []string{"", "attrs", "labels"} {
		for _, n := range []int{100, 850, 1200} {
			opts := &logstash.Options{Attrs: attrs}
			line := encode(t, opts, func(h slog.Handler) slog.Handler {
				for range n {
					h = h.WithGroup("g")
				}
				return h
			}, halfPast, slog.LevelInfo, "m", "k", value, slog.Group("h", "l", "end"))
			if err := eventError([]byte(line+"\n"), opts); err != nil {
				t.Errorf("Attrs %q, %d groups: %.100v", attrs, n, err)
			}
			if !strings.Contains(line, `l":"end"`) {
				t.Errorf("Attrs %q, %d groups: the attrs are gone", attrs, n)
			}
		}
	}
}

// TestLongMetadata has a text in @metadata that is just too long for an event.
func TestLongMetadata(t *testing.T) {
	t.Parallel()
	for _, id := range []bool{false, true} {
		for n := 1700; n < 4000; n += 50 {
			opts := &logstash.Options{Host: "h", MaxEventBytes: 2000, EventID: id, Tags: []string{"t"}}
			whole := *opts
			whole.MaxEventBytes = -1
			args := []any{slog.Group("@metadata", "a", strings.Repeat("x", n), "b", 7), "k", 1}
			length := len(encode(t, &whole, nil, halfPast, slog.LevelInfo, "m", args...))
			event := decode(t, []byte(encode(t, opts, nil, halfPast, slog.LevelInfo, "m", args...)+"\n"), opts)
			metadata, _ := event["@metadata"].(map[string]any)
			_, hasID := metadata["_id"]
			if number(metadata["b"]) != 7 || hasID != id || event["tags"] == nil || number(event["k"]) != 1 {
				t.Errorf("id %t, %d bytes: %v", id, n, event)
			}
			want := 0
			if length >= 2000 {
				want = length
			}
			if got := number(event["truncated"]); got != want {
				t.Errorf("id %t, %d bytes: truncated is %d, want %d", id, n, got, want)
			}
		}
	}
}

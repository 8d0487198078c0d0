package logstash_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/logstash"
)

var halfPast = time.Date(2026, 11, 21, 23, 30, 0, 120_000_000, time.UTC)

// encode returns the event for a record.
func encode(t *testing.T, opts *logstash.Options, derive func(slog.Handler) slog.Handler, at time.Time, level slog.Level, msg string, args ...any) string {
	t.Helper()
	var buf bytes.Buffer
	var h slog.Handler = logstash.NewHandler(&buf, opts)
	if derive != nil {
		h = derive(h)
	}
	r := slog.NewRecord(at, level, msg, 0)
	r.Add(args...)
	if err := h.Handle(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	line, ok := strings.CutSuffix(buf.String(), "\n")
	if !ok || strings.Contains(line, "\n") {
		t.Errorf("not one line: %q", buf.String())
	}
	if !json.Valid([]byte(line)) {
		t.Errorf("not JSON: %s", line)
	}
	return line
}

// TestEventRules has, by the rule's name, what Logstash, Elasticsearch or Filebeat
// reject or read as something else when it is written as it was logged.
func TestEventRules(t *testing.T) {
	t.Parallel()
	type raw = json.RawMessage
	const start, at = `{"@timestamp":"2026-11-21T23:30:00.12Z"`, `,"@version":"1","level":"INFO","level_value":20000,"message":"m"`
	with := func(args ...any) func(slog.Handler) slog.Handler {
		return func(h slog.Handler) slog.Handler { return h.WithAttrs(slog.Group("", args...).Value.Group()) }
	}
	tests := []struct {
		rule string
		opts logstash.Options
		with func(slog.Handler) slog.Handler
		time time.Time
		args []any
		want string // the whole event, or what follows the message where it begins with a comma
	}{
		// A number, a space or a comma in @timestamp: now, and _timestampparsefailure.
		{rule: "@timestamp is RFC 3339 in UTC", time: halfPast.In(time.FixedZone("", -7200)), want: start + at + `}`},
		{rule: "@timestamp has no time: it is left out, and Logstash takes now", time: time.Time{}, want: `{` + at[1:] + `}`},
		{rule: "@timestamp has a year of five digits", time: time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC), want: `{` + at[1:] + `}`},
		{rule: "@timestamp in milliseconds", opts: logstash.Options{TimePrecision: time.Millisecond}, want: `{"@timestamp":"2026-11-21T23:30:00.120Z"` + at + `}`},
		{rule: "@timestamp of the user's own is no timestamp", args: []any{"@timestamp", 1732231800}, want: `,"attr_timestamp":1732231800`},
		{rule: "@timestamp bound by With", with: with("@timestamp", "yesterday"), want: `,"attr_timestamp":"yesterday"`},
		{rule: "@version is a string", args: []any{"@version", 2}, want: `,"attr_version":2`},

		// Anything but strings in tags: _tagsparsefailure, and the tags are gone.
		{rule: "tags are an array of strings", args: []any{"tags", []any{1, "b", nil, 2.5}}, want: `,"tags":["1","b","2.5"]`},
		{rule: "tags of one string are an array", args: []any{"tags", "security"}, want: `,"tags":["security"]`},
		{
			rule: "tags from options, With, the record and the level", opts: logstash.Options{Tags: []string{"prod"}, LevelTag: slog.Level.String},
			with: with("tags", []string{"a"}), args: []any{"tags", "b"}, want: `,"tags":["prod","a","b","INFO"]`,
		},
		{rule: "tags of another kind collide", args: []any{"tags", map[string]int{"a": 1}}, want: `,"attr_tags":{"a":1}`},

		// A string in @metadata: a ClassCastException, and _jsonparsefailure.
		{rule: "@metadata is an object", args: []any{"@metadata", "orders"}, want: `,"attr_metadata":"orders"`},
		{
			rule: "@metadata from options, With and the record is one object", opts: logstash.Options{Metadata: []slog.Attr{slog.String("index", "logs"), slog.Int("v", 1)}},
			with: with(slog.Group("@metadata", "pipeline", "p")), args: []any{"@metadata", map[string]any{"v": 2}},
			want: `,"@metadata":{"index":"logs","pipeline":"p","v":2}`,
		},
		{rule: "@metadata that is an empty object", with: with(slog.Group("@metadata", "a", 1)), args: []any{"@metadata", map[string]any{}}, want: `,"@metadata":{"a":1}`},
		{rule: "@metadata that is nothing else than an empty object", args: []any{"@metadata", map[string]any{}}, want: ``},
		{rule: "@metadata that is empty", args: []any{slog.Group("@metadata")}, want: ``},

		{rule: "@timestamp when ours is called otherwise", opts: logstash.Options{Names: logstash.FieldNames{Timestamp: "-"}}, time: halfPast, args: []any{"@timestamp", 1}, want: `{` + at[1:] + `,"attr_timestamp":1}`},
		{rule: "tags when ours are left out", opts: logstash.Options{Names: logstash.FieldNames{Tags: "-"}}, args: []any{"tags", 1, "logger", 2}, want: `,"attr_tags":1,"logger":2`},
		{rule: "@metadata.input is an object, which the tcp input fills", args: []any{slog.Group("@metadata", "input", "x", "k", 1)}, want: `,"@metadata":{"attr_input":"x","k":1}`},
		{rule: "@metadata bound twice", opts: logstash.Options{Metadata: []slog.Attr{slog.Int("k", 1)}}, with: with(slog.Group("@metadata", "k", 2)), want: `,"@metadata":{"k":2}`},
		{rule: "WithGroup of the logger's name", opts: logstash.Options{}, with: func(h slog.Handler) slog.Handler { return h.WithGroup("logger_name") }, args: []any{"a", 1}, want: `,"attr_logger_name":{"a":1}`},
		{rule: "error keeps its type under a bound", opts: logstash.Options{MaxFieldBytes: 8}, args: []any{"error", errors.New("123456789"), "err", strings.Repeat("x", 9)}, want: `,"error":{"message":"12345678…(+1 bytes)","type":"*errors.errorString"},"err":{"message":"xxxxxxxx…(+1 bytes)"}`},
		{rule: "a bound cuts once", opts: logstash.Options{MaxFieldBytes: 8}, args: []any{"url", raw(`"123456789"`), "error", strings.Repeat("1", 20)}, want: `,"attr_url":"12345678…(+1 bytes)","error":{"message":"11111111…(+12 bytes)"}`},
		{rule: "@metadata bound by With as a Marshaler", with: with("@metadata", raw(`{"a":1,"a":2,"":4,"c[":5}`)), want: `,"@metadata":{"a":2,"_":4,"c_":5}`},
		{rule: "truncated is what a bound writes", args: []any{"truncated", "x"}, want: `,"attr_truncated":"x"`},
		{rule: "err has one type", args: []any{"err", "refused", slog.Group("g", "err", "refused")}, want: `,"err":{"message":"refused"},"g":{"err":"refused"}`},
		{rule: "tags that are nil pointers and URLs", args: []any{"tags", []any{(*url.URL)(nil), &url.URL{Path: "/a"}, errors.New("e")}}, want: `,"tags":["/a","e"]`},

		// A string in host: the udp input loses the event, the http input answers 500.
		{rule: "host is an object", opts: logstash.Options{Host: "web-1"}, want: `,"host":{"name":"web-1"}`},
		{rule: "host as a string collides", args: []any{"host", "web-1"}, want: `,"attr_host":"web-1"`},
		{
			rule: "host as a group joins the event's own", opts: logstash.Options{Host: "web-1"},
			args: []any{slog.Group("host", "ip", "10.0.0.1", "name", "x")}, want: `,"host":{"name":"web-1","ip":"10.0.0.1","attr_name":"x"}`,
		},
		{rule: "url, http, user_agent and event are objects", args: []any{"url", "/", "http", 1.1, "user_agent", "curl", "event", "login"}, want: `,"attr_url":"/","attr_http":1.1,"attr_user_agent":"curl","attr_event":"login"`},
		{rule: "log, agent and ecs, which Filebeat fills, are objects", args: []any{"log", "x", "agent", "007", "ecs", 8}, want: `,"attr_log":"x","attr_agent":"007","attr_ecs":8`},
		{rule: "error has one type", args: []any{"error", "refused"}, want: `,"error":{"message":"refused"}`},
		{rule: "collisions can be nested", opts: logstash.Options{Collisions: logstash.NestCollisions}, args: []any{"host", "web-1", "k", 1, "@metadata", 7, slog.Group("labels", "a", "b")}, want: `,"k":1,"labels":{"host":"web-1","attr_metadata":7,"a":"b"}`},
		{rule: "collisions can be left out", opts: logstash.Options{Collisions: logstash.DropCollisions}, args: []any{"host", "web-1", "k", 1, "level", "x"}, want: `,"k":1`},
		{rule: "names that Elasticsearch keeps for itself", args: []any{"_id", 1, "_source", "x"}, want: `,"attr_id":1,"attr_source":"x"`},

		// [a][b] is the syntax of a reference, so that such a name cannot be referred to.
		{rule: "brackets in names", args: []any{"a[b]", 1, slog.Group("[g]", "]", 2), "m", map[string]any{"x[0]": 1}}, want: `,"a_b_":1,"_g_":{"_":2},"m":{"x_0_":1}`},
		{rule: "brackets in the name of a group and of what With binds", with: func(h slog.Handler) slog.Handler { return with("k[1]", 1)(h.WithGroup("g[0]")) }, args: []any{"[", 2}, want: `,"g_0_":{"k_1_":1,"_":2}`},
		// Elasticsearch rejects these four.
		{rule: "empty keys", args: []any{"", 1, slog.Group("g", "", 2), "m", map[string]int{"": 3}}, want: `,"_":1,"g":{"_":2},"m":{"_":3}`},
		{rule: "blank keys", args: []any{"  ", 1}, want: `,"_":1`},
		{rule: "dots at the ends", args: []any{".a", 1, "b.", 2, ".", 3}, want: `,"_a":1,"b_":2,"_":3`},
		{rule: "dots beside each other", args: []any{"a..b", 1, "c.d", 2}, want: `,"a._b":1,"c.d":2`},

		{rule: "duplicates: the last wins", args: []any{"a", 1, "b", 2, "a", 3}, want: `,"b":2,"a":3`},
		{rule: "duplicates: over what With bound", with: with("a", 1, "b", 2), args: []any{"a", 3}, want: `,"b":2,"a":3`},
		{rule: "duplicates: both bound by With", with: func(h slog.Handler) slog.Handler { return with("a", 2)(with("a", 1, "b", 1)(h)) }, args: []any{"c", 3}, want: `,"b":1,"a":2,"c":3`},
		{rule: "duplicates: in a group", args: []any{slog.Group("g", "a", 1, "a", 2)}, want: `,"g":{"a":2}`},
		{rule: "duplicates: groups become one", args: []any{slog.Group("g", "a", 1, "b", 1), slog.Group("g", "a", 2)}, want: `,"g":{"b":1,"a":2}`},
		{rule: "duplicates: in an open group", with: func(h slog.Handler) slog.Handler { return with("a", 1)(h.WithGroup("g")) }, args: []any{"a", 2, "b", 3}, want: `,"g":{"a":2,"b":3}`},
		{rule: "duplicates: a group that With opens and one before it", with: func(h slog.Handler) slog.Handler { return with(slog.Group("g", "a", 1))(h).WithGroup("g") }, args: []any{"b", 2}, want: `,"g":{"a":1,"b":2}`},
		{rule: "duplicates: in a Marshaler's text", args: []any{"r", raw(`{"a":1,"\u0061":2,"l":[{"x":1,"x":2}]}`)}, want: `,"r":{"a":2,"l":[{"x":2}]}`},
		{rule: "duplicates: after renaming", args: []any{"level", "x", "attr_level", "y"}, want: `,"attr_level":"y"`},
		{rule: "duplicates: invalid UTF-8 that looks the same", args: []any{"a\xff", 1, "a\xfe", 2}, want: `,"a�":2`},
		{rule: "duplicates: over a static field", opts: logstash.Options{Fields: []slog.Attr{slog.String("env", "prod")}}, args: []any{"env", "test"}, want: `,"env":"test"`},

		{rule: "NaN and infinity are null", args: []any{"a", math.NaN(), "b", math.Inf(-1)}, want: `,"a":null,"b":null`},
		{rule: "NaN as a string", opts: logstash.Options{NonFiniteStrings: true}, args: []any{"a", math.NaN()}, want: `,"a":"!ERROR:json: unsupported value: NaN"`},
		{rule: "a number that is infinite to a float64", args: []any{"a", raw(`1e400`), "b", raw(`{"x":-1e999}`)}, want: `,"a":null,"b":{"x":null}`},
		{rule: "integers beyond 64 bits are strings", args: []any{"a", uint64(math.MaxUint64), "b", raw(`[12345678901234567890]`), "c", int64(math.MinInt64)}, want: `,"a":"18446744073709551615","b":["12345678901234567890"],"c":-9223372036854775808`},
		{rule: "integers beyond 2^53 as strings", opts: logstash.Options{Integers: logstash.SafeIntegers}, args: []any{"a", int64(1<<53 + 1), "b", int64(1 << 53), "c", uint64(1<<53 + 1), "d", raw(`{"x":-9007199254740993}`)}, want: `,"a":"9007199254740993","b":9007199254740992,"c":"9007199254740993","d":{"x":"-9007199254740993"}`},
		{rule: "integers as they are", opts: logstash.Options{Integers: logstash.AllIntegers}, args: []any{"a", uint64(math.MaxUint64)}, want: `,"a":18446744073709551615`},
		{rule: "control characters are escaped", args: []any{"a\tb", "x\ny\x00\x1b[31m"}, want: `,"a\tb":"x\ny\u0000\u001b[31m"`},
		{rule: "invalid UTF-8 is replaced", args: []any{"a", "x\xffy\xed\xa0\x80"}, want: `,"a":"x\ufffdy\ufffd\ufffd\ufffd"`},
		{rule: "lone surrogates, which Logstash removes, are replaced", args: []any{"a", raw(`"x\ud800y"`), "b", raw(`{"k\udc00":"\ud83d\ude00\udc01"}`)}, want: `,"a":"x�y","b":{"k�":"😀�"}`},
		{rule: "newlines of a Marshaler", args: []any{"a", raw("{\n \"x\": 1\n}")}, want: `,"a":{"x":1}`},

		{rule: "size of a field", opts: logstash.Options{MaxFieldBytes: 8}, args: []any{"a", "123456789é", "b", "1234567é", "c", []int{1, 2, 3, 4, 5}, "d", errors.New("1")}, want: `,"a":"12345678…(+3 bytes)","b":"1234567…(+2 bytes)","c":"[1,2,3,4…(+3 bytes)","d":{"message":"1","type":"*errors.errorString"}`},
		{rule: "size of a key", opts: logstash.Options{MaxFieldBytes: 8}, args: []any{"123456789", 1, "12345678xx", 2}, want: `,"12345678…(+1 bytes)":1,"12345678…(+2 bytes)":2`},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			if tt.time.IsZero() && !strings.HasPrefix(tt.want, "{") {
				tt.time = halfPast
			} else if tt.time.IsZero() && strings.HasPrefix(tt.want, start[:14]) {
				tt.time = halfPast
			}
			if tt.opts.Host == "" {
				tt.opts.Names.Host = "-"
			}
			want := tt.want
			if !strings.HasPrefix(want, "{") {
				want = start + at + want + "}"
			}
			got := encode(t, &tt.opts, tt.with, tt.time, slog.LevelInfo, "m", tt.args...)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

type stringer struct{ s string }

func (s *stringer) String() string { return "text of " + s.s }

type point struct{ X, Y int }

func (p point) String() string { return fmt.Sprintf("%d/%d", p.X, p.Y) }

func TestStringersAreTheirText(t *testing.T) {
	t.Parallel()
	u, err := url.Parse("https://user:secret@example.com/a?b=c")
	if err != nil {
		t.Fatal(err)
	}
	var noURL *url.URL
	var none *stringer
	got := encode(t, &logstash.Options{Names: logstash.FieldNames{Host: "-", Version: "-", LevelValue: "-"}}, nil, time.Time{}, 0, "m",
		"u", u, "v", *u, "n", noURL, "p", point{1, 2}, "s", &stringer{"x"}, "z", none, "m", time.March)
	want := `{"level":"INFO","message":"m","u":"https://user:xxxxx@example.com/a?b=c","v":"https://user:xxxxx@example.com/a?b=c","n":null,` +
		`"p":"1/2","s":"text of x","z":null,"m":"March"}`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

func TestProfiles(t *testing.T) {
	t.Parallel()
	type ctxKey struct{}
	service := logstash.Service{Name: "orders", Version: "1.2", Environment: "prod", Node: "a"}
	failed := fmt.Errorf("read config: %w", &fs.PathError{Op: "open", Path: "/x", Err: fs.ErrNotExist})
	derive := func(h slog.Handler) slog.Handler {
		return h.WithAttrs([]slog.Attr{slog.String("logger", "app.db"), slog.Int("n", 1)}).WithGroup("g")
	}
	trace := func(ctx context.Context) (traceID, spanID string) {
		if ctx.Value(ctxKey{}) != nil {
			t.Error("another context")
		}
		return "4bf9", "00f0"
	}
	tests := []struct {
		name string
		opts logstash.Options
		with func(slog.Handler) slog.Handler
		args []any
		want string
	}{
		{
			name: "V1", opts: logstash.Options{Service: service, Type: "app", Sequence: true, Trace: trace, Tags: []string{"x"}}, with: derive, args: []any{"k", "v", "err", failed},
			want: `{"@version":"1","level":"WARN","level_value":30000,"logger_name":"app.db","message":"m","host":{"name":"h"},` +
				`"service":{"name":"orders","version":"1.2","environment":"prod","node":{"name":"a"}},"type":"app","sequence":1,"trace_id":"4bf9","span_id":"00f0",` +
				`"n":1,"g":{"k":"v","err":{"message":"read config: open /x: file does not exist","type":"*errors.errorString"}},"tags":["x"]}`,
		},
		{
			name: "ECS", opts: logstash.Options{Profile: logstash.ECS, Service: service, Sequence: true, Trace: trace}, with: derive, args: []any{"k", "v"},
			want: `{"log":{"level":"WARN","logger":"app.db"},"message":"m","ecs":{"version":"8.11.0"},"host":{"name":"h"},` +
				`"service":{"name":"orders","version":"1.2","environment":"prod","node":{"name":"a"}},"event":{"dataset":"orders.log","sequence":1},` +
				`"trace":{"id":"4bf9"},"span":{"id":"00f0"},"n":1,"g":{"k":"v"}}`,
		},
		{
			name: "ECS, dotted", opts: logstash.Options{Profile: logstash.ECSDotted, Service: service, Sequence: true, Trace: trace}, with: derive, args: []any{"k", "v"},
			want: `{"log.level":"WARN","log.logger":"app.db","message":"m","ecs.version":"8.11.0","host.name":"h","service.name":"orders","service.version":"1.2",` +
				`"service.environment":"prod","service.node.name":"a","event.dataset":"orders.log","event.sequence":1,"trace.id":"4bf9","span.id":"00f0","n":1,"g":{"k":"v"}}`,
		},
		{
			name: "an error in ECS", opts: logstash.Options{Profile: logstash.ECS}, args: []any{"err", failed, "cause", failed},
			want: `{"log":{"level":"WARN"},"message":"m","ecs":{"version":"8.11.0"},"host":{"name":"h"},` +
				`"cause":{"message":"read config: open /x: file does not exist","type":"*errors.errorString"},` +
				`"error":{"type":"*errors.errorString","message":"read config: open /x: file does not exist"}}`,
		},
		{
			name: "the record's error takes the place of the bound one in ECS, dotted", opts: logstash.Options{Profile: logstash.ECSDotted},
			with: func(h slog.Handler) slog.Handler { return h.WithAttrs([]slog.Attr{slog.Any("error", failed)}) }, args: []any{"error", fs.ErrClosed},
			want: `{"log.level":"WARN","message":"m","ecs.version":"8.11.0","host.name":"h",` +
				`"error.type":"*errors.errorString","error.message":"file already closed"}`,
		},
		{
			name: "field sets are objects in ECS", opts: logstash.Options{Profile: logstash.ECS}, args: []any{"user", "bob", slog.Group("process", "pid", 1), "trace.id", "t", "log.level", "x", slog.Group("log", "level", "y", "syslog", 3)},
			want: `{"message":"m","ecs":{"version":"8.11.0"},"host":{"name":"h"},"attr_user":"bob","process":{"pid":1},"trace.id":"t","attr_log_level":"x","log":{"level":"WARN","attr_level":"y","syslog":3}}`,
		},
		{
			name: "the record's logger takes the place of the bound one", opts: logstash.Options{Profile: logstash.ECS, LoggerName: "app"}, args: []any{"log.logger", "app.http"},
			want: `{"message":"m","ecs":{"version":"8.11.0"},"host":{"name":"h"},"log":{"level":"WARN","logger":"app.http"}}`,
		},
		{
			name: "static groups join the event's own objects", opts: logstash.Options{Profile: logstash.ECS, Sequence: true, Fields: []slog.Attr{slog.Group("log", "x", 1), slog.Group("event", "module", "m")}},
			want: `{"message":"m","ecs":{"version":"8.11.0"},"host":{"name":"h"},"log":{"level":"WARN","x":1},"event":{"module":"m","sequence":1}}`,
		},
		{
			name: "an error and the text of another one", opts: logstash.Options{Profile: logstash.ECSDotted}, args: []any{"err", fs.ErrClosed, "error", "text"},
			want: `{"log.level":"WARN","message":"m","ecs.version":"8.11.0","host.name":"h","attr_error":"text","error.type":"*errors.errorString","error.message":"file already closed"}`,
		},
		{
			name: "an error that is a map, beside the event's own", opts: logstash.Options{Profile: logstash.ECS}, args: []any{"error", map[string]any{"message": 5}, "err", fs.ErrClosed},
			want: `{"log":{"level":"WARN"},"message":"m","ecs":{"version":"8.11.0"},"host":{"name":"h"},"attr_error":{"message":5},"error":{"type":"*errors.errorString","message":"file already closed"}}`,
		},
		{
			name: "attrs in an object", opts: logstash.Options{Attrs: "attrs"}, with: derive, args: []any{"k", "v"},
			want: `{"@version":"1","level":"WARN","level_value":30000,"logger_name":"app.db","message":"m","host":{"name":"h"},"attrs":{"n":1,"g":{"k":"v"}}}`,
		},
		{
			name: "names mean nothing in an object", opts: logstash.Options{Attrs: "attrs"}, args: []any{"host", "x", "level", 1, "tags", "t", "error", 7},
			want: `{"@version":"1","level":"WARN","level_value":30000,"message":"m","host":{"name":"h"},"attrs":{"host":"x","level":1,"error":7},"tags":["t"]}`,
		},
		{name: "no attrs, no object", opts: logstash.Options{Attrs: "attrs"}, want: `{"@version":"1","level":"WARN","level_value":30000,"message":"m","host":{"name":"h"}}`},
		{
			name: "attrs as labels", opts: logstash.Options{Profile: logstash.ECS, Attrs: "labels"}, with: derive,
			args: []any{"a.b", true, slog.Group("h", "x*y", 1.5, slog.Group("i", "l", []int{1, 2})), slog.Group("", "e", failed), slog.Group("empty"), "nil", nil, slog.Attr{}},
			want: `{"log":{"level":"WARN","logger":"app.db"},"message":"m","ecs":{"version":"8.11.0"},"host":{"name":"h"},"labels":{"n":1,"g_a_b":true,"g_h_x_y":1.5,` +
				`"g_h_i_l":"[1,2]","g_e":"read config: open /x: file does not exist","g_nil":null}}`,
		},
		{
			name: "names of one's own", opts: logstash.Options{Names: logstash.FieldNames{Level: "severity", LevelValue: "-", Version: "-", Message: "msg", Host: "hostname", Tags: "labels"}, Tags: []string{"x"}},
			args: []any{"level", 1, "message", 2, "msg", 3, "severity", 4, "hostname", 5, "tags", "y", "labels", "z"},
			want: `{"severity":"WARN","msg":"m","hostname":"h","level":1,"message":2,"attr_msg":3,"attr_severity":4,"attr_hostname":5,"attr_labels":"z","labels":["x","y"]}`,
		},
		{
			name: "static fields", opts: logstash.Options{Fields: []slog.Attr{slog.String("env", "prod"), slog.Group("host", "os", "linux"), slog.String("level", "x"), slog.String("tags", "t")}}, with: derive, args: []any{"k", "v"},
			want: `{"@version":"1","level":"WARN","level_value":30000,"logger_name":"app.db","message":"m","env":"prod","host":{"name":"h","os":"linux"},"attr_level":"x","n":1,"g":{"k":"v"},"tags":["t"]}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.opts.Host = "h"
			got := encode(t, &tt.opts, tt.with, time.Time{}, slog.LevelWarn, "m", tt.args...)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

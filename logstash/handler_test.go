package logstash_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/handler/handlertest"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
)

func TestHandlerWritesEventsThatLogstashAccepts(t *testing.T) {
	t.Parallel()
	when := time.Date(2026, 11, 22, 0, 30, 0, 120_000_000, time.FixedZone("", 3600))
	pathErr := fmt.Errorf("read config: %w", &fs.PathError{Op: "open", Path: "/etc/app", Err: fs.ErrNotExist})
	type derive = func(slog.Handler) slog.Handler
	with := func(args ...any) derive {
		return func(h slog.Handler) slog.Handler { return h.WithAttrs(slog.Group("", args...).Value.Group()) }
	}
	tests := []struct {
		name string
		opts *logstash.Options
		with derive
		args []any
		want string // after @version, level, level_value of INFO, message and host

		logger string // what stands before message
	}{
		{name: "numbers, texts and groups", args: []any{"port", 8080, slog.Group("g", "a", "b", slog.Group("h"))}, want: `,"port":8080,"g":{"a":"b"}`},
		{name: "With and WithGroup", with: func(h slog.Handler) slog.Handler {
			return with("c", 3)(with("a", 1)(h).WithGroup("g").WithGroup("h"))
		}, args: []any{"d", 4}, want: `,"a":1,"g":{"h":{"c":3,"d":4}}`},
		{
			name: "errors are objects, at every depth", args: []any{"err", pathErr, slog.Group("g", "e", errors.New("x"))},
			want: `,"err":{"message":"read config: open /etc/app: file does not exist","type":"*errors.errorString"},` +
				`"g":{"e":{"message":"x","type":"*errors.errorString"}}`,
		},
		{name: "error keeps one type", args: []any{"error", "text"}, want: `,"error":{"message":"text"}`},
		{name: "an error under error", args: []any{"error", errors.New("x")}, want: `,"error":{"message":"x","type":"*errors.errorString"}`},
		{name: "a number under error", args: []any{"error", 7}, want: `,"error":{"message":"7"}`},
		{name: "a group under error", args: []any{slog.Group("error", "code", 7)}, want: `,"error":{"code":7}`},
		{
			name: "tags from everywhere are one array of strings",
			opts: &logstash.Options{Host: "h", Tags: []string{"prod"}}, with: with("tags", []string{"a"}, "tags", "b"),
			args: []any{"tags", []any{"security", 7}}, want: `,"tags":["prod","a","b","security","7"]`,
		},
		{name: "tags that are no strings", args: []any{"tags", []any{
			7, nil, true, valuer{slog.StringValue(`a"b`)}, map[string]any{"k": 1}, errors.New(`x"y`), valuer{slog.GroupValue(slog.Int("a", 1))},
		}}, want: `,"tags":["7","true","a\"b","{\"k\":1}","x\"y","!ERROR:a group is no tag"]`},
		{
			name: "what a Shipper would refuse", args: []any{
				"n", json.RawMessage(strings.Repeat("9", 2000)), "d", json.RawMessage(strings.Repeat("[", 900) + strings.Repeat("]", 900)), "k", 1,
			},
			want: `,"n":"` + strings.Repeat("9", 2000) + `","d":"!ERROR:nested more than 200 deep","k":1`,
		},
		{
			name: "a tag that contains itself", args: []any{"tags", cyclicTags()},
			want: `,"tags":["!ERROR:json: unsupported value: encountered a cycle via map[string]interface {}"]`,
		},
		{name: "siblings' tags", with: func(h slog.Handler) slog.Handler {
			h = with("tags", []string{"1", "2", "3"})(h)
			h = with("tags", "4")(h)
			mine := with("tags", "mine")(h)
			with("tags", "theirs")(h)
			return mine
		}, want: `,"tags":["1","2","3","4","mine"]`},
		{name: "a nil error", args: []any{"err", (*fs.PathError)(nil)}, want: `,"err":{"message":"<nil>","type":"*fs.PathError"}`},
		{name: "an error with a MarshalJSON", args: []any{"err", marshalingError{}}, want: `,"err":{"message":"text","type":"logstash_test.marshalingError"}`},
		{name: "tags in a group are the group's", args: []any{slog.Group("g", "tags", "x")}, want: `,"g":{"tags":"x"}`},
		{name: "tags that are no list", args: []any{"tags", 7}, want: `,"attr_tags":7`},
		{name: "logger_name from the options", opts: &logstash.Options{Host: "h", LoggerName: "app"}, logger: `"logger_name":"app",`},
		{
			name: "logger_name from attrs, the last", opts: &logstash.Options{Host: "h", LoggerName: "app"},
			with: with("logger", "app.db"), args: []any{"logger", "app.db.pool"}, want: `,"logger_name":"app.db.pool"`,
		},
		{name: "a logger that is no name", args: []any{"logger", 7, "logger_name", 8}, want: `,"logger":7,"attr_logger_name":8`},
		{name: "fields of the event's own", args: []any{
			"@timestamp", "x", "@version", 2, "message", "x", "level", "x", "level_value", 1, "host", "x",
		}, want: `,"attr_timestamp":"x","attr_version":2,"attr_message":"x","attr_level":"x","attr_level_value":1,"attr_host":"x"`},
		{name: "fields of the event's own in inlined groups", args: []any{
			slog.Group("", "level", "x"), slog.Group("g", "level", "kept"),
		}, want: `,"attr_level":"x","g":{"level":"kept"}`},
		{
			name: "WithGroup of a name of the event's own", with: func(h slog.Handler) slog.Handler { return h.WithGroup("host").WithGroup("host") },
			args: []any{"a", 1}, want: `,"attr_host":{"host":{"a":1}}`,
		},
		{name: "what Logstash 8 takes for objects", args: []any{
			"url", "http://x", "http", 1, "user_agent", "curl", "event", true, "@metadata", "x",
		}, want: `,"attr_url":"http://x","attr_http":1,"attr_user_agent":"curl","attr_event":true,"attr_metadata":"x"`},
		{name: "and what are objects", args: []any{
			slog.Group("url", "path", "/"), "http", map[string]any{"version": "1.1"}, slog.Group("@metadata", "index", "x"),
		}, want: `,"url":{"path":"/"},"http":{"version":"1.1"},"@metadata":{"index":"x"}`},
		{
			name: "null is no other type", args: []any{"error", nil, "url", nil, "@metadata", nil},
			want: `,"error":null,"url":null,"attr_metadata":null`,
		},
		{name: "NaN is null", args: []any{"f", math.NaN()}, want: `,"f":null`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.opts == nil {
				tt.opts = &logstash.Options{Host: "h"}
			}
			var buf bytes.Buffer
			var h slog.Handler = logstash.NewHandler(&buf, tt.opts)
			if tt.with != nil {
				h = tt.with(h)
			}
			r := slog.NewRecord(when, slog.LevelInfo, "m", 0)
			r.Add(tt.args...)
			if err := h.Handle(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			want := `{"@timestamp":"2026-11-21T23:30:00.12Z","@version":"1","level":"INFO","level_value":20000,` + tt.logger +
				`"message":"m","host":{"name":"h"}` + tt.want + "}\n"
			if diff := cmp.Diff(want, buf.String()); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

func cyclicTags() []any {
	m := map[string]any{}
	m["m"] = m
	return []any{m}
}

type valuer struct{ v slog.Value }

func (v valuer) LogValue() slog.Value { return v.v }

type marshalingError struct{}

func (marshalingError) Error() string                { return "text" }
func (marshalingError) MarshalJSON() ([]byte, error) { return []byte(`[1]`), nil }

// TestHandlerKeepsObjectsObjects has a group that contains itself, after which
// no group of the record is written.
func TestHandlerKeepsObjectsObjects(t *testing.T) {
	t.Parallel()
	cyclic := make([]slog.Attr, 1)
	cyclic[0] = slog.Attr{Key: "c", Value: slog.GroupValue(cyclic...)}
	var buf bytes.Buffer
	slog.New(logstash.NewHandler(&buf, nil)).LogAttrs(t.Context(), slog.LevelInfo, "m", cyclic[0],
		slog.Group("http", "a", 1), slog.Group("error", "a", 1), slog.Group("", "k", 1))
	var event struct {
		HTTP, Error any
		RenamedHTTP string `json:"attr_http"`
	}
	if err := json.Unmarshal(buf.Bytes(), &event); err != nil {
		t.Fatal(err)
	}
	if event.HTTP != nil || event.Error != nil || event.RenamedHTTP == "" {
		t.Errorf("got %.500s … %s", buf.String(), buf.String()[buf.Len()-400:])
	}
}

func TestHandlerLevelsAndTimes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		time  time.Time
		level slog.Level
		want  string
	}{
		{time.Time{}, -8, `{"@version":"1","level":"TRACE","level_value":5000,"message":"","host":{"name":"h"}}`},
		{time.Time{}, -1 << 31, `{"@version":"1","level":"TRACE-2147483640","level_value":-1310705000,"message":"","host":{"name":"h"}}`},
		{time.Time{}, slog.LevelDebug, `{"@version":"1","level":"DEBUG","level_value":10000,"message":"","host":{"name":"h"}}`},
		{time.Time{}, 1, `{"@version":"1","level":"INFO+1","level_value":22500,"message":"","host":{"name":"h"}}`},
		{time.Time{}, 2, `{"@version":"1","level":"NOTICE","level_value":25000,"message":"","host":{"name":"h"}}`},
		{time.Time{}, 12, `{"@version":"1","level":"CRITICAL","level_value":50000,"message":"","host":{"name":"h"}}`},
		{time.Time{}, 17, `{"@version":"1","level":"FATAL+1","level_value":62500,"message":"","host":{"name":"h"}}`},
		{time.Time{}, slog.LevelWarn, `{"@version":"1","level":"WARN","level_value":30000,"message":"","host":{"name":"h"}}`},
		{time.Time{}, slog.LevelError, `{"@version":"1","level":"ERROR","level_value":40000,"message":"","host":{"name":"h"}}`},
		// A year that RFC 3339 cannot write would make Logstash tag the event.
		{
			time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC), slog.LevelError,
			`{"@version":"1","level":"ERROR","level_value":40000,"message":"","host":{"name":"h"}}`,
		},
	}
	for _, tt := range tests {
		var buf bytes.Buffer
		h := logstash.NewHandler(&buf, &logstash.Options{Host: "h", Level: slog.Level(-1 << 31)})
		if err := h.Handle(t.Context(), slog.NewRecord(tt.time, tt.level, "", 0)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want+"\n", buf.String()); diff != "" {
			t.Errorf("mismatch (-want +got):\n%s", diff)
		}
	}
}

func TestHandlerNamesTheCaller(t *testing.T) {
	t.Parallel()
	var buf bytes.Buffer
	slog.New(logstash.NewHandler(&buf, &logstash.Options{AddSource: true})).Info("m", "caller_file_name", "kept")
	var m map[string]any
	if err := json.Unmarshal(buf.Bytes(), &m); err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(fmt.Sprint(m["caller_file_name"]), "handler_test.go") || m["attr_caller_file_name"] != "kept" ||
		m["caller_line_number"] == nil || !strings.Contains(fmt.Sprint(m["caller_method_name"]), "NamesTheCaller") {
		t.Errorf("got %v", m)
	}
}

// parse reads an event with the names of log/slog.
func parse(line []byte) (map[string]any, error) {
	m, err := handlertest.ParseJSON(line)
	for from, to := range map[string]string{"@timestamp": "time", "message": "msg"} {
		if v, ok := m[from]; ok {
			m[to] = v
		}
	}
	for _, name := range []string{"uuid", "sequence", "@metadata"} { // which differ from call to call
		delete(m, name)
	}
	if log, ok := m["log"].(map[string]any); ok {
		m["level"] = log["level"]
	}
	if name, ok := m["level"].(string); ok {
		if level, err := handler.ParseLevel(name); err == nil {
			m["level"] = level.String()
		}
	}
	return m, err
}

func TestHandlerConformance(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]*logstash.Options{
		"V1":   nil,
		"full": {EventID: true, Sequence: true, StackLevel: slog.LevelInfo, LevelTag: slog.Level.String, Metadata: []slog.Attr{slog.Int("n", 1)}},
		"ECS":  {Profile: logstash.ECS, MaxFieldBytes: 1 << 20, TimePrecision: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handlertest.Run(t, func(w io.Writer, _ *slog.HandlerOptions) slog.Handler {
				return logstash.NewHandler(w, opts)
			}, parse)
		})
	}
}

func FuzzHandlerWritesOneObject(f *testing.F) {
	for seed := range uint64(16) {
		f.Add(seed, "@metadata", "tags", "error")
	}
	f.Fuzz(func(t *testing.T, seed uint64, msg, key, value string) {
		r := testlog.NewRandom(seed)
		r.Hostile = true
		var buf testlog.Buffer
		h := r.Derive(logstash.NewHandler(&buf, &logstash.Options{LoggerName: key, Tags: []string{value}}))[0]
		rec := r.Record()
		rec.Message = msg
		attrs := append(r.Attrs(3), slog.String(key, value), slog.Any(value, errors.New(key)), slog.Any(key, json.RawMessage(value)))
		rec.AddAttrs(slog.Attr{Value: slog.GroupValue(attrs...)})
		if err := testlog.Log(rec, h); err != nil {
			t.Fatal(err)
		}
		lines, rest := buf.Lines()
		if len(lines) != 1 || rest != "" {
			t.Fatalf("not one line: %q %q", lines, rest)
		}
		// Into a map, since the names of a struct would match those in another case.
		var event map[string]json.RawMessage
		if err := json.Unmarshal([]byte(lines[0]), &event); err != nil {
			t.Fatalf("%v: %s", err, lines[0])
		}
		for name, v := range map[string]any{
			"@timestamp": new(time.Time), "@version": new(string), "message": new(string), "@metadata": new(map[string]any),
			"host": new(struct{ Name string }), "tags": new([]string), "http": new(map[string]any), "url": new(map[string]any),
		} {
			if text, ok := event[name]; ok {
				if err := json.Unmarshal(text, v); err != nil {
					t.Fatalf("%s: %v: %s", name, err, lines[0])
				}
			}
		}
		if string(event["@version"]) != `"1"` || event["message"] == nil {
			t.Fatalf("got %s", lines[0])
		}
	})
}

func TestHandlerAllocations(t *testing.T) {
	if testlog.Race {
		t.Skip("the race detector allocates")
	}
	logger := slog.New(logstash.NewHandler(io.Discard, nil)).With("service", "api", "tags", []string{"prod"})
	got := testing.AllocsPerRun(200, func() {
		logger.LogAttrs(t.Context(), slog.LevelInfo, "m", slog.String("method", "GET"), slog.Int("status", 200),
			slog.Duration("took", time.Second), slog.Bool("cached", true), slog.Float64("ratio", 0.5))
	})
	if got > 0 {
		t.Errorf("%v allocations, want none", got)
	}
}

func BenchmarkHandler(b *testing.B) {
	for name, h := range map[string]slog.Handler{
		"slog.JSONHandler": slog.NewJSONHandler(io.Discard, nil),
		"logstash.Handler": logstash.NewHandler(io.Discard, nil),
	} {
		b.Run(name, func(b *testing.B) {
			r := slog.NewRecord(time.Now(), slog.LevelInfo, "request served", 0)
			r.AddAttrs(slog.String("method", "GET"), slog.String("path", "/api/v1/users/42/orders"), slog.Int("status", 200),
				slog.Duration("duration", 1234567), slog.String("request_id", "0190f3a4-7c1e-7d3a-9f52-8a6b1c2d3e4f"))
			b.ReportAllocs()
			for b.Loop() {
				_ = h.Handle(b.Context(), r)
			}
		})
	}
}

package logstash_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
)

// A tracedError carries the program counters of its stack, as the errors of
// github.com/pkg/errors and its like do.
type tracedError struct {
	text  string
	pcs   []uintptr
	cause error
}

func (e *tracedError) Error() string         { return e.text }
func (e *tracedError) Unwrap() error         { return e.cause }
func (e *tracedError) StackTrace() []uintptr { return e.pcs }

// here returns the program counters of its caller and those outwards.
func here() []uintptr {
	pcs := make([]uintptr, 32)
	return pcs[:runtime.Callers(2, pcs)]
}

// traces returns the stack traces of an event by their paths.
func traces(event map[string]any) map[string]string {
	found := map[string]string{}
	for path, v := range flatten(event) {
		if path == "stack_trace" || strings.HasSuffix(path, ".stack_trace") || strings.HasSuffix(path, "/stack_trace") {
			found[path], _ = v.(string)
		}
	}
	return found
}

// flatten returns what is no object in an event, by the names on the way to it.
func flatten(event map[string]any) map[string]any {
	flat := map[string]any{}
	for name, v := range event {
		m, ok := v.(map[string]any)
		if !ok {
			flat[name] = v
			continue
		}
		for path, v := range flatten(m) {
			flat[name+"/"+path] = v
		}
	}
	return flat
}

func TestStackTracesOfErrors(t *testing.T) {
	t.Parallel()
	var (
		first  = &tracedError{text: "first", pcs: here()}
		second = &tracedError{text: "second", pcs: here()}
		none   = errors.New("none")
	)
	type names = logstash.FieldNames
	type options = logstash.Options
	tests := []struct {
		name string
		opts options
		with func(slog.Handler) slog.Handler
		args []any
		want map[string]string // the error's text, by where its trace is
	}{
		{name: "err", args: []any{"err", first}, want: map[string]string{"stack_trace": "first"}},
		{name: "error", args: []any{"error", first}, want: map[string]string{"stack_trace": "first"}},
		{name: "another key", args: []any{"cause", first}, want: map[string]string{"cause/stack_trace": "first"}},
		{name: "wrapped", args: []any{"err", fmt.Errorf("outer: %w", first)}, want: map[string]string{"stack_trace": "outer: first"}},
		{name: "joined", args: []any{"err", errors.Join(none, first)}, want: map[string]string{"stack_trace": "none first"}},
		{name: "in a group", args: []any{slog.Group("g", "err", first)}, want: map[string]string{"g/err/stack_trace": "first"}},
		{name: "in a bound group", with: inGroup("g"), args: []any{"err", first}, want: map[string]string{"g/err/stack_trace": "first"}},
		{name: "in an inlined group", args: []any{slog.Group("", "err", first)}, want: map[string]string{"stack_trace": "first"}},
		{name: "bound by With", with: withArgs("err", first), want: map[string]string{"stack_trace": "first"}},
		{name: "bound by With before a group", with: chain(withArgs("err", first), inGroup("g")), args: []any{"k", 1}, want: map[string]string{"stack_trace": "first"}},
		{name: "from a LogValuer", args: []any{"err", valuer{slog.AnyValue(first)}}, want: map[string]string{"stack_trace": "first"}},
		{name: "two errors", args: []any{"err", first, "error", second}, want: map[string]string{"stack_trace": "first", "error/stack_trace": "second"}},
		{name: "one of two", args: []any{"err", none, "error", second}, want: map[string]string{"stack_trace": "second"}},
		{
			name: "one bound and one of the record", with: withArgs("error", first), args: []any{"err", second},
			want: map[string]string{"stack_trace": "first", "err/stack_trace": "second"},
		},
		{name: "attrs in an object", opts: options{Attrs: "attrs"}, args: []any{"err", first, "cause", second}, want: map[string]string{"stack_trace": "first", "attrs/cause/stack_trace": "second"}},
		{name: "labels", opts: options{Attrs: "labels"}, args: []any{"err", first, "cause", second}, want: map[string]string{"stack_trace": "first"}},
		{name: "no traces", opts: options{StackDepth: -1}, args: []any{"err", first, "cause", second}, want: map[string]string{}},
		{name: "left out", opts: options{Names: names{StackTrace: "-"}}, args: []any{"err", first}, want: map[string]string{"err/stack_trace": "first"}},
		{name: "ECS, err", opts: options{Profile: logstash.ECS}, args: []any{"err", first}, want: map[string]string{"error/stack_trace": "first"}},
		{name: "ECS, bound by With", opts: options{Profile: logstash.ECS}, with: withArgs("error", first), want: map[string]string{"error/stack_trace": "first"}},
		{name: "ECS, another key", opts: options{Profile: logstash.ECS}, args: []any{"cause", first}, want: map[string]string{"cause/stack_trace": "first"}},
		{name: "ECS, in a group", opts: options{Profile: logstash.ECS}, args: []any{slog.Group("g", "err", first)}, want: map[string]string{"g/err/stack_trace": "first"}},
		{
			name: "ECS, two errors", opts: options{Profile: logstash.ECS}, args: []any{"err", first, "error", second},
			want: map[string]string{"error/stack_trace": "first", "attr_error/stack_trace": "second"},
		},
		{
			name: "ECS, two errors the other way", opts: options{Profile: logstash.ECS}, args: []any{"error", first, "err", second},
			want: map[string]string{"error/stack_trace": "first", "err/stack_trace": "second"},
		},
		{name: "ECS, attrs in an object", opts: options{Profile: logstash.ECS, Attrs: "attrs"}, args: []any{"err", first}, want: map[string]string{"error/stack_trace": "first"}},
		{name: "ECS, labels", opts: options{Profile: logstash.ECS, Attrs: "labels"}, args: []any{"err", first}, want: map[string]string{"error/stack_trace": "first"}},
		{name: "ECS, dotted", opts: options{Profile: logstash.ECSDotted}, args: []any{"err", first}, want: map[string]string{"error.stack_trace": "first"}},
		{name: "ECS, dotted, bound by With", opts: options{Profile: logstash.ECSDotted}, with: withArgs("err", first), want: map[string]string{"error.stack_trace": "first"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			line := encode(t, &tt.opts, tt.with, halfPast, slog.LevelError, "m", tt.args...)
			got := traces(decode(t, []byte(line+"\n"), &tt.opts))
			for path, trace := range got {
				header, frames, _ := strings.Cut(trace, "\n")
				if !strings.Contains(frames, "logstash_test.TestStackTracesOfErrors (") {
					t.Errorf("%s: no frame of this function in %s", path, trace)
				}
				_, got[path], _ = strings.Cut(header, ": ")
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

func TestStackOptions(t *testing.T) {
	t.Parallel()
	inner := &tracedError{text: "inner", pcs: here()}
	deeper := func() []uintptr { return here() } //nolint:gocritic // for a frame of its own
	outer := &tracedError{text: "outer", pcs: deeper(), cause: inner}
	trace := func(t *testing.T, o logstash.Options, err error) (text, hash string) {
		t.Helper()
		line := encode(t, &o, nil, halfPast, slog.LevelInfo, "m", "err", err)
		event := decode(t, []byte(line+"\n"), &o)
		text, _ = event["stack_trace"].(string)
		hash, _ = event["stack_hash"].(string)
		return text, hash
	}
	first, _ := trace(t, logstash.Options{}, outer)
	if !strings.HasPrefix(first, "*logstash_test.tracedError: outer\n\tat ") || !strings.Contains(first, "\nCaused by: *logstash_test.tracedError: inner\n") {
		t.Errorf("got %s", first)
	}
	rootFirst, _ := trace(t, logstash.Options{StackRootFirst: true}, outer)
	if !strings.HasPrefix(rootFirst, "*logstash_test.tracedError: inner\n\tat ") || !strings.Contains(rootFirst, "\nWrapped by: *logstash_test.tracedError: outer\n") {
		t.Errorf("got %s", rootFirst)
	}
	one, _ := trace(t, logstash.Options{StackDepth: 1}, inner)
	if strings.Count(one, "\tat ") != 1 || !strings.HasSuffix(one, " more") {
		t.Errorf("got %s", one)
	}
	if _, none := trace(t, logstash.Options{}, inner); none != "" {
		t.Errorf("hash %s, want none", none)
	}
	_, hash := trace(t, logstash.Options{StackHash: true}, outer)
	_, same := trace(t, logstash.Options{StackHash: true, StackRootFirst: true, StackDepth: 1}, &tracedError{text: "other", pcs: outer.pcs, cause: inner})
	_, other := trace(t, logstash.Options{StackHash: true}, inner)
	if len(hash) != 8 || hash != same || hash == other {
		t.Errorf("hashes %s, %s, %s: want the first two, and only those, to be the same", hash, same, other)
	}
}

func TestStackTracesOfCalls(t *testing.T) {
	t.Parallel()
	traced := &tracedError{text: "traced", pcs: here()}
	const this = "\tat github.com/sluicelog/sluice/logstash_test.TestStackTracesOfCalls"
	tests := []struct {
		name  string
		opts  logstash.Options
		level slog.Level
		args  []any
		want  map[string]string // what a trace begins with, by where it is
	}{
		{name: "without an error", want: map[string]string{"stack_trace": this}},
		{name: "with an error that has none", args: []any{"err", errors.New("e")}, want: map[string]string{"stack_trace": this}},
		{name: "with an error that has one", args: []any{"err", traced}, want: map[string]string{"stack_trace": "*logstash_test.tracedError: traced\n"}},
		{
			name: "with another error that has one", args: []any{"cause", traced},
			want: map[string]string{"stack_trace": this, "cause/stack_trace": "*logstash_test.tracedError: traced\n"},
		},
		{name: "below the level", level: slog.LevelWarn, want: map[string]string{}},
		{name: "beyond the level", level: slog.LevelError + 1, want: map[string]string{"stack_trace": this}},
		{name: "no traces", opts: logstash.Options{StackDepth: -1}, want: map[string]string{}},
		{name: "left out", opts: logstash.Options{Names: logstash.FieldNames{StackTrace: "-"}}, want: map[string]string{}},
		{name: "renamed", opts: logstash.Options{Names: logstash.FieldNames{StackTrace: "x/stack_trace"}}, want: map[string]string{"x/stack_trace": this}},
		{name: "ECS", opts: logstash.Options{Profile: logstash.ECS}, want: map[string]string{"error/stack_trace": this}},
		{name: "ECS with an error", opts: logstash.Options{Profile: logstash.ECS}, args: []any{"err", errors.New("e")}, want: map[string]string{"error/stack_trace": this}},
		{name: "ECS, dotted", opts: logstash.Options{Profile: logstash.ECSDotted}, want: map[string]string{"error.stack_trace": this}},
		{name: "labels", opts: logstash.Options{Attrs: "labels"}, args: []any{"k", 1}, want: map[string]string{"stack_trace": this}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.level == 0 {
				tt.level = slog.LevelError
			}
			tt.opts.StackLevel, tt.opts.StackHash = slog.LevelError, true
			var buf testlog.Buffer
			h := logstash.NewHandler(&buf, &tt.opts)
			slog.New(h).Log(t.Context(), tt.level, "m", tt.args...)
			got := traces(decode(t, buf.Bytes(), &tt.opts))
			for path, trace := range got {
				got[path] = trace[:min(len(trace), len(tt.want[path]))]
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s\n%s", diff, buf.String())
			}
			hashes := strings.Count(buf.String(), `stack_hash":"`)
			if hashes != len(tt.want) && tt.opts.Names.StackTrace == "" {
				t.Errorf("%d hashes, want %d", hashes, len(tt.want))
			}
		})
	}

	var kept []slog.Record
	slog.New(slogFunc(func(r slog.Record) { kept = append(kept, r) })).Error("m")
	var buf testlog.Buffer
	opts := &logstash.Options{StackLevel: slog.LevelError}
	h := logstash.NewHandler(&buf, opts)
	done := make(chan error)
	go func() { done <- h.Handle(t.Context(), kept[0]) }()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := traces(decode(t, buf.Bytes(), opts)); len(got) > 0 {
		t.Errorf("in another goroutine: %v", got)
	}
}

type slogFunc func(slog.Record)

func (slogFunc) Enabled(context.Context, slog.Level) bool        { return true }
func (f slogFunc) Handle(_ context.Context, r slog.Record) error { f(r); return nil }
func (f slogFunc) WithAttrs([]slog.Attr) slog.Handler            { return f }
func (f slogFunc) WithGroup(string) slog.Handler                 { return f }

func TestFunctionsOfTheUser(t *testing.T) {
	t.Parallel()
	type key struct{}
	const hostile = "\"},\n\xff\x00{"
	tests := []struct {
		name  string
		trace func(context.Context) (string, string)
		tag   func(slog.Level) string
		want  string
	}{
		{
			name: "the context arrives", trace: func(ctx context.Context) (string, string) { id, _ := ctx.Value(key{}).(string); return id, "s" },
			want: `{"trace_id":"of the context","span_id":"s","k":1}`,
		},
		{name: "nothing", trace: func(context.Context) (string, string) { return "", "" }, tag: func(slog.Level) string { return "" }, want: `{"k":1}`},
		{name: "one of two", trace: func(context.Context) (string, string) { return "", "s" }, want: `{"span_id":"s","k":1}`},
		{name: "panics", trace: func(context.Context) (string, string) { panic(1) }, tag: func(slog.Level) string { panic(badError{}) }, want: `{"trace_id":"!PANIC","k":1,"tags":["!PANIC"]}`},
		{
			name: "hostile text", trace: func(context.Context) (string, string) { return hostile, hostile }, tag: func(slog.Level) string { return hostile },
			want: `{"trace_id":"\"},\n\ufffd\u0000{","span_id":"\"},\n\ufffd\u0000{","k":1,"tags":["\"},\n\ufffd\u0000{"]}`,
		},
		{name: "the level arrives", tag: slog.Level.String, want: `{"k":1,"tags":["INFO+1"]}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			names := bare()
			names.TraceID, names.SpanID, names.Tags = "", "", ""
			var buf testlog.Buffer
			h := logstash.NewHandler(&buf, &logstash.Options{Names: names, Trace: tt.trace, LevelTag: tt.tag})
			slog.New(h).Log(context.WithValue(t.Context(), key{}, "of the context"), slog.LevelInfo+1, "m", "k", 1)
			if diff := cmp.Diff(tt.want+"\n", buf.String()); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

// TestFieldNames has each field in turn left out, and under another name.
func TestFieldNames(t *testing.T) {
	t.Parallel()
	paths := map[string][3]string{
		"Timestamp": {"@timestamp", "@timestamp", "@timestamp"}, "Version": {"@version"}, "Message": {"message", "message", "message"},
		"Level": {"level", "log/level", "log.level"}, "LevelValue": {"level_value"}, "Logger": {"logger_name", "log/logger", "log.logger"},
		"CallerMethod": {"caller_method_name", "log/origin/function", "log.origin.function"},
		"CallerFile":   {"caller_file_name", "log/origin/file/name", "log.origin.file.name"},
		"CallerLine":   {"caller_line_number", "log/origin/file/line", "log.origin.file.line"},
		"Host":         {"host/name", "host/name", "host.name"}, "Type": {"type", "type", "type"}, "Tags": {"tags", "tags", "tags"},
		"Sequence": {"sequence", "event/sequence", "event.sequence"}, "ID": {"uuid", "event/id", "event.id"},
		"TraceID": {"trace_id", "trace/id", "trace.id"}, "SpanID": {"span_id", "span/id", "span.id"},
		"StackTrace": {"stack_trace", "error/stack_trace", "error.stack_trace"}, "StackHash": {"stack_hash", "error/stack_hash", "error.stack_hash"},
		"ECSVersion": {"", "ecs/version", "ecs.version"}, "Dataset": {"", "event/dataset", "event.dataset"},
	}
	failed := &tracedError{text: "e", pcs: here()}
	log := func(t *testing.T, profile logstash.Profile, names logstash.FieldNames) map[string]any {
		t.Helper()
		var buf testlog.Buffer
		opts := &logstash.Options{
			Profile: profile, Names: names, AddSource: true, LoggerName: "app", Host: "h", Service: logstash.Service{Name: "s"}, Type: "app",
			Tags: []string{"t"}, EventID: true, Sequence: true, StackHash: true,
			Trace: func(context.Context) (string, string) { return "t", "s" },
		}
		slog.New(logstash.NewHandler(&buf, opts)).Info("m", "k", 1, "err", failed)
		flat := flatten(decode(t, buf.Bytes(), opts))
		for path, v := range flat { // what differs from event to event
			if _, err := time.Parse(time.RFC3339Nano, fmt.Sprint(v)); err == nil || len(fmt.Sprint(v)) == 36 {
				flat[path] = "x"
			}
		}
		return flat
	}
	for profile := range logstash.Profile(3) {
		all := log(t, profile, logstash.FieldNames{})
		for name, path := range paths {
			path := path[profile]
			for _, other := range []string{"-", "own"} {
				var names logstash.FieldNames
				reflect.ValueOf(&names).Elem().FieldByName(name).SetString(other)
				want := maps.Clone(all)
				if v, has := want[path]; has {
					delete(want, path)
					if other != "-" {
						want[other] = v
					} else if path == "stack_trace" { // the error keeps it
						want["err/stack_trace"], want["err/stack_hash"] = v, want["stack_hash"]
						delete(want, "stack_hash")
					}
				} else if path != "" {
					t.Errorf("%v, %s: no %s", profile, name, path)
				}
				if diff := cmp.Diff(want, log(t, profile, names)); diff != "" {
					t.Errorf("%v, %s is %q: mismatch (-want +got):\n%s", profile, name, other, diff)
				}
			}
		}
		if n := reflect.TypeFor[logstash.FieldNames]().NumField(); n != len(paths) {
			t.Errorf("%d names, %d are known here", n, len(paths))
		}
		got := encode(t, &logstash.Options{Profile: profile, Names: bare()}, nil, halfPast, slog.LevelInfo, "m")
		if diff := cmp.Diff("{}", got); diff != "" {
			t.Errorf("mismatch (-want +got):\n%s", diff)
		}
	}
}

// TestCollisions has every key that means something, in every form.
func TestCollisions(t *testing.T) {
	t.Parallel()
	const (
		elasticsearch = " _id _index _source _type _routing _field_names _ignored _doc_count _size _tier _seq_no _version"
		objects       = "event http url user_agent agent ecs log input"
		fieldSets     = " client cloud container data_stream destination device dll dns email faas file geo group network observer orchestrator " +
			"organization os package process registry related rule server service source span threat tls trace transaction user vulnerability"
	)
	// Of shared objects, which hold fields of the event's own, only groups become members.
	profiles := []struct{ reserved, objects, shared string }{
		logstash.V1:        {"@timestamp @version level level_value message stack_trace stack_hash" + elasticsearch, objects + " host", "host"},
		logstash.ECS:       {"@timestamp message log.level host.name ecs.version error.message" + elasticsearch, objects + " host" + fieldSets, "ecs host log"},
		logstash.ECSDotted: {"@timestamp message log.level host.name ecs.version error.type" + elasticsearch, objects + " host" + fieldSets, "ecs host log"},
	}
	renamed := func(key string) string { return "attr_" + strings.ReplaceAll(strings.TrimLeft(key, "@_"), ".", "_") }
	members := map[string]string{"text": "", "group": "/a", "struct": "/A", "nil": "", "WithGroup": "/a"}
	for profile, keys := range profiles {
		for collisions := range logstash.Collisions(3) {
			opts := &logstash.Options{Profile: logstash.Profile(profile), Collisions: collisions, Host: "h"}
			log := func(with func(slog.Handler) slog.Handler, args ...any) map[string]any {
				line := encode(t, opts, with, halfPast, slog.LevelInfo, "m", args...)
				return flatten(decode(t, []byte(line+"\n"), opts))
			}
			own := log(nil)
			check := func(key, form, path string) {
				var got map[string]any
				switch form {
				case "text":
					got = log(nil, key, "v", "k", true)
				case "group":
					got = log(nil, slog.Group(key, "a", "v"), "k", true)
				case "struct":
					got = log(nil, key, struct{ A string }{"v"}, "k", true)
				case "nil":
					got = log(nil, key, nil, "k", true)
				case "WithGroup":
					got = log(chain(withArgs("k", true), inGroup(key)), "a", "v")
				}
				want := maps.Clone(own)
				want["k"] = true
				if path != "" && form == "nil" {
					want[path] = nil
				} else if path != "" {
					want[path+members[form]] = "v"
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%d, %d, %q as %s: mismatch (-want +got):\n%s", profile, collisions, key, form, diff)
				}
			}
			for key := range strings.FieldsSeq(keys.reserved) {
				path := map[logstash.Collisions]string{logstash.RenameCollisions: renamed(key), logstash.NestCollisions: "labels/" + key}[collisions]
				for form := range members {
					if form == "WithGroup" {
						check(key, form, renamed(key)) // it has no value that could be put elsewhere
						continue
					}
					check(key, form, path)
				}
			}
			for key := range strings.FieldsSeq(keys.objects) {
				path := map[logstash.Collisions]string{logstash.RenameCollisions: renamed(key), logstash.NestCollisions: "labels/" + key}[collisions]
				for form := range members {
					switch {
					case form == "group", form != "text" && !slices.Contains(strings.Fields(profiles[profile].shared), key):
						check(key, form, key)
					case form == "WithGroup":
						check(key, form, renamed(key))
					default:
						check(key, form, path)
					}
				}
			}
		}
	}
}

// TestCollisionsOfNamesWithAMeaning has those whose value decides, and where it goes.
func TestCollisionsOfNamesWithAMeaning(t *testing.T) {
	t.Parallel()
	failed := errors.New("e")
	const object = `{"message":"e","type":"*errors.errorString"}`
	tests := []struct {
		name string
		args []any
		want [3]string // as RenameCollisions, NestCollisions and DropCollisions have it
	}{
		{"tags that are none", []any{"tags", 7, "k", 1}, [3]string{`"attr_tags":7,"k":1`, `"labels":{"tags":7},"k":1`, `"k":1`}},
		{"tags that are a group", []any{slog.Group("tags", "a", 1), "k", 1}, [3]string{`"attr_tags":{"a":1},"k":1`, `"labels":{"tags":{"a":1}},"k":1`, `"k":1`}},
		{"tags that are null", []any{"tags", nil, "k", 1}, [3]string{`"attr_tags":null,"k":1`, `"labels":{"tags":null},"k":1`, `"k":1`}},
		{"tags that are", []any{"tags", []string{"a"}, "k", 1}, [3]string{`"k":1,"tags":["a"]`, `"k":1,"tags":["a"]`, `"k":1,"tags":["a"]`}},
		{"@metadata that is text", []any{"@metadata", "x", "k", 1}, [3]string{`"attr_metadata":"x","k":1`, `"labels":{"attr_metadata":"x"},"k":1`, `"k":1`}},
		{"@metadata that is a list", []any{"@metadata", []int{1}, "k", 1}, [3]string{`"attr_metadata":[1],"k":1`, `"labels":{"attr_metadata":[1]},"k":1`, `"k":1`}},
		{
			"@metadata that is an object",
			[]any{"@metadata", struct{ A int }{1}, slog.Group("@metadata", "b", 2, "host", "x", "A", 3), "k", 1},
			[3]string{`"k":1,"@metadata":{"b":2,"host":"x","A":3}`, `"k":1,"@metadata":{"b":2,"host":"x","A":3}`, `"k":1,"@metadata":{"b":2,"host":"x","A":3}`},
		},
		{"a logger that is no name", []any{"logger", 7, "logger_name", 8, "k", 1}, [3]string{
			`"logger":7,"attr_logger_name":8,"k":1`, `"logger":7,"labels":{"logger_name":8},"k":1`, `"logger":7,"k":1`,
		}},
		{"an error that is none", []any{"error", []int{1}, "err", 7}, [3]string{`"error":{"message":"[1]"},"err":{"message":"7"}`, `"error":{"message":"[1]"},"err":{"message":"7"}`, `"error":{"message":"[1]"},"err":{"message":"7"}`}},
		{"two errors", []any{"error", failed, "err", failed}, [3]string{`"error":` + object + `,"err":` + object, `"error":` + object + `,"err":` + object, `"error":` + object + `,"err":` + object}},
		{"what comes twice", []any{"level", 1, "level", 2}, [3]string{`"attr_level":2`, `"labels":{"level":2}`, ``}},
		{"one that has the other's new name", []any{"level", 1, "attr_level", 2}, [3]string{`"attr_level":2`, `"labels":{"level":1},"attr_level":2`, `"attr_level":2`}},
		{"a name that becomes one of the event's own", []any{"_", 1, "@", 2, "attr_", 3}, [3]string{`"_":1,"@":2,"attr_":3`, `"_":1,"@":2,"attr_":3`, `"_":1,"@":2,"attr_":3`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for collisions, want := range tt.want {
				names := bare()
				names.Tags, names.Level, names.Logger = "", "", ""
				opts := &logstash.Options{Collisions: logstash.Collisions(collisions), Names: names}
				if want != "" {
					want = "," + want
				}
				got := encode(t, opts, nil, halfPast, slog.LevelInfo, "m", tt.args...)
				if diff := cmp.Diff(`{"level":"INFO"`+want+`}`, got); diff != "" {
					t.Errorf("%d: mismatch (-want +got):\n%s", collisions, diff)
				}
			}
		})
	}
}

func TestEventAllocations(t *testing.T) {
	if testlog.Race {
		t.Skip("the race detector allocates")
	}
	basic := []slog.Attr{
		slog.String("method", "GET"), slog.Int("status", 200), slog.Duration("took", time.Second), slog.Bool("cached", true), slog.Float64("ratio", 0.5),
	}
	full := logstash.Options{
		EventID: true, Sequence: true, Tags: []string{"prod"}, LevelTag: slog.Level.String,
		Trace: func(context.Context) (string, string) { return "4bf9", "00f0" },
	}
	type options = logstash.Options
	failed := fmt.Errorf("read: %w", errors.New("closed"))
	tests := []struct {
		name string
		opts options
		with []slog.Attr
		log  []slog.Attr
		most float64
	}{
		{name: "basic attrs", log: basic},
		{name: "basic attrs in a group", log: []slog.Attr{{Key: "g", Value: slog.GroupValue(basic...)}}},
		{name: "basic attrs behind ten bound ones", with: many(10, "bound"), log: basic},
		{name: "the source", opts: options{AddSource: true}, log: basic},
		{name: "all that is new in each event", opts: full, log: basic},
		{name: "an error", log: []slog.Attr{slog.Any("err", failed)}},
		{name: "an error elsewhere", log: []slog.Attr{slog.Any("cause", failed)}},
	}
	for _, tt := range tests {
		for profile := range logstash.Profile(3) {
			tt.opts.Profile = profile
			h := logstash.NewHandler(io.Discard, &tt.opts).WithAttrs(tt.with)
			var pcs [1]uintptr
			runtime.Callers(1, pcs[:])
			r := slog.NewRecord(halfPast, slog.LevelInfo, "m", pcs[0])
			r.AddAttrs(tt.log...)
			_ = h.Handle(t.Context(), r) // the first one may
			if got := testing.AllocsPerRun(200, func() { _ = h.Handle(t.Context(), r) }); got > tt.most {
				t.Errorf("%s, profile %d: %v allocations, want at most %v", tt.name, profile, got, tt.most)
			}
		}
	}
}

// TestEventsConcurrentSafe derives and logs from all sides with all that can be on.
func TestEventsConcurrentSafe(t *testing.T) {
	t.Parallel()
	const goroutines, each = 8, 30
	failed := &tracedError{text: "e", pcs: here()}
	for profile, attrs := range []string{"attrs", "", "labels"} {
		t.Run(fmt.Sprint(profile, attrs), func(t *testing.T) {
			t.Parallel()
			var buf testlog.Buffer
			opts := &logstash.Options{
				Profile: logstash.Profile(profile), AddSource: true, LoggerName: "app", Host: "h", Service: logstash.Service{Name: "s", Node: "n"}, Type: "app",
				Tags: make([]string, 1, 9), LevelTag: slog.Level.String, Fields: many(3, "static"), Metadata: many(3, "meta"), Attrs: attrs,
				EventID: true, Sequence: true, Trace: func(context.Context) (string, string) { return "t", "s" }, StackHash: true,
				StackLevel: slog.LevelWarn, TimePrecision: time.Millisecond, MaxFieldBytes: 3_000, MaxEventBytes: 5_000,
			}
			root := logstash.NewHandler(&buf, opts)
			parent := root.WithAttrs([]slog.Attr{slog.Any("tags", []string{"a", "b", "c"}), slog.Any("err", failed), slog.Int("a", 1)}).WithGroup("g")
			var wg sync.WaitGroup
			for i := range goroutines {
				wg.Go(func() {
					for j := range each {
						h := parent.WithAttrs([]slog.Attr{slog.Int("goroutine", i), slog.String("tags", "d")})
						if j%3 == 0 {
							h = root.WithAttrs([]slog.Attr{slog.Int("goroutine", i), slog.String("tags", "d"), slog.String("logger", "app.db"), slog.Int("a.", 1)})
						}
						logger := slog.New(h)
						logger.Warn("m", "level", j, "a", 1, "a", 2, "err", failed, "g", slog.GroupValue(slog.Int("x[0]", 1)))
						logger.WithGroup("h").Info(strings.Repeat("m", 2_900), "k", "v", "l", strings.Repeat("l", 3_100))
					}
				})
			}
			wg.Wait()
			writes := buf.Writes()
			if len(writes) != goroutines*each*2 {
				t.Errorf("%d events, want %d", len(writes), goroutines*each*2)
			}
			for _, line := range writes {
				if err := eventError(line, opts); err != nil {
					t.Fatalf("%v: %.2000s", err, line)
				}
			}
			want := logstash.HandlerStats{
				Accepted: uint64(len(writes)), Written: uint64(len(writes)), WrittenBytes: uint64(len(buf.String())),
			}
			if stats := root.Stats(); stats != want {
				t.Errorf("stats %+v, want %+v", stats, want)
			}
		})
	}
}

package logstash_test

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/sluicelog/sluice/logstash"
)

// logExample logs a record at a time that is always the same.
func logExample(opts logstash.Options, level slog.Level, msg string, args ...any) {
	opts.Host = "web-1"
	r := slog.NewRecord(time.Date(2026, 11, 21, 23, 30, 0, 120_456_000, time.UTC), level, msg, 0)
	r.Add(args...)
	if err := logstash.NewHandler(os.Stdout, &opts).Handle(context.Background(), r); err != nil {
		panic(err)
	}
}

// The Elastic Common Schema, in objects for Logstash and dotted for Filebeat with
// expand_keys.
func ExampleOptions_ecs() {
	opts := logstash.Options{
		Profile: logstash.ECS, LoggerName: "api", TimePrecision: time.Millisecond,
		Service: logstash.Service{Name: "orders", Version: "1.2"},
	}
	err := fmt.Errorf("read config: %w", &fs.PathError{Op: "open", Path: "/x", Err: fs.ErrNotExist})
	logExample(opts, slog.LevelError, "start failed", "err", err, "try", 3)
	opts.Profile = logstash.ECSDotted
	logExample(opts, slog.LevelError, "start failed", "err", err, "try", 3)
	// Output:
	// {"@timestamp":"2026-11-21T23:30:00.120Z","log":{"level":"ERROR","logger":"api"},"message":"start failed","ecs":{"version":"8.11.0"},"host":{"name":"web-1"},"service":{"name":"orders","version":"1.2"},"event":{"dataset":"orders.log"},"try":3,"error":{"type":"*errors.errorString","message":"read config: open /x: file does not exist"}}
	// {"@timestamp":"2026-11-21T23:30:00.120Z","log.level":"ERROR","log.logger":"api","message":"start failed","ecs.version":"8.11.0","host.name":"web-1","service.name":"orders","service.version":"1.2","event.dataset":"orders.log","try":3,"error.type":"*errors.errorString","error.message":"read config: open /x: file does not exist"}
}

// ECS labels are strings, numbers and booleans, in one flat object.
func ExampleOptions_labels() {
	opts := logstash.Options{Profile: logstash.ECS, Attrs: "labels"}
	logExample(opts, slog.LevelInfo, "paid", "a.b", true, slog.Group("http", "status", 200), "ids", []int{1, 2})
	// Output:
	// {"@timestamp":"2026-11-21T23:30:00.120456Z","log":{"level":"INFO"},"message":"paid","ecs":{"version":"8.11.0"},"host":{"name":"web-1"},"labels":{"a_b":true,"http_status":200,"ids":"[1,2]"}}
}

func ExampleOptions_attrs() {
	logExample(logstash.Options{Attrs: "attrs"}, slog.LevelInfo, "paid", "host", "shop", "level", 7, "tags", "vip")
	// Output:
	// {"@timestamp":"2026-11-21T23:30:00.120456Z","@version":"1","level":"INFO","level_value":20000,"message":"paid","host":{"name":"web-1"},"attrs":{"host":"shop","level":7},"tags":["vip"]}
}

func ExampleOptions_collisions() {
	for _, c := range []logstash.Collisions{logstash.RenameCollisions, logstash.NestCollisions, logstash.DropCollisions} {
		logExample(logstash.Options{Collisions: c}, slog.LevelInfo, "got", "url", "/", "level", "x", "status", 200)
	}
	// Output:
	// {"@timestamp":"2026-11-21T23:30:00.120456Z","@version":"1","level":"INFO","level_value":20000,"message":"got","host":{"name":"web-1"},"attr_url":"/","attr_level":"x","status":200}
	// {"@timestamp":"2026-11-21T23:30:00.120456Z","@version":"1","level":"INFO","level_value":20000,"message":"got","host":{"name":"web-1"},"labels":{"url":"/","level":"x"},"status":200}
	// {"@timestamp":"2026-11-21T23:30:00.120456Z","@version":"1","level":"INFO","level_value":20000,"message":"got","host":{"name":"web-1"},"status":200}
}

// Names of one's own, and fields left out.
func ExampleOptions_names() {
	logExample(logstash.Options{Names: logstash.FieldNames{
		Level: "severity", Message: "msg", Version: "-", LevelValue: "-", Host: "hostname",
	}}, slog.LevelWarn, "slow", "ms", 1200)
	// Output:
	// {"@timestamp":"2026-11-21T23:30:00.120456Z","severity":"WARN","msg":"slow","hostname":"web-1","ms":1200}
}

// Tags for people, @metadata for the pipeline: index => "%{[@metadata][index]}".
func ExampleOptions_routing() {
	opts := logstash.Options{
		Type: "orders", Tags: []string{"prod"}, LevelTag: slog.Level.String,
		Metadata: []slog.Attr{slog.String("index", "app")},
		Fields:   []slog.Attr{slog.String("region", "eu"), slog.Group("host", "os", "linux")},
	}
	logExample(opts, slog.LevelInfo, "paid")
	logExample(opts, slog.LevelWarn, "denied", "tags", []string{"security"}, slog.Group("@metadata", "index", "audit"))
	// Output:
	// {"@timestamp":"2026-11-21T23:30:00.120456Z","@version":"1","level":"INFO","level_value":20000,"message":"paid","type":"orders","region":"eu","host":{"name":"web-1","os":"linux"},"tags":["prod","INFO"],"@metadata":{"index":"app"}}
	// {"@timestamp":"2026-11-21T23:30:00.120456Z","@version":"1","level":"WARN","level_value":30000,"message":"denied","type":"orders","region":"eu","host":{"name":"web-1","os":"linux"},"tags":["prod","security","WARN"],"@metadata":{"index":"audit"}}
}

func ExampleOptions_integers() {
	const order = int64(1<<53 + 1)
	for _, i := range []logstash.Integers{logstash.LongIntegers, logstash.SafeIntegers, logstash.AllIntegers} {
		logExample(logstash.Options{Integers: i, Names: exampleNames()}, slog.LevelInfo, "paid", "order", order, "hash", uint64(1)<<63)
	}
	// Output:
	// {"level":"INFO","message":"paid","order":9007199254740993,"hash":"9223372036854775808"}
	// {"level":"INFO","message":"paid","order":"9007199254740993","hash":"9223372036854775808"}
	// {"level":"INFO","message":"paid","order":9007199254740993,"hash":9223372036854775808}
}

// A gap in the numbers is an event that did not arrive.
func ExampleOptions_sequence() {
	logger := slog.New(logstash.NewHandler(os.Stdout, &logstash.Options{Sequence: true, Names: exampleNames()}))
	logger.Info("one")
	logger.With("k", "v").Info("two") // derived handlers share the count
	// Output:
	// {"level":"INFO","message":"one","sequence":1}
	// {"level":"INFO","message":"two","sequence":2,"k":"v"}
}

func ExampleOptions_trace() {
	type spanKey struct{}
	logger := slog.New(logstash.NewHandler(os.Stdout, &logstash.Options{
		Names: exampleNames(),
		Trace: func(ctx context.Context) (traceID, spanID string) {
			ids, _ := ctx.Value(spanKey{}).([2]string)
			return ids[0], ids[1]
		},
	}))
	ctx := context.WithValue(context.Background(), spanKey{}, [2]string{"4bf92f3577b34da6", "00f067aa0ba902b7"})
	logger.InfoContext(ctx, "in a span")
	logger.InfoContext(context.Background(), "outside")
	// Output:
	// {"level":"INFO","message":"in a span","trace_id":"4bf92f3577b34da6","span_id":"00f067aa0ba902b7"}
	// {"level":"INFO","message":"outside"}
}

// A dialError knows where it was made, as the errors of many packages do.
type dialError struct{ message string }

func (e *dialError) Error() string { return e.message }

func (e *dialError) StackFrames() []runtime.Frame {
	return []runtime.Frame{
		{Function: "main.connect", File: "/app/db.go", Line: 12},
		{Function: "main.main", File: "/app/main.go", Line: 30},
	}
}

func ExampleOptions_stackTrace() {
	err := fmt.Errorf("start: %w", &dialError{"connection refused"})
	opts := logstash.Options{StackHash: true, Names: exampleNames()}
	logExample(opts, slog.LevelError, "down", "err", err)
	opts.StackDepth, opts.StackRootFirst = 1, true
	logExample(opts, slog.LevelError, "down", "err", err)
	opts.StackDepth = -1
	logExample(opts, slog.LevelError, "down", "err", err)
	// Output:
	// {"level":"ERROR","message":"down","err":{"message":"start: connection refused","type":"*logstash_test.dialError"},"stack_trace":"*fmt.wrapError: start: connection refused\nCaused by: *logstash_test.dialError: connection refused\n\tat main.connect (/app/db.go:12)\n\tat main.main (/app/main.go:30)","stack_hash":"0a2c7e43"}
	// {"level":"ERROR","message":"down","err":{"message":"start: connection refused","type":"*logstash_test.dialError"},"stack_trace":"*logstash_test.dialError: connection refused\n\tat main.connect (/app/db.go:12)\n\t... 1 more\nWrapped by: *fmt.wrapError: start: connection refused","stack_hash":"0a2c7e43"}
	// {"level":"ERROR","message":"down","err":{"message":"start: connection refused","type":"*logstash_test.dialError"}}
}

// An event that is too long says so, and how long it was.
func ExampleOptions_sizes() {
	opts := logstash.Options{MaxFieldBytes: 12, Names: exampleNames()}
	logExample(opts, slog.LevelInfo, "query", "sql", "SELECT * FROM orders", "rows", 7)

	var event strings.Builder
	h := logstash.NewHandler(&event, &logstash.Options{MaxEventBytes: 1024, Names: exampleNames()})
	slog.New(h).Info("got", "body", strings.Repeat("x", 5000), "user", "alice")
	text := event.String()
	fmt.Print(len(text) <= 1024, " … ", text[len(text)-60:])
	// Output:
	// {"level":"INFO","message":"query","sql":"SELECT * FRO…(+8 bytes)","rows":7}
	// true … xxxxxxxxx…(+4067 bytes)","user":"alice","truncated":5057}
}

// exampleNames leaves out what is the same in each of these events.
func exampleNames() logstash.FieldNames {
	return logstash.FieldNames{Timestamp: "-", Version: "-", LevelValue: "-", Host: "-"}
}

package thirdparty_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/pubsub/gochannel"
	"github.com/go-chi/httplog/v3"
	"github.com/go-logr/logr"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/logging"
	"github.com/hashicorp/go-retryablehttp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/tracelog"
	"github.com/robfig/cron/v3"
	"github.com/rs/zerolog"
	slogmulti "github.com/samber/slog-multi"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/plugin/kslog"
	"go.opentelemetry.io/contrib/bridges/otelslog"
	"go.opentelemetry.io/otel"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
	"go.uber.org/zap/exp/zapslog"
	"go.uber.org/zap/zapcore"
	"google.golang.org/grpc"
	"gorm.io/gorm"
	gormlogger "gorm.io/gorm/logger"
	"k8s.io/klog/v2"

	"github.com/sluicelog/sluice/fanout"
	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/redact"
)

// stdout is the pipeline of the examples, which leaves out what is different each time.
func stdout() slog.Handler {
	duration := regexp.MustCompile(` \([\d.]+.?s\)$`)
	return redact.NewHandler(handler.NewJSONHandler(os.Stdout, &slog.HandlerOptions{
		Level: slog.LevelDebug,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			switch a.Key {
			case slog.TimeKey, "now", "next", "duration", "event.duration", "pubsub_uuid":
				return slog.Attr{}
			case slog.MessageKey:
				a.Value = slog.StringValue(duration.ReplaceAllString(a.Value.String(), ""))
			}
			return a
		},
	}), nil)
}

func Example_logr() {
	h := stdout()
	logger := logr.FromSlogHandler(h)

	logger.WithName("db").Error(errors.New("postgres://app:hunter2@db/: refused"), "connect", "try", 1)
	logger.V(1).Info("chatter")
	// Output:
	// {"level":"ERROR","msg":"connect","logger":"db","err":"postgres://app:[REDACTED]@db/: refused","try":1}
	// {"level":"DEBUG+3","msg":"chatter"}
}

func Example_cron() {
	h := stdout()
	logger := logr.FromSlogHandler(h.WithAttrs([]slog.Attr{slog.String("logger", "cron")}))
	c := cron.New(cron.WithLogger(logger), cron.WithChain(cron.Recover(logger)))

	c.Schedule(new(once), cron.FuncJob(func() { c.Stop() }))
	c.Run()
	// Output:
	// {"level":"INFO","msg":"start","logger":"cron"}
	// {"level":"INFO","msg":"schedule","logger":"cron","entry":1}
	// {"level":"INFO","msg":"wake","logger":"cron"}
	// {"level":"INFO","msg":"run","logger":"cron","entry":1}
	// {"level":"INFO","msg":"stop","logger":"cron"}
}

func Example_openTelemetryItself() {
	h := stdout()
	otel.SetLogger(logr.FromSlogHandler(h))

	sdktrace.NewTracerProvider()
	// Output:
	// {"level":"DEBUG","msg":"TracerProvider created","config":{}}
}

func Example_klog() {
	h := stdout()
	klog.SetSlogLogger(slog.New(h))

	klog.ErrorS(errors.New("Authorization: Bearer hunter2: expired"), "Could not list", "pod", klog.KRef("shop", "orders-0"))
	klog.ClearLogger()
	// Output:
	// {"level":"ERROR","msg":"Could not list","err":"Authorization: [REDACTED] expired","pod":{"name":"orders-0","namespace":"shop"}}
}

func Example_franzGo() {
	h := stdout()
	client, err := kgo.NewClient(
		kgo.SeedBrokers("kafka:9092"),
		kgo.WithLogger(kslog.New(slog.New(h).With("logger", "kafka"))),
	)

	fmt.Println(err)
	client.Close()
	// Output:
	// <nil>
}

func Example_pgx() {
	h := stdout()
	levels := map[tracelog.LogLevel]slog.Level{
		tracelog.LogLevelTrace: handler.LevelTrace, tracelog.LogLevelDebug: slog.LevelDebug,
		tracelog.LogLevelWarn: slog.LevelWarn, tracelog.LogLevelError: slog.LevelError,
	}
	logger := slog.New(h).With("logger", "pgx")
	toSlog := func(ctx context.Context, level tracelog.LogLevel, msg string, data map[string]any) {
		attrs := make([]slog.Attr, 0, len(data))
		for _, key := range slices.Sorted(maps.Keys(data)) {
			attrs = append(attrs, slog.Any(key, data[key]))
		}
		logger.LogAttrs(ctx, levels[level], msg, attrs...)
	}
	config, err := pgx.ParseConfig("postgres://app:hunter2@db/orders")
	if err != nil {
		fmt.Println(err)
		return
	}
	config.Tracer = &tracelog.TraceLog{Logger: tracelog.LoggerFunc(toSlog), LogLevel: tracelog.LogLevelInfo}

	config.LookupFunc = func(context.Context, string) ([]string, error) { return nil, errors.New("no such host") }
	_, err = pgx.ConnectConfig(context.Background(), config)
	fmt.Println(err != nil)
	// Output:
	// {"level":"ERROR","msg":"Connect","logger":"pgx","database":"orders","err":"failed to connect to `user=app database=orders`:\n\thostname resolving error: no such host\n\tno such host","host":"db","port":5432}
	// true
}

func Example_retryablehttp() {
	h := stdout()
	client := retryablehttp.NewClient()
	client.Logger = slog.New(h)

	client.RetryMax = 0
	client.HTTPClient.Transport = refusing{}
	response, err := client.Get("https://billing/pay?access_token=hunter2")
	if err == nil {
		response.Body.Close()
	}
	// Output:
	// {"level":"DEBUG","msg":"performing request","method":"GET","url":"https://billing/pay?access_token=[REDACTED]"}
	// {"level":"ERROR","msg":"request failed","error":"Get \"https://billing/pay?access_token=[REDACTED]\": dial \"https://billing/pay?access_token=[REDACTED]\": connection refused","method":"GET","url":"https://billing/pay?access_token=[REDACTED]"}
}

func Example_grpc() {
	h := stdout()
	logger := slog.New(h).With("logger", "grpc")
	toSlog := func(ctx context.Context, level logging.Level, msg string, fields ...any) {
		logger.Log(ctx, slog.Level(level), msg, fields...)
	}
	server := grpc.NewServer(grpc.ChainUnaryInterceptor(logging.UnaryServerInterceptor(logging.LoggerFunc(toSlog))))

	server.Stop()
	toSlog(context.Background(), logging.LevelInfo, "finished call", "grpc.code", "OK")
	// Output:
	// {"level":"INFO","msg":"finished call","logger":"grpc","grpc.code":"OK"}
}

func Example_serverErrorLog() {
	h := stdout()
	server := &http.Server{ErrorLog: slog.NewLogLogger(h, slog.LevelError)}

	server.ErrorLog.Print("http: TLS handshake error from 192.0.2.1:1234: EOF")
	// Output:
	// {"level":"ERROR","msg":"http: TLS handshake error from 192.0.2.1:1234: EOF"}
}

func Example_log() {
	h, before := stdout(), slog.Default()
	log.SetFlags(log.Lshortfile) // at the time of SetDefault it says that the source is wanted
	slog.SetDefault(slog.New(h))

	log.Print("old code with password=hunter2")
	slog.SetDefault(before)
	// Output:
	// {"level":"INFO","msg":"old code with password=[REDACTED]"}
}

func Example_gorm() {
	h, dialector := stdout(), dialect{pool: sql.OpenDB(database{})}
	defer dialector.pool.Close()
	db, err := gorm.Open(dialector, &gorm.Config{
		Logger: gormlogger.NewSlogLogger(slog.New(h), gormlogger.Config{
			LogLevel: gormlogger.Warn, ParameterizedQueries: true, IgnoreRecordNotFoundError: true,
		}),
	})

	if err == nil {
		db.Exec("delete from users where password = ?", "hunter2")
	}
	// Output:
	// {"level":"ERROR","msg":"SQL executed","trace":{"sql":"delete from users where password = ?","rows":0,"error":"no such table: delete from users where password = ?"}}
}

func Example_httplog() {
	h, next := stdout(), http.NotFoundHandler()
	access := httplog.RequestLogger(slog.New(h), &httplog.Options{
		Schema: httplog.SchemaECS.Concise(true), RecoverPanics: true,
	})(next)

	access.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/?api_key=hunter2", nil))
	// Output:
	// {"level":"WARN","msg":"GET /?api_key=[REDACTED] => HTTP 404"}
}

func Example_watermill() {
	h := stdout()
	logger := watermill.NewSlogLogger(slog.New(h).WithGroup("events"))
	pubSub := gochannel.NewGoChannel(gochannel.Config{}, logger)

	pubSub.Close()
	// Output:
	// {"level":"DEBUG","msg":"Closing Pub/Sub, waiting for subscribers"}
	// {"level":"INFO","msg":"Pub/Sub closed"}
}

func Example_otelslog() {
	provider := sdklog.NewLoggerProvider() // with a processor of yours
	h := redact.NewHandler(fanout.NewHandler(nil,
		otelslog.NewHandler("shop", otelslog.WithLoggerProvider(provider)),
		logstash.NewHandler(os.Stdout, &logstash.Options{Trace: func(ctx context.Context) (traceID, spanID string) {
			if span := trace.SpanContextFromContext(ctx); span.IsValid() {
				traceID, spanID = span.TraceID().String(), span.SpanID().String()
			}
			return traceID, spanID
		}}),
	), nil)

	fmt.Println(h.Enabled(context.Background(), slog.LevelInfo))
	// Output:
	// true
}

func Example_slogMulti() {
	h := stdout()
	around := slogmulti.Router().Add(h, slogmulti.LevelIs(slog.LevelError)).Handler()
	inside := fanout.NewHandler(nil, fanout.When(fanout.HasTag("pager"), slogmulti.Failover()(h, slog.DiscardHandler)))

	slog.New(around).Error("through the router", "password", "hunter2")
	slog.New(inside).Info("through the failover", "tags", []string{"pager"})
	// Output:
	// {"level":"ERROR","msg":"through the router","password":"[REDACTED]"}
	// {"level":"INFO","msg":"through the failover","tags":["pager"]}
}

func Example_zap() {
	encoder := zapcore.NewJSONEncoder(zapcore.EncoderConfig{MessageKey: "msg", LevelKey: "level", EncodeLevel: zapcore.LowercaseLevelEncoder})
	core := zapcore.NewCore(encoder, zapcore.Lock(os.Stdout), zap.InfoLevel)
	h := redact.NewHandler(zapslog.NewHandler(core, zapslog.AddStacktraceAt(slog.LevelError+1)), nil)

	slog.New(h).Info("into a core", "password", "hunter2")
	// Output:
	// {"level":"info","msg":"into a core","password":"[REDACTED]"}
}

func Example_zerolog() {
	var w bytes.Buffer // any writer that is safe for concurrent use, or has zerolog.SyncWriter around it
	h := redact.NewHandler(zerolog.NewSlogHandler(zerolog.New(&w)), nil)

	slog.New(h).Info("into zerolog", "password", "hunter2")
	fmt.Println(bytes.Contains(w.Bytes(), []byte(`"password":"[REDACTED]"`)))
	// Output:
	// true
}

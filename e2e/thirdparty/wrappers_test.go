package thirdparty_test

import (
	"context"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-chi/httplog/v3"
	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-retryablehttp"
	"gorm.io/gorm"
	gormlogger "gorm.io/gorm/logger"

	"github.com/sluicelog/sluice/fanout"
	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/redact"
)

// TestWrappersChangeNothing runs the libraries into a handler by itself and, beside it,
// one behind each wrapper and behind all of them, each of which lets everything pass.
func TestWrappersChangeNothing(t *testing.T) {
	wrappers := map[string]func(slog.Handler) slog.Handler{
		"Context": func(next slog.Handler) slog.Handler { return handler.NewContext(next, nil) },
		"Func": func(next slog.Handler) slog.Handler {
			return handler.NewFunc(next.Handle, &handler.FuncOptions{Level: handler.LevelTrace})
		},
		"Recover": func(next slog.Handler) slog.Handler { return handler.NewRecover(next, nil) },
		"Rename": func(next slog.Handler) slog.Handler {
			same := func(_ []string, a slog.Attr) slog.Attr { return a }
			return handler.NewRename(next, &handler.RenameOptions{Replace: same})
		},
		"Sample": func(next slog.Handler) slog.Handler {
			return handler.NewSample(next, &handler.SampleOptions{Keep: handler.LevelTrace, First: math.MaxInt})
		},
		"Dedup": func(next slog.Handler) slog.Handler {
			never := func(context.Context, slog.Record) string { return "" }
			return handler.NewDedup(next, &handler.DedupOptions{Key: never})
		},
		"Gate": func(next slog.Handler) slog.Handler {
			levels := handler.NewLevels(handler.LevelTrace, handler.LevelRule{Package: "example.com/*", Level: off})
			return handler.NewGate(next, &handler.GateOptions{Level: levels})
		},
		"FirstMatch": func(next slog.Handler) slog.Handler {
			return fanout.NewFirstMatch(nil, fanout.When(fanout.HasTag("nobody"), slog.DiscardHandler), next)
		},
		"Failover": func(next slog.Handler) slog.Handler {
			return fanout.NewFailover(nil, handler.NewJSONHandler(failing{}, &slog.HandlerOptions{Level: handler.LevelTrace}), next)
		},
	}
	all := func(next slog.Handler) slog.Handler {
		for _, wrap := range wrappers {
			next = wrap(next)
		}
		return next
	}
	for name, use := range map[string]func(*testing.T, slog.Handler){
		"talk":          func(t *testing.T, h slog.Handler) { t.Helper(); talk(t.Context(), h) },
		"retryablehttp": useRetryablehttp, "pgx": usePgx, "httplog": useHTTPLog, "grpc": useGRPC,
		"server": useServer, "opentelemetry": useOpenTelemetry, "watermill": useWatermill, "franz-go": useFranzGo,
	} {
		t.Run(name, func(t *testing.T) {
			testlog.CheckGoroutines(t)
			options := handler.JSONOptions{}
			options.AddSource, options.Level = true, handler.LevelTrace
			outputs := map[string]*testlog.Buffer{"none": {}, "all": {}}
			sinks := []slog.Handler{options.NewHandler(outputs["none"]), all(options.NewHandler(outputs["all"]))}
			for wrapper, wrap := range wrappers {
				outputs[wrapper] = new(testlog.Buffer)
				sinks = append(sinks, wrap(options.NewHandler(outputs[wrapper])))
			}
			h := redact.NewHandler(fanout.NewHandler(nil, sinks...), nil)
			t.Run("run", func(t *testing.T) {
				testlog.CheckGoroutines(t) // waits until nothing can log any more
				use(t, h)
			})
			if err := handler.Flush(background, h); err != nil {
				t.Error(err)
			}
			want := inAnyOrder(whole(t, name, outputs["none"]))
			if len(want) == 0 {
				t.Error("nothing is logged")
			}
			for wrapper, output := range outputs {
				if wrapper == "none" {
					continue
				}
				if diff := cmp.Diff(want, inAnyOrder(whole(t, name, output))); diff != "" {
					t.Errorf("%s: mismatch (-want +got):\n%s", wrapper, diff)
				}
			}
		})
	}
}

// TestDedupOfRetries collapses what a client says of each of its attempts.
func TestDedupOfRetries(t *testing.T) {
	var lines testlog.Buffer
	h := redact.NewHandler(handler.NewDedup(handler.NewJSONHandler(&lines, nil), nil), nil)
	client := retryablehttp.NewClient()
	client.Logger, client.RetryMax, client.RetryWaitMin, client.RetryWaitMax = slog.New(h), 4, 1, 1
	client.HTTPClient.Transport = refusing{}
	if response, err := client.Get("https://billing/?token=" + secret); err == nil {
		response.Body.Close()
		t.Error("no error")
	}
	if err := handler.Flush(background, h); err != nil {
		t.Error(err)
	}
	const text = `"Get \"https://billing/?token=[REDACTED]\": dial \"https://billing/?token=[REDACTED]\": connection refused",` +
		`"method":"GET","url":"https://billing/?token=[REDACTED]"`
	compare(t, []string{
		`{"level":"ERROR","msg":"request failed","error":` + text + `}`,
		`{"level":"ERROR","msg":"request failed","error":` + text + `,"repeated":{"count":4}}`,
	}, plain(whole(t, "lines", &lines), `("count":4),[^}]*`, `$1`))
}

// TestErrorStackOfPgx has the types of errors with secrets in them told behind redact.
func TestErrorStackOfPgx(t *testing.T) {
	var output testlog.Buffer
	h := redact.NewHandler(handler.NewErrorStack(handler.NewJSONHandler(&output, &slog.HandlerOptions{Level: slog.LevelError}), nil), nil)
	usePgx(t, h)
	lines := plain(whole(t, "lines", &output), `"time":\d+`, `"time":0`)
	if len(lines) != 3 {
		t.Fatalf("%d lines, want 3", len(lines))
	}
	compare(t, []string{
		`{"level":"ERROR","msg":"Query","logger":"pgx","db":{"args":[],"err":{` +
			`"message":"ERROR: cannot do alter role bob password '[REDACTED]' (SQLSTATE 42601)","type":"*pgconn.PgError"},` +
			`"pid":4711,"sql":"alter role bob password '[REDACTED]'","time":0}}`,
		`{"level":"ERROR","msg":"Query","logger":"pgx","db":{"args":["token=[REDACTED]"],"err":{` +
			`"message":"ERROR: cannot do select  'token=[REDACTED]'  (SQLSTATE 42601)","type":"*pgconn.PgError"},` +
			`"pid":4711,"sql":"select $1","time":0}}`,
	}, lines[:2])
}

// TestContextOfRequests has what middleware put into the context in the records of the
// libraries that pass it on, at the top level, and the level of one request too.
func TestContextOfRequests(t *testing.T) {
	var lines testlog.Buffer
	h := handler.NewContext(redact.NewHandler(handler.NewGate(handler.NewJSONHandler(&lines, &slog.HandlerOptions{
		Level: slog.LevelDebug,
	}), &handler.GateOptions{Level: slog.LevelWarn, FollowContext: true}), nil), nil)
	logger := slog.New(h).WithGroup("lib")
	db, err := gorm.Open(accounts(t), &gorm.Config{Logger: gormlogger.NewSlogLogger(logger, gormlogger.Config{LogLevel: gormlogger.Info})})
	if err != nil {
		t.Fatal(err)
	}
	access := httplog.RequestLogger(logger, &httplog.Options{Schema: httplog.SchemaECS.Concise(true), Level: slog.LevelDebug})(
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := db.WithContext(r.Context()).Exec("select 1").Error; err != nil {
				t.Error(err)
			}
		}))
	for _, id := range []string{"quiet", "debugged"} {
		ctx := handler.AddAttrs(t.Context(), slog.String("request_id", id), slog.String("token", secret))
		if id == "debugged" {
			ctx = handler.WithLevel(ctx, slog.LevelDebug)
		}
		access.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/"+id, nil))
	}
	compare(t, []string{
		`{"level":"INFO","msg":"SQL executed","request_id":"debugged","token":"[REDACTED]",` +
			`"lib":{"trace":{"duration":"0ms","sql":"select 1","rows":0}}}`,
		`{"level":"INFO","msg":"GET /debugged => HTTP 200","request_id":"debugged","token":"[REDACTED]"}`,
	}, plain(whole(t, "lines", &lines), `"duration":"[^"]*"`, `"duration":"0ms"`, ` \([\d.]+.?s\)"`, `"`))
}

// TestTestOfHTTPLog looks at the records of a library.
func TestTestOfHTTPLog(t *testing.T) {
	logs := handler.NewTest(t, nil)
	useHTTPLog(t, redact.NewHandler(logs, nil))
	failed := logs.TakeFunc(func(r slog.Record) bool { return r.Level == slog.LevelError })
	if len(failed) != 1 || len(failed.Attr("http.request.header.Authorization", "[REDACTED]")) != 1 {
		t.Errorf("%d errors", len(failed))
	}
	if logs.Len() != 1 || len(logs.Records().Attr("user.password", "[REDACTED]")) != 1 {
		t.Errorf("%d others", logs.Len())
	}
}

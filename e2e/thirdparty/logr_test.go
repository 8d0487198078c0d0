package thirdparty_test

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/robfig/cron/v3"
	"go.opentelemetry.io/otel"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"k8s.io/klog/v2"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/internal/testlog"
)

// TestLogr logs through logr, and through log/slog again.
func TestLogr(t *testing.T) {
	p := newPipeline(t, handler.LevelTrace)
	logger := logr.FromSlogHandler(p.WithGroup("app")).WithName("db").WithName("pool").WithValues("shard", 3)
	logger.V(4).Info("connecting", "dsn", "postgres://app:"+secret+"@db/orders")
	logger.V(1).WithValues("password", secret).Info("connected")
	logger.V(9).Info("finer than TRACE")
	logger.Error(errors.New("access_token="+secret+" expired"), "query failed", "odd")
	logger.Error(nil, "no error")

	back := slog.New(logr.ToSlogHandler(logger)).WithGroup("g")
	back.Info("back", "id", 1)
	biased := slog.New(logr.ToSlogHandler(logger.V(2))).With("a", 1).WithGroup("h").With("b", 2)
	biased.Warn("biased", "c", 3)
	p.check(t, []string{
		`{"level":"DEBUG","source":"caller logr_test.go","msg":"connecting","app":{"shard":3,"logger":"db/pool",` +
			`"dsn":"postgres://app:[REDACTED]@db/orders"}}`,
		`{"level":"DEBUG+3","source":"caller logr_test.go","msg":"connected","app":{"shard":3,` +
			`"password":"[REDACTED]","logger":"db/pool"}}`,
		`{"level":"ERROR","source":"caller logr_test.go","msg":"query failed","app":{"shard":3,` +
			`"logger":"db/pool","err":"access_token=[REDACTED] expired","!BADKEY":"odd"}}`,
		`{"level":"ERROR","source":"caller logr_test.go","msg":"no error","app":{"shard":3,"logger":"db/pool"}}`,
		`{"level":"INFO","source":"caller logr_test.go","msg":"back","app":{"shard":3,"g":{"id":1}}}`,
		`{"level":"INFO","source":"caller logr_test.go","msg":"biased","app":{"shard":3,"a":1,"h.b":2,` +
			`"logger":"db/pool","h.c":3}}`,
	})

	if got := logr.ToSlogHandler(logr.FromSlogHandler(p)); got != slog.Handler(p) {
		t.Errorf("to logr and back the handler is a %T", got)
	}
	quiet := logr.FromSlogHandler(handler.NewGate(p, &handler.GateOptions{Level: slog.LevelError + 1}))
	quiet.Error(errors.New("logr does not ask Enabled about errors"), "below the gate")
	p.check(t, []string{})
}

// TestCron runs a job that panics under robfig/cron, whose Logger a logr.Logger is.
func TestCron(t *testing.T) {
	p := newPipeline(t, slog.LevelInfo)
	testlog.CheckGoroutines(t)
	logger := logr.FromSlogHandler(p.WithAttrs([]slog.Attr{slog.String("logger", "cron")}))
	c := cron.New(cron.WithLogger(logger), cron.WithChain(cron.Recover(logger)))
	logged := make(chan struct{})
	c.Schedule(new(once), cron.FuncJob(func() {
		<-logged // what else is said of the run, by another goroutine
		panic(errors.New("dial postgres://app:" + secret + "@db/orders: connection refused"))
	}))
	c.Start()
	p.wait(t, "run")
	close(logged)
	p.wait(t, "panic")
	<-c.Stop().Done()
	p.wait(t, "stop")
	p.check(t, []string{
		`{"level":"INFO","source":"github.com/robfig/cron/v3 cron.go","msg":"start","logger":"cron"}`,
		`{"level":"INFO","source":"github.com/robfig/cron/v3 cron.go","msg":"schedule","logger":"cron",` +
			`"now":"time","entry":1,"next":"time"}`,
		`{"level":"INFO","source":"github.com/robfig/cron/v3 cron.go","msg":"wake","logger":"cron","now":"time"}`,
		`{"level":"INFO","source":"github.com/robfig/cron/v3 cron.go","msg":"run","logger":"cron","now":"time",` +
			`"entry":1,"next":"time"}`,
		`{"level":"ERROR","source":"chain.go","msg":"panic","logger":"cron",` +
			`"err":"dial postgres://app:[REDACTED]@db/orders: connection refused","stack":"goroutine"}`,
		`{"level":"INFO","source":"github.com/robfig/cron/v3 cron.go","msg":"stop","logger":"cron"}`,
	}, `\d{4}-\d\d-\d\dT[^"]*`, `time`, `"stack":"\.\.\.\\n(goroutine)[^"]*"`, `"stack":"$1"`,
		`"source":"[^"]* chain.go"`, `"source":"chain.go"`)
}

// once is a schedule with one time soon.
type once struct{ was bool }

func (o *once) Next(t time.Time) time.Time {
	if o.was {
		return t.Add(time.Hour)
	}
	o.was = true
	return t.Add(time.Millisecond)
}

// TestOpenTelemetryItself has the SDK tell of itself by logr.
func TestOpenTelemetryItself(t *testing.T) {
	p := newPipeline(t, handler.LevelTrace)
	testlog.CheckGoroutines(t)
	useOpenTelemetry(t, p)
	p.check(t, []string{
		`{"level":"DEBUG","source":"go.opentelemetry.io/otel/internal/global internal_logging.go",` +
			`"msg":"TracerProvider created","config":{}}`,
		`{"level":"DEBUG+3","source":"go.opentelemetry.io/otel/internal/global internal_logging.go",` +
			`"msg":"SimpleSpanProcessor is not recommended for production use, consider using BatchSpanProcessor instead."}`,
		`{"level":"DEBUG","source":"go.opentelemetry.io/otel/internal/global internal_logging.go",` +
			`"msg":"Tracer created","name":"go.opentelemetry.io/otel/sdk/tracer","version":"","schemaURL":"",` +
			`"attributes":{}}`,
	})
}

// useOpenTelemetry starts and ends a TracerProvider.
func useOpenTelemetry(t *testing.T, h slog.Handler) {
	t.Helper()
	otel.SetLogger(logr.FromSlogHandler(h))
	t.Cleanup(func() { otel.SetLogger(logr.Discard()) })
	provider := sdktrace.NewTracerProvider()
	provider.RegisterSpanProcessor(sdktrace.NewSimpleSpanProcessor(nil)) // which it warns of
	_, span := provider.Tracer("").Start(t.Context(), "")
	span.End()
	if err := provider.Shutdown(background); err != nil {
		t.Error(err)
	}
}

// TestKlog logs as client-go and other libraries of Kubernetes do.
func TestKlog(t *testing.T) {
	p := newPipeline(t, slog.LevelDebug)
	testlog.CheckGoroutines(t, "klog")
	klog.SetSlogLogger(slog.New(p))
	t.Cleanup(klog.ClearLogger)
	klog.InfoS("Scheduled", "pod", klog.KRef("shop", "orders-0"), "pods", klog.KObjSlice([]klog.KMetadata{meta{"shop", "a"}}))
	klog.ErrorS(errors.New("Authorization: Bearer "+secret), "Could not list", "resource", "pods")
	klog.Infof("watching with token=%s\n", secret)
	klog.Warning("slow")
	klog.FromContext(t.Context()).WithName("reflector").V(0).Info("listed", "items", 2)
	klog.Flush()
	p.check(t, []string{
		`{"level":"INFO","source":"caller logr_test.go","msg":"Scheduled","pod":{"name":"orders-0",` +
			`"namespace":"shop"},"pods":[{"name":"a","namespace":"shop"}]}`,
		`{"level":"ERROR","source":"caller logr_test.go","msg":"Could not list",` +
			`"err":"Authorization: [REDACTED]","resource":"pods"}`,
		`{"level":"INFO","source":"caller logr_test.go","msg":"watching with token=[REDACTED]"}`,
		`{"level":"INFO","source":"caller logr_test.go","msg":"slow"}`,
		`{"level":"INFO","source":"caller logr_test.go","msg":"listed","logger":"reflector","items":2}`,
	})
}

type meta struct{ namespace, name string }

func (m meta) GetName() string      { return m.name }
func (m meta) GetNamespace() string { return m.namespace }

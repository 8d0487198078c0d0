package thirdparty_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/contrib/bridges/otelslog"
	"go.opentelemetry.io/otel/attribute"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/trace"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/fanout"
	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/redact"
)

// An exporter keeps what OpenTelemetry is given.
type exporter struct {
	mu      sync.Mutex
	records []string
}

func (e *exporter) Export(_ context.Context, records []sdklog.Record) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range records {
		r := &records[i]
		line := fmt.Sprintf("%v %q %s", r.Severity(), r.Body().AsString(), r.TraceID().String()[:4])
		r.WalkAttributes(func(kv attribute.KeyValue) bool {
			line += fmt.Sprintf(" %s=%v", kv.Key, kv.Value.String())
			return true
		})
		e.records = append(e.records, line)
	}
	return nil
}

func (e *exporter) Shutdown(context.Context) error   { return nil }
func (e *exporter) ForceFlush(context.Context) error { return nil }

// TestOtelslog has the bridge of OpenTelemetry as one more sink of a pipeline, straight
// and behind a buffer, beside a sink of events which have the ids of the trace as well.
func TestOtelslog(t *testing.T) {
	testlog.CheckGoroutines(t)
	var straight, buffered exporter
	var events testlog.Buffer
	bridge := func(e *exporter) slog.Handler {
		provider := sdklog.NewLoggerProvider(sdklog.WithProcessor(sdklog.NewSimpleProcessor(e)))
		t.Cleanup(func() {
			if err := provider.Shutdown(background); err != nil {
				t.Error(err)
			}
		})
		return otelslog.NewHandler("shop", otelslog.WithLoggerProvider(provider))
	}
	queue := asyncbuf.NewHandler(bridge(&buffered), nil)
	t.Cleanup(func() { queue.Close() })
	h := redact.NewHandler(fanout.NewHandler(nil,
		handler.NewGate(bridge(&straight), nil),
		handler.NewGate(queue, nil),
		logstash.NewHandler(&events, &logstash.Options{Trace: func(ctx context.Context) (traceID, spanID string) {
			if span := trace.SpanContextFromContext(ctx); span.IsValid() {
				traceID, spanID = span.TraceID().String(), span.SpanID().String()
			}
			return traceID, spanID
		}}),
	), nil)
	ctx, cancel := context.WithCancel(trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{0xab, 0xcd}, SpanID: trace.SpanID{0x12}, TraceFlags: trace.FlagsSampled,
	})))
	cancel() // the request is over: its log is not
	talk(ctx, h)
	if err := handler.Flush(t.Context(), h); err != nil {
		t.Error(err)
	}
	want := []string{
		`INFO "top" abcd app=shop dsn=amqp://app:[REDACTED]@mq/ id=1`,
		`WARN "grouped" abcd app=shop dsn=amqp://app:[REDACTED]@mq/ db={"args":{"n":7,"password":"[REDACTED]"},"id":2,"shard":3}`,
		`ERROR "nested" abcd app=shop dsn=amqp://app:[REDACTED]@mq/ db={"shard":3,"table":{"name":"users"}} exception.message=token=[REDACTED] exception.type=*errors.errorString`,
		`INFO3 "sibling" abcd app=shop dsn=amqp://app:[REDACTED]@mq/ db={"shard":3,"table":{"id":4,"name":"orders"}}`,
	}
	compare(t, want, straight.records)
	compare(t, want, buffered.records)
	lines := whole(t, "events", &events)
	for _, line := range lines {
		if !strings.Contains(line, `"abcd0000000000000000000000000000"`) || !strings.Contains(line, `"1200000000000000"`) {
			t.Errorf("no ids of the trace in %s", line)
		}
	}
	if len(lines) != 4 {
		t.Errorf("%d events, want 4", len(lines))
	}
}

package monitor_test

import (
	"context"
	"encoding/json"
	"errors"
	"expvar"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"

	"github.com/sluicelog/sluice/monitor"
)

// toStdout is a handler that prints records without what differs from run to run.
func toStdout() slog.Handler {
	return slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		switch a.Key {
		case "pid":
			return slog.Int("pid", 4711)
		case slog.TimeKey, "elapsed", "per_second", "heap_bytes", "total_bytes":
			return slog.Attr{}
		}
		if len(groups) > 0 && groups[0] == "process" {
			return slog.Attr{}
		}
		return a
	}})
}

// ending is a handler that calls end after a record with the message.
type ending struct {
	slog.Handler

	message string
	end     func()
}

func (e ending) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == e.message {
		defer e.end()
	}
	return e.Handler.Handle(ctx, r)
}

func ExampleNewHandler() {
	mon := monitor.NewHandler(slog.NewTextHandler(io.Discard, nil), nil)
	logger := slog.New(mon)
	logger.Info("started")
	logger.With("user", 7).Error("payment failed")
	logger.Debug("not enabled, and not counted")

	s := mon.Stats()
	fmt.Println(s.Total, "records:", s.ByLevel)
	// Output: 2 records: map[INFO:1 ERROR:1]
}

func ExampleHandler_Before() {
	mon := monitor.NewHandler(slog.NewTextHandler(io.Discard, nil), nil)
	slog.New(mon).Info("to one")
	slog.New(mon.Before(slog.NewJSONHandler(io.Discard, nil))).Info("to the other")
	fmt.Println(mon.Stats().Total)
	// Output: 2
}

func ExampleHandler_Stats() {
	mon := monitor.NewHandler(slog.NewTextHandler(io.Discard, nil), nil)
	logger := slog.New(mon)
	for range 3 {
		logger.Warn("slow")
	}
	s := mon.Stats()
	fmt.Println(s.Total, s.ByLevel[slog.LevelWarn], s.Failed, s.PerSecond > 0)
	// Output: 3 3 0 true
}

func ExampleHandler_Reset() {
	mon := monitor.NewHandler(slog.NewTextHandler(io.Discard, nil), nil)
	slog.New(mon).Info("one")
	fmt.Println("until now:", mon.Reset().Total)
	fmt.Println("from now on:", mon.Stats().Total, "and in all:", mon.Totals().Total)
	// Output:
	// until now: 1
	// from now on: 0 and in all: 1
}

func ExampleHandler_Totals() {
	mon := monitor.NewHandler(slog.NewTextHandler(io.Discard, nil), nil)
	slog.New(mon).Info("one")
	mon.Reset()
	slog.New(mon).Info("two")
	fmt.Println(mon.Totals().Total)
	// Output: 2
}

func ExampleHandler_Rates() {
	mon := monitor.NewHandler(slog.NewTextHandler(io.Discard, nil), nil)
	logger := slog.New(mon)
	logger.Warn("slow")
	logger.Error("failed")
	logger.Error("failed again")

	r := mon.Rates()
	fmt.Println("errors a minute:", r.ErrorsPerMinute, "warnings a minute:", r.WarningsPerMinute)
	fmt.Println("in the last hour:", r.LastHour.Total())
	// Output:
	// errors a minute: 2 warnings a minute: 1
	// in the last hour: 3
}

func ExampleHandler_Health() {
	mon := monitor.NewHandler(slog.NewTextHandler(io.Discard, nil), &monitor.Options{Sinks: func() []monitor.Sink {
		return []monitor.Sink{
			{Name: "app.log", Written: 100},
			{Name: "logstash", Queued: 3, QueueBytes: 950, QueueSize: 1000, Down: "dial: connection refused"},
		}
	}})
	h := mon.Health()
	fmt.Println(h.State)
	for _, reason := range h.Reasons {
		fmt.Println(reason)
	}
	// Output:
	// failing
	// logstash: down: dial: connection refused
	// logstash: queue is 95 % full
}

func ExampleHandler_HealthHandler() {
	mon := monitor.NewHandler(slog.NewTextHandler(io.Discard, nil), &monitor.Options{Sinks: func() []monitor.Sink {
		return []monitor.Sink{{Name: "app.log", Down: "no space left on device"}}
	}})
	mux := http.NewServeMux()
	mux.Handle("/healthz", mon.HealthHandler())

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/healthz", http.NoBody))
	fmt.Println(w.Code)
	fmt.Println(w.Body)
	// Output:
	// 503
	// {"state":"failing","reasons":["app.log: down: no space left on device"],"sinks":[{"name":"app.log","state":"failing","reasons":["down: no space left on device"]}]}
}

func ExampleHandler_LogVolume() {
	ctx, cancel := context.WithCancel(context.Background())
	mon := monitor.NewHandler(ending{toStdout(), "log volume", cancel}, nil) // one is enough for an example
	logger := slog.New(mon)
	logger.Warn("slow")

	mon.LogVolume(ctx, logger, 100*time.Millisecond) // a program says: go mon.LogVolume(ctx, logger, time.Minute)
	// Output:
	// level=WARN msg=slow
	// level=INFO msg="log volume" total=1 by_level.WARN=1 failed=0 bytes=0 dropped=0
}

func ExampleHandler_LogHealth() {
	mon := monitor.NewHandler(toStdout(), &monitor.Options{Sinks: func() []monitor.Sink {
		return []monitor.Sink{{Name: "logstash", Accepted: 9, Written: 2, Spooled: 7, SpoolBytes: 700}}
	}})
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	mon.LogHealth(ctx, slog.New(mon), time.Hour) // a program says: go mon.LogHealth(ctx, logger, 5*time.Minute)
	// Output:
	// level=WARN msg="log health" state=degraded reasons="[logstash: 7 wait in the spool]" process.pid=4711 sinks.logstash.state=degraded sinks.logstash.written=2 sinks.logstash.dropped=0 sinks.logstash.queued=0 sinks.logstash.spool_bytes=700
}

func ExampleHandler_Watch() {
	mon := monitor.NewHandler(slog.NewTextHandler(io.Discard, nil), nil)
	for range 11 {
		slog.New(mon).Error("payment failed")
	}

	ctx, cancel := context.WithCancel(context.Background())
	mon.Watch(ctx, monitor.Threshold{ // a program says: go mon.Watch(…)
		Name:  "too many errors",
		Above: 10,
		Func: func(a monitor.Alert) {
			fmt.Println(a)
			cancel()
		},
	})
	// Output: alert "too many errors": 11 records at ERROR and above in 1m0s, more than 10
}

func ExampleHandler_String() {
	mon := monitor.NewHandler(slog.NewTextHandler(io.Discard, nil), nil)
	expvar.Publish("log", mon) // which is at /debug/vars then
	slog.New(mon).Info("started")

	var vars struct{ Stats monitor.Stats }
	if err := json.Unmarshal([]byte(expvar.Get("log").String()), &vars); err != nil {
		fmt.Println(err)
	}
	fmt.Println(vars.Stats.ByLevel)
	// Output: map[INFO:1]
}

func ExampleCounts_Total() {
	fmt.Println(monitor.Counts{Debug: 1, Info: 2, Warn: 3, Error: 4, Failed: 5}.Total())
	// Output: 10
}

func ExampleState_Level() {
	fmt.Println(monitor.Healthy.Level(), monitor.Degraded.Level(), monitor.Failing.Level())
	// Output: INFO WARN ERROR
}

// Without a redact.Handler before it, a function can keep secrets from what the
// monitor shows.
func ExampleOptions() {
	mon := monitor.NewHandler(slog.NewTextHandler(io.Discard, nil), &monitor.Options{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			return slog.String(a.Key, strings.ReplaceAll(a.Value.String(), "hunter2", "***"))
		},
		Sinks: func() []monitor.Sink {
			return []monitor.Sink{{Name: "db", LastErr: errors.New("login hunter2 refused"), LastErrTime: time.Now()}}
		},
	})
	fmt.Println(mon.Health().Reasons)
	// Output: [db: error in the last minute: login *** refused]
}

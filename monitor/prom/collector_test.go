package prom_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/sluicelog/sluice/monitor"
	"github.com/sluicelog/sluice/monitor/prom"
)

func newHandler(sinks ...monitor.Sink) *monitor.Handler {
	return monitor.NewHandler(slog.DiscardHandler, &monitor.Options{
		Sinks: func() []monitor.Sink { return sinks },
	})
}

func log(h slog.Handler, levels ...slog.Level) {
	for _, level := range levels {
		_ = h.Handle(context.Background(), slog.NewRecord(time.Now(), level, "m", 0))
	}
}

func TestMetrics(t *testing.T) {
	h := newHandler(
		monitor.Sink{
			Name: "app", Type: "file", Accepted: 12, Written: 6, Dropped: 1, Queued: 2, WrittenBytes: 600,
			QueueBytes: 20, QueueSize: 100, Spooled: 3, SpoolBytes: 300, FileSize: 50, Backups: 2, BackupBytes: 550,
			Rotations: 4, LastRotation: time.Unix(1000, 5e8), FreeSpace: 1 << 30,
			LastErr: errors.New("e"), LastErrTime: time.Unix(2000, 0),
		},
		monitor.Sink{Name: "app", Type: "con\xffsole", Down: "gone", FreeSpace: -1},
	)
	log(h.Before(failing{}), slog.LevelWarn)
	h.Reset()
	log(h.Before(slog.DiscardHandler), slog.LevelInfo, slog.LevelInfo, slog.LevelWarn+1)
	want, err := os.ReadFile("testdata/metrics.txt")
	if err != nil {
		t.Fatal(err)
	}
	c := prom.NewCollector(h, &prom.Options{ConstLabels: prometheus.Labels{"host": "a"}})
	if err := testutil.CollectAndCompare(c, strings.NewReader(string(want))); err != nil {
		t.Error(err)
	}
}

// failing is a handler with an error.
type failing struct{}

func (failing) Enabled(context.Context, slog.Level) bool  { return true }
func (failing) Handle(context.Context, slog.Record) error { return errors.New("no") }
func (f failing) WithAttrs([]slog.Attr) slog.Handler      { return f }
func (f failing) WithGroup(string) slog.Handler           { return f }

func TestNamesFollowTheConventions(t *testing.T) {
	problems, err := testutil.CollectAndLint(prom.NewCollector(newHandler(monitor.Sink{
		Name: "a", LastRotation: time.Now(), LastErrTime: time.Now(), FreeSpace: 1,
	}), nil))
	if err != nil || len(problems) != 0 {
		t.Errorf("%v, %v", err, problems)
	}
}

func TestMetricsOfNothing(t *testing.T) {
	for name, h := range map[string]*monitor.Handler{
		"no sinks":       monitor.NewHandler(slog.DiscardHandler, nil),
		"Sinks panicked": monitor.NewHandler(slog.DiscardHandler, &monitor.Options{Sinks: func() []monitor.Sink { panic("no") }}),
	} {
		if n := testutil.CollectAndCount(prom.NewCollector(h, nil)); n != 6 {
			t.Errorf("%s: %d metrics, want 4 levels, the failures and the state", name, n)
		}
	}
}

func TestNamespace(t *testing.T) {
	h := newHandler()
	r := prometheus.NewRegistry()
	if err := r.Register(prom.NewCollector(h, &prom.Options{Namespace: "my_app"})); err != nil {
		t.Fatal(err)
	}
	if n, err := testutil.GatherAndCount(r, "my_app_records_total"); err != nil || n != 4 {
		t.Errorf("%d metrics, %v", n, err)
	}
	if err := r.Register(prom.NewCollector(h, &prom.Options{Namespace: "my_app"})); err == nil {
		t.Error("the same metrics are registered twice")
	}
	if err := r.Register(prom.NewCollector(h, &prom.Options{Namespace: "other"})); err != nil {
		t.Error(err)
	}
	if err := r.Register(prom.NewCollector(h, &prom.Options{ConstLabels: prometheus.Labels{"level": "x"}})); err == nil {
		t.Error("a label that is there already is no error")
	}
}

func TestCollectConcurrentSafe(t *testing.T) {
	h := newHandler(monitor.Sink{Name: "a"})
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(prom.NewCollector(h, nil))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 20 {
				log(h, slog.LevelInfo)
				if _, err := r.Gather(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func TestNilHandlerPanics(t *testing.T) {
	defer func() {
		if r := recover(); r != "prom: NewCollector: nil handler" {
			t.Errorf("panic %v", r)
		}
	}()
	prom.NewCollector(nil, nil)
}

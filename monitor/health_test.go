package monitor_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/monitor"
)

// outputs are what Options.Sinks returns, until they are set.
type outputs struct {
	list atomic.Pointer[[]monitor.Sink]
}

func newOutputs(list ...monitor.Sink) *outputs {
	o := new(outputs)
	o.set(list...)
	return o
}

func (o *outputs) set(list ...monitor.Sink) { o.list.Store(&list) }
func (o *outputs) get() []monitor.Sink      { return *o.list.Load() }

// judge returns the health of one sink.
func judge(t *testing.T, opts monitor.Options, s monitor.Sink) monitor.SinkHealth {
	t.Helper()
	opts.Sinks = func() []monitor.Sink { return []monitor.Sink{s} }
	h := monitor.NewHandler(nowhere(), &opts).Health()
	if len(h.Sinks) != 1 || h.State != h.Sinks[0].State || len(h.Reasons) != len(h.Sinks[0].Reasons) {
		t.Errorf("the whole is %v because of %q, the sink %+v", h.State, h.Reasons, h.Sinks)
	}
	return h.Sinks[0]
}

func TestStateOfASink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		for name, test := range map[string]struct {
			sink monitor.Sink
			want string // state: reasons
		}{
			"nothing is known":           {monitor.Sink{}, "healthy"},
			"all is well":                {monitor.Sink{Accepted: 9, Written: 8, Queued: 1, QueueBytes: 9, QueueSize: 10, FreeSpace: 64 << 20, FileSize: 1}, "healthy"},
			"an old error":               {monitor.Sink{LastErr: testlog.ErrInjected, LastErrTime: now.Add(-time.Minute)}, "healthy"},
			"an error in the far future": {monitor.Sink{LastErr: testlog.ErrInjected, LastErrTime: now.Add(time.Hour)}, "healthy"},
			"space is unknown":           {monitor.Sink{FreeSpace: -1, FileSize: 1}, "healthy"},

			"a new error":           {monitor.Sink{LastErr: testlog.ErrInjected, LastErrTime: now.Add(-59 * time.Second)}, "degraded: error in the last minute: injected failure"},
			"an error, no time":     {monitor.Sink{LastErr: testlog.ErrInjected}, "degraded: error in the last minute: injected failure"},
			"a full queue":          {monitor.Sink{QueueBytes: 91, QueueSize: 100}, "degraded: queue is 91 % full"},
			"drops":                 {monitor.Sink{Dropped: 3}, "degraded: dropped 3 since " + now.Format(time.RFC3339)},
			"a spool":               {monitor.Sink{Spooled: 7}, "degraded: 7 wait in the spool"},
			"little space":          {monitor.Sink{FreeSpace: 63 << 20}, "degraded: disk has 63.0 MiB left"},
			"no space":              {monitor.Sink{FileSize: 1}, "degraded: disk has 0 B left"},
			"down with a queue":     {monitor.Sink{Down: "x", QueueBytes: 1, QueueSize: 9}, "degraded: down: x"},
			"down with a spool":     {monitor.Sink{Down: "x", Spooled: 1, SpoolBytes: 8, SpoolSize: 9, QueueBytes: 9, QueueSize: 9}, "degraded: down: x; queue is 100 % full; 1 wait in the spool"},
			"down, its spool empty": {monitor.Sink{Down: "x", SpoolSize: 9, QueueBytes: 91, QueueSize: 100}, "degraded: down: x; queue is 91 % full"},

			"down because of an error":        {monitor.Sink{Down: "x: injected failure", LastErr: testlog.ErrInjected}, "failing: down: x: injected failure"},
			"down, and another error":         {monitor.Sink{Down: "x", LastErr: testlog.ErrInjected}, "failing: down: x; error in the last minute: injected failure"},
			"down":                            {monitor.Sink{Down: "x"}, "failing: down: x"},
			"down with a full spool":          {monitor.Sink{Down: "x", Spooled: 1, SpoolBytes: 9, SpoolSize: 9}, "failing: down: x; 1 wait in the spool"},
			"a level that panics":             {monitor.Sink{Level: (*slog.LevelVar)(nil)}, "healthy"},
			"times beyond those of JSON":      {monitor.Sink{LastErrTime: farOff(), DownSince: farOff(), LastRotation: farOff()}, "healthy"},
			"down with a full queue":          {monitor.Sink{Down: "x", QueueBytes: 10, QueueSize: 10}, "failing: down: x; queue is 100 % full"},
			"down with a queue that loses":    {monitor.Sink{Down: "x", QueueSize: 10, Dropped: 1}, "failing: down: x; dropped 1 since " + now.Format(time.RFC3339)},
			"an error that panics when asked": {monitor.Sink{LastErr: panics{}}, "degraded: error in the last minute: %!v(PANIC=Error method: no)"},
		} {
			got := judge(t, monitor.Options{}, test.sink)
			text := strings.TrimSuffix(got.State.String()+": "+strings.Join(got.Reasons, "; "), ": ")
			if text != test.want {
				t.Errorf("%s: %s, want %s", name, text, test.want)
			}
			if _, err := json.Marshal(got); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func farOff() time.Time { return time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC) }

type panics struct{}

func (panics) Error() string { panic("no") }

func TestMinFreeIsOptional(t *testing.T) {
	for free, want := range map[int64]monitor.State{-1: monitor.Healthy, 0: monitor.Degraded, 10: monitor.Healthy, 11: monitor.Degraded} {
		if got := judge(t, monitor.Options{MinFree: free}, monitor.Sink{FreeSpace: 10}); got.State != want {
			t.Errorf("MinFree %d: %v, want %v", free, got.State, want)
		}
	}
}

func TestTheWholeIsTheWorst(t *testing.T) {
	s := newOutputs(monitor.Sink{Name: "a"}, monitor.Sink{Name: "b", Spooled: 1}, monitor.Sink{Name: "c", Down: "gone"}, monitor.Sink{Name: "d", Spooled: 2})
	h := monitor.NewHandler(nowhere(), &monitor.Options{Sinks: s.get}).Health()
	want := []string{"b: 1 wait in the spool", "c: down: gone", "d: 2 wait in the spool"}
	if diff := cmp.Diff(want, h.Reasons); diff != "" || h.State != monitor.Failing {
		t.Errorf("%v, mismatch (-want +got):\n%s", h.State, diff)
	}
}

func TestDropsAreNewForAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newOutputs()
		h := monitor.NewHandler(nowhere(), &monitor.Options{Sinks: s.get})
		start := time.Now()
		for _, step := range []struct {
			after   time.Duration
			dropped uint64
			lately  uint64
			since   time.Duration
		}{
			{time.Hour, 5, 5, 0}, // nobody has looked: it may have been just now
			{time.Hour + 59*time.Second, 5, 5, 0},
			{time.Hour + time.Minute, 5, 0, time.Hour},
			{2 * time.Hour, 5, 0, time.Hour + 59*time.Second},
			{2*time.Hour + 30*time.Second, 6, 1, time.Hour + 59*time.Second},
			{2*time.Hour + 59*time.Second, 6, 1, time.Hour + 59*time.Second},
			{2*time.Hour + 90*time.Second, 6, 0, 2*time.Hour + 30*time.Second},
			{2*time.Hour + 91*time.Second, 2, 0, 2*time.Hour + 30*time.Second}, // it counts anew
			{2*time.Hour + 92*time.Second, 3, 1, 2*time.Hour + 30*time.Second},
		} {
			time.Sleep(step.after - time.Since(start))
			s.set(monitor.Sink{Name: "a", Dropped: step.dropped})
			got := h.Health().Sinks[0]
			if got.DroppedLately != step.lately || got.LatelySince.Sub(start) != step.since {
				t.Errorf("after %v: %d since %v, want %d since %v", step.after,
					got.DroppedLately, got.LatelySince.Sub(start), step.lately, step.since)
			}
		}
	})
}

// One who looks all the time does not make a drop older, or forgotten, and the
// memory for it stays what it is.
func TestDropsAreNewForAMinuteHoweverOftenSomebodyLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newOutputs(monitor.Sink{Name: "a"})
		h := monitor.NewHandler(nowhere(), &monitor.Options{Sinks: s.get})
		for range 1000 {
			time.Sleep(100 * time.Millisecond)
			h.Health()
		}
		s.set(monitor.Sink{Name: "a", Dropped: 1})
		dropped, degraded := time.Now(), time.Duration(0)
		for h.Health().State == monitor.Degraded {
			degraded = time.Since(dropped)
			time.Sleep(100 * time.Millisecond)
		}
		if degraded < 59*time.Second || degraded > 66*time.Second {
			t.Errorf("degraded for %v, want about a minute", degraded)
		}
	})
}

func TestSinksOfOneNameAndSinksThatGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newOutputs(monitor.Sink{Name: "a", Dropped: 1}, monitor.Sink{Name: "a", Dropped: 2})
		h := monitor.NewHandler(nowhere(), &monitor.Options{Sinks: s.get})
		time.Sleep(10 * time.Second)
		h.Health()
		time.Sleep(2 * time.Minute)
		if got := h.Health().Sinks; got[0].DroppedLately != 0 || got[1].DroppedLately != 0 {
			t.Errorf("dropped lately %d and %d, want none", got[0].DroppedLately, got[1].DroppedLately)
		}
		s.set()
		if got := h.Health(); got.State != monitor.Healthy || len(got.Sinks) != 0 {
			t.Errorf("without sinks it is %v", got.State)
		}
	})
}

func TestErrorWithoutATimeIsNewForAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newOutputs(monitor.Sink{Name: "a", LastErr: errors.New("one")})
		h := monitor.NewHandler(nowhere(), &monitor.Options{Sinks: s.get})
		for i, want := range []monitor.State{monitor.Degraded, monitor.Degraded, monitor.Healthy} {
			if got := h.Health().State; got != want {
				t.Errorf("look %d: %v, want %v", i, got, want)
			}
			time.Sleep(30 * time.Second)
		}
		s.set(monitor.Sink{Name: "a", LastErr: errors.New("another")})
		if got := h.Health().State; got != monitor.Degraded {
			t.Errorf("with another error it is %v", got)
		}
	})
}

func TestSinksMayPanic(t *testing.T) {
	var told []error
	h := monitor.NewHandler(nowhere(), &monitor.Options{
		Sinks:   func() []monitor.Sink { panic("no") },
		OnError: func(err error) { told = append(told, err); panic("no") },
	})
	health := h.Health()
	const want = "monitor: Options.Sinks panicked: no"
	if health.State != monitor.Degraded || len(health.Reasons) != 1 || health.Reasons[0] != want {
		t.Errorf("%v because of %q, want degraded because of %q", health.State, health.Reasons, want)
	}
	if len(told) != 1 || told[0].Error() != want {
		t.Errorf("OnError was told %v", told)
	}
	if s := h.Stats(); s.Bytes != 0 {
		t.Errorf("Stats are %+v", s)
	}
}

func TestSecretsInErrorsAreReplaced(t *testing.T) {
	s := newOutputs(monitor.Sink{Name: "a", LastErr: errors.New("open hunter2"), Down: "dial hunter2", Notes: []string{"as hunter2"}})
	h := monitor.NewHandler(nowhere(), &monitor.Options{Sinks: s.get, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == "error" && strings.HasPrefix(a.Value.String(), "open") {
			return slog.Attr{}
		}
		return slog.String(a.Key, strings.ReplaceAll(a.Value.String(), "hunter2", "***"))
	}})
	text, err := json.Marshal(h.Health())
	if err != nil || strings.Contains(string(text), "hunter2") || !strings.Contains(string(text), "dial ***") ||
		!strings.Contains(string(text), "(removed)") {
		t.Errorf("%v, %s", err, text)
	}
	if s := s.get(); s[0].LastErr.Error() != "open hunter2" || s[0].Down != "dial hunter2" || s[0].Notes[0] != "as hunter2" {
		t.Error("what Sinks returned was changed")
	}
}

func TestProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // or more than a second may go by, and CPUPercent is known
		h := monitor.NewHandler(nowhere(), nil)
		<-time.After(20 * time.Millisecond)
		for range 1_000_000 { // which takes seconds
			if h.Health().Process.CPU >= 10*time.Millisecond {
				break
			}
		}
		p := h.Health().Process
		if p.PID == 0 || p.Uptime != 20*time.Millisecond || p.Goroutines == 0 || p.GOMAXPROCS == 0 || p.HeapBytes == 0 ||
			p.TotalBytes < p.HeapBytes || p.CPU < 10*time.Millisecond || p.CPUPercent != 0 || p.GCPercent < 0 || p.GCPercent > 100 {
			t.Errorf("the process is %+v", p)
		}
	})
}

func TestHealthHandler(t *testing.T) {
	s := newOutputs()
	h := monitor.NewHandler(nowhere(), &monitor.Options{Sinks: s.get})
	down := []monitor.Sink{{Name: "b", Type: "file", Target: "/secret/path", Down: "disk full", Notes: []string{"x"}}}
	for name, test := range map[string]struct {
		sinks  []monitor.Sink
		method string
		status int
		body   string
	}{
		"healthy":  {[]monitor.Sink{{Name: "a"}}, http.MethodGet, 200, `{"state":"healthy","sinks":[{"name":"a","state":"healthy"}]}` + "\n"},
		"degraded": {[]monitor.Sink{{Name: "a", Spooled: 2}}, http.MethodGet, 200, `{"state":"degraded","reasons":["a: 2 wait in the spool"],"sinks":[{"name":"a","state":"degraded","reasons":["2 wait in the spool"]}]}` + "\n"},
		"failing":  {down, http.MethodGet, 503, `{"state":"failing","reasons":["b: down: disk full"],"sinks":[{"name":"b","state":"failing","reasons":["down: disk full"]}]}` + "\n"},
		"no sinks": {nil, http.MethodGet, 200, `{"state":"healthy"}` + "\n"},
		"head":     {down, http.MethodHead, 503, ""},
		"post":     {nil, http.MethodPost, 405, "method not allowed: use GET or HEAD\n"},
		"delete":   {nil, http.MethodDelete, 405, "method not allowed: use GET or HEAD\n"},
	} {
		s.set(test.sinks...)
		w := httptest.NewRecorder()
		h.HealthHandler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), test.method, "/healthz", http.NoBody))
		if w.Code != test.status || w.Body.String() != test.body {
			t.Errorf("%s: %d %s, want %d %s", name, w.Code, w.Body, test.status, test.body)
		}
		if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: headers %v", name, w.Header())
		}
		if test.status == 405 && w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: allows %q", name, w.Header().Get("Allow"))
		}
	}
}

func TestStateNames(t *testing.T) {
	for s, want := range map[monitor.State]string{
		monitor.Healthy: "healthy INFO", monitor.Degraded: "degraded WARN", monitor.Failing: "failing ERROR",
		monitor.State(7): "State(7) ERROR", monitor.State(-1): "State(-1) INFO",
	} {
		if got := s.String() + " " + s.Level().String(); got != want {
			t.Errorf("%d is %s, want %s", int(s), got, want)
		}
	}
}

func TestStringIsJSON(t *testing.T) {
	s := newOutputs(monitor.Sink{
		Name: "a", Level: slog.LevelWarn, LastErr: testlog.ErrInjected, LastErrTime: time.Now(), WrittenBytes: 7, Dropped: 1,
	})
	h := monitor.NewHandler(enabled{}, &monitor.Options{Sinks: s.get})
	slog.New(h).Log(context.Background(), slog.LevelWarn+1, "m")
	var got struct {
		Stats struct {
			Total   int            `json:"total"`
			ByLevel map[string]int `json:"by_level"`
			Bytes   int            `json:"bytes"`
			Dropped int            `json:"dropped"`
		} `json:"stats"`
		Rates struct {
			LastDay monitor.Counts `json:"last_day"`
		} `json:"rates"`
		Health struct {
			State string `json:"state"`
			Sinks []struct {
				Name  string `json:"name"`
				Level string `json:"level"`
				State string `json:"state"`
				Error string `json:"last_error"`
			} `json:"sinks"`
		} `json:"health"`
	}
	if err := json.Unmarshal([]byte(h.String()), &got); err != nil {
		t.Fatal(err)
	}
	if got.Stats.Total != 1 || got.Stats.ByLevel["WARN+1"] != 1 || got.Stats.Bytes != 7 || got.Stats.Dropped != 1 ||
		got.Rates.LastDay.Warn != 1 || got.Health.State != "degraded" || len(got.Health.Sinks) != 1 {
		t.Fatalf("got %+v from %s", got, h)
	}
	if s := got.Health.Sinks[0]; s.Name != "a" || s.Level != "WARN" || s.State != "degraded" || s.Error != "injected failure" {
		t.Errorf("the sink is %+v", s)
	}
}

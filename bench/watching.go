package bench

import (
	"context"
	"log/slog"
	"net/http"
	"runtime"
	"sync"
	"time"

	"github.com/sluicelog/sluice/monitor"
)

// A watched handler has somebody who looks on, until end is called.
type watched struct {
	slog.Handler
	end func()
}

// WatchChapter returns what a monitor costs a record, and a page about it while
// nobody, or somebody, has it open.
func WatchChapter() Chapter {
	module := version("github.com/sluicelog/sluice")
	return Chapter{Name: "the monitor", Form: Difference, Tasks: []*Task{{
		Name: "a record", sinks: 1, log: handleServed, want: served(nil),
		Ways: []Way{
			{Name: "nothing", Version: runtime.Version(), new: func(s []*end) slog.Handler { return s[0].handler() }},
			{Name: "a handler that passes on", Version: runtime.Version(), new: func(s []*end) slog.Handler { return passing{s[0].handler()} }},
			{Name: "monitor.Handler", Version: module, new: func(s []*end) slog.Handler { return monitor.NewHandler(s[0].handler(), nil) }},
			{Name: "with a Page that nobody has open", Version: module, new: func(s []*end) slog.Handler {
				h := monitor.NewHandler(s[0].handler(), nil)
				return watched{h, monitor.NewPage(h, nil).Close}
			}},
			{Name: "with a Page that somebody has open", Version: module, new: func(s []*end) slog.Handler {
				h := monitor.NewHandler(s[0].handler(), nil)
				return watched{h, watch(monitor.NewPage(h, nil))}
			}},
		},
	}}}
}

// handleServed hands a record with five attrs on without a logger, which takes
// many times as long as what is to be measured.
func handleServed(ctx context.Context, l *slog.Logger, n int) {
	h, r := l.Handler(), slog.NewRecord(time.Now(), slog.LevelInfo, "request served", 0)
	r.AddAttrs(slog.String("method", servedMethod), slog.String("path", servedPath),
		slog.Int("status", servedStatus), slog.Duration("duration", servedTook), slog.String("request_id", servedID))
	for range n {
		_ = h.Handle(ctx, r)
	}
}

// passing is a handler that does nothing but to hand each record on: what any
// handler before another one costs.
type passing struct{ next slog.Handler }

func (h passing) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

func (h passing) Handle(ctx context.Context, r slog.Record) error { return h.next.Handle(ctx, r) }

func (h passing) WithAttrs(attrs []slog.Attr) slog.Handler {
	return passing{h.next.WithAttrs(attrs)}
}

func (h passing) WithGroup(name string) slog.Handler { return passing{h.next.WithGroup(name)} }

// watch opens the stream of a page for somebody who takes all that there is at
// once. It returns when the stream has begun.
func watch(p *monitor.Page) (end func()) {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://localhost/?events", nil)
	if err != nil {
		panic(err) // the request is always the same
	}
	r.RemoteAddr = "127.0.0.1:1"
	w := &viewer{begun: make(chan struct{})}
	var wg sync.WaitGroup
	wg.Go(func() {
		p.ServeHTTP(w, r)
		w.once.Do(func() { close(w.begun) }) // it is refused
	})
	<-w.begun
	return func() {
		p.Close()
		wg.Wait()
	}
}

// viewer is a ResponseWriter that throws away what it gets.
type viewer struct {
	once   sync.Once
	begun  chan struct{}
	header http.Header
}

func (v *viewer) Header() http.Header {
	if v.header == nil {
		v.header = http.Header{}
	}
	return v.header
}

func (v *viewer) WriteHeader(int) {}

func (v *viewer) Flush() {}

func (v *viewer) Write(p []byte) (int, error) {
	v.once.Do(func() { close(v.begun) })
	return len(p), nil
}

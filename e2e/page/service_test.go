package page_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/sluicelog/sluice/monitor"
)

// A service has a page, and sinks in every state.
type service struct {
	handler *monitor.Handler
	page    *monitor.Page
	url     string
	streams chan string // the levels of those that were begun
	app     slog.LevelVar
}

// serve starts a service whose page is under a path.
func serve(t *testing.T, opts monitor.PageOptions) *service {
	t.Helper()
	s := &service{streams: make(chan string, 1000)}
	began := time.Now()
	s.handler = monitor.NewHandler(takesAll(), &monitor.Options{Sinks: func() []monitor.Sink { return s.sinks(began) }})
	if opts.Title == "" {
		opts.Title = "orders"
	}
	if opts.Levels == nil {
		levels := []monitor.Level{{Name: "app", Leveler: &s.app}, {Name: "errors", Leveler: slog.LevelError}, {Name: "logstash", Leveler: new(slog.LevelVar)}}
		opts.Levels = func() []monitor.Level { return levels }
	}
	opts.Interval = 100 * time.Millisecond
	s.page = monitor.NewPage(s.handler, &opts)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if query := r.URL.Query(); query.Has("events") {
			s.streams <- query.Get("level")
		}
		s.page.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		s.page.Close()
		srv.Close()
	})
	s.url = srv.URL + "/debug/log"
	return s
}

func (s *service) log(level slog.Level, message string, args ...any) {
	slog.New(s.handler).Log(context.Background(), level, message, args...)
}

func (s *service) sinks(began time.Time) []monitor.Sink {
	elapsed := uint64(time.Since(began) / time.Millisecond)
	return []monitor.Sink{
		{
			Name: "console", Type: "console", Target: "stdout", Level: slog.LevelWarn,
			Accepted: 652 + elapsed, Written: 652 + elapsed, WrittenBytes: 212 << 10,
		},
		{
			Name: "app", Type: "file", Target: "/var/log/app/app.log", Level: &s.app,
			Accepted: 1_284_664 + elapsed, Written: 1_284_600 + elapsed, Queued: 64, WrittenBytes: 402 << 20, QueueBytes: 20 << 10, QueueSize: 64 << 10,
			FileSize: 41 << 20, Backups: 4, BackupBytes: 88 << 20, Rotations: 4, LastRotation: began.Add(-5 * time.Hour), FreeSpace: 82 << 30,
		},
		{
			Name: "errors", Type: "errors", Target: "/var/log/app/errors.log", Level: slog.LevelError,
			Accepted: 40, Written: 40, WrittenBytes: 30 << 10, FileSize: 30 << 10, FreeSpace: 82 << 30,
		},
		{
			Name: "audit", Type: "audit", Target: "/mnt/audit/audit.log",
			Accepted: 910, Written: 900, Dropped: 10, WrittenBytes: 130 << 10, FileSize: 130 << 10, FreeSpace: 3 << 20,
			Down: "no space left on device", DownSince: began, LastErr: errors.New("write /mnt/audit/audit.log: no space left on device"), LastErrTime: began,
		},
		{
			Name: "logstash", Type: "logstash", Target: "beats+tls://logstash-1.example.org:5044,logstash-2.example.org:5044", Level: slog.LevelInfo,
			Accepted: 1_284_664, Written: 1_280_000, Queued: 2000, Spooled: 2664, WrittenBytes: 500 << 20, QueueBytes: 900 << 10, QueueSize: 1 << 20,
			SpoolBytes: 1 << 20, Down: "no peer takes events", DownSince: began, Notes: []string{"events wait on disk until a peer takes them"},
		},
	}
}

// takesAll returns a handler for all levels.
func takesAll() slog.Handler {
	return slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.Level(-100)})
}

package monitor

import (
	"context"
	"encoding/json"
	"log/slog"
	"math"
	"net/http"
	"time"
)

const (
	// tailPause is the time between two events with lines, and tailLines is how many
	// lines wait for the next one: together more than anybody reads.
	tailPause = 100 * time.Millisecond
	tailLines = 250

	// eventPatience is how long a watcher has to take an event.
	eventPatience = 10 * time.Second
)

// serveEvents serves the stream of an open page until either side ends it.
func (p *Page) serveEvents(w http.ResponseWriter, r *http.Request, level string) {
	lowest := slog.Level(math.MinInt)
	if level != "" {
		var err error
		if lowest, err = parseLevel(level); err != nil {
			refuse(http.StatusBadRequest, "level: %v", err).send(w)
			return
		}
	}
	ctx, leave, refusal := p.enter(r)
	if refusal != nil {
		w.Header().Set("Retry-After", "5")
		refusal.send(w)
		return
	}
	defer leave()

	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would collect the events
	if r.Method == http.MethodHead {
		return
	}
	s := &eventStream{w: w, control: http.NewResponseController(w)}
	// Each event has a deadline, which would hold for the connection's next request too.
	defer func() { _ = s.control.SetWriteDeadline(time.Time{}) }()
	if err := s.control.Flush(); err != nil {
		refuse(http.StatusInternalServerError, "the stream needs a ResponseWriter that flushes: %v", err).send(w)
		return
	}
	p.watch(ctx, s, lowest)
}

// enter takes a place among the watchers. The context is done when the request is, or
// the server shuts down, or the page is closed.
func (p *Page) enter(r *http.Request) (_ context.Context, leave func(), _ *refusal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed.Err() != nil:
		return nil, nil, refuse(http.StatusServiceUnavailable, "the page is closed")
	case p.watchers >= p.opts.MaxWatchers:
		return nil, nil, refuse(http.StatusServiceUnavailable, "%d pages are open already: close one, or set PageOptions.MaxWatchers", p.watchers)
	}
	p.watchers++
	ctx, cancel := context.WithCancel(r.Context())
	forgetPage := context.AfterFunc(p.closed, cancel)
	forgetServer := context.AfterFunc(p.shutdownOf(r), cancel)
	return ctx, func() {
		cancel()
		forgetPage()
		forgetServer()
		p.mu.Lock()
		defer p.mu.Unlock()
		p.watchers--
	}, nil
}

// shutdownOf returns a context that is done when the server of a request shuts down,
// which waits for streams and tells them nothing else. p.mu is held.
func (p *Page) shutdownOf(r *http.Request) context.Context {
	server, _ := r.Context().Value(http.ServerContextKey).(*http.Server)
	if server == nil {
		return p.closed
	}
	if ctx, known := p.servers[server]; known {
		return ctx
	}
	down, cancel := context.WithCancel(context.Background())
	server.RegisterOnShutdown(cancel)
	p.servers[server] = down //nolint:fatcontext // one for each server; for good: what is registered cannot be taken back
	return down
}

// watch sends events until ctx is done or the watcher is gone.
func (p *Page) watch(ctx context.Context, s *eventStream, lowest slog.Level) {
	tail := p.handler.watch(lowest, tailLines)
	defer tail.stop()
	lines := time.NewTicker(tailPause)
	defer lines.Stop()
	state := time.NewTicker(p.opts.Interval)
	defer state.Stop()

	var errorsSent, droppedSent uint64
	sendErrors := func() {
		var lines []line
		lines, errorsSent = p.handler.lastErrors()
		s.send("errors", numberLines(lines, errorsSent))
	}
	s.send("state", p.state())
	sendErrors() // also if there are none: the page may know those of an earlier process
	for s.err == nil {
		select {
		case <-ctx.Done():
			return
		case <-state.C:
			s.send("state", p.state())
			if _, n := p.handler.lastErrors(); n != errorsSent {
				sendErrors()
			}
		case <-lines.C:
			event := tailEvent{Lines: waitingLines(tail.lines)}
			dropped := tail.dropped()
			event.Dropped, droppedSent = dropped-droppedSent, dropped
			if len(event.Lines) > 0 || event.Dropped > 0 {
				s.send("tail", event)
			}
		}
	}
}

// A tailEvent is the lines since the last one, and how many others there were.
type tailEvent struct {
	Lines   []pageLine `json:"lines"`
	Dropped uint64     `json:"dropped"`
}

// waitingLines returns the lines that are there now.
func waitingLines(from <-chan line) []pageLine {
	lines := make([]pageLine, 0, len(from))
	for range cap(lines) {
		lines = append(lines, newPageLine(<-from))
	}
	return lines
}

// An eventStream sends events until the first error.
type eventStream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	err     error
}

// send sends an event. It waits for the watcher, but not for ever, unless the
// ResponseWriter knows no deadlines.
func (s *eventStream) send(name string, data any) {
	if s.err != nil {
		return
	}
	text, err := json.Marshal(data)
	if err != nil {
		s.err = err
		return
	}
	_ = s.control.SetWriteDeadline(time.Now().Add(eventPatience))
	event := make([]byte, 0, len(text)+64)
	event = append(event, "event: "+name+"\ndata: "...)
	event = append(append(event, text...), "\n\n"...)
	if _, s.err = s.w.Write(event); s.err == nil {
		s.err = s.control.Flush()
	}
}

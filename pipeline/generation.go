package pipeline

import (
	"context"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/sluicelog/sluice/fanout"
	"github.com/sluicelog/sluice/redact"
)

// A generation is what one Config has made, in force from Open or a Reload to the
// next one. Records go in and come out; what a generation alone has open is not
// closed while there is one inside.
type generation struct {
	cfg     Config
	sinks   []*sink
	redact  []*redact.Handler // none with Redaction.Off
	handler slog.Handler      // redact → monitor → fan-out
	noted   slog.Handler      // redact → fan-out
	spare   slog.Handler      // redact → fallback
	texts   *redact.Redactor  // for what is said of the sinks; nil with Redaction.Off
	frozen  frost

	fallback  io.Writer
	emergency *emergency // nil unless that is what it is for

	fan     *fanout.Handler
	leaving []*resource // what the next one has no use for; guarded by Pipeline.mu

	replaced chan struct{} // closed when the next one is in force
	empty    chan struct{} // has room for the word that nobody is inside

	_      [64]byte     // what is above is only read, while
	inside atomic.Int64 // is written with each record
	_      [56]byte
}

// held is what is taken from the number of records inside while no more are to
// come in.
const held = 1 << 40

// patience is what a stage gets beyond its context to say what was left, and how
// long a Reload that closes nothing waits for records on their way.
const patience = 2 * time.Second

// onTheirWay is how long a Reload holds up records while others are on their way, and
// longest how long it holds them up in all if a file cannot be closed or opened.
const (
	onTheirWay = 5 * time.Second
	longest    = 20 * time.Second
)

// enter returns the generation in force, which the caller has to leave. While the
// next one is being made it waits. If that is for too long, the old one has to do, in
// which what is closed already refuses the record.
func (p *Pipeline) enter() *generation {
	for {
		g := p.current.Load()
		if g.inside.Add(1) > 0 {
			return g
		}
		g.leave()
		late := time.NewTimer(longest)
		select {
		case <-g.replaced:
			late.Stop()
		case <-late.C:
			g.inside.Add(1)
			select {
			case <-g.replaced:
				g.leave()
			default:
				return g
			}
		}
	}
}

func (g *generation) leave() {
	if g.inside.Add(-1) == -held {
		g.tell()
	}
}

func (g *generation) tell() {
	select {
	case g.empty <- struct{}{}:
	default:
	}
}

// hold lets no more records in.
func (g *generation) hold() {
	if g.inside.Add(-held) == -held {
		g.tell()
	}
}

// wait waits for the records inside of a generation that is held, and reports
// whether none is left.
func (g *generation) wait(ctx context.Context, most time.Duration) bool {
	late := time.NewTimer(most)
	defer late.Stop()
	for g.inside.Load() != -held {
		select {
		case <-g.empty:
		case <-late.C:
			return false
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// sink returns the sink with a name, or nil.
func (g *generation) sink(name string) *sink {
	for _, s := range g.sinks {
		if s.cfg.Name == name {
			return s
		}
	}
	return nil
}

package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluicelog/sluice/internal/snapshot"
	"github.com/sluicelog/sluice/monitor"
)

// Pipeline is a running pipeline. All methods are safe for concurrent use.
//
// It starts the goroutines of its buffers, files and shippers, one that logs the
// volume and one that logs the health, where Config has an interval for these.
// Shutdown and Close end them. Flush, Reload and Shutdown have one goroutine for
// each sink while they run.
type Pipeline struct {
	root     *swap
	current  atomic.Pointer[generation]
	monitor  *monitor.Handler
	taker    snapshot.Taker
	troubles troubles

	turn   chan struct{}      // has room for the one Reload or Shutdown that is under way
	closed atomic.Bool        // by a Shutdown
	life   context.Context    // of Reloads
	hurry  context.CancelFunc // ends it
	loops  loops
	locks  locks

	mu      sync.Mutex    // guards what follows, and changes of current
	past    past          // what generations have done that are gone
	retired []*generation // that are not gone yet
}

// Handler returns the pipeline's handler, to be wrapped or given to a logger.
func (p *Pipeline) Handler() slog.Handler { return p.root }

// Logger returns a logger that logs to the pipeline.
func (p *Pipeline) Logger() *slog.Logger { return slog.New(p.root) }

// Monitor returns the handler that counts the pipeline's records, whose Stats,
// Health and HTTP handlers include the sinks. It counts what some sink may take: a
// sink that takes all levels, as an Audit sink does, lets it count those that no
// other sink wants. What is logged through it directly, as a level that is changed
// on a monitor.Page, goes to the sinks as well, who get it masked; it is kept and
// shown there as it is.
func (p *Pipeline) Monitor() *monitor.Handler { return p.monitor }

// Health returns how the pipeline and the process are doing.
func (p *Pipeline) Health() monitor.Health { return p.monitor.Health() }

// Flush writes out what is buffered, syncs the files, and waits until Logstash
// has what was shipped. It ends when ctx does, with an error that says what was
// left.
func (p *Pipeline) Flush(ctx context.Context) error {
	err := each(ctx, p.current.Load().sinks, func(s *sink) error {
		err := s.flush(ctx)
		if errors.Is(err, os.ErrClosed) && s.res.leaving.Load() && !s.res.lost.Load() {
			return s.res.left(ctx) // a Reload closes it, which is as good
		}
		return err
	})
	return errors.Join(err, each(ctx, p.leavingNow(), func(r *resource) error { return r.left(ctx) }))
}

// Shutdown closes the pipeline: what is buffered is written, files are closed,
// and what was shipped is waited for, until ctx ends. The error says what was
// left, which is then counted as dropped. Records that come later are refused by
// the closed sinks with os.ErrClosed, counted, and printed to the fallback. A
// Console sink without a buffer goes on printing, and a Func or Handler is called
// as before. A Reload under way is waited for; if it does not end, what is in force is
// closed, and the Reload closes what it has opened. Shutdown may be called more than
// once.
func (p *Pipeline) Shutdown(ctx context.Context) error {
	busy := p.take(ctx)
	p.closed.Store(true)
	if busy == nil {
		defer p.yield()
		p.loops.stop(ctx)
	} else {
		busy = fmt.Errorf("pipeline: shutdown: a reload is under way: %w", busy)
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience) // which has taken all the time
		defer cancel()
		ctx = last
	}
	err := each(ctx, p.current.Load().sinks, func(s *sink) error { return s.shutdown(ctx) })
	p.troubles.last(p.current.Load())
	return errors.Join(busy, err)
}

// Close is Shutdown with a bound of ten seconds.
func (p *Pipeline) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return p.Shutdown(ctx)
}

// take waits for its turn. When ctx ends a Reload under way is told to hurry.
func (p *Pipeline) take(ctx context.Context) error {
	select {
	case p.turn <- struct{}{}: // also when ctx is done
		return nil
	default:
	}
	select {
	case p.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
	}
	p.hurry()
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case p.turn <- struct{}{}:
		return nil
	case <-late.C:
		return ctx.Err()
	}
}

func (p *Pipeline) yield() { <-p.turn }

// each calls f for all of a list at the same time, so that one which takes all the
// time there is leaves the others theirs. When ctx ends it waits no longer: a disk
// that hangs keeps its goroutine, not the caller.
func each[T interface{ title() string }](ctx context.Context, list []T, f func(T) error) error {
	results := make([]chan error, len(list))
	for i, v := range list {
		results[i] = make(chan error, 1)
		go func() { results[i] <- f(v) }()
	}
	errs := make([]error, len(list))
	for i, v := range list {
		if err := await(ctx, results[i]); err != nil {
			errs[i] = fmt.Errorf("pipeline: %s: %w", v.title(), err)
		}
	}
	return errors.Join(errs...)
}

func await(ctx context.Context, result <-chan error) error {
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case err := <-result:
		return err
	case <-late.C:
		return fmt.Errorf("still busy: %w", ctx.Err())
	}
}

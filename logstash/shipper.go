package logstash

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// closeTimeout bounds Close, and patience how long a Transport may take to
// obey its context afterwards.
const (
	closeTimeout = 5 * time.Second
	patience     = time.Second
)

// Shipper sends events to Logstash. It is an io.Writer that takes one event
// per Write, keeps it in memory and returns; the peer may be slow, away or not
// there yet. Events arrive in the order in which their Writes returned.
//
// Over beats:// an event is kept until Logstash has acked it, and sent again
// over a new connection otherwise: none is lost but those that Stats counts
// as dropped, and some may arrive twice after a break. Over tcp:// there are
// no acks: what the kernel has taken counts as written, and is lost if the
// connection breaks before the peer has read it.
//
// A Shipper runs one goroutine, which sends, and one more per connection,
// which notices its end. Shutdown and Close end them. All methods are safe for
// concurrent use.
type Shipper struct {
	name      string
	transport Transport
	opts      DialOptions
	queue     *queue
	report    *reporter
	pace      backoff     // of the sender
	timer     *time.Timer // of the sender

	ctx     context.Context // of the transport; done when time is up
	cancel  context.CancelFunc
	wake    chan struct{} // has room for one: the sender has something to look at
	closing chan struct{} // closed when Shutdown begins
	stop    func()        // closes closing once
	done    chan struct{} // closed when the sender has ended
	resent  atomic.Uint64
}

// newShipper starts a Shipper with complete options.
func newShipper(name string, t Transport, opts DialOptions) *Shipper {
	s := &Shipper{
		name:      name,
		transport: t,
		opts:      opts,
		queue:     newQueue(opts.Size, opts.MaxEvents, opts.BatchSize),
		report:    &reporter{onError: opts.OnError},
		pace:      backoff{least: opts.MinBackoff, most: opts.MaxBackoff},
		timer:     time.NewTimer(0),
		wake:      make(chan struct{}, 1),
		closing:   make(chan struct{}),
		done:      make(chan struct{}),
	}
	s.timer.Stop()
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.stop = sync.OnceFunc(func() {
		s.queue.close()
		close(s.closing)
	})
	go s.run()
	return s
}

// Write is [Shipper.WriteLevel] at level INFO.
func (s *Shipper) Write(line []byte) (int, error) {
	return s.WriteLevel(slog.LevelInfo, line)
}

// WriteLevel takes one event: a JSON object on one line, with or without a
// newline at its end. It copies line and does not wait for the peer. An event
// at SyncLevel or above sends the batch it is in without waiting for others.
//
// An event that is not taken is counted as dropped, and the error Is
// [ErrFull], [ErrTooLarge], [ErrInvalid] or, after Shutdown or Close,
// os.ErrClosed.
func (s *Shipper) WriteLevel(level slog.Level, line []byte) (int, error) {
	event, err := checkEvent(line, s.opts.MaxEventBytes)
	if err != nil {
		reason := dropInvalid
		if errors.Is(err, ErrTooLarge) {
			reason = dropTooLarge
		}
		s.queue.drop(reason)
		s.report.refused(err)
		s.dropped(line, err)
		return 0, err
	}
	switch s.put(event, level >= s.opts.SyncLevel.Level()) {
	case full:
		s.queue.drop(dropFull)
		s.report.foundFull()
		s.dropped(event, ErrFull)
		return 0, ErrFull
	case closed:
		s.queue.drop(dropShutdown)
		err := fmt.Errorf("logstash: write to %s: %w", s.name, os.ErrClosed)
		s.dropped(event, err)
		return 0, err
	default:
		return len(line), nil
	}
}

// put queues event as the policy says.
func (s *Shipper) put(event []byte, hurry bool) verdict {
	v := s.tryPut(event, hurry)
	if v == full && s.opts.Policy == Block {
		return s.putBlocking(event, hurry)
	}
	return v
}

// tryPut queues event if there is room.
func (s *Shipper) tryPut(event []byte, hurry bool) verdict {
	v, wake := s.queue.put(event, hurry)
	if wake {
		s.nudge()
	}
	return v
}

// putBlocking queues event as soon as there is room.
func (s *Shipper) putBlocking(event []byte, hurry bool) verdict {
	var expired <-chan time.Time
	if s.opts.BlockTimeout > 0 {
		timer := time.NewTimer(s.opts.BlockTimeout)
		defer timer.Stop()
		expired = timer.C
	}
	for {
		room := s.queue.room() // asked for first, so that no settlement is missed
		if v := s.tryPut(event, hurry); v != full {
			return v
		}
		select {
		case <-room:
		case <-expired:
			return full
		case <-s.closing:
			return closed
		}
	}
}

// dropped tells the user's OnDrop of an event given up.
func (s *Shipper) dropped(event []byte, reason error) {
	if s.opts.OnDrop == nil {
		return
	}
	defer func() { _ = recover() }() // the hook's own trouble must not stop the shipping
	s.opts.OnDrop(event, reason)
}

func (s *Shipper) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// run sends until the Shipper is closed and its queue empty, or time is up.
func (s *Shipper) run() {
	defer close(s.done)
	defer s.cancel()
	var events [][]byte // of the batch, used again for each
	b := s.next()
	for b != nil {
		if events = s.ship(b, events); b.sent < len(b.ends) {
			break
		}
		s.queue.recycle(b)
		b = s.next()
	}
	s.end(b)
}

// next waits for a batch. It returns nil when there will be none, or time is up.
func (s *Shipper) next() *batch {
	for s.ctx.Err() == nil {
		b, wait, over := s.queue.take(time.Now(), s.opts.FlushInterval)
		if b != nil || over {
			return b
		}
		var late <-chan time.Time
		if wait > 0 {
			s.timer.Reset(wait)
			late = s.timer.C
		}
		select {
		case <-s.wake:
		case <-late:
		case <-s.closing:
		case <-s.ctx.Done():
		}
	}
	return nil
}

// ship sends b until all of it is acked or time is up. It returns the slice
// it used for the events.
func (s *Shipper) ship(b *batch, events [][]byte) [][]byte {
	var (
		sent  bool // what is left of b was sent before
		stale bool // the last attempt met a stale connection
	)
	for b.sent < len(b.ends) && s.ctx.Err() == nil {
		events = b.appendRest(events[:0])
		if sent {
			s.resent.Add(uint64(len(events)))
		}
		acked, err := s.send(events)
		clear(events)
		if acked > 0 {
			s.pace.reset()
			s.report.sendWorked() // before a Flush learns of it
			s.queue.settle(b, acked, true)
			s.checkRoom()
		}
		if err == nil || s.ctx.Err() != nil {
			continue
		}
		sent = sent || !sentNothing(err)
		stale = isStale(err) && !stale
		s.report.sendFailed(err, stale)
		if !stale {
			s.pause()
		}
	}
	return events
}

// send is Send of the transport, held to its contract.
func (s *Shipper) send(events [][]byte) (acked int, err error) {
	defer func() {
		if v := recover(); v != nil {
			acked, err = 0, fmt.Errorf("logstash: transport panicked: %v", v)
		}
	}()
	acked, err = s.transport.Send(s.ctx, events)
	switch {
	case acked < 0 || acked > len(events):
		return 0, errors.Join(fmt.Errorf("logstash: transport acked %d of %d events", acked, len(events)), err)
	case acked < len(events) && err == nil:
		return acked, fmt.Errorf("logstash: transport acked only %d of %d events, without an error", acked, len(events))
	}
	return acked, err
}

// checkRoom ends a run of drops once there is room again, half of the queue
// at least, so that a queue which is just full now and then makes one run.
func (s *Shipper) checkRoom() {
	if s.report.dropping() && s.queue.relaxed() {
		s.report.relaxed()
	}
}

// pause waits before the next attempt. The beginning of Shutdown cuts a wait
// short, because the peer may be back by now.
func (s *Shipper) pause() {
	closing := s.closing
	select {
	case <-closing:
		closing = nil
	default:
	}
	timer := time.NewTimer(s.pace.next())
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-closing:
		s.pace.reset()
	case <-s.ctx.Done():
	}
}

// end gives up what is left, beginning with the rest of b, and closes the
// transport.
func (s *Shipper) end(b *batch) {
	s.queue.discard()
	reason := fmt.Errorf("logstash: shutdown of %s: %w", s.name, os.ErrClosed)
	if b == nil {
		b, _, _ = s.queue.take(time.Now(), 0)
	}
	for b != nil {
		rest := b.appendRest(nil)
		s.queue.settle(b, len(rest), false)
		for _, event := range rest {
			s.dropped(event, reason)
		}
		b, _, _ = s.queue.take(time.Now(), 0)
	}
	s.report.relaxed()
	defer func() { _ = recover() }() // a Transport of the user's may do anything
	_ = s.transport.Close()          // everything is settled, so nothing depends on it
}

// Flush waits until every event taken so far is written. When ctx is done
// before, the error says how many are left, which stay queued, and Is
// ctx.Err(). When Shutdown drops some of them, the error Is os.ErrClosed.
func (s *Shipper) Flush(ctx context.Context) error {
	entered := s.queue.flush()
	s.nudge()
	for {
		left, changed := s.queue.left(entered)
		if left == 0 {
			break
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return s.leftError("flush", left, ctx.Err())
		}
	}
	if n := s.queue.discarded(entered); n > 0 {
		return s.leftError("flush", n, os.ErrClosed)
	}
	return nil
}

// Shutdown refuses further events and waits until those taken are written.
// When ctx is done before, it breaks off the attempt under way and drops what
// is left: the error says how many events that are and Is ctx.Err(). Every
// event dropped is counted and goes to OnDrop. All calls return what became
// of the one Shutdown that there is.
func (s *Shipper) Shutdown(ctx context.Context) error {
	s.stop()
	var cause error
	select {
	case <-s.done:
		cause = os.ErrClosed
	case <-ctx.Done():
		cause = ctx.Err()
		s.cancel()
		timer := time.NewTimer(patience)
		defer timer.Stop()
		select {
		case <-s.done:
		case <-timer.C:
			left := s.queue.stats().Queued
			return s.leftError("shutdown, transport still sending", left, cause)
		}
	}
	if left := s.queue.discarded(math.MaxUint64); left > 0 {
		return s.leftError("shutdown", left, cause)
	}
	return nil
}

// Close is [Shipper.Shutdown] with five seconds of time.
func (s *Shipper) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	return s.Shutdown(ctx)
}

// leftError says that events are left, why, and what the transport says.
func (s *Shipper) leftError(op string, left uint64, cause error) error {
	since, lastErr := s.report.state()
	if since.IsZero() || lastErr == nil {
		return fmt.Errorf("logstash: %s of %s: %d events not delivered: %w", op, s.name, left, cause)
	}
	return fmt.Errorf("logstash: %s of %s: %d events not delivered: %w; failing since %s: %w",
		op, s.name, left, cause, stamp(since), lastErr)
}

// Stats returns the accounts of this moment.
func (s *Shipper) Stats() Stats {
	stats := s.queue.stats()
	stats.FailingSince, stats.LastError = s.report.state()
	if r, ok := s.transport.(interface{ reconnects() uint64 }); ok {
		stats.Reconnects = r.reconnects()
	}
	stats.Resent = s.resent.Load()
	return stats
}

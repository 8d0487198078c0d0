package logstash

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluicelog/sluice/internal/spool"
)

// closeTimeout bounds Close. Afterwards, patience is how long a Transport may take
// to obey its context, and diskPatience how long what is in memory may take to get
// to the spool.
const (
	closeTimeout = 5 * time.Second
	patience     = time.Second
	diskPatience = 5 * time.Second
)

// Shipper sends events to Logstash. It is an io.Writer that takes one event
// per Write, keeps it in memory or in a spool on disk and returns; the peer may be
// slow, away or not there yet. Events arrive in the order in which their Writes
// returned, but for those around one that the receiver does not bear, and over
// several connections, see [LoadBalance].
//
// Over beats:// and http:// an event is kept until Logstash has acked it, and sent
// again otherwise: none is lost but those that Stats counts as dropped, and some
// may arrive twice after a break. Over tcp://, tls://, unix:// and udp:// there are
// no acks: what the kernel has taken counts as written.
//
// A batch over which an acking receiver closes three connections in a row is
// divided, again and again, as is one that is rejected, see [ErrRejected]. A single
// event that is left over is put aside while others are sent. It goes to the
// QuarantineFile and is counted as dropped when the receiver does not bear it
// again and again, and acks other events in between.
//
// A Shipper runs one goroutine for each connection, which sends; another one that
// notices its end; one that syncs the spool; with LoadBalance one for each name that is
// being looked up; for a while one that makes a connection in place of another, see
// ConnectionTTL; with a Key and LoadBalance, for a moment, one that asks for keys; and one for OnError and OnState while
// there is something to tell. Shutdown and Close end them. All methods are safe for
// concurrent use.
type Shipper struct {
	name     string
	opts     DialOptions
	lanes    []*lane
	peers    *endpoints   // nil with a Transport of the user's
	spool    *spool.Queue // nil if there is none
	queue    *queue
	report   *reporter
	kept     quarantine
	restored uint64

	ctx     context.Context // of the transports; done when time is up
	cancel  context.CancelFunc
	work    context.Context // done when there is nothing left to send, or time is up
	finish  context.CancelFunc
	closing chan struct{} // closed when Shutdown begins
	stop    func()        // closes closing once
	running atomic.Int32  // lanes
	done    chan struct{} // closed when all has ended
	resent  atomic.Uint64
	owed    atomic.Uint64 // events that a break may have lost, and that were not written again
}

// newShipper starts a Shipper with complete options. It owns the transports, unless
// there is an error.
func newShipper(name string, transports []Transport, peers *endpoints, opts DialOptions) (*Shipper, error) {
	s := &Shipper{
		name:    name,
		opts:    opts,
		peers:   peers,
		kept:    quarantine{path: opts.QuarantineFile},
		closing: make(chan struct{}),
		done:    make(chan struct{}),
	}
	s.report = &reporter{
		hooks: &hooks{onError: opts.OnError, onState: opts.OnState, health: s.Health, budget: burst, refilled: time.Now()},
		lanes: make([]laneState, len(transports)),
		since: time.Now(),
	}
	if peers != nil {
		peers.onFailure, peers.onReturn = s.report.endpointFailed, s.report.endpointWorks
	}
	if opts.SpoolMode != SpoolOff {
		if err := s.openSpool(); err != nil {
			return nil, fmt.Errorf("logstash: DialOptions.SpoolDir: %w", err)
		}
	}
	s.queue = newQueue(&opts, s.spool)
	s.restored = s.queue.entered
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.work, s.finish = context.WithCancel(s.ctx)
	s.stop = sync.OnceFunc(func() {
		s.queue.close()
		close(s.closing)
	})
	for i, t := range transports {
		l := newLane(s, i, t)
		s.lanes = append(s.lanes, l)
		s.queue.wakes = append(s.queue.wakes, l.wake)
	}
	s.running.Store(int32(len(s.lanes))) //nolint:gosec // at most maxConnections
	for _, l := range s.lanes {
		go l.run()
	}
	return s, nil
}

func (s *Shipper) openSpool() (err error) {
	o := &s.opts
	if o.QuarantineFile == "" {
		s.kept = quarantine{path: filepath.Join(o.SpoolDir, "quarantine.json"), own: true}
	}
	s.spool, err = spool.Open(o.SpoolDir, &spool.Options{
		MaxBytes: o.SpoolMaxBytes,
		MaxAge:   o.SpoolMaxAge,
		Sync:     spool.Sync(o.SpoolSync),
		OnError:  func(err error) { s.report.failed(fmt.Errorf("logstash: %w", err)) },
	})
	return err
}

// Write is [Shipper.WriteLevel] at level INFO.
func (s *Shipper) Write(line []byte) (int, error) {
	return s.WriteLevel(slog.LevelInfo, line)
}

// WriteLevel takes one event: a JSON object on one line, with or without a
// newline at its end. It copies line and does not wait for the peer. An event
// at SyncLevel or above sends the batch it is in without waiting for others, see
// DialOptions.
//
// An event that is not taken is counted as dropped, and the error Is
// [ErrFull], [ErrTooLarge], [ErrInvalid] or, after Shutdown or Close,
// os.ErrClosed.
func (s *Shipper) WriteLevel(level slog.Level, line []byte) (int, error) {
	event, err := checkEvent(line, s.opts.MaxEventBytes)
	if err != nil {
		return 0, s.refuse(line, err)
	}
	if err := s.accept(level, event); err != nil {
		return 0, err
	}
	return len(line), nil
}

// refuse drops an event for what it is.
func (s *Shipper) refuse(line []byte, err error) error {
	reason := dropInvalid
	if errors.Is(err, ErrTooLarge) {
		reason = dropTooLarge
	}
	s.queue.refuse(reason)
	s.report.refused(err)
	s.dropped(line, err)
	return err
}

// accept takes an event that is one.
func (s *Shipper) accept(level slog.Level, event []byte) error {
	important, hurry := level >= s.opts.Protect.Level(), level >= s.opts.SyncLevel.Level()
	v := s.put(event, important, hurry)
	if v == full && s.opts.Policy == Block {
		v = s.putBlocking(event, important, hurry)
	}
	switch v {
	case full:
		s.queue.refuse(dropFull)
		s.report.foundFull(1)
		s.dropped(event, ErrFull)
		return ErrFull
	case closed:
		s.queue.refuse(dropShutdown)
		err := fmt.Errorf("logstash: write to %s: %w", s.name, os.ErrClosed)
		s.dropped(event, err)
		return err
	default:
		return nil
	}
}

// put queues or spools event if there is room, or room can be made.
func (s *Shipper) put(event []byte, important, hurry bool) verdict {
	v, gone := s.queue.put(event, important, hurry)
	if v == toSpool {
		v, gone = s.putSpool(event, important, hurry)
	}
	if gone.n > 0 {
		s.report.foundFull(gone.n)
	}
	for _, old := range gone.events {
		s.dropped(old, ErrFull)
	}
	return v
}

// putSpool writes event to the spool, for which the queue has counted it. While the
// disk gives trouble, it goes to memory.
func (s *Shipper) putSpool(event []byte, important, hurry bool) (verdict, victims) {
	one := [1][]byte{event}
	end, err := s.spool.Append(one[:])
	for errors.Is(err, spool.ErrFull) && s.opts.Policy == DropOldest {
		n, dropErr := s.queue.evict()
		if n == 0 || dropErr != nil {
			break
		}
		s.report.foundFull(n)
		end, err = s.spool.Append(one[:])
	}
	if err == nil {
		s.queue.spoolDone(end, hurry)
		s.report.spoolWorked()
		return taken, victims{}
	}
	isFull := errors.Is(err, spool.ErrFull)
	if !isFull {
		s.report.spoolFailed(err)
	}
	return s.queue.spoolFailed(event, important, hurry, !isFull)
}

// putBlocking queues event as soon as there is room.
func (s *Shipper) putBlocking(event []byte, important, hurry bool) verdict {
	var expired <-chan time.Time
	if s.opts.BlockTimeout > 0 {
		timer := time.NewTimer(s.opts.BlockTimeout)
		defer timer.Stop()
		expired = timer.C
	}
	for {
		room := s.queue.room() // asked for first, so that no settlement is missed
		if v := s.put(event, important, hurry); v != full {
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

// droppedAside is dropped for a goroutine of ours, which the hook must not end.
func (s *Shipper) droppedAside(event []byte, reason error) {
	if s.opts.OnDrop == nil {
		return
	}
	told := make(chan struct{})
	go func() {
		defer close(told)
		s.dropped(event, reason)
	}()
	<-told
}

// quarantine gives up the event of a piece that the receiver does not bear.
func (s *Shipper) quarantine(p *piece, cause error) {
	event := p.event(p.from)
	reason := fmt.Errorf("%w by %s: %w", ErrRejected, s.name, cause)
	if s.kept.path == "" {
		s.report.failed(reason)
	} else if err := s.kept.add(event); err != nil {
		s.report.failed(fmt.Errorf("%w; not in quarantine: %w", reason, err))
	} else {
		s.report.failed(fmt.Errorf("%w; it is in %s", reason, s.kept.path))
	}
	s.droppedAside(event, reason)
	s.queue.settle(p, 1, wasRejected)
}

// checkRoom ends a run of drops once there is room again, half of the queue
// at least, so that a queue which is just full now and then makes one run.
func (s *Shipper) checkRoom() {
	if s.report.dropping() && s.queue.relaxed() {
		s.report.relaxed()
	}
}

// laneEnded ends the Shipper with its last lane.
func (s *Shipper) laneEnded() {
	if s.running.Add(-1) > 0 {
		return
	}
	defer close(s.done)
	s.cancel()
	before, behind := s.queue.end()
	if s.spool != nil {
		for _, lease := range s.queue.leases() {
			s.spool.Release(lease)
		}
		before = s.keep(before, s.spool.Prepend)
		behind = s.keep(behind, func(events [][]byte) error {
			_, err := s.spool.Append(events)
			return err
		})
	}
	s.giveUp(before)
	s.giveUp(behind)
	if s.spool != nil {
		if err := s.spool.Close(); err != nil {
			s.report.spoolFailed(err)
		}
	}
	s.report.relaxed()
	s.report.closed()
}

// keep puts events into the spool that are left in memory at the end, and returns
// those for which that has failed.
func (s *Shipper) keep(events [][]byte, put func([][]byte) error) [][]byte {
	if len(events) == 0 {
		return nil
	}
	s.spool.Retry() // there may be room by now
	if err := put(events); err != nil {
		s.report.spoolFailed(err)
		return events
	}
	s.queue.clear(events, true)
	return nil
}

// giveUp drops events that are left at the end.
func (s *Shipper) giveUp(events [][]byte) {
	if len(events) == 0 {
		return
	}
	s.queue.clear(events, false)
	reason := fmt.Errorf("logstash: shutdown of %s: %w", s.name, os.ErrClosed)
	for _, event := range events {
		s.droppedAside(event, reason)
	}
}

// Flush waits until every event taken so far is written, those of the spool
// included. When ctx is done before, the error says how many are left, which stay
// queued, and Is ctx.Err(). When Shutdown ends before they are, the error Is
// os.ErrClosed.
func (s *Shipper) Flush(ctx context.Context) error {
	at := s.queue.flush()
	for {
		if n := s.queue.undelivered(at); n > 0 {
			return s.leftError("flush", n, os.ErrClosed)
		}
		left, changed := s.queue.left(at)
		if left == 0 {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return s.leftError("flush", left, ctx.Err())
		}
	}
}

// Shutdown refuses further events and waits until those taken are written.
// When ctx is done before, it breaks off the attempt under way, and the error
// says how many events are left and Is ctx.Err(). With a spool they stay there, or
// go there as far as there is room, for the next Shipper over it; the others are
// dropped, counted, and go to OnDrop. The error also says so when a break may have lost
// some that counted as written, and ResendBytes could not bring again. All calls return what became of the one Shutdown that there is.
func (s *Shipper) Shutdown(ctx context.Context) error {
	s.stop()
	var cause error
	select {
	case <-s.done:
		cause = os.ErrClosed
	case <-ctx.Done():
		cause = ctx.Err()
		s.cancel()
		timer := time.NewTimer(s.patience())
		defer timer.Stop()
		select {
		case <-s.done:
		case <-timer.C:
			stats := s.queue.stats()
			return s.leftError("shutdown, transport still sending", stats.Queued+stats.Spooled, cause)
		}
	}
	s.awaitHooks()
	var lost, left error
	if n := s.owed.Load(); n > 0 {
		lost = fmt.Errorf("logstash: shutdown of %s: %d events which a break may have lost were not written again: %w", s.name, n, cause)
	}
	if n := s.queue.undelivered(point{math.MaxUint64, math.MaxUint64}); n > 0 {
		left = s.leftError("shutdown", n, cause)
	}
	return errors.Join(left, lost)
}

func (s *Shipper) patience() time.Duration {
	if s.spool != nil {
		return diskPatience
	}
	return patience
}

// awaitHooks gives the hooks time for their last words.
func (s *Shipper) awaitHooks() {
	idle := s.report.idle()
	if idle == nil {
		return
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-idle:
	case <-timer.C:
	}
}

// Close is [Shipper.Shutdown] with five seconds of time.
func (s *Shipper) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	return s.Shutdown(ctx)
}

// leftError says that events are left, why, and what the transport says.
func (s *Shipper) leftError(op string, left uint64, cause error) error {
	what := fmt.Sprintf("logstash: %s of %s: %d events not delivered", op, s.name, left)
	if s.spool != nil {
		what += fmt.Sprintf(" (%d of them in %s)", s.queue.stats().Spooled, s.opts.SpoolDir)
	}
	since, lastErr := s.report.failing()
	if since.IsZero() || lastErr == nil {
		return fmt.Errorf("%s: %w", what, cause)
	}
	return fmt.Errorf("%s: %w; failing since %s: %w", what, cause, stamp(since), lastErr)
}

// Stats returns the accounts of this moment.
func (s *Shipper) Stats() Stats {
	stats := s.queue.stats()
	stats.Restored = s.restored
	stats.FailingSince, stats.LastError = s.report.failing()
	stats.Resent = s.resent.Load()
	for _, l := range s.lanes {
		if t, ok := l.t.(interface{ resent() uint64 }); ok {
			stats.Resent += t.resent()
		}
	}
	if s.peers != nil {
		stats.Reconnects = s.peers.reconnects()
	}
	if s.spool != nil {
		stats.SpoolBytes = s.spool.Stats().Bytes
	}
	return stats
}

// Health returns how the Shipper is doing at this moment.
func (s *Shipper) Health() Health {
	h := s.report.current()
	if oldest := s.queue.oldest(); !oldest.IsZero() {
		h.OldestAge = time.Since(oldest)
	}
	h.Fill = s.queue.fill()
	if s.peers != nil {
		h.Endpoints = s.peers.health()
	}
	return h
}

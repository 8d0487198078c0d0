package replay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/time/rate"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/logstash"
)

const (
	// settleEvery is how often what was acked is noted down. What is sent between may come twice if the process is
	// killed.
	settleEvery = 200 * time.Millisecond
	// watchEvery is how often it is looked whether there is progress.
	watchEvery = 250 * time.Millisecond
	// lastAcks is how long an interrupted replay waits for the acks under way.
	lastAcks = 5 * time.Second
	// refusedFor and brokenFor are how long what is left at the end must have been refused, or have made the receiver
	// break off, before it is given up.
	refusedFor = time.Second
	brokenFor  = 3 * time.Second
	// parts is into how many parts the shipper divides a batch that is refused.
	parts = 8
	// tries is how much oftener each event must be sent that the receiver breaks off over.
	tries = 4
)

// Why a replay ends before all is sent.
var (
	errGaveUp  = errors.New("gave up")
	errRefused = errors.New("all that is left is refused")
)

// replay is one run of the command.
type replay struct {
	o        *options
	dest     *destination
	sources  []source
	places   *state
	warnings *warnings
	rejects  *rejects

	events, bytes *rate.Limiter // nil for none

	shipper *logstash.Shipper
	stop    context.CancelCauseFunc
	ended   atomic.Bool // all was read and given to the shipper
	refused atomic.Bool // what the shipper drops at its end is refused

	mu      sync.Mutex
	account account
	pending []mark
	left    map[uint32]bool // the sums of the events that the shipper had at its end
	leftN   uint64          // how many those are
	closed  bool            // what is dropped from now on counts as not sent
}

// A mark says that the first n lines of a unit were given to the shipper, or need not be.
type mark struct {
	unit *unit
	n    int
}

// run sends all there is, and returns the account.
func (r *replay) run(ctx context.Context) (a *account, err error) {
	start := time.Now()
	r.events, r.bytes = limit(r.o.rate), limit(int(r.o.rateBytes))
	opts := r.dest.opts
	told := false // of events that are refused: the account has them all
	opts.OnError = func(err error) {
		if is := errors.Is(err, logstash.ErrRejected); !is || !told {
			told = told || is
			r.warnings.warn(withoutPrefix(err))
		}
	}
	opts.OnDrop = r.dropped
	if r.shipper, err = logstash.Dial(r.dest.addr, &opts); err != nil {
		return nil, &cli.ExitError{Code: cli.Usage, Err: fmt.Errorf("--to: %w", withoutPrefix(err))}
	}
	work, stop := context.WithCancelCause(ctx)
	r.stop = stop
	defer stop(nil)
	down := make(chan struct{})
	running := context.AfterFunc(work, func() {
		defer close(down)
		r.shutDown(context.Cause(work))
	})

	var helpers sync.WaitGroup
	watching, watched := context.WithCancel(context.WithoutCancel(ctx))
	m := newMeter(r)
	r.warnings.show(m)
	helpers.Go(func() { r.settleAll(watching) })
	helpers.Go(func() { r.watch(watching, m) })

	err = r.feed(work)
	if err == nil {
		r.ended.Store(true)
		err = r.shipper.Flush(work)
	}
	if running() {
		r.shutDown(err)
	} else {
		<-down
	}
	watched()
	helpers.Wait()
	m.close()
	return r.close(ctx, context.Cause(work), err, start), nil
}

// shutDown ends the shipper. What it has is sent, as far as time allows, and as long as there are acks to wait for: a Kafka that is
// away may be found out only then.
func (r *replay) shutDown(cause error) {
	ctx, cancel := context.WithTimeout(context.Background(), lastAcks)
	defer cancel()
	if errors.Is(cause, errGaveUp) || errors.Is(cause, errRefused) {
		cancel()
	}
	var watching sync.WaitGroup
	if cause != nil {
		watching.Go(func() {
			ticker := time.NewTicker(watchEvery)
			defer ticker.Stop()
			for r.shipper.Stats().FailingSince.IsZero() {
				select {
				case <-ticker.C:
				case <-ctx.Done():
					return
				}
			}
			cancel()
		})
	}
	_ = r.shipper.Shutdown(ctx) // its Stats say what was left
	cancel()
	watching.Wait()
}

// close settles what can be settled, and completes the account.
func (r *replay) close(ctx context.Context, cause, err error, start time.Time) *account {
	r.mu.Lock()
	r.closed = true
	st := r.shipper.Stats()
	a := &r.account
	a.notSent = st.DroppedShutdown + st.Queued - a.refusedLast
	lost := a.notSent - a.turnedAway
	known := st.Queued == 0 && st.DroppedShutdown == r.leftN+a.refusedLast // which events are left
	a.delivered, a.resent = st.Written, st.Resent
	a.took = time.Since(start)
	r.mu.Unlock()

	if known {
		if unsettled := r.settleAcked(); unsettled != nil {
			cause, err = nil, unsettled
		}
	}
	switch {
	case cause == nil && err != nil:
		a.ended, a.reason = failed, err
	case errors.Is(cause, errGaveUp):
		a.ended, a.reason = gaveUp, cause
	case errors.Is(cause, errRefused), cause == nil:
		a.ended = completed
	case ctx.Err() != nil && r.ended.Load() && lost == 0:
		a.ended = completed // before that was noticed
	case ctx.Err() != nil:
		a.ended = interrupted
	default:
		a.ended, a.reason = failed, cause
	}
	unkept := r.rejects.close()
	if a.about(r); a.ended == completed && a.files == 0 && unkept == nil {
		r.places.complete()
	}
	if err := errors.Join(unkept, r.places.save()); err != nil && a.ended != failed {
		a.ended, a.reason = failed, err
	}
	return a
}

// feed gives all that the sources have to the shipper.
func (r *replay) feed(ctx context.Context) error {
	return r.units(ctx, func(u *unit) error { return r.ship(ctx, u) })
}

// units reads the sources and calls take with the units, in order. They are made by as many goroutines as there are
// processors.
func (r *replay) units(ctx context.Context, take func(*unit) error) error {
	ctx, cancel := context.WithCancel(ctx)
	workers := runtime.GOMAXPROCS(0)
	makers := make(chan *maker, workers)
	for range workers {
		makers <- newMaker(r.o)
	}
	made := make(chan chan *unit, workers)
	read := make(chan error, 1)
	var all sync.WaitGroup
	put := func(t task) error {
		var m *maker
		select {
		case m = <-makers:
		case <-ctx.Done():
			return ctx.Err()
		}
		one := make(chan *unit, 1)
		all.Go(func() {
			one <- t(m)
			makers <- m
		})
		select {
		case made <- one:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	all.Go(func() {
		defer close(made)
		for _, s := range r.sources {
			if err := s.read(ctx, r.places, put); ctx.Err() != nil {
				read <- ctx.Err()
				return
			} else if err != nil { // the others are read all the same
				s.fail(err)
			}
		}
		read <- nil
	})
	defer all.Wait()
	defer cancel()
	for one := range made {
		if err := take(<-one); err != nil {
			return err
		}
	}
	return <-read
}

// ship gives a unit to the shipper.
func (r *replay) ship(ctx context.Context, u *unit) error {
	for i := range u.lines {
		l := &u.lines[i]
		if l.fate == isEvent {
			if err := r.pace(ctx, l.end-l.start); err != nil {
				return err
			}
			switch _, err := r.shipper.Write(u.data(l)); {
			case errors.Is(err, logstash.ErrInvalid), errors.Is(err, logstash.ErrTooLarge):
				l.fate = broken
			case err != nil:
				r.mu.Lock()
				r.account.read++
				r.account.turnedAway++
				r.mu.Unlock()
				return causeOf(ctx, err)
			}
		}
		if l.fate == broken && (u.file == nil || r.rejects.forLines) {
			r.rejects.add(u.data(l))
		}
		r.note(u, i)
	}
	if u.last {
		r.note(u, -1)
	}
	u.text = nil // the unit is kept until its events are acked
	return nil
}

// note counts the i-th line of a unit, which has been seen to.
func (r *replay) note(u *unit, i int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i >= 0 {
		r.account.add(u, i)
	}
	if n := len(r.pending); n > 0 && r.pending[n-1].unit == u {
		r.pending[n-1].n = i + 1
		return
	}
	r.pending = append(r.pending, mark{u, i + 1})
}

// pace waits until an event of a length may be sent.
func (r *replay) pace(ctx context.Context, length int) error {
	if r.events != nil {
		if err := r.events.Wait(ctx); err != nil {
			return causeOf(ctx, err)
		}
	}
	if r.bytes == nil {
		return nil
	}
	for length > 0 {
		n := min(length, r.bytes.Burst())
		if err := r.bytes.WaitN(ctx, n); err != nil {
			return causeOf(ctx, err)
		}
		length -= n
	}
	return nil
}

// causeOf returns why a context is done, or err if it is not.
func causeOf(ctx context.Context, err error) error { return cmp.Or(context.Cause(ctx), err) }

// limit returns a limit of so many in a second, nil for none. What was not used for a tenth of a second is lost.
func limit(perSecond int) *rate.Limiter {
	if perSecond <= 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(perSecond), max(perSecond/10, 1))
}

// settleAll notes down now and then what was acked.
func (r *replay) settleAll(ctx context.Context) {
	ticker := time.NewTicker(settleEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		r.mu.Lock()
		marks := r.pending
		r.pending = nil
		r.mu.Unlock()
		if len(marks) == 0 {
			continue
		}
		if err := r.shipper.Flush(ctx); err != nil {
			r.mu.Lock()
			r.pending = append(marks, r.pending...)
			r.mu.Unlock()
			return
		}
		if err := r.settleMarks(marks); err != nil {
			r.stop(err)
			return
		}
	}
}

// settleAcked notes down what was acked, up to the first event that the shipper had at its end.
func (r *replay) settleAcked() error {
	r.mu.Lock()
	marks := r.pending
	r.pending = nil
	r.mu.Unlock()
	for i, m := range marks {
		for n := m.unit.done; n < m.n; n++ {
			if l := &m.unit.lines[n]; l.fate == isEvent && r.left[l.event] {
				return r.settleMarks(append(marks[:i:i], mark{m.unit, n}))
			}
		}
	}
	return r.settleMarks(marks)
}

func (r *replay) settleMarks(marks []mark) error {
	if err := r.rejects.sync(); err != nil {
		return err // what is refused must not be forgotten before it is kept
	}
	for _, m := range marks {
		if err := m.unit.from.settle(m.unit, m.n); err != nil {
			return err
		}
		m.unit.done = m.n
	}
	return r.places.save()
}

// dropped is told of every event that the shipper gives up. A shipper that takes long to end may do so when it is too late.
func (r *replay) dropped(event []byte, reason error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	rejected := errors.Is(reason, logstash.ErrRejected)
	last := r.refused.Load() && !rejected
	switch {
	case last, rejected:
	case errors.Is(reason, os.ErrClosed):
		r.left[eventSum(event)] = true
		r.leftN++
		return
	default: // it is broken
		return
	}
	r.rejects.add(event)
	if last {
		reason = r.shipper.Stats().LastError
		r.account.refusedLast++
	}
	r.account.refuse(reason)
}

// watch shows the progress, and ends the replay when there is none any more.
func (r *replay) watch(ctx context.Context, m *meter) {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	var (
		settled, resent uint64
		quiet           time.Duration // in which nothing was taken and this process ran
		last            = time.Now()
	)
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		now := time.Now()
		quiet += min(now.Sub(last), watchEvery) // or a replay that was stopped blames the receiver
		last = now
		st := r.shipper.Stats()
		m.show(st)
		if done := st.Written + st.Dropped; done != settled || st.Queued == 0 {
			settled, resent, quiet = done, st.Resent, 0
			if r.dest.attempts != nil {
				r.dest.attempts.clear()
			}
			continue
		}
		if r.ended.Load() && r.bearsNothing(st, st.Resent-resent, quiet) {
			r.stop(r.blame(st))
			return
		}
		if quiet >= time.Duration(r.o.giveUp) {
			err := fmt.Errorf("%w: the receiver has taken nothing for %s", errGaveUp, quiet.Round(time.Second))
			if st.LastError != nil {
				err = fmt.Errorf("%w: %w", err, withoutPrefix(st.LastError))
			}
			r.stop(err)
			return
		}
	}
}

// bearsNothing reports whether the receiver has refused each one of the events that are left alone, or has broken off over
// each, in so many events that were sent again within a time.
func (r *replay) bearsNothing(st logstash.Stats, resent uint64, within time.Duration) bool {
	switch err := st.LastError; {
	case errors.Is(err, logstash.ErrRejected) && r.dest.attempts != nil:
		return within >= refusedFor && r.dest.attempts.all(st.Queued)
	case errors.Is(err, logstash.ErrRejected):
		return within >= refusedFor && resent >= refusals(st.Queued)
	case r.dest.acks && breaksOff(err):
		return within >= brokenFor && resent >= refusals(st.Queued)+tries*st.Queued
	}
	return false
}

// blame decides what is to be done with what is left at the end. It is known to be at fault, and not the receiver, only when
// that has taken other events; and where the receiver does not say so, only what is kept is put aside.
func (r *replay) blame(st logstash.Stats) error {
	what := "refuses everything"
	switch {
	case st.Written == 0:
	case errors.Is(st.LastError, logstash.ErrRejected), r.rejects.path != "":
		r.refused.Store(true)
		return errRefused
	default:
		what = "breaks off over what is left, which --rejects puts aside"
	}
	return fmt.Errorf("%w: the receiver %s: %w", errGaveUp, what, withoutPrefix(st.LastError))
}

// breaksOff reports whether an error is what an input does that fails over an event. One that is busy or away is not.
func breaksOff(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		err != nil && strings.Contains(err.Error(), fmt.Sprintf(": %d %s", http.StatusInternalServerError, http.StatusText(http.StatusInternalServerError)))
}

// refusals returns how many events must have been sent again, and none of them taken, so that each one of those that
// are left has been refused alone: the shipper divides a batch until it finds out which of its events it is about.
func refusals(left uint64) uint64 {
	each := uint64(2)
	for n := left; n > 1; n = (n + parts - 1) / parts {
		each++
	}
	return each * left
}

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/sluicelog/sluice/e2e/fleet/result"
)

const (
	// watchInterval is the time between two samples.
	watchInterval = 50 * time.Millisecond
	// hiring is how long the processes may take to be there, in all.
	hiring = time.Minute
	// patience is how long the events that wait may not become fewer.
	patience = 30 * time.Second
)

// errNotBack is what a scenario ends with whose events do not arrive any more.
var errNotBack = errors.New("the events that wait do not become fewer")

// world is all there is in one scenario: receivers, perhaps a broker in front of
// them, senders, and what they write down.
type world struct {
	o          options
	dir        string
	net        *network // nil without namespaces
	loop       string   // what the world's addresses begin with otherwise
	book       *book
	receivers  []*receiver // over beats
	broker     broker      // over the others
	senders    []*sender
	begin      time.Time
	episodes   []episode
	settled    time.Time    // when no more events waited than usual again
	notDrained int          // spools, when all was calm again
	left       int64        // that all spools had on disk then
	even       [2]time.Time // when fairness is measured; zero for while half of what waits arrives
	held       *receiver    // that was slow meanwhile

	mu      sync.Mutex
	samples []sample
	failed  chan struct{} // closed when a sender has ended too early, and err is set
	err     error
}

// sample is how it goes at a moment.
type sample struct {
	at                 time.Time
	waiting            int   // events written that have not arrived
	spooled            int   // of these in spools
	spool, resident    int64 // of all senders
	senders, receivers []int // events that came from each, and to each
}

// live builds a world, lets a scenario pass in it, and counts.
func live(ctx context.Context, o options, s scenario, dir string) (result.Result, error) {
	w := &world{
		o: o, dir: dir, book: newBook(o), failed: make(chan struct{}),
		loop: fmt.Sprintf("127.%d.%d", 1+rand.N(254), rand.N(256)), //nolint:gosec // no secret
	}
	defer w.destroy()
	if err := w.build(ctx); err != nil {
		return result.Result{}, err
	}
	watching, stop := context.WithCancel(ctx)
	defer stop()
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		w.watch(watching)
	}()
	err := w.pass(ctx, w.o.divided(realCalm+realSpread))
	if err == nil {
		err = s.run(ctx, w)
	}
	if err == nil {
		err = w.empty(ctx)
	}
	stop()
	<-watched
	if err == nil {
		err = w.dismiss(ctx)
	}
	if err != nil {
		return result.Result{}, fmt.Errorf("%s: %w", s.name, err)
	}
	return w.count(s), nil
}

// build makes the network, the receivers and the senders, and lets these begin.
func (w *world) build(ctx context.Context) error {
	var err error
	if w.o.netns {
		if w.net, err = buildNetwork(w.o.receivers); err != nil {
			return err
		}
	}
	addr, err := w.receive()
	if err != nil {
		return err
	}
	for i := range w.o.senders {
		j := job{
			Number: i, Over: w.o.over, Addr: addr, Spool: filepath.Join(w.dir, fmt.Sprint("spool-", i)),
			Rate: w.o.rate, Bytes: w.o.bytes, Delay: rand.N(w.o.divided(realSpread)), //nolint:gosec // no secret
			Options: w.o.senderOptions(), Alone: w.o.processes,
		}
		hire := hireGoroutine
		if w.o.processes {
			hire = hireProcess
		}
		if w.net != nil {
			j.Network = w.net.cable(i)
		}
		s, err := hire(j)
		if err != nil {
			return err
		}
		w.senders = append(w.senders, s)
	}
	return w.start(ctx)
}

// receive starts the receivers, and what may be in front of them, and returns the
// address for the senders.
func (w *world) receive() (string, error) {
	if w.o.over != overBeats {
		var err error
		w.broker, err = openBroker(w.o, w.listenAt(0), w.dir, w.book)
		if err != nil {
			return "", err
		}
		return w.broker.address(), nil
	}
	addrs := make([]string, w.o.receivers)
	for i := range addrs {
		r, err := openReceiver(w.listenAt(i), w.o.capacity, w.o.divided(realKeepalive), w.book.clerk(i))
		if err != nil {
			return "", err
		}
		w.receivers = append(w.receivers, r)
		addrs[i] = r.addr()
	}
	return "beats://" + strings.Join(addrs, ","), nil
}

// listenAt returns where a receiver is to listen. Without namespaces that is on an address
// of the world's own, where there are such: while a receiver is away, somebody else may get its
// port of 127.0.0.1 from the kernel, and would get the events as well.
func (w *world) listenAt(i int) string {
	switch {
	case w.net != nil:
		return w.net.receiver(i)
	case runtime.GOOS != "linux":
		return "127.0.0.1:0"
	}
	return fmt.Sprintf("%s.%d:0", w.loop, 1+i)
}

// start tells the senders to begin when all of them are there.
func (w *world) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, hiring, errors.New("the senders are not there in time"))
	defer cancel()
	for _, s := range w.senders {
		select {
		case <-s.ready:
		case <-s.ended:
			return errors.Join(errEnded, s.err)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if w.net != nil {
		if err := w.net.connect(w.senders); err != nil {
			return err
		}
	}
	w.begin = time.Now().Add(500 * time.Millisecond) // the word takes its time to reach all
	for _, s := range w.senders {
		if err := s.tell(fmt.Sprint(wordBegin, " ", w.begin.UnixNano())); err != nil {
			return errors.Join(err, errEnded)
		}
	}
	return w.pass(ctx, time.Until(w.begin))
}

// destroy ends what is left of the world.
func (w *world) destroy() {
	var wg sync.WaitGroup
	for _, s := range w.senders {
		wg.Go(s.dismiss)
	}
	wg.Wait()
	for _, r := range w.receivers {
		r.close()
	}
	if w.broker != nil {
		w.broker.close()
	}
	if w.net != nil {
		_ = w.net.destroy() // the next run does it otherwise
	}
}

// watch takes samples until ctx is done or a sender has ended.
func (w *world) watch(ctx context.Context) {
	ticker := time.NewTicker(watchInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if !w.look() {
				return
			}
		}
	}
}

// look takes a sample, and reports whether all senders are there.
func (w *world) look() bool {
	sm := sample{}
	written := 0
	for _, s := range w.senders {
		select {
		case <-s.ended:
			w.err = errors.Join(errEnded, s.err)
			close(w.failed)
			return false
		default:
		}
		st := s.state()
		written += st.Written
		sm.spooled += st.Spooled
		sm.spool += st.SpoolBytes
		sm.resident += st.Resident
	}
	sm.at = time.Now()
	sm.waiting = max(written-w.book.ledger.Unique(), 0) // one can arrive before it is told of
	sm.senders, sm.receivers = w.book.totals()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.samples = append(w.samples, sm)
	return true
}

// waiting returns how many events waited when that was looked at last.
func (w *world) waiting() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.samples) == 0 {
		return 0
	}
	return w.samples[len(w.samples)-1].waiting
}

// pass lets time pass.
func (w *world) pass(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-w.failed:
		return w.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// settle waits until no more events wait than usual.
func (w *world) settle(ctx context.Context) error {
	least, progress := w.waiting(), time.Now()
	for n := least; n > w.o.usual(); n = w.waiting() {
		if n < least {
			least, progress = n, time.Now()
		}
		if time.Since(progress) > patience {
			return fmt.Errorf("%w: %d", errNotBack, n)
		}
		if err := w.pass(ctx, watchInterval); err != nil {
			return err
		}
	}
	w.settled = time.Now()
	return nil
}

// empty waits until each spool has been empty since all was calm again, as long as there is
// hope, and writes down which were.
func (w *world) empty(ctx context.Context) error {
	most := result.Result{Options: w.options()}.SegmentBytes()
	for least, progress := len(w.senders)+1, time.Now(); ; {
		w.notDrained, w.left = 0, 0
		for _, s := range w.senders {
			w.left += s.state().SpoolBytes
			if !s.drainedSince(w.settled, most) {
				w.notDrained++
			}
		}
		if w.notDrained < least {
			least, progress = w.notDrained, time.Now()
		}
		if w.notDrained == 0 || time.Since(progress) > patience {
			return nil
		}
		if err := w.pass(ctx, watchInterval); err != nil {
			return err
		}
	}
}

// dismiss tells the senders to stop, and waits until they have, with everything acked.
func (w *world) dismiss(ctx context.Context) error {
	for _, s := range w.senders {
		if err := s.tell(wordStop); err != nil {
			return errors.Join(err, errEnded)
		}
	}
	timer := time.NewTimer(lastFlush + 10*time.Second)
	defer timer.Stop()
	for i, s := range w.senders {
		select {
		case <-s.ended:
		case <-timer.C:
			return fmt.Errorf("sender %d does not end", i)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if w.broker != nil {
		return w.drain(ctx)
	}
	return nil
}

// drain waits until the receivers have read everything from the broker, or nothing
// comes any more: then the rest is lost.
func (w *world) drain(ctx context.Context) error {
	sent := 0
	for _, s := range w.senders {
		sent += s.state().Written
	}
	read, progress := 0, time.Now()
	for {
		n := w.book.ledger.Unique()
		if n > read {
			read, progress = n, time.Now()
		}
		if n >= sent || time.Since(progress) > patience {
			return nil
		}
		if err := w.pass(ctx, watchInterval); err != nil {
			return err
		}
	}
}

// temporary returns a folder for the run, and removes those of runs that were killed.
func temporary() (string, error) {
	const prefix = "sluice-fleet-"
	old, err := filepath.Glob(filepath.Join(os.TempDir(), prefix+"*"))
	if err != nil {
		return "", err
	}
	for _, dir := range old {
		var pid int
		if _, err := fmt.Sscanf(filepath.Base(dir), prefix+"%d-", &pid); err == nil && !alive(pid) {
			_ = os.RemoveAll(dir) // it may be somebody else's
		}
	}
	return os.MkdirTemp("", fmt.Sprintf("%s%d-", prefix, os.Getpid()))
}

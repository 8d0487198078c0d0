package logstash_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
)

// stateLog is an OnState that remembers.
type stateLog struct {
	mu     sync.Mutex
	states []logstash.State
}

func (l *stateLog) add(h logstash.Health) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.states = append(l.states, h.State)
}

func (l *stateLog) all() []logstash.State {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.states)
}

// switched is a Transport that works or does not.
type switched struct {
	fakeTransport

	mu   sync.Mutex
	down bool
}

func newSwitched() *switched {
	w := new(switched)
	w.send = func(_ context.Context, events [][]byte) (int, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.down {
			return 0, testlog.ErrInjected
		}
		return len(events), nil
	}
	return w
}

func (w *switched) set(down bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down = down
}

// The states of a Shipper, one after the other, each told once.
func TestStates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log stateLog
		f := newSwitched()
		s := newShipper(t, f, &logstash.DialOptions{OnState: log.add, MaxEvents: 4, Reserve: -1, FlushInterval: -1})
		check := func(state logstash.State, since time.Time, err error) logstash.Health {
			t.Helper()
			synctest.Wait()
			h := s.Health()
			if h.State != state || !h.Since.Equal(since) || !errors.Is(h.Err, err) || (err == nil) != (h.Err == nil) {
				t.Errorf("health %v since %v, %v; want %v since %v, %v", h.State, h.Since, h.Err, state, since, err)
			}
			return h
		}
		start := time.Now()
		time.Sleep(time.Minute)
		check(logstash.Idle, start, nil)

		writeEvents(t, s, 0, 1)
		up := time.Now()
		check(logstash.Up, up, nil)
		time.Sleep(time.Hour)
		writeEvents(t, s, 1, 2)
		check(logstash.Up, up, nil)

		f.set(true)
		writeEvents(t, s, 2, 4)
		down := time.Now()
		time.Sleep(time.Hour)
		h := check(logstash.Down, down, testlog.ErrInjected)
		if h.OldestAge != time.Hour || h.Fill != 0.5 {
			t.Errorf("the oldest is %v, fill %v; want 1h and 0.5", h.OldestAge, h.Fill)
		}
		if since := s.Stats().FailingSince; !since.Equal(down) {
			t.Errorf("failing since %v, want %v", since, down)
		}

		f.set(false)
		if err := s.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		h = check(logstash.Up, time.Now(), nil)
		if h.OldestAge != 0 || h.Fill != 0 || !s.Stats().FailingSince.IsZero() {
			t.Errorf("the oldest is %v, fill %v, failing since %v; want nothing", h.OldestAge, h.Fill, s.Stats().FailingSince)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		check(logstash.Closed, time.Now(), nil)
		_, _ = s.Write([]byte(event(9))) // is refused
		check(logstash.Closed, time.Now(), nil)
		want := []logstash.State{logstash.Up, logstash.Down, logstash.Up, logstash.Closed}
		if diff := cmp.Diff(want, log.all()); diff != "" {
			t.Errorf("states mismatch (-want +got):\n%s", diff)
		}
	})
}

// With several connections one that works is enough.
func TestStateOfSeveralConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		good := lstest.NewBeats(nil)
		defer good.Kill()
		var log stateLog
		s, err := logstash.Dial("beats://good,dead", &logstash.DialOptions{
			Strategy: logstash.LoadBalance, OnState: log.add, FlushInterval: -1, BatchSize: 1, Pipeline: 1,
			DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				if addr == "good:5044" {
					return good.Dial(ctx, network, addr)
				}
				return nil, testlog.ErrInjected
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		good.SetAnswer(func(n int) lstest.Answer {
			return lstest.Answer{Acks: []uint32{uint32(n)}, Delay: 100 * time.Millisecond}
		})
		for i := range 100 {
			writeEvents(t, s, i, i+1)
			time.Sleep(20 * time.Millisecond) // faster than one of them
		}
		if err := s.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		if h := s.Health(); h.State != logstash.Up || len(h.Endpoints) != 2 || h.Endpoints[0].Connections == 0 || h.Endpoints[1].LastError == nil {
			t.Errorf("health %+v, want Up with connections to the first endpoint and an error of the second", h)
		}
		good.Kill()
		time.Sleep(time.Second)
		writeEvents(t, s, 100, 101)
		time.Sleep(2 * time.Minute)
		if h := s.Health(); h.State != logstash.Down {
			t.Errorf("state %v, want Down", h.State)
		}
		if err := good.Restart(); err != nil {
			t.Error(err)
		}
		if err := s.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		synctest.Wait() // or OnState may be told of Closed alone
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		got := log.all()
		for i := 1; i < len(got); i++ {
			if got[i] == got[i-1] {
				t.Errorf("%v: a state twice", got)
			}
		}
		want := []logstash.State{logstash.Down, logstash.Up, logstash.Closed}
		if n := len(got); n < 4 || !slices.Equal(got[n-3:], want) {
			t.Errorf("%v, want %v at the end", got, want)
		}
	})
}

// Several changes while OnState is busy are one, and it sees the last; those that lead back
// to what it knows are none.
func TestOnStateCoalesces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log stateLog
		gate := make(chan struct{})
		f := newSwitched()
		s := newShipper(t, f, &logstash.DialOptions{OnState: func(h logstash.Health) { log.add(h); <-gate }})
		for i := range 10 {
			f.set(i%2 == 1)
			writeEvents(t, s, i, i+1)
			time.Sleep(time.Minute)
		}
		f.set(false)
		if err := s.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if diff := cmp.Diff([]logstash.State{logstash.Up}, log.all()); diff != "" {
			t.Errorf("states while it hangs mismatch (-want +got):\n%s", diff)
		}
		close(gate)
		synctest.Wait()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff([]logstash.State{logstash.Up, logstash.Closed}, log.all()); diff != "" {
			t.Errorf("states mismatch (-want +got):\n%s", diff)
		}
	})
}

// Hooks may do what they like: log through their Shipper, panic, end their goroutine,
// ask for everything. They are called one at a time, and all are told.
func TestHooksMayDoAnything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			s       *logstash.Shipper
			busy    sync.Mutex
			errs    errorLog
			states  stateLog
			calls   int
			started = make(chan struct{})
		)
		anything := func() {
			<-started
			if !busy.TryLock() {
				t.Error("two hooks at once")
				return
			}
			defer busy.Unlock()
			calls++
			_, _ = s.Write([]byte(event(1000 + calls))) // may be refused
			s.Stats()
			s.Health()
			time.Sleep(time.Millisecond)
			switch calls % 3 {
			case 0:
				panic("hook")
			case 1:
				runtime.Goexit()
			}
		}
		f := newSwitched()
		s = newShipper(t, f, &logstash.DialOptions{
			OnError: func(err error) { errs.add(err); anything() },
			OnState: func(h logstash.Health) { states.add(h); anything() },
		})
		close(started)
		for i := range 8 {
			f.set(i%2 == 1)
			writeEvents(t, s, i, i+1)
			time.Sleep(time.Minute)
		}
		f.set(false)
		if err := s.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute) // while the hooks are busy, states are told as one
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		u, d := logstash.Up, logstash.Down
		if diff := cmp.Diff([]logstash.State{u, d, u, d, u, d, u, d, u, logstash.Closed}, states.all()); diff != "" {
			t.Errorf("states mismatch (-want +got):\n%s", diff)
		}
		if n := len(errs.all()); n != 8 {
			t.Errorf("OnError was told %q, want 4 failures and 4 recoveries", errs.all())
		}
		checkAccounts(t, s)
	})
}

// OnError is told of so many errors in a row, and of more only in sum.
func TestOnErrorIsLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log errorLog
		f := newSwitched()
		s := newShipper(t, f, &logstash.DialOptions{OnError: log.add, MinBackoff: 50 * time.Millisecond, MaxBackoff: 50 * time.Millisecond})
		const flaps = 1000
		start := time.Now()
		for i := range flaps {
			f.set(true)
			writeEvents(t, s, i, i+1)
			time.Sleep(101 * time.Millisecond) // until it is sent
			f.set(false)
			if err := s.Flush(t.Context()); err != nil {
				t.Error(err)
			}
		}
		told := log.all()
		most := 21 + int(time.Since(start)/(5*time.Second)) // one more for each five seconds
		if len(told) < 20 || len(told) > most {
			t.Errorf("OnError was told of %d errors, want 20 to %d", len(told), most)
		}
		sum := 0
		for _, err := range told {
			sum++
			if _, after, ok := strings.Cut(err.Error(), "(and "); ok {
				n, rest := 0, after
				for rest[0] >= '0' && rest[0] <= '9' {
					n, rest = 10*n+int(rest[0]-'0'), rest[1:]
				}
				if !strings.HasPrefix(rest, " more errors before)") {
					t.Errorf("%q: want the number of more errors before", err)
				}
				sum += n
			}
		}
		if sum < 2*flaps-200 || sum > 2*flaps {
			t.Errorf("told of %d errors, those in sum included; want nearly %d", sum, 2*flaps)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// A hook that hangs stops nothing. Shutdown waits for it for a second.
func TestHooksThatHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		f := newSwitched()
		s := newShipper(t, f, &logstash.DialOptions{
			OnError: func(error) { <-gate }, OnState: func(logstash.Health) { <-gate },
		})
		for i := range 100 {
			f.set(i%2 == 0)
			writeEvents(t, s, i, i+1)
			time.Sleep(time.Second)
			_, _ = s.Write([]byte("bad")) // is refused, which is an error too
		}
		f.set(false)
		if err := s.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		start := time.Now()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if d := time.Since(start); d != time.Second {
			t.Errorf("Close took %v, want 1s", d)
		}
		if st := checkAccounts(t, s); st.Written != 100 {
			t.Errorf("written %d, want 100", st.Written)
		}
		close(gate)
	})
}

// Shutdown waits for the last words.
func TestShutdownWaitsForHooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log stateLog
		s := newShipper(t, new(fakeTransport), &logstash.DialOptions{OnState: func(h logstash.Health) {
			time.Sleep(400 * time.Millisecond)
			log.add(h)
		}})
		if _, err := s.WriteLevel(slog.LevelError, []byte(event(0))); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff([]logstash.State{logstash.Up, logstash.Closed}, log.all()); diff != "" {
			t.Errorf("states mismatch (-want +got):\n%s", diff)
		}
	})
}

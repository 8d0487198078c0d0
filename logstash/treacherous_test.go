package logstash_test

import (
	"context"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice/logstash"
)

// hostileError does something else in one of its methods.
type hostileError struct {
	method string
	do     func()
}

func (e *hostileError) call(method string) {
	if e.method == method {
		e.do()
	}
}

func (e *hostileError) Error() string             { e.call("Error"); return "injected" }
func (e *hostileError) Is(target error) bool      { e.call("Is"); return target == logstash.ErrRejected }
func (e *hostileError) RetryAfter() time.Duration { e.call("RetryAfter"); return 0 }
func (e *hostileError) SentNothing() bool         { e.call("SentNothing"); return false }
func (e *hostileError) Died() bool                { e.call("Died"); return false }
func (e *hostileError) First() bool               { e.call("First"); return true }
func (e *hostileError) UnderWay() bool            { e.call("UnderWay"); return false }

// treacherous fails once with an error, in a method, when several batches are under way if it can have that.
type treacherous struct {
	fakeTransport

	in       string
	err      error
	underWay int
	sizes    []int // of the batches
	got      map[int]int
	news     chan struct{}
}

func (h *treacherous) fails(method string) bool {
	if h.in != method || len(h.sizes) < 3 {
		return false
	}
	h.in, h.underWay = "", 0
	return true
}

func (h *treacherous) take(events [][]byte) {
	h.sizes = append(h.sizes, len(events))
	h.underWay += len(events)
	for _, e := range events {
		h.got[eventID(e)]++
	}
}

func (h *treacherous) Send(_ context.Context, events [][]byte) (int, error) {
	h.take(events)
	if h.fails("Send") {
		return 0, h.err
	}
	return len(events), nil
}

// pipelined is one that can have several batches under way. It acks what it has three of.
type pipelined struct{ *treacherous }

func (h pipelined) Start(_ context.Context, events [][]byte) error {
	h.take(events)
	if h.fails("Start") {
		return h.err
	}
	select {
	case h.news <- struct{}{}:
	default:
	}
	return nil
}

func (h pipelined) Progress() (int, error) {
	if h.fails("Progress") {
		return 0, h.err
	}
	if h.in != "" && len(h.sizes) < 3 {
		return 0, nil
	}
	acked := h.underWay
	h.underWay = 0
	return acked, nil
}

func (h pipelined) News() <-chan struct{} { return h.news }

// Whatever the error of a Transport does that is asked what it means, the program goes on, and every event
// is sent.
func TestErrorsOfTransports(t *testing.T) {
	const n = 200
	for name, do := range map[string]func(){"panics": func() { panic("injected") }, "ends the goroutine": runtime.Goexit} {
		for _, method := range []string{"Error", "Is", "RetryAfter", "SentNothing", "Died", "First", "UnderWay"} {
			for _, in := range []string{"Send", "Start", "Progress"} {
				t.Run(method+" "+name+" in "+in, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						h := &treacherous{in: in, err: &hostileError{method, do}, got: make(map[int]int), news: make(chan struct{}, 1)}
						tr := logstash.Transport(h)
						if in != "Send" {
							tr = pipelined{h}
						}
						s := newShipper(t, tr, &logstash.DialOptions{BatchSize: 10})
						writeEvents(t, s, 0, n)
						flush(t, s)
						if st := checkAccounts(t, s); st.Written != n {
							t.Errorf("written %d, want %d", st.Written, n)
						}
						if err := s.Close(); err != nil {
							t.Error(err)
						}
						for id := range n {
							if h.got[id] < 1 || h.got[id] > 2 {
								t.Errorf("event %d was sent %d times", id, h.got[id])
							}
						}
						if h.in != "" || slices.Contains(h.sizes, 0) {
							t.Errorf("it failed: %t; batches of %d", h.in == "", h.sizes)
						}
					})
				})
			}
		}
	}
}

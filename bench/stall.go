package bench

import (
	"bytes"
	"errors"
	"runtime"
	"slices"
	"sync"
	"time"
)

// StallCallers is how many goroutines log to a sink that stalls.
const StallCallers = 2

// How slow that sink is, and how much it is given all the same.
const (
	stallRate = 20_000 // lines a second
	sinkPause = 100 * time.Microsecond
	sinkStall = 80 * time.Millisecond
	sinkLines = 4000 // from one stall to the next
)

// A Stall is what callers saw of a sink that takes 100 µs for each write, and
// 80 ms once every 4000 lines, when two of them had 20,000 lines a second to log.
type Stall struct {
	P50, P99, P999, Max time.Duration // of the time of a log call
	Due                 int           // calls to be made in that time
	Logged              int           // calls made: fewer where the buffer held up the callers
	Lost                int           // lines that never reached the sink
	Close               time.Duration
}

// Stall logs to such a sink for as long as l says. What is lost is no error.
func (b Buffer) Stall(l Load) (result Stall, err error) {
	defer b.named(&err)
	s := &stallingSink{}
	p := b.over(sink{Writer: s})
	call := fiveAttrs().call(p.handler)
	spent := make([][]time.Duration, StallCallers)
	var wg sync.WaitGroup
	runtime.GC()
	begun := time.Now()
	for i := range spent {
		wg.Go(func() { spent[i] = paced(call, begun, l.Stall, stallRate/StallCallers) })
	}
	wg.Wait()
	closing := time.Now()
	err = p.end()
	result.Close = time.Since(closing)

	all := slices.Concat(spent...)
	if len(all) == 0 {
		return result, errors.Join(err, errors.New("no call in all that time"))
	}
	slices.Sort(all)
	at := func(share float64) time.Duration { return all[int(share*float64(len(all)-1))] }
	result.P50, result.P99, result.P999, result.Max = at(0.5), at(0.99), at(0.999), at(1)
	result.Due, result.Logged = int(l.Stall.Seconds()*stallRate), len(all)
	result.Lost = len(all) - s.count()
	if result.Lost < 0 {
		err = errors.Join(err, counted(s.count(), len(all)))
	}
	return result, err
}

// paced makes the calls that are due at such a rate, in handfuls, and returns
// how long each took. Who is late makes up for it while there is time.
func paced(call func(), begun time.Time, length time.Duration, rate int) []time.Duration {
	spent := make([]time.Duration, 0, int(length.Seconds()*float64(rate))+1)
	for at := time.Since(begun); at < length || len(spent) == 0; { // who begins behind the end makes one call
		for len(spent) < int(at.Seconds()*float64(rate)) && (at < length || len(spent) == 0) {
			before := at
			call()
			at = time.Since(begun)
			spent = append(spent, at-before)
		}
		time.Sleep(time.Millisecond)
		at = time.Since(begun)
	}
	return spent
}

type stallingSink struct {
	mu    sync.Mutex
	lines int
}

func (s *stallingSink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	time.Sleep(sinkPause)
	before := s.lines
	s.lines += bytes.Count(p, []byte("\n"))
	if s.lines/sinkLines > before/sinkLines {
		time.Sleep(sinkStall)
	}
	return len(p), nil
}

func (s *stallingSink) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lines
}

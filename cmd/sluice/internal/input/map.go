package input

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
)

// maxWorkers is how many goroutines Map starts at most: what can be read in a second is less than so many can parse.
const maxWorkers = 16

func workers() int { return min(runtime.GOMAXPROCS(0), maxWorkers) }

// inFlight is how many chunks are in Map at most.
func inFlight() int { return 2*workers() + 2 }

// job is a chunk on its way through Map.
type job[T any] struct {
	chunk  *Chunk
	result T
	panic  any           // what work panicked with
	done   chan struct{} // closed when there is a result
}

// Map reads the chunks, hands them to as many goroutines as there are processors, each with a state of its own that
// newState returns, and calls emit, in this goroutine, with the results in the order of the chunks. It returns the
// states, of which there is at least one, and the error that ended it: of emit, of the context, or nil at the end of the
// files. A chunk, and what work keeps of its memory, is valid until emit returns; work must not Release it.
//
// newState and Options.OnError are called in this goroutine as well. A panic in work becomes one of Map.
func Map[S, T any](ctx context.Context, r *Reader, newState func() S, work func(S, *Chunk) T, emit func(T) error) ([]S, error) {
	states := []S{newState()}
	var group sync.WaitGroup
	jobs := make(chan *job[T], inFlight())
	start := func(s S) {
		group.Go(func() {
			for j := range jobs {
				j.do(func() {
					if ctx.Err() == nil {
						j.result = work(s, j.chunk)
					}
				})
			}
		})
	}
	var pending []*job[T] // in the order of the chunks
	defer func() {
		for range len(jobs) { // what no worker has begun
			select {
			case j := <-jobs:
				close(j.done)
			default:
			}
		}
		close(jobs)
		group.Wait()
		for _, j := range pending {
			r.Release(j.chunk)
		}
	}()
	chunks := r.start()
	running := 0
	for {
		if err := ctx.Err(); err != nil {
			return states, err
		}
		more := chunks
		var ready chan struct{}
		if len(pending) > 0 {
			ready = pending[0].done
			if len(pending) == cap(jobs) {
				more = nil
			}
		} else if chunks == nil {
			return states, nil
		}
		select {
		case it, ok := <-more:
			if !ok {
				chunks = nil
				continue
			}
			c := r.receive(it)
			if c == nil {
				continue
			}
			if running < workers() && running <= unfinished(pending) {
				if running > 0 {
					states = append(states, newState())
				}
				start(states[running])
				running++
			}
			j := &job[T]{chunk: c, done: make(chan struct{})}
			pending = append(pending, j)
			jobs <- j
		case <-ready:
			j := pending[0]
			if j.panic != nil {
				panic(j.panic)
			}
			if err := ctx.Err(); err != nil {
				return states, err
			}
			err := emit(j.result)
			r.Release(j.chunk)
			pending = pending[1:]
			if err != nil {
				return states, err
			}
		case <-ctx.Done():
		}
	}
}

// unfinished counts the jobs that are not done.
func unfinished[T any](pending []*job[T]) (n int) {
	for _, j := range pending {
		select {
		case <-j.done:
		default:
			n++
		}
	}
	return n
}

// do calls work and keeps a panic.
func (j *job[T]) do(work func()) {
	returned := false
	defer func() {
		if v := recover(); v != nil {
			j.panic = fmt.Sprintf("%v\n\n%s", v, debug.Stack())
		} else if !returned {
			j.panic = "work has called runtime.Goexit"
		}
		close(j.done)
	}()
	work()
	returned = true
}

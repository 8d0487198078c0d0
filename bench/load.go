package bench

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"time"
)

// A Load says how much is logged in one measurement.
type Load struct {
	Burst   int           // records of a burst
	Bursts  int           // bursts that are timed
	Records int           // records of a sustained load
	Synced  int           // lines that each have to be in the file before the next one
	Stall   time.Duration // how long a sink that stalls is logged to

	Lines     int // lines of a log file that does not rotate
	Rotated   int // lines of one that does, now and then
	Rotations int // rotations that are timed
	Stalled   int // lines of a log file that rotates all the time

	Shipped int // events to a Beats input

	Flood int // records of a burst through a whole pipeline

	Spooled     int // events that go through a queue on disk
	SpoolSynced int // with a sync for each batch

	Brokered int           // events to a broker
	Balanced time.Duration // how long receivers of limited capacity are sent to
}

// FullLoad returns the Load that figures are to be taken with.
func FullLoad() Load {
	return Load{
		Burst: 1600, Bursts: 7, Records: 40_000, Synced: 2000, Stall: 1500 * time.Millisecond,
		Lines: 50_000, Rotated: 110_000, Rotations: 30, Stalled: 1_000_000,
		Shipped: 200_000, Flood: 4000, Spooled: 200_000, SpoolSynced: 20_000, Brokered: 100_000, Balanced: time.Second,
	}
}

// Check logs to a file through the buffer and returns an error if what is in the
// file then is anything else than each of the records once, as [Case.Check] would
// have it. Each record has a number, so that one cannot stand in for another.
func (b Buffer) Check() (err error) {
	if b.discards {
		return nil
	}
	defer b.named(&err)
	d, err := newFolder()
	if err != nil {
		return err
	}
	defer d.remove()
	begun, c := time.Now(), fiveAttrs()
	p := b.over(d.sink())
	err = errors.Join(several(callers, func(number int) {
		c.call(p.handler.WithAttrs([]slog.Attr{slog.Int("number", number)}))()
	}), p.end())
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := d.copyTo(&text); err != nil {
		return err
	}
	lines := slices.Collect(bytes.Lines(text.Bytes()))
	if err := counted(len(lines), callers*calls); err != nil {
		return err
	}
	if err := c.verify(b.Peer, lines, begun); err != nil {
		return err
	}
	for number := range callers * calls {
		if n := bytes.Count(text.Bytes(), fmt.Appendf(nil, `"number":%d,`, number)); n != 1 {
			return fmt.Errorf("record %d is there %d times", number, n)
		}
	}
	return nil
}

// warmups is how many bursts are not timed: a buffer may consist of two halves,
// and memory costs more when it is used for the first time.
const warmups = 2

// Burst returns the wall time of a log call, per record, when as many goroutines
// share a burst that the buffer has room for: the median of the bursts. What the
// buffer holds is written before the next burst, and that is not timed. An error
// says that there were fewer or more lines than records.
func (b Buffer) Burst(l Load, goroutines int) (call time.Duration, err error) {
	defer b.named(&err)
	spent := make([]time.Duration, warmups+l.Bursts)
	err = b.run(len(spent)*l.Burst, func(d *folder, p passage) error {
		log := fiveAttrs().call(p.handler)
		for i := range spent {
			spent[i] = together(goroutines, l.Burst, log)
			if err := b.drain(p, d, (i+1)*l.Burst); err != nil {
				return err
			}
		}
		return p.end()
	})
	timed := spent[warmups:]
	slices.Sort(timed)
	return timed[len(timed)/2] / time.Duration(l.Burst), err
}

// drain has the buffer write what it holds, all that was logged so far.
func (b Buffer) drain(p passage, d *folder, records int) error {
	switch {
	case b.discards:
		return nil
	case p.flush != nil:
		return p.flush()
	}
	return d.settle(records)
}

// A Cost is what a record costs, in all.
type Cost struct {
	Wall time.Duration // until it is in the file
	CPU  time.Duration // of the process, in it and in the kernel
	// HasCPU is false where the system does not tell the latter.
	HasCPU bool
}

// Sustained returns what a record costs when as many goroutines log as fast as
// they can, and the buffer is closed then, until all is in the file.
func (b Buffer) Sustained(l Load, goroutines int) (cost Cost, err error) {
	defer b.named(&err)
	err = b.run(l.Records, func(_ *folder, p passage) error {
		log := fiveAttrs().call(p.handler)
		before, _ := cpu()
		begun := time.Now()
		together(goroutines, l.Records, log)
		err := p.end()
		cost.Wall = time.Since(begun) / time.Duration(l.Records)
		var after time.Duration
		after, cost.HasCPU = cpu()
		cost.CPU = (after - before) / time.Duration(l.Records)
		return err
	})
	return cost, err
}

// run opens the buffer on a file of its own, and counts what is in it after f,
// which closes the passage.
func (b Buffer) run(records int, f func(*folder, passage) error) error {
	d, err := newFolder()
	if err != nil {
		return err
	}
	defer d.remove()
	p := b.over(d.sink())
	runtime.GC() // what the one before has left behind is not this one's
	if err := f(d, p); err != nil || b.discards {
		return err
	}
	lines, err := d.lines()
	if err != nil {
		return err
	}
	return counted(lines, records)
}

// together has as many goroutines make so many calls between them, and returns
// how long that took.
func together(goroutines, calls int, call func()) time.Duration {
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	for i := range goroutines {
		n := calls*(i+1)/goroutines - calls*i/goroutines
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-start
			for range n {
				call()
			}
		})
	}
	ready.Wait()
	begun := time.Now()
	close(start)
	done.Wait()
	return time.Since(begun)
}

func (b Buffer) named(err *error) {
	if *err != nil {
		*err = fmt.Errorf("bench: %s: %w", b.Name, *err)
	}
}

// fiveAttrs returns the case that buffers are measured with.
func fiveAttrs() *Case {
	for _, c := range Cases() {
		if c.Name == "5 attrs" {
			return c
		}
	}
	panic("bench: no case of 5 attrs")
}

package bench

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/DataDog/sketches-go/ddsketch"
	"github.com/DataDog/sketches-go/ddsketch/mapping"
	"github.com/DataDog/sketches-go/ddsketch/store"
)

// accuracy is how far a percentile may be off.
const accuracy = 0.01

// drive logs records from several goroutines.
type drive struct {
	logger     *slog.Logger
	records    []record
	goroutines int
	duration   time.Duration
	rate       float64     // records a second of all goroutines together; 0 is as fast as it goes
	enough     func() bool // ends it; asked every watchEvery by whoever calls; nil is never
	asked      atomic.Int64
	ended      atomic.Bool // by enough
	stop       atomic.Bool
}

// driven is what came of it.
type driven struct {
	elapsed time.Duration
	count   int64
	levels  map[slog.Level]int64
	sketch  *ddsketch.DDSketch // of what a call takes, in nanoseconds
	longest time.Duration
	behind  time.Duration // the last call of one that was asked for a rate, by what others took
}

func newSketch() *ddsketch.DDSketch {
	m, err := mapping.NewCubicallyInterpolatedMapping(accuracy)
	if err != nil {
		panic(err) // the accuracy is a constant
	}
	return ddsketch.NewDDSketch(m, store.NewCollapsingLowestDenseStore(2048), store.NewCollapsingLowestDenseStore(1))
}

// run logs until the duration is over, stop is set or ctx is done.
func (d *drive) run(ctx context.Context) *driven {
	defer context.AfterFunc(ctx, func() { d.stop.Store(true) })()
	results := make([]*driven, d.goroutines)
	var group sync.WaitGroup
	start := time.Now()
	for i := range results {
		group.Go(func() {
			if d.rate == 0 {
				results[i] = d.flood(ctx, i, start)
			} else {
				results[i] = d.pace(ctx, i, start)
			}
		})
	}
	group.Wait()
	sum := &driven{elapsed: time.Since(start), levels: make(map[slog.Level]int64), sketch: newSketch()}
	for _, r := range results {
		sum.count += r.count
		sum.longest = max(sum.longest, r.longest)
		sum.behind = max(sum.behind, r.behind)
		for level, n := range r.levels {
			sum.levels[level] += n
		}
		_ = sum.sketch.MergeWith(r.sketch) // fails for another accuracy only
	}
	return sum
}

// caller is one goroutine that logs.
type caller struct {
	driven
	next    int
	records []record
	counts  []int64 // of each record
}

func (d *drive) newCaller(i int) *caller {
	return &caller{
		driven:  driven{sketch: newSketch()},
		next:    i * len(d.records) / d.goroutines,
		records: d.records,
		counts:  make([]int64, len(d.records)),
	}
}

// log logs the next record, and returns how long that took and when it was over.
func (c *caller) log(ctx context.Context, logger *slog.Logger) (took time.Duration, end time.Time) {
	r := &c.records[c.next]
	c.counts[c.next]++
	if c.next++; c.next == len(c.records) {
		c.next = 0
	}
	c.count++
	start := time.Now()
	logger.LogAttrs(ctx, r.level, r.message, r.attrs...) //nolint:sloglint // it stands for any
	end = time.Now()
	return end.Sub(start), end
}

func (c *caller) took(d time.Duration) {
	c.longest = max(c.longest, d)
	_ = c.sketch.Add(float64(d)) // fails for what is no number only
}

// ask ends the drive when there is enough. The callers do it, as another goroutine might not get a processor beside them.
func (d *drive) ask(since time.Duration) {
	if d.enough == nil {
		return
	}
	last := d.asked.Load()
	if since-time.Duration(last) >= watchEvery && d.asked.CompareAndSwap(last, int64(since)) && d.enough() {
		d.ended.Store(true)
		d.stop.Store(true)
	}
}

func (c *caller) result() *driven {
	c.levels = make(map[slog.Level]int64)
	for i, n := range c.counts {
		if n > 0 {
			c.levels[c.records[i].level] += n
		}
	}
	return &c.driven
}

// flood logs as fast as it goes.
func (d *drive) flood(ctx context.Context, i int, start time.Time) *driven {
	c := d.newCaller(i)
	until := start.Add(d.duration)
	for !d.stop.Load() {
		took, end := c.log(ctx, d.logger)
		c.took(took)
		d.ask(end.Sub(start))
		if !end.Before(until) {
			break
		}
	}
	return c.result()
}

// longestSleep is how long a goroutine that paces itself does not look whether it has to stop.
const longestSleep = 20 * time.Millisecond

// pace logs at the rate. Each record is due at a time that nothing changes, and its latency is counted from there: while a
// call is stuck, those that are due behind it wait, and that counts, as it would for a service whose requests keep coming.
// That a goroutine is woken late is not the pipeline's doing and does not count: a call begins when it is due or when the
// one before it is over, and takes as long as it was seen to take.
func (d *drive) pace(ctx context.Context, i int, start time.Time) *driven {
	c := d.newCaller(i)
	interval := float64(time.Second) * float64(d.goroutines) / d.rate
	offset := interval * float64(i) / float64(d.goroutines)
	until := start.Add(d.duration)
	var over time.Time // when the call before is, with none woken late
	for k := 0; ; k++ {
		due := start.Add(time.Duration(offset + float64(k)*interval))
		if !due.Before(until) {
			break
		}
		for !d.stop.Load() {
			wait := time.Until(due)
			if wait <= 0 {
				break
			}
			time.Sleep(min(wait, longestSleep))
		}
		if d.stop.Load() {
			break
		}
		took, end := c.log(ctx, d.logger)
		begin := due
		if over.After(due) {
			begin = over
		}
		over = begin.Add(took)
		c.behind = begin.Sub(due)
		c.took(over.Sub(due))
		d.ask(end.Sub(start))
		if !end.Before(until) {
			break
		}
	}
	return c.result()
}

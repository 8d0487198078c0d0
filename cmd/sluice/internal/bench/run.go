package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"time"

	"github.com/sluicelog/sluice/pipeline"
)

// benchmark is one run of the command.
type benchmark struct {
	*flags
	*plan
	records []record
	size    float64           // of a record, the mean
	paced   float64           // records a second of the second part; 0 is half of the first one's
	say     func(text string) // what is being done
}

const (
	flushLimit = 30 * time.Second // for what is to be written, or acked, at the end of a part
	closeLimit = 10 * time.Second
	watchEvery = 4 * time.Millisecond
)

// run runs all parts.
func (b *benchmark) run(ctx context.Context) (*report, error) {
	r := newReport(b)
	measure := func(name string, rate float64) (*part, error) {
		b.say(fmt.Sprintf("%s, for %v …", name, b.duration))
		p, err := b.part(ctx, name, rate)
		if err == nil {
			r.Parts = append(r.Parts, *p)
		}
		return p, err
	}
	if b.rate > 0 {
		if _, err := measure(fmt.Sprintf("At %s records a second", number(b.rate)), b.rate); err != nil {
			return nil, err
		}
	} else {
		p, err := measure("As fast as it goes", 0)
		if err != nil {
			return nil, err
		}
		rate, name := b.paced, "At the rate of the baseline"
		if rate == 0 {
			rate, name = max(p.PerSecond/2, 1/time.Duration(b.duration).Seconds()), "At half of that"
		}
		if _, err := measure(name, rate); err != nil {
			return nil, err
		}
	}
	if !b.noSteps {
		b.say(fmt.Sprintf("Where the time goes, for %v …", b.duration))
		var failures failures
		steps, err := b.steps(ctx, failures.add)
		switch {
		case failures.count > 0 && ctx.Err() == nil:
			r.Failures, r.Failure = failures.count, failures.first
		case err != nil:
			return nil, err
		default:
			r.Steps = steps
		}
	}
	return r, nil
}

// part opens the pipeline, logs to it, and takes it down.
func (b *benchmark) part(ctx context.Context, name string, rate float64) (*part, error) {
	cfg := b.config()
	var failures failures
	cfg.OnError = failures.add
	p, err := pipeline.Open(cfg)
	if err != nil {
		return nil, err
	}
	closed := false
	defer func() {
		if !closed {
			late, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			_ = p.Shutdown(late) // what is left is thrown away
		}
	}()
	d := &drive{
		logger: p.Logger(), records: b.records, goroutines: b.goroutines, duration: time.Duration(b.duration), rate: rate,
	}
	limit := b.share() * 9 / 10 // as it is asked now and then only
	d.enough = func() bool { return written(p.Stats()) >= limit }

	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	cpu := p.Health().Process.CPU
	done := d.run(ctx)
	cpu = p.Health().Process.CPU - cpu
	runtime.ReadMemStats(&after)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	out := newPart(name, rate, done)
	if d.ended.Load() {
		out.Stopped = "--max-bytes " + pipeline.Size(b.most).String()
		if b.keep {
			out.Stopped += ", which is for all that is kept"
		}
	}
	if done.count > 0 {
		out.CPU = float64(cpu) / float64(done.count)
		out.Allocs = float64(after.Mallocs-before.Mallocs) / float64(done.count)
		out.AllocBytes = float64(after.TotalAlloc-before.TotalAlloc) / float64(done.count)
	}
	out.Flush, err = flush(ctx, p)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		failures.add(fmt.Errorf("flush: %w", err))
	}
	end, cancel := context.WithTimeout(ctx, closeLimit)
	defer cancel()
	closed = true
	if err := p.Shutdown(end); err != nil {
		failures.add(fmt.Errorf("shutdown: %w", err))
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	out.account(b.plan, p.Stats(), done)
	out.Failures, out.Failure = failures.count, failures.first
	if !b.keep {
		return out, b.clear()
	}
	return out, nil
}

// share returns the bytes that a part may write: what is kept of the others takes its space.
func (b *benchmark) share() int64 {
	if b.keep {
		return b.most / 3
	}
	return b.most
}

// written returns the bytes that have gone to disk.
func written(s pipeline.Stats) (sum int64) {
	for i := range s.Sinks {
		if f := s.Sinks[i].File; f != nil {
			sum += f.WrittenBytes
		}
		if sh := s.Sinks[i].Shipper; sh != nil {
			sum += sh.SpoolBytes
		}
	}
	return sum
}

// flush returns how long it takes until all is on the disk, and with the receiver.
func flush(ctx context.Context, p *pipeline.Pipeline) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, flushLimit)
	defer cancel()
	start := time.Now()
	err := p.Flush(ctx)
	return time.Since(start), err
}

// rounds is how often each step is measured.
const rounds = 11

// step is a part of the pipeline, and what it adds to a call.
type step struct {
	Name  string  `json:"name"`
	Nanos float64 `json:"ns"`       // that it adds, which chance can make less than 0
	Noise float64 `json:"noise_ns"` // how far Nanos may be off: half of the rounds were
	Total float64 `json:"total_ns"` // up to here
}

// steps logs the same records through growing parts of the pipeline, in turns, and returns what each adds. It ends when something
// fails, as what is left would be no measure, and calls failed.
func (b *benchmark) steps(ctx context.Context, failed func(error)) ([]step, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	kinds := b.kinds(func(err error) {
		failed(err)
		cancel()
	})
	perStep := time.Duration(b.duration) / time.Duration(rounds*len(kinds))
	count, err := b.calibrate(ctx, kinds[len(kinds)-1].open, perStep)
	if err != nil {
		return nil, err
	}
	took := make([][]float64, len(kinds))
	for round := range rounds {
		for i := range kinds {
			if round%2 == 1 {
				i = len(kinds) - 1 - i // what is behind something else takes turns
			}
			t, err := b.once(ctx, kinds[i].open, count)
			if err != nil {
				return nil, err
			}
			took[i] = append(took[i], t)
		}
	}
	total, noise := make([]float64, len(kinds)), make([]float64, len(kinds))
	steps := make([]step, len(kinds))
	for i, k := range kinds {
		slices.Sort(took[i])
		total[i] = took[i][rounds/2]
		noise[i] = (took[i][rounds*3/4] - took[i][rounds/4]) / 2
		steps[i] = step{k.name, total[i], noise[i], total[i]}
		if k.base >= 0 {
			steps[i].Nanos -= total[k.base]
			steps[i].Noise += noise[k.base]
		}
	}
	return steps, nil
}

// kind is a part of the pipeline, from its beginning on.
type kind struct {
	name string
	base int // the kind to which it adds something; -1 is none
	open func() (logger *slog.Logger, shut func(context.Context) error, err error)
}

// kinds returns the parts: growing ones up to the encoding, then that with the output of one sink, and last the whole.
func (b *benchmark) kinds(failed func(error)) []kind {
	opener := func(change func(i int, s *pipeline.Sink), redaction bool) func() (*slog.Logger, func(context.Context) error, error) {
		return func() (*slog.Logger, func(context.Context) error, error) {
			cfg := b.config()
			cfg.OnError = failed
			cfg.Redaction.Off = cfg.Redaction.Off || !redaction
			for i := range cfg.Sinks {
				change(i, &cfg.Sinks[i])
			}
			p, err := pipeline.Open(cfg)
			if err != nil {
				return nil, nil, err
			}
			shut := func(ctx context.Context) error {
				err := p.Shutdown(ctx)
				if err != nil && !errors.Is(ctx.Err(), context.Canceled) {
					failed(fmt.Errorf("shutdown: %w", err))
				}
				return err
			}
			return p.Logger(), shut, nil
		}
	}
	kinds := []kind{
		{"the call itself", -1, func() (*slog.Logger, func(context.Context) error, error) {
			return slog.New(discard{}), func(context.Context) error { return nil }, nil
		}},
		{"levels, counts and fan-out", 0, opener(func(_ int, s *pipeline.Sink) { *s = discarding(s) }, false)},
	}
	if !b.cfg.Redaction.Off {
		kinds = append(kinds, kind{"redaction", 1, opener(func(_ int, s *pipeline.Sink) { *s = discarding(s) }, true)})
	}
	encodes := func(s *pipeline.Sink) {
		if s.Type != pipeline.Handler {
			*s = encoding(s)
		}
	}
	kinds = append(kinds, kind{"encoding", len(kinds) - 1, opener(func(_ int, s *pipeline.Sink) { encodes(s) }, true)})
	var ends []int
	for i := range b.sinks {
		if b.sinks[i].takes {
			ends = append(ends, i)
		}
	}
	encoded := len(kinds) - 1
	for n, end := range ends {
		name, own := b.cfg.Sinks[end].Name+": "+b.sinks[end].kind, []int{end}
		if n == mostSteps-1 && len(ends) > mostSteps {
			own = ends[n:]
			name = fmt.Sprintf("%d other sinks", len(own))
		}
		kinds = append(kinds, kind{name, encoded, opener(func(i int, s *pipeline.Sink) {
			if !slices.Contains(own, i) {
				encodes(s)
			}
		}, true)})
		if n == mostSteps-1 {
			break
		}
	}
	return append(kinds, kind{"all", -1, opener(func(i int, s *pipeline.Sink) {
		if !b.sinks[i].takes {
			encodes(s)
		}
	}, true)})
}

// mostSteps is how many sinks have a step of their own.
const mostSteps = 8

// calibrate returns how many records take about as long as given.
func (b *benchmark) calibrate(ctx context.Context, open func() (*slog.Logger, func(context.Context) error, error), goal time.Duration) (int, error) {
	// Each sink may write all of them, and longer lines than the records are in JSON.
	most := int(max(1, float64(b.share())/2/float64(max(1, len(b.sinks)))/max(1000, 2*b.size)))
	count := min(64, most)
	for {
		perRecord, err := b.once(ctx, open, count)
		if err != nil {
			return 0, err
		}
		took := time.Duration(perRecord * float64(count))
		if took >= goal/4 || count == most {
			return int(max(1, min(float64(goal)/max(perRecord, 1), float64(most)))), nil
		}
		count = min(2*count, most)
	}
}

// once returns how many nanoseconds a record takes a caller who has nothing else to do.
func (b *benchmark) once(ctx context.Context, open func() (*slog.Logger, func(context.Context) error, error), count int) (perRecord float64, err error) {
	logger, shut, err := open()
	if err != nil {
		return 0, err
	}
	defer func() {
		end, cancel := context.WithTimeout(ctx, closeLimit)
		defer cancel()
		err = errors.Join(err, shut(end), b.clear())
	}()
	log := func(n int) error {
		for i := range n {
			r := &b.records[i%len(b.records)]
			logger.LogAttrs(ctx, r.level, r.message, r.attrs...) //nolint:sloglint // it stands for any
			if i%1024 == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
		}
		return ctx.Err()
	}
	runtime.GC()
	if err := log(min(count/10+1, 1000)); err != nil { // what is only done once
		return 0, err
	}
	start := time.Now()
	if err := log(count); err != nil {
		return 0, err
	}
	return float64(time.Since(start)) / float64(count), nil
}

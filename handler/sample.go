package handler

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/sluicelog/sluice/internal/attrs"
)

// SampleBy says which records a [Sample] counts together.
type SampleBy int

// What a [Sample] counts together.
const (
	ByMessage SampleBy = iota // records of one level and one message
	BySource                  // records of one level from one place in the program
	ByLevel                   // records of one level
	ByNothing                 // all records
)

// SampleOptions are options for a [Sample]. A zero SampleOptions consists entirely
// of default values: of each level and message, 100 records a second pass and
// after these every 100th; of ERROR and above, all.
//
// There are two rules. By the rule for keys, which First, Thereafter, Probability
// and Chance make up, a record passes if it is among the First of its key in an
// Interval, or if one of the other three lets it pass. By Rate, so many records
// pass altogether. A rule of which nothing is set lets everything pass, unless
// that is so for both.
type SampleOptions struct {
	// First is how many records of a key pass in each Interval. Zero means none,
	// and 100 if Thereafter, Probability, Chance and Rate are not set either. Below
	// zero means none. More than 4,194,304 are taken for so many.
	First int

	// Thereafter lets every so many-th record of a key beyond First pass. Zero
	// means none, and 100 if nothing else is set, as for First. Below zero means
	// none. More than 4,194,304 are taken for so many.
	Thereafter int

	// Interval is how long a count lasts; then each key begins again. The
	// intervals follow one another from when NewSample was called. Zero means a
	// second, below zero that counts last forever. Less than a millisecond is
	// taken for one.
	Interval time.Duration

	// Probability, between 0 and 1, lets records beyond First pass by chance.
	// Outside of that, it is taken for the nearer of the two. Zero means none.
	Probability float64

	// Chance, if not nil, returns the Probability for a record, in which r holds
	// what With and WithGroup have bound. One that decides by a number in the
	// context, the id of a trace say, between 0 and 1, keeps all records of that
	// trace or none. If it panics, the record passes.
	Chance func(ctx context.Context, r slog.Record) float64

	// Rate is how many records a second pass, all keys together, as from a bucket
	// with room for Burst. It is told apart to a nanosecond a record. Zero means
	// no limit, as does anything below, or no number.
	Rate float64

	// Burst is how many records pass at once after a quiet time. Zero or less
	// means as many as pass in a second, and at least one.
	Burst int

	// Keep is the level from which on every record passes and nothing is counted.
	// It is asked for each record, so that a [slog.LevelVar] that is lowered turns
	// sampling off. Nil means slog.LevelError.
	Keep slog.Leveler

	// By says which records are counted together. The zero value is ByMessage.
	// Where messages have numbers in them, so that few are ever the same,
	// BySource is the better choice; a record without a place is counted by its
	// message then.
	By SampleBy

	// Key, if not nil, says it in place of By: records for which it returns the
	// same text are counted together. R holds what With and WithGroup have bound,
	// which costs a copy if there is any. If Key panics, By holds.
	Key func(ctx context.Context, r slog.Record) string

	// MaxKeys bounds the keys that are counted at a time, at 17 bytes each. If there
	// are more, one that was not seen for long, or of which few records were, makes
	// room, and begins again when it comes back: more records pass then than were
	// asked for, never fewer. Zero or less means 4096. It is rounded up to a power
	// of two, from 8 to 1,048,576.
	MaxKeys int

	// Summary makes the record that tells readers of the log what was
	// suppressed. It goes to the handler that NewSample was given, if that is
	// enabled for its level, with an empty context. One without a message and
	// attrs is not handled. Nil means Suppressed.Record.
	Summary func(Suppressed) slog.Record

	// OnDrop, if not nil, is told of each record that is suppressed. It must not log
	// to the same handler.
	OnDrop func(ctx context.Context, r slog.Record)

	// OnError, if not nil, is told of each failure of the handler behind, and of
	// each panic of it or of a function of these options. It must not log to the same
	// handler.
	OnError func(error)
}

const (
	defaultFirst      = 100
	defaultThereafter = 100
	defaultKeys       = 4096
	maxKeys           = 1 << 20
	maxCount          = 1 << 22
	summaryInterval   = time.Minute // where counts last forever
)

// complete returns o with its default values in place.
func (o SampleOptions) complete() SampleOptions {
	if o.First == 0 && o.Thereafter == 0 && o.Probability == 0 && o.Chance == nil && !(o.Rate > 0) {
		o.First, o.Thereafter = defaultFirst, defaultThereafter
	}
	switch {
	case o.Interval == 0:
		o.Interval = time.Second
	case o.Interval > 0:
		o.Interval = min(max(o.Interval, time.Millisecond), longest)
	}
	if o.Keep = leveler(o.Keep); o.Keep == nil {
		o.Keep = slog.LevelError
	}
	if o.MaxKeys <= 0 {
		o.MaxKeys = defaultKeys
	}
	o.MaxKeys = min(o.MaxKeys, maxKeys)
	if o.Summary == nil {
		o.Summary = Suppressed.Record
	}
	return o
}

// Sample is a [slog.Handler] that passes on some records of many, and counts the
// others. Those it suppressed are told of by one summary record an Interval (a
// minute, where an Interval lasts forever): with the first record that comes when
// it is over, and by Flush. The summary has the highest level of those it tells
// of. One that the handler behind refuses is made again, with what was suppressed
// meanwhile.
//
// It decides in Handle. Time is that of the records, where it is near that of the
// clock and was read from it, and otherwise that of the clock. Handlers derived
// from a Sample count together with it. It takes a lock when a key is seen for the
// first time, and starts no goroutine: after the last record of a program, Flush
// tells what is left.
//
// A policy for each level is several Samples, each behind a [Gate], in a fan-out.
// What a Sample lets pass, the handler behind it sees; OnDrop sees the rest.
//
// All methods are safe for concurrent use.
type Sample struct {
	next  slog.Handler
	bound *attrs.Bound // what With and WithGroup have bound, if a function is to see it
	core  *sampler
}

var _ slog.Handler = (*Sample)(nil)

// NewSample returns a Sample before next. Nil opts are the default options. It
// panics if next is nil or opts.By unknown.
func NewSample(next slog.Handler, opts *SampleOptions) *Sample {
	if next == nil {
		panic("handler: NewSample: nil next handler")
	}
	if opts == nil {
		opts = &SampleOptions{}
	}
	if opts.By < ByMessage || opts.By > ByNothing {
		panic("handler: NewSample: unknown By: " + strconv.Itoa(int(opts.By)))
	}
	return &Sample{next: next, core: newSampler(next, opts.complete())}
}

// Enabled reports whether the next handler takes level.
func (s *Sample) Enabled(ctx context.Context, level slog.Level) bool {
	return s.next.Enabled(ctx, level)
}

// Handle passes on r or counts it as suppressed. It returns what the next handler
// returns; a panic there is an error.
func (s *Sample) Handle(ctx context.Context, r slog.Record) error {
	return s.core.handle(ctx, s, &r)
}

// WithAttrs returns a Sample before the next handler with attrs, which counts
// together with s.
func (s *Sample) WithAttrs(as []slog.Attr) slog.Handler {
	if len(as) == 0 {
		return s
	}
	derived := &Sample{bound: s.bound, core: s.core}
	if s.core.looks {
		derived.bound = s.bound.WithAttrs(as)
	}
	derived.next = s.next.WithAttrs(as)
	return derived
}

// WithGroup returns a Sample before the next handler with a group, which counts
// together with s.
func (s *Sample) WithGroup(name string) slog.Handler {
	if name == "" {
		return s
	}
	derived := &Sample{next: s.next.WithGroup(name), bound: s.bound, core: s.core}
	if s.core.looks {
		derived.bound = s.bound.WithGroup(name)
	}
	return derived
}

// Unwrap returns the next handler.
func (s *Sample) Unwrap() slog.Handler { return s.next }

// Flush tells at once what was suppressed and not told of yet, and returns the
// error of the handler that was told. It does not flush that handler, as the
// function [Flush] does.
func (s *Sample) Flush(ctx context.Context) error {
	if ctx.Err() != nil {
		return fmt.Errorf("handler: flush Sample: %w", context.Cause(ctx))
	}
	return s.core.tell(s.core.due.Swap(0))
}

// Stats returns what s and the handlers it was derived from, or that are derived
// from it, did so far.
func (s *Sample) Stats() SampleStats { return s.core.stats() }

// A verdict says what becomes of a record.
type verdict int

const (
	passes  verdict = iota
	sampled         // suppressed by the rule for keys
	limited         // suppressed by the Rate
)

// A sampler is what a Sample shares with those derived from it.
type sampler struct {
	root   slog.Handler // takes summaries
	opts   SampleOptions
	keyed  bool // the rule for keys is in force
	looks  bool // a function looks at records
	clock  *clock
	keys   *keyTable // nil without a rule that counts by key
	bucket *tokenBucket
	tally
}

func newSampler(root slog.Handler, o SampleOptions) *sampler {
	c := &sampler{
		root:  root,
		opts:  o,
		keyed: o.First != 0 || o.Thereafter != 0 || o.Probability != 0 || o.Chance != nil,
		looks: o.Key != nil || o.Chance != nil,
		clock: newClock(),
	}
	if o.First > 0 || o.Thereafter > 0 {
		c.keys = newKeyTable(o)
	}
	if o.Rate > 0 {
		c.bucket = newTokenBucket(o.Rate, o.Burst)
	}
	c.onError = o.OnError
	c.interval = o.Interval
	if c.interval < 0 {
		c.interval = summaryInterval
	}
	return c
}

func (c *sampler) handle(ctx context.Context, s *Sample, r *slog.Record) error {
	if r.Level >= c.opts.Keep.Level() {
		if due := c.due.Load(); due != 0 && c.isDue(due, c.clock.now()) {
			return c.tellFirst(due, func() error { return c.pass(ctx, s.next, r) })
		}
		return c.pass(ctx, s.next, r)
	}
	now, _ := c.clock.of(r)
	if due := c.due.Load(); due != 0 && c.isDue(due, now) {
		return c.tellFirst(due, func() error { return c.decide(ctx, s, r, now) })
	}
	return c.decide(ctx, s, r, now)
}

// isDue reports whether a summary is due, which the caller then has to tell.
func (c *sampler) isDue(due int64, now time.Duration) bool {
	return int64(now) >= due && c.due.CompareAndSwap(due, 0)
}

// tellFirst tells a summary that is due before it does what is to be done, which
// it does as well if the handler that is told ends this goroutine.
func (c *sampler) tellFirst(due int64, do func() error) (err error) {
	defer func() { err = do() }()
	_ = c.tell(due) // it is reported, and told again
	return nil
}

func (c *sampler) decide(ctx context.Context, s *Sample, r *slog.Record, now time.Duration) error {
	why := c.judge(ctx, s, r, now)
	if why == passes {
		return c.pass(ctx, s.next, r)
	}
	c.suppress(now, r.Level, why)
	if c.opts.OnDrop != nil {
		c.report(guard("OnDrop", func() { c.opts.OnDrop(ctx, r.Clone()) }))
	}
	return nil
}

func (c *sampler) judge(ctx context.Context, s *Sample, r *slog.Record, now time.Duration) verdict {
	if c.keyed && !c.amongThoseOfItsKey(ctx, s, r, now) {
		return sampled
	}
	if c.bucket != nil && !c.bucket.take(now) {
		return limited
	}
	return passes
}

func (c *sampler) amongThoseOfItsKey(ctx context.Context, s *Sample, r *slog.Record, now time.Duration) bool {
	if c.keys != nil && c.keys.pass(c.hash(ctx, s, r), now) {
		return true
	}
	p := c.opts.Probability
	if c.opts.Chance != nil {
		p = 1
		c.report(guard("Chance", func() { p = c.opts.Chance(ctx, s.bound.Record(*r)) }))
	}
	return p > 0 && (p >= 1 || rand.Float64() < p) //nolint:gosec // nobody gains by foreseeing it
}

// hash returns the hash of the key of r.
func (c *sampler) hash(ctx context.Context, s *Sample, r *slog.Record) uint64 {
	if c.opts.Key != nil {
		var key string
		err := guard("Key", func() { key = c.opts.Key(ctx, s.bound.Record(*r)) })
		if err == nil {
			return c.keys.text(key)
		}
		c.report(err)
	}
	switch {
	case c.opts.By == ByNothing:
		return c.keys.text("")
	case c.opts.By == ByLevel:
		return c.keys.number(r.Level, 0)
	case c.opts.By == BySource && r.PC != 0:
		return c.keys.number(r.Level, r.PC)
	default:
		return c.keys.text(r.Message) + uint64(r.Level)*odd //nolint:gosec // any bits will do
	}
}

// odd spreads small numbers over 64 bits.
const odd = 0x9e3779b97f4a7c15

// tell hands over a summary of what was suppressed and not told of yet.
func (c *sampler) tell(due int64) (err error) {
	told, ok := c.take(c.clock, due)
	if !ok {
		return nil
	}
	returned := false
	defer func() {
		if !returned {
			err = noReturn(c.root, recover())
		}
		if err != nil {
			c.giveBack(c.clock.now(), told)
			err = fmt.Errorf("handler: Sample: summary: %w", err)
			c.report(err)
		}
	}()
	r := c.summary(told)
	// What the context of some record holds is not about the others.
	ctx := context.Background()
	if (r.Message != "" || r.NumAttrs() > 0) && c.root.Enabled(ctx, r.Level) {
		err = c.root.Handle(ctx, r)
	}
	returned = true
	return err
}

func (c *sampler) summary(told Suppressed) (r slog.Record) {
	err := guard("Summary", func() { r = c.opts.Summary(told) })
	if err != nil {
		c.report(err)
		return told.Record()
	}
	return r
}

package handler

import (
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// SampleStats counts the records of a [Sample] and of all handlers that share its
// counts. Summaries are not among them. At every moment
//
//	Accepted = Written + Dropped
//	Dropped  = DroppedByKey + DroppedByRate + DroppedFailed
type SampleStats struct {
	Accepted uint64 // records given to Handle that were passed on or dropped
	Written  uint64 // records that the next handler took
	Dropped  uint64 // records suppressed, or refused by the next handler

	DroppedByKey  uint64 // suppressed by the rule for keys
	DroppedByRate uint64 // suppressed by the Rate
	DroppedFailed uint64 // refused by the next handler, or lost to a panic in it
	// Dropped by level; nil without drops. Of levels below -32 and above 31, 64 are told
	// apart, and the rest counts as one of these two.
	DroppedByLevel map[slog.Level]uint64

	Untold uint64 // records suppressed of which no summary has told yet
}

// Suppressed says which records a [Sample] has suppressed.
type Suppressed struct {
	Records uint64                // how many
	Levels  map[slog.Level]uint64 // how many of each level, as in SampleStats
	Since   time.Time             // when the first one was suppressed
	Until   time.Time             // when the last one was suppressed, to a millisecond
}

// Record returns s as a record at the time s.Until, with the highest of the
// levels.
func (s Suppressed) Record() slog.Record {
	sorted := slices.Sorted(maps.Keys(s.Levels))
	levels := make([]slog.Attr, 0, len(sorted))
	var highest slog.Level
	for _, level := range sorted {
		levels = append(levels, slog.Uint64(level.String(), s.Levels[level]))
		highest = level
	}
	r := slog.NewRecord(s.Until, highest, "log records suppressed", 0)
	r.AddAttrs(
		slog.Uint64("suppressed", s.Records),
		slog.GroupAttrs("levels", levels...),
		slog.Time("since", s.Since),
		slog.Time("until", s.Until),
	)
	return r
}

// A tally counts what became of records, and what of that is to be told.
type tally struct {
	delivery

	interval      time.Duration // between summaries
	byKey, byRate levelCounts   // what was suppressed
	due           atomic.Int64  // when the next summary is; 0 if there is nothing to tell
	until         atomic.Int64  // when a record was suppressed last

	mu    sync.Mutex // held by who takes what is to be told, or gives it back
	told  map[slog.Level]uint64
	since time.Time // when the first record was that was given back; zero without one
}

// suppress counts a record that is suppressed.
func (t *tally) suppress(now time.Duration, level slog.Level, why verdict) {
	if why == limited {
		t.byRate.add(level, 1)
	} else {
		t.byKey.add(level, 1)
	}
	if last := time.Duration(t.until.Load()); last == 0 || now-last >= time.Millisecond { // near enough
		t.until.Store(int64(now))
	}
	// After the record is counted: who resets due sees it, or it is due again.
	if t.due.Load() == 0 {
		t.due.CompareAndSwap(0, int64(now+t.interval))
	}
}

// take returns what is to be told, which then counts as told. It is not ok if
// that is nothing. Due is what the due of t was, and is zero now.
func (t *tally) take(c *clock, due int64) (s Suppressed, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s.Levels = t.byRate.addTo(t.byKey.addTo(nil))
	for level, n := range t.told {
		if s.Levels[level] -= n; s.Levels[level] == 0 {
			delete(s.Levels, level)
		}
	}
	s.Records = sum(s.Levels)
	if s.Records == 0 {
		return s, false
	}
	t.count(s.Levels)
	s.Until = c.timeOf(time.Duration(t.until.Load()))
	switch {
	case !t.since.IsZero():
		s.Since = t.since
	case due != 0:
		s.Since = c.timeOf(time.Duration(due) - t.interval)
	}
	if s.Since.IsZero() || s.Since.After(s.Until) { // others are about to write these
		s.Since = s.Until
	}
	t.since = time.Time{}
	return s, true
}

// count counts records as told.
func (t *tally) count(levels map[slog.Level]uint64) {
	if t.told == nil {
		t.told = make(map[slog.Level]uint64)
	}
	for level, n := range levels {
		t.told[level] += n
	}
}

// giveBack says that nobody could be told of s.
func (t *tally) giveBack(now time.Duration, s Suppressed) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for level, n := range s.Levels {
		t.told[level] -= n
	}
	if t.since.IsZero() || s.Since.Before(t.since) {
		t.since = s.Since
	}
	t.due.CompareAndSwap(0, int64(now+t.interval))
}

func (t *tally) stats() SampleStats {
	s := SampleStats{Written: t.written.Load()}
	t.mu.Lock()
	told := sum(t.told)
	s.DroppedByLevel = t.byKey.addTo(nil)
	s.DroppedByKey = sum(s.DroppedByLevel)
	s.DroppedByLevel = t.byRate.addTo(s.DroppedByLevel)
	suppressed := sum(s.DroppedByLevel)
	t.mu.Unlock()
	s.DroppedByRate, s.Untold = suppressed-s.DroppedByKey, suppressed-told
	s.DroppedByLevel = t.failed.addTo(s.DroppedByLevel)
	s.Dropped = sum(s.DroppedByLevel)
	s.DroppedFailed = s.Dropped - suppressed
	s.Accepted = s.Written + s.Dropped
	return s
}

// levelCounts counts by level, those that have names without a lock. It is bounded,
// as records may have any level.
type levelCounts struct {
	near [1 << 6]atomic.Uint64 // from lowestNear up
	mu   sync.Mutex
	far  map[slog.Level]uint64
}

const (
	lowestNear  slog.Level = -32
	highestNear slog.Level = 31
	mostFar                = 64
)

func (c *levelCounts) add(level slog.Level, n uint64) {
	if (level < lowestNear || level > highestNear) && c.addFar(level, n) {
		return
	}
	c.near[min(max(level, lowestNear), highestNear)-lowestNear].Add(n)
}

// addFar is false if there are too many levels already.
func (c *levelCounts) addFar(level slog.Level, n uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.far[level] == 0 && len(c.far) == mostFar {
		return false
	}
	if c.far == nil {
		c.far = make(map[slog.Level]uint64)
	}
	c.far[level] += n
	return true
}

// addTo adds the counts that are not zero to all, which may be nil, and returns it.
func (c *levelCounts) addTo(all map[slog.Level]uint64) map[slog.Level]uint64 {
	add := func(level slog.Level, n uint64) {
		if all == nil {
			all = make(map[slog.Level]uint64)
		}
		all[level] += n
	}
	c.mu.Lock()
	for level, n := range c.far {
		add(level, n)
	}
	c.mu.Unlock()
	for i := range c.near {
		if n := c.near[i].Load(); n > 0 {
			add(lowestNear+slog.Level(i), n)
		}
	}
	return all
}

func sum(levels map[slog.Level]uint64) (n uint64) {
	for _, m := range levels {
		n += m
	}
	return n
}

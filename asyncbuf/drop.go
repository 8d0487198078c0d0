package asyncbuf

import (
	"log/slog"
	"maps"
	"slices"
	"time"
)

// A Drop describes a drop episode: lines given up one soon after the other.
type Drop struct {
	Lines  uint64                // how many
	Levels map[slog.Level]uint64 // how many of each level
	Since  time.Time             // when the first one was dropped
	Until  time.Time             // when the last one was dropped
}

const summaryLevel = slog.LevelWarn

// Record returns d as a record of level WARN at the time d.Until, for an
// encoder of the caller's choice.
func (d Drop) Record() slog.Record {
	levels := make([]slog.Attr, 0, len(d.Levels))
	for _, level := range slices.Sorted(maps.Keys(d.Levels)) {
		levels = append(levels, slog.Uint64(level.String(), d.Levels[level]))
	}
	r := slog.NewRecord(d.Until, summaryLevel, "log lines dropped", 0)
	r.AddAttrs(
		slog.Uint64("dropped", d.Lines),
		slog.GroupAttrs("levels", levels...),
		slog.Time("since", d.Since),
		slog.Time("until", d.Until),
	)
	return r
}

// A reason is why lines were dropped.
type reason int

const (
	full     reason = iota // no room
	failed                 // given up after a failure of the sink
	shutdown               // left when Shutdown ran out of time
	reasons
)

// drops counts dropped lines, in all and in the present episode.
type drops struct {
	by      [reasons]uint64
	levels  map[slog.Level]uint64
	episode Drop
	written uint64 // by the sink when the episode's last line was dropped
	over    bool   // the episode waits to be told of
}

// add counts lines when the sink has taken so many. Those that are the buffer's
// own belong to no episode: nobody is told that nobody could be told.
func (d *drops) add(why reason, written uint64, lines ...line) {
	if len(lines) == 0 {
		return
	}
	if d.levels == nil {
		d.levels = make(map[slog.Level]uint64)
	}
	now := time.Now()
	for _, l := range lines {
		d.by[why]++
		d.levels[l.level]++
		if l.own {
			continue
		}
		if d.episode.Lines == 0 {
			d.episode = Drop{Levels: make(map[slog.Level]uint64), Since: now}
		}
		d.episode.Lines++
		d.episode.Levels[l.level]++
		d.episode.Until = now
		d.written = written
	}
}

func (d *drops) total() (n uint64) {
	for _, by := range d.by {
		n += by
	}
	return n
}

// close marks the episode as over if the sink works again, and nothing was
// dropped since the episode had seen so many lines or the queue is empty; or if it
// is too long to be kept back.
func (d *drops) close(seen, written uint64, empty bool) {
	const longest = time.Minute
	e := &d.episode
	works := written > d.written && (e.Lines == seen || empty)
	d.over = d.over || e.Lines > 0 && (works || e.Until.Sub(e.Since) >= longest)
}

// take ends the episode and returns it.
func (d *drops) take() Drop {
	e := d.episode
	d.episode, d.over = Drop{}, false
	return e
}

package monitor

import (
	"slices"
	"sync"
	"time"
)

// lookout remembers, from one Health to the next, what a sink alone cannot say:
// how much of what it counts is new.
type lookout struct {
	usage usage

	mu    sync.Mutex
	sinks map[string]*track // those there were last time
}

// past is what a sink counted lately, and since when that is.
type past struct {
	dropped uint64
	since   time.Time
	failed  bool // the last error is new
}

// lookEach is how far apart the looks are that a track keeps, those of the last
// minute and the one before.
const lookEach = 5 * time.Second

// A track is how many lines a sink had dropped when somebody looked.
type track struct {
	marks []mark    // the oldest first
	err   string    // the last error without a time,
	erred time.Time // and when it was first seen
}

type mark struct {
	at      time.Time
	dropped uint64
}

// look notes what the sinks have dropped and returns what of it is new.
func (l *lookout) look(now, start time.Time, sinks []Sink) []past {
	errs := make([]string, len(sinks)) // those without a time
	for i := range sinks {
		if s := &sinks[i]; s.LastErr != nil && s.LastErrTime.IsZero() {
			errs[i] = errorText(s.LastErr) // which is no code to be called under a lock
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]past, len(sinks))
	before := l.sinks
	l.sinks = make(map[string]*track, len(sinks)) // without those that are gone
	for i, name := range sinkNames(sinks) {
		s := &sinks[i]
		t := before[name]
		if t == nil {
			t = &track{marks: []mark{{at: start}}}
		}
		l.sinks[name] = t
		list[i] = past{failed: t.failed(now, s, errs[i])}
		list[i].dropped, list[i].since = t.dropped(now, s.Dropped)
	}
	return list
}

// dropped returns what was dropped since the last look that is a minute ago, or
// the first one.
func (t *track) dropped(now time.Time, dropped uint64) (n uint64, since time.Time) {
	for len(t.marks) > 1 && now.Sub(t.marks[1].at) >= lately {
		t.marks = slices.Delete(t.marks, 0, 1)
	}
	for i := range t.marks { // a sink that counts anew
		t.marks[i].dropped = min(t.marks[i].dropped, dropped)
	}
	n = dropped - t.marks[0].dropped
	since = t.marks[0].at
	if last := t.marks[len(t.marks)-1]; now.Sub(last.at) >= lookEach {
		t.marks = append(t.marks, mark{now, dropped})
	}
	return n, since
}

// failed reports whether the sink's last error is new. Text is that of one without
// a time.
func (t *track) failed(now time.Time, s *Sink, text string) bool {
	if s.LastErr == nil {
		return false
	}
	at := s.LastErrTime
	if at.IsZero() {
		if text != t.err || t.erred.IsZero() {
			t.err, t.erred = text, now
		}
		at = t.erred
	}
	ago := now.Sub(at)
	return ago < lately && ago > -lately // a clock that was set back may have put it anywhere
}

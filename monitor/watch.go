package monitor

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"time"
)

// A Threshold says when somebody wants to know that there are too many records,
// and that this is over. All but Func may be left out.
type Threshold struct {
	// Name is what its alerts are called. It may be empty.
	Name string

	// Level is the lowest level that counts. Nil means slog.LevelError. What it says
	// is asked for once, when Watch is called.
	Level slog.Leveler

	// Above is how many records in a Window are not too many. The alert begins
	// when there are more. Zero means that the first record is one too many.
	Above uint64

	// Below is how few records in a Window end the alert: fewer than so many. Zero
	// means half of Above, and one where that is nothing. More than Above are taken
	// for Above and one, with which an alert ends as soon as it would not begin.
	Below uint64

	// Window is the time in which records are counted, by its sixtieth part or a
	// second, whichever is longer. Zero or less means a minute. Less than a second
	// is taken for one.
	Window time.Duration

	// CoolDown is how long after the end of an alert the next one begins at the
	// earliest. Zero means a minute, below zero that it may begin at once.
	CoolDown time.Duration

	// Func is called once when an alert begins and once when it ends. While it
	// runs, Watch looks at no Threshold; what is counted meanwhile is then taken to
	// have come evenly. It may log to the Handler, but what it logs counts as well. If
	// it panics, Options.OnError is told.
	Func func(Alert)
}

const (
	defaultWindow   = time.Minute
	defaultCoolDown = time.Minute
)

// complete returns t with its default values in place.
func (t Threshold) complete() Threshold {
	if t.Level == nil {
		t.Level = slog.LevelError
	}
	t.Level = t.Level.Level()
	if t.Below == 0 {
		t.Below = max(t.Above/2, 1)
	}
	if t.Below > t.Above {
		t.Below = t.Above + 1
	}
	if t.Window <= 0 {
		t.Window = defaultWindow
	}
	t.Window = max(t.Window, time.Second)
	if t.CoolDown == 0 {
		t.CoolDown = defaultCoolDown
	}
	return t
}

// An Alert is what a [Threshold] has to say.
type Alert struct {
	Name  string // of the Threshold
	Ended bool   // whether this is the end of it

	Level  slog.Level    // the lowest that counts
	Count  uint64        // how many records there were
	Above  uint64        // more than so many are too many
	Window time.Duration // in this time

	Began time.Time // when the alert began
	Time  time.Time // when the records were counted
}

// String returns a sentence for people, such as "alert: 19 records at ERROR and
// above in 1m0s, more than 10".
func (a Alert) String() string {
	what, than := "alert", fmt.Sprintf(", more than %d", a.Above)
	if a.Name != "" {
		what += " " + strconv.Quote(a.Name)
	}
	if a.Ended {
		what, than = fmt.Sprintf("%s ended after %v", what, a.Time.Sub(a.Began).Round(time.Second)), ""
	}
	return fmt.Sprintf("%s: %d records at %v and above in %v%s", what, a.Count, a.Level, a.Window, than)
}

// Watch looks every second whether there are more records than the thresholds
// allow, and calls their Func, until ctx ends. It does not return before, so the
// caller says go:
//
//	go h.Watch(ctx, monitor.Threshold{Above: 10, Func: func(a monitor.Alert) { page(a.String()) }})
//
// Records count from NewHandler on, if that was less than a Window ago. If it was
// not, those of the last Window count, as far as the Rates tell of that: for INFO,
// WARN and ERROR as the lowest level, and no more than a day; for another level they
// count from the call of Watch. The functions are called by its goroutine, one
// after the other, and not for an alert that is on when ctx ends. It panics if a
// Func is nil.
func (h *Handler) Watch(ctx context.Context, thresholds ...Threshold) {
	s := h.shared
	guards := make([]*guard, len(thresholds))
	start := time.Now()
	for i, t := range thresholds {
		if t.Func == nil {
			panic(fmt.Sprintf("monitor: Watch: threshold %d without a Func", i))
		}
		g := newGuard(t)
		if start.Sub(s.start) > g.Window {
			g.noted = s.before(g.Level.Level(), g.Window)
		}
		guards[i] = g
	}
	each(ctx, time.Second, func() {
		for _, g := range guards {
			now := time.Now() // the last Func may have taken long
			if alert, news := g.look(now, now.Sub(start), s.atLeast(g.Level.Level())); news {
				s.call(g.Func, alert)
			}
		}
	})
}

// before returns how many records at level and above there were before the last
// window, and all if the history does not know.
func (s *shared) before(level slog.Level, window time.Duration) (n uint64) {
	from := class(level)
	if class(level-1) == from { // which the history does not tell apart
		return s.atLeast(level)
	}
	h := &s.history
	h.mu.Lock()
	defer h.mu.Unlock()
	h.note(&s.counters, time.Now())
	r, unit := &h.hours, time.Hour
	switch {
	case window <= secondsKept*time.Second:
		r, unit = &h.seconds, time.Second
	case window <= minutesKept*time.Minute:
		r, unit = &h.minutes, time.Minute
	}
	oldest := len(r.slots) - int(min((window-1)/unit+1, time.Duration(len(r.slots))))
	all := h.noted
	r.all(func(i int, t tally) bool {
		if i >= oldest {
			all = all.less(t)
		}
		return true
	})
	for _, m := range all[from:failed] {
		n += m
	}
	return n
}

func (s *shared) call(f func(Alert), a Alert) {
	defer s.recover("the Func of a Threshold")
	f(a)
}

// A guard is a Threshold and what it has seen.
type guard struct {
	Threshold

	unit  time.Duration // of the ring
	ring  ring[uint64]
	noted uint64 // what is in the ring or was
	on    bool
	began time.Time
	ended time.Time
}

const windowParts = 60

func newGuard(t Threshold) *guard {
	t = t.complete()
	unit := max(t.Window/windowParts, time.Second)
	parts := (t.Window-1)/unit + 1
	return &guard{Threshold: t, unit: unit, ring: newRing[uint64](int(parts))}
}

// look is called with the time since the first look, and all that was counted
// until now. It reports whether there is an Alert.
func (g *guard) look(now time.Time, after time.Duration, count uint64) (a Alert, news bool) {
	g.count(int64((after-1)/g.unit), count-g.noted) // in the unit that ends now
	g.noted = count
	var sum uint64
	g.ring.all(func(_ int, n uint64) bool { sum += n; return true })
	switch {
	case !g.on && sum > g.Above && (g.ended.IsZero() || now.Sub(g.ended) >= g.CoolDown):
		g.on, g.began = true, now
	case g.on && sum < g.Below:
		g.on, g.ended = false, now
	default:
		return Alert{}, false
	}
	return Alert{
		Name: g.Name, Ended: !g.on, Level: g.Level.Level(), Count: sum, Above: g.Above, Window: g.Window,
		Began: g.began.Round(0), Time: now.Round(0),
	}, true
}

// count counts n more records until the end of a unit. If the last look was in one
// before the last, they are spread evenly over those since then.
func (g *guard) count(unit int64, n uint64) {
	from := g.ring.at
	passed := uint64(max(unit-from, 1))
	upTo := func(i uint64) uint64 { return n/passed*i + n%passed*i/passed }
	g.ring.move(unit - int64(len(g.ring.slots))) // what is older is not looked at
	for g.ring.at < unit {
		g.ring.move(g.ring.at + 1)
		i := uint64(g.ring.at - from) //nolint:gosec // one at least
		*g.ring.now() += upTo(i) - upTo(i-1)
	}
	if from >= unit {
		*g.ring.now() += n
	}
}

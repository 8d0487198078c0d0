package monitor

import "time"

// Counts are numbers of records by level.
type Counts struct {
	Debug  uint64 `json:"debug"`  // below INFO
	Info   uint64 `json:"info"`   // from INFO to below WARN
	Warn   uint64 `json:"warn"`   // from WARN to below ERROR
	Error  uint64 `json:"error"`  // ERROR and above
	Failed uint64 `json:"failed"` // for which the next handler had an error, and counted above too
}

// Total returns how many records there were.
func (c Counts) Total() uint64 { return c.Debug + c.Info + c.Warn + c.Error }

func (t *tally) counts() Counts {
	return Counts{Debug: t[below], Info: t[info], Warn: t[warn], Error: t[erroneous], Failed: t[failed]}
}

// Rates says how many records there were lately. Time is that of the monotonic
// clock: it does not jump when somebody sets the clock, and on some systems does
// not go on while the machine sleeps.
type Rates struct {
	// PerSecond is how many records a second there were in the last minute, or
	// since NewHandler if that is less.
	PerSecond float64 `json:"per_second"`

	// The last minute and hour have the unit that has just begun as the last of
	// sixty. Warnings are no errors.
	ErrorsPerMinute   uint64 `json:"errors_per_minute"`
	WarningsPerMinute uint64 `json:"warnings_per_minute"`
	ErrorsLastHour    uint64 `json:"errors_last_hour"`
	WarningsLastHour  uint64 `json:"warnings_last_hour"`

	// LastMinute, LastHour and LastDay are the sums of what follows.
	LastMinute Counts `json:"last_minute"`
	LastHour   Counts `json:"last_hour"`
	LastDay    Counts `json:"last_day"`

	// Seconds, Minutes and Hours are the numbers of the last ones, counted from
	// NewHandler, the oldest first. The last one has just begun.
	Seconds [60]Counts `json:"seconds"`
	Minutes [60]Counts `json:"minutes"`
	Hours   [24]Counts `json:"hours"`
}

// Rates returns how many records there were in the last minute, hour and day.
func (h *Handler) Rates() Rates {
	s := h.shared
	s.history.mu.Lock()
	defer s.history.mu.Unlock()
	now := time.Now()
	s.history.note(&s.counters, now)
	var r Rates
	r.LastMinute = unroll(&s.history.seconds, r.Seconds[:])
	r.LastHour = unroll(&s.history.minutes, r.Minutes[:])
	r.LastDay = unroll(&s.history.hours, r.Hours[:])
	r.ErrorsPerMinute, r.WarningsPerMinute = r.LastMinute.Error, r.LastMinute.Warn
	r.ErrorsLastHour, r.WarningsLastHour = r.LastHour.Error, r.LastHour.Warn
	covered := (secondsKept-1)*time.Second + s.elapsed(now)%time.Second
	r.PerSecond = float64(r.LastMinute.Total()) / min(max(now.Sub(s.start), time.Second), covered).Seconds()
	return r
}

// unroll writes the units of a ring to list and returns their sum.
func unroll(r *ring[tally], list []Counts) Counts {
	var sum tally
	r.all(func(i int, t tally) bool {
		list[i] = t.counts()
		sum.add(t)
		return true
	})
	return sum.counts()
}

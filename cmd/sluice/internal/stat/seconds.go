package stat

import (
	"maps"
	"slices"
	"time"
)

// maxMinutes is how many minutes are counted by the second.
const maxMinutes = 1 << 10

// Seconds are the lines of the latest minutes, by the second.
type seconds struct {
	index   map[int64]int
	minutes []seconds60
	oldest  int // the one that goes next

	gone         int64 // the latest minute that has gone
	incomplete   bool  // some have gone
	returned     bool  // lines came for one that may have gone
	bestAt, best int64 // the second with the most lines of those that have gone
}

type seconds60 struct {
	start int64
	n     [60]counts
}

func (s *seconds) add(start int64, m moment) {
	i, ok := s.index[start]
	if !ok {
		i = s.take(start)
	}
	s.minutes[i].n[modulo(m.at-start, 60)].add(m.cl.of(int64(m.lines)))
}

// take returns the place of a new minute.
func (s *seconds) take(start int64) int {
	s.returned = s.returned || s.incomplete && start <= s.gone
	i := len(s.minutes)
	if i < maxMinutes {
		s.minutes = append(s.minutes, seconds60{})
	} else {
		i = s.oldest
		s.oldest = (i + 1) % maxMinutes
		old := &s.minutes[i]
		s.judge(old)
		if !s.incomplete || old.start > s.gone {
			s.gone = old.start
		}
		s.incomplete = true
		delete(s.index, old.start)
	}
	s.minutes[i] = seconds60{start: start}
	s.index[start] = i
	return i
}

func (s *seconds) judge(m *seconds60) {
	for i := range m.n {
		at := m.start + int64(i)
		if lines := m.n[i].Lines; lines > s.best || lines == s.best && at < s.bestAt {
			s.best, s.bestAt = lines, at
		}
	}
}

// busiest returns the second with the most lines. They are not exact if lines of one minute were far apart.
func (s *seconds) busiest() (at, lines int64, exact bool) {
	for i := range s.minutes {
		s.judge(&s.minutes[i])
	}
	return s.bestAt, s.best, !s.returned
}

// rows returns the buckets by a step below a minute, in order. All have to be there.
func (s *seconds) rows(by step, zone *time.Location) []row {
	var out []row
	for _, at := range slices.Sorted(maps.Keys(s.index)) {
		m := &s.minutes[s.index[at]]
		for i := range m.n {
			if m.n[i].Lines == 0 {
				continue
			}
			start := by.floor(zone, m.start+int64(i))
			if len(out) == 0 || out[len(out)-1].start != start {
				out = append(out, row{start: start, end: start + by.seconds()})
			}
			out[len(out)-1].add(m.n[i])
		}
	}
	return out
}

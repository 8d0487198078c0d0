package monitor

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/sluicelog/sluice/internal/attrs"
	"github.com/sluicelog/sluice/internal/panics"
)

// State is how a sink, or all of logging, is doing.
type State int

// The states, from the best to the worst.
const (
	Healthy  State = iota // all is written
	Degraded              // all is taken, but something needs a look before it gets worse, or was lost a moment ago
	Failing               // an output does not work, and records are lost or about to be
)

// String returns healthy, degraded or failing.
func (s State) String() string {
	switch s {
	case Healthy:
		return "healthy"
	case Degraded:
		return "degraded"
	case Failing:
		return "failing"
	}
	return fmt.Sprintf("State(%d)", int(s))
}

// MarshalText returns what String does.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Level returns the level at which a State is worth a record: INFO, WARN or ERROR.
func (s State) Level() slog.Level {
	switch {
	case s >= Failing:
		return slog.LevelError
	case s == Degraded:
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

// Health is how logging, and the process, is doing.
type Health struct {
	// State is the worst of those of the Sinks. If these are all Healthy, it is
	// Degraded when the next handler had an error in the last minute. So it is when
	// Options.Sinks has panicked.
	State State `json:"state"`

	// Reasons says why State is not Healthy, each with the name of the sink.
	Reasons []string `json:"reasons,omitempty"`

	Time    time.Time    `json:"time"`
	Process Process      `json:"process"`
	Sinks   []SinkHealth `json:"sinks"`
}

// SinkHealth is a [Sink] and what its State is.
//
// A sink is Failing if it is Down and has lost lines in the last minute, or has
// nothing that takes them: neither a queue nor a spool with room for more.
//
// It is otherwise Degraded, if it is Down, if a line was dropped or an error met
// in the last minute, if its queue is more than nine tenths full, if events wait
// in its spool, or if its disk has less than Options.MinFree left.
//
// What is Dropped has no time. It was in the last minute if it was not counted by
// a Health of a minute ago, or of the last time somebody asked, if that is longer
// ago. The same goes for a LastErr without a time.
type SinkHealth struct {
	Sink    Sink
	State   State
	Reasons []string

	// DroppedLately is what was dropped after LatelySince, which is a minute ago or
	// earlier.
	DroppedLately uint64
	LatelySince   time.Time
}

// MarshalJSON writes the fields of the Sink, and the others beside them.
func (s SinkHealth) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		sinkJSON
		State         State     `json:"state"`
		Reasons       []string  `json:"reasons,omitempty"`
		DroppedLately uint64    `json:"dropped_lately"`
		LatelySince   time.Time `json:"lately_since,omitzero"`
	}{s.Sink.json(), s.State, s.Reasons, s.DroppedLately, s.LatelySince})
}

// lately is how long a drop or an error makes a sink Degraded.
const lately = time.Minute

// Health asks how the sinks are doing, and the process.
func (h *Handler) Health() Health {
	s := h.shared
	now := time.Now()
	sinks, err := s.sinks()
	health := Health{Time: now.Round(0), Process: s.process(now), Sinks: make([]SinkHealth, len(sinks))}
	if err != nil {
		health.worsen(Degraded, err.Error())
	}
	past := s.lookout.look(now, s.start, sinks)
	for i := range sinks {
		sink := &health.Sinks[i]
		sink.Sink = sinks[i]
		sink.judge(past[i], s.opts.MinFree)
		for _, reason := range sink.Reasons {
			health.worsen(sink.State, sink.Sink.Name+": "+reason)
		}
	}
	if n := h.Rates().LastMinute.Failed; n > 0 && health.State == Healthy {
		health.worsen(Degraded, fmt.Sprintf("errors in the last minute: %d", n))
	}
	return health
}

func (h *Health) worsen(s State, reason string) {
	h.State = max(h.State, s)
	h.Reasons = append(h.Reasons, reason)
}

// sinks asks for the sinks. Of their errors, of why they are down and of their notes
// only what ReplaceAttr leaves is kept.
func (s *shared) sinks() (sinks []Sink, err error) {
	if s.opts.Sinks == nil {
		return nil, nil
	}
	defer func() {
		if r := recover(); r != nil {
			sinks, err = nil, fmt.Errorf("monitor: Options.Sinks panicked: %s", panics.Text(r))
			s.report(err)
		}
	}()
	sinks = s.opts.Sinks()
	if s.opts.ReplaceAttr == nil {
		return sinks, nil
	}
	sinks = append([]Sink(nil), sinks...) // the caller's stay as they are
	for i := range sinks {
		if sinks[i].LastErr != nil {
			sinks[i].LastErr = plainError(s.replaced(errorText(sinks[i].LastErr)))
		}
		if sinks[i].Down != "" {
			sinks[i].Down = s.replaced(sinks[i].Down)
		}
		sinks[i].Notes = slices.Clone(sinks[i].Notes)
		for j, note := range sinks[i].Notes {
			sinks[i].Notes[j] = s.replaced(note)
		}
	}
	return sinks, nil
}

// plainError is an error of which only the text is known.
type plainError string

func (e plainError) Error() string { return string(e) }

// errorText never panics.
func errorText(err error) string { return panics.Sprintf("%v", err) }

func (s *shared) replaced(text string) string {
	a := attrs.Replace(s.opts.ReplaceAttr, nil, slog.String("error", text))
	if a.Equal(slog.Attr{}) {
		return "(removed)"
	}
	return panics.Sprintf("%v", a.Value)
}

// recover, deferred, reports that what belongs to somebody else has panicked: there
// is no caller who could.
func (s *shared) recover(what string) {
	if r := recover(); r != nil {
		s.report(fmt.Errorf("monitor: %s panicked: %s", what, panics.Text(r)))
	}
}

// report tells the user's hook. One that panics has been told.
func (s *shared) report(err error) {
	if s.opts.OnError == nil {
		return
	}
	defer func() { _ = recover() }()
	s.opts.OnError(err)
}

// judge applies the rule of SinkHealth.
func (s *SinkHealth) judge(past past, minFree int64) {
	k := &s.Sink
	s.DroppedLately, s.LatelySince = past.dropped, past.since.Round(0)
	full := float64(k.QueueBytes) / float64(k.QueueSize)
	filled := k.QueueSize > 0 && full > 0.9
	if k.Down != "" {
		takes := k.QueueSize > 0 && !filled || k.SpoolBytes < k.SpoolSize
		state := Degraded
		if !takes || past.dropped > 0 {
			state = Failing
		}
		s.worsen(state, "down: "+k.Down)
	}
	if past.dropped > 0 {
		s.worsen(Degraded, fmt.Sprintf("dropped %d since %s", past.dropped, past.since.Format(time.RFC3339)))
	}
	if filled {
		s.worsen(Degraded, fmt.Sprintf("queue is %.0f %% full", 100*full))
	}
	if k.Spooled > 0 {
		s.worsen(Degraded, fmt.Sprintf("%d wait in the spool", k.Spooled))
	}
	if onDisk := k.FreeSpace > 0 || k.FreeSpace == 0 && k.FileSize > 0; onDisk && k.FreeSpace < minFree {
		s.worsen(Degraded, fmt.Sprintf("disk has %s left", bytesText(k.FreeSpace)))
	}
	if past.failed {
		if text := errorText(k.LastErr); !strings.Contains(k.Down, text) {
			s.worsen(Degraded, "error in the last minute: "+text)
		}
	}
}

func (s *SinkHealth) worsen(state State, reason string) {
	s.State = max(s.State, state)
	s.Reasons = append(s.Reasons, reason)
}

// bytesText prints a size as people read it, and the page does.
func bytesText(n int64) string {
	if n < 1<<10 {
		return fmt.Sprintf("%d B", n)
	}
	size, unit := float64(n), ""
	for _, unit = range []string{"KiB", "MiB", "GiB", "TiB"} {
		if size /= 1 << 10; size < 1<<10 {
			break
		}
	}
	if size < 100 {
		return fmt.Sprintf("%.1f %s", size, unit)
	}
	return fmt.Sprintf("%.0f %s", size, unit)
}

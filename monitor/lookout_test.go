package monitor

import (
	"testing"
	"time"
)

func TestLookoutKeepsWhatItNeedsAndNoMore(t *testing.T) {
	var l lookout
	start := time.Now()
	sinks := []Sink{{Name: "a"}, {Name: "b"}}
	for i := range 10_000 {
		sinks[1].Name = []string{"b", "c"}[i/100%2] // a name that comes and goes
		l.look(start.Add(time.Duration(i)*100*time.Millisecond), start, sinks)
		l.look(start.Add(-time.Hour), start, sinks) // by one who was held up
	}
	const most = int(lately/lookEach) + 2 // those of a minute and the ones around it
	if n := len(l.sinks["a"].marks); n > most || n < most/2 {
		t.Errorf("%d marks, want about %d", n, most)
	}
	if n := len(l.sinks); n != 2 {
		t.Errorf("%d sinks, want 2", n)
	}
}

// asking is an error whose text needs the Health.
type asking struct{ h **Handler }

func (a asking) Error() string {
	h := *a.h
	*a.h = nil
	if h != nil {
		h.Health()
	}
	return "asked"
}

func TestNoCodeIsCalledUnderALock(t *testing.T) {
	var h *Handler
	h = NewHandler(taking{}, &Options{Sinks: func() []Sink { return []Sink{{Name: "a", LastErr: asking{&h}}} }})
	first := h
	done := make(chan Health)
	go func() { done <- first.Health() }()
	select {
	case health := <-done:
		if health.State != Degraded {
			t.Errorf("it is %v", health.State)
		}
	case <-time.After(time.Minute):
		t.Fatal("Health waits for itself")
	}
}

package monitor_test

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice/monitor"
)

func TestRatesKeepAMinuteAnHourAndADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := monitor.NewHandler(enabled{}, nil)
		logger := slog.New(h)
		logger.Error("first")
		logger.Warn("first")
		for _, step := range []struct {
			after                 time.Duration
			minute, hour, day     uint64
			atSecond, atM, atHour int // where both are
		}{
			{0, 2, 2, 2, 59, 59, 23},
			{time.Second, 2, 2, 2, 58, 59, 23},
			{59 * time.Second, 2, 2, 2, 0, 59, 23},
			{time.Minute, 0, 2, 2, -1, 58, 23},
			{59*time.Minute + 59*time.Second, 0, 2, 2, -1, 0, 23},
			{time.Hour, 0, 0, 2, -1, -1, 22},
			{24*time.Hour - time.Second, 0, 0, 2, -1, -1, 0},
			{24 * time.Hour, 0, 0, 0, -1, -1, -1},
			{1000 * time.Hour, 0, 0, 0, -1, -1, -1},
		} {
			time.Sleep(step.after - h.Health().Process.Uptime)
			r := h.Rates()
			if r.LastMinute.Total() != step.minute || r.LastHour.Total() != step.hour || r.LastDay.Total() != step.day {
				t.Errorf("after %v: %+v, %+v, %+v", step.after, r.LastMinute, r.LastHour, r.LastDay)
			}
			if r.ErrorsPerMinute != step.minute/2 || r.WarningsPerMinute != step.minute/2 ||
				r.ErrorsLastHour != step.hour/2 || r.WarningsLastHour != step.hour/2 {
				t.Errorf("after %v: %d and %d a minute, %d and %d an hour", step.after,
					r.ErrorsPerMinute, r.WarningsPerMinute, r.ErrorsLastHour, r.WarningsLastHour)
			}
			both := monitor.Counts{Warn: 1, Error: 1}
			for i, c := range r.Seconds {
				if (c == both) != (i == step.atSecond) {
					t.Errorf("after %v: second %d has %+v", step.after, i, c)
				}
			}
			for i, c := range r.Minutes {
				if (c == both) != (i == step.atM) {
					t.Errorf("after %v: minute %d has %+v", step.after, i, c)
				}
			}
			for i, c := range r.Hours {
				if (c == both) != (i == step.atHour) {
					t.Errorf("after %v: hour %d has %+v", step.after, i, c)
				}
			}
		}
	})
}

func TestRecordsAreInTheSecondTheyCameIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := monitor.NewHandler(enabled{}, nil)
		logger := slog.New(h)
		for n := range 10 {
			for range n {
				logger.Info("m")
			}
			time.Sleep(time.Second)
		}
		r := h.Rates()
		for i := range 11 {
			if got, want := r.Seconds[59-i].Info, uint64((10-i)%10); got != want {
				t.Errorf("%d seconds ago: %d, want %d", i, got, want)
			}
		}
		if want := 45 / 10.0; r.PerSecond != want {
			t.Errorf("%v a second, want %v", r.PerSecond, want)
		}
	})
}

// Whatever time a record claims, it counts when it comes, and moves no clock.
func TestRecordsWithStrangeTimesCountNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := monitor.NewHandler(enabled{}, nil)
		time.Sleep(10 * time.Minute)
		now := time.Now()
		strange := []time.Time{
			{},
			time.Unix(0, 0), time.Unix(1<<62, 0), time.Unix(-1<<62, 0), now.Add(-time.Hour), now.Add(time.Hour),
			now.Add(100 * 365 * 24 * time.Hour).Round(0), now.Round(0),
		}
		for range 3 {
			for _, at := range strange {
				_ = h.Handle(t.Context(), record(at, slog.LevelInfo, "m"))
			}
			time.Sleep(time.Second)
		}
		r := h.Rates()
		for i, want := range []uint64{0, 8, 8, 8, 0} {
			if got := r.Seconds[59-i].Info; got != want {
				t.Errorf("%d seconds ago: %d, want %d", i, got, want)
			}
		}
		if n := h.Stats().Total; n != 24 {
			t.Errorf("total %d, want 24", n)
		}
	})
}

// A clock that stands still, or a replay, claims the one time that looks right.
func TestRecordsThatClaimTheSecondNotedLastCountNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := monitor.NewHandler(enabled{}, nil)
		at := time.Now()
		for range 600 {
			_ = h.Handle(t.Context(), record(at, slog.LevelError, "m"))
			for range 100 {
				_ = h.Handle(t.Context(), record(at, slog.LevelInfo, "m"))
			}
			time.Sleep(time.Second)
		}
		r := h.Rates()
		for i, got := range r.Minutes[49:] {
			want := uint64(60)
			if i == 10 {
				want = 0
			}
			if got.Error != want && i > 0 || got.Info > 100*want+64 || got.Info+64 < 100*want && i > 0 {
				t.Errorf("minute %d of 11: %+v", i, got)
			}
		}
		if got := r.LastMinute; got.Error != 59 || got.Info < 5900-64 || got.Info > 5900+64 {
			t.Errorf("the last minute has %+v", got)
		}
	})
}

func TestPerSecondIsThatOfTheLastMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := monitor.NewHandler(enabled{}, nil)
		logger := slog.New(h)
		for range 100 {
			logger.Info("m")
		}
		if r := h.Rates(); r.PerSecond != 100 {
			t.Errorf("at once: %v a second, want 100", r.PerSecond)
		}
		for range 300 {
			time.Sleep(time.Second)
			logger.Info("m")
		}
		if r := h.Rates(); r.PerSecond < 1 || r.PerSecond > 1.02 { // the second that has just begun has its record
			t.Errorf("later: %v a second, want about 1", r.PerSecond)
		}
	})
}

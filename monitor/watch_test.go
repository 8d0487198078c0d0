package monitor_test

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/monitor"
)

// watched runs f beside a Watch of one threshold, and returns what the alerts said
// and when, in seconds after NewHandler.
func watched(t *testing.T, threshold monitor.Threshold, f func(*monitor.Handler)) (said []string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := monitor.NewHandler(enabled{}, nil)
		start := time.Now()
		threshold.Func = func(a monitor.Alert) {
			said = append(said, fmt.Sprintf("%v %s", time.Since(start), a))
			if a.Time.Sub(a.Began) < 0 || a.Above != threshold.Above {
				t.Errorf("the alert is %+v", a)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		go h.Watch(ctx, threshold)
		f(h)
		cancel()
		synctest.Wait()
		time.Sleep(time.Hour)
	})
	return said
}

func logs(h *monitor.Handler, n int, level slog.Level) {
	for range n {
		slog.New(h).Log(context.Background(), level, "m")
	}
}

func TestWatch(t *testing.T) {
	for name, test := range map[string]struct {
		threshold monitor.Threshold
		f         func(*monitor.Handler)
		want      []string
	}{
		"the first error, by default": {
			monitor.Threshold{},
			func(h *monitor.Handler) {
				logs(h, 5, slog.LevelWarn)
				time.Sleep(5500 * time.Millisecond)
				logs(h, 1, slog.LevelError)
				time.Sleep(time.Hour)
			},
			[]string{"6s alert: 1 records at ERROR and above in 1m0s, more than 0", "1m6s alert ended after 1m0s: 0 records at ERROR and above in 1m0s"},
		},
		"a burst before Watch runs": {
			monitor.Threshold{Above: 10},
			func(h *monitor.Handler) {
				logs(h, 11, slog.LevelError)
				time.Sleep(time.Hour)
			},
			[]string{"1s alert: 11 records at ERROR and above in 1m0s, more than 10", "1m1s alert ended after 1m0s: 0 records at ERROR and above in 1m0s"},
		},
		"as many as are not too many": {
			monitor.Threshold{Above: 10},
			func(h *monitor.Handler) {
				time.Sleep(500 * time.Millisecond) // between two looks
				for range 100 {
					logs(h, 10, slog.LevelError)
					time.Sleep(time.Minute)
				}
			},
			nil,
		},
		"a level of one's own, a window and a name": {
			monitor.Threshold{Name: "slow", Level: slog.LevelError + 4, Above: 1, Window: 10 * time.Second},
			func(h *monitor.Handler) {
				logs(h, 100, slog.LevelError+3)
				logs(h, 1, slog.LevelError+4)
				time.Sleep(9500 * time.Millisecond)
				logs(h, 1, slog.LevelError+5)
				time.Sleep(time.Hour)
			},
			[]string{`10s alert "slow": 2 records at ERROR+4 and above in 10s, more than 1`, `20s alert "slow" ended after 10s: 0 records at ERROR+4 and above in 10s`},
		},
		"hysteresis": {
			monitor.Threshold{Above: 9, Below: 3, Window: time.Second, CoolDown: -1},
			func(h *monitor.Handler) {
				time.Sleep(500 * time.Millisecond) // between two looks
				for _, n := range []int{9, 10, 3, 9, 20, 3, 2, 9, 10, 0} {
					logs(h, n, slog.LevelError)
					time.Sleep(time.Second)
				}
			},
			[]string{
				"2s alert: 10 records at ERROR and above in 1s, more than 9", "7s alert ended after 5s: 2 records at ERROR and above in 1s",
				"9s alert: 10 records at ERROR and above in 1s, more than 9", "10s alert ended after 1s: 0 records at ERROR and above in 1s",
			},
		},
		"an alert that is on when the context ends": {
			monitor.Threshold{Window: time.Second, CoolDown: -1},
			func(h *monitor.Handler) {
				logs(h, 1, slog.LevelError)
				time.Sleep(1500 * time.Millisecond)
			},
			[]string{"1s alert: 1 records at ERROR and above in 1s, more than 0"},
		},
		"cool-down": {
			monitor.Threshold{Window: time.Second, CoolDown: 10 * time.Second},
			func(h *monitor.Handler) {
				time.Sleep(500 * time.Millisecond) // between two looks
				for i := range 25 {
					logs(h, i%2, slog.LevelError)
					time.Sleep(time.Second)
				}
			},
			[]string{
				"2s alert: 1 records at ERROR and above in 1s, more than 0", "3s alert ended after 1s: 0 records at ERROR and above in 1s",
				"14s alert: 1 records at ERROR and above in 1s, more than 0", "15s alert ended after 1s: 0 records at ERROR and above in 1s",
			},
		},
		"below more than above is no hysteresis": {
			monitor.Threshold{Above: 3, Below: 100, Window: time.Second, CoolDown: -1},
			func(h *monitor.Handler) {
				time.Sleep(500 * time.Millisecond) // between two looks
				for _, n := range []int{4, 4, 3} {
					logs(h, n, slog.LevelError)
					time.Sleep(time.Second)
				}
			},
			[]string{"1s alert: 4 records at ERROR and above in 1s, more than 3", "3s alert ended after 2s: 3 records at ERROR and above in 1s"},
		},
		"a window of hours": {
			monitor.Threshold{Above: 1, Window: 2 * time.Hour},
			func(h *monitor.Handler) {
				time.Sleep(500 * time.Millisecond) // between two looks
				logs(h, 1, slog.LevelError)
				time.Sleep(119 * time.Minute)
				logs(h, 1, slog.LevelError)
				time.Sleep(2 * time.Minute)
			},
			[]string{"1h59m1s alert: 2 records at ERROR and above in 2h0m0s, more than 1"},
		},
		"a window of a minute and a half": {
			monitor.Threshold{Above: 1, Window: 90 * time.Second},
			func(h *monitor.Handler) {
				time.Sleep(500 * time.Millisecond) // between two looks
				logs(h, 1, slog.LevelError)
				time.Sleep(80 * time.Second)
				logs(h, 1, slog.LevelError)
				time.Sleep(2 * time.Minute)
			},
			[]string{
				"1m21s alert: 2 records at ERROR and above in 1m30s, more than 1",
				"2m50s alert ended after 1m29s: 0 records at ERROR and above in 1m30s", // by parts of 1.5 s
			},
		},
		"a window of forever": {
			monitor.Threshold{Window: math.MaxInt64, CoolDown: math.MaxInt64, Above: 1},
			func(h *monitor.Handler) {
				logs(h, 2, slog.LevelError)
				time.Sleep(time.Hour)
			},
			[]string{"1s alert: 2 records at ERROR and above in 2562047h47m16.854775807s, more than 1"},
		},
		"less than a second is one": {
			monitor.Threshold{Window: 1},
			func(h *monitor.Handler) {
				logs(h, 1, slog.LevelError)
				time.Sleep(time.Second + 1)
			},
			[]string{"1s alert: 1 records at ERROR and above in 1s, more than 0"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, watched(t, test.threshold, test.f)); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

// What is counted while a Func takes its time was not counted in the second in which
// that ends.
func TestAFuncThatTakesLongMakesNoBurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := monitor.NewHandler(enabled{}, nil)
		ctx, cancel := context.WithCancel(t.Context())
		start := time.Now()
		var said []string
		tell := func(a monitor.Alert) {
			said = append(said, fmt.Sprint(time.Since(start), " ", a))
			if ago := time.Since(a.Time); ago != 0 {
				t.Errorf("%v: the records were counted %v ago", a, ago)
			}
		}
		go h.Watch(ctx,
			monitor.Threshold{Name: "slow", Func: func(a monitor.Alert) { tell(a); time.Sleep(10 * time.Minute) }},
			monitor.Threshold{Name: "many", Above: 10, Func: tell})
		time.Sleep(500 * time.Millisecond) // between two looks
		for range 15 * 3 {
			logs(h, 1, slog.LevelError)
			time.Sleep(20 * time.Second)
		}
		logs(h, 11, slog.LevelError)
		time.Sleep(10 * time.Second)
		cancel()
		synctest.Wait()
		time.Sleep(time.Hour)
		want := []string{
			`1s alert "slow": 1 records at ERROR and above in 1m0s, more than 0`,
			`15m1s alert "many": 13 records at ERROR and above in 1m0s, more than 10`,
		}
		if diff := cmp.Diff(want, said); diff != "" {
			t.Errorf("mismatch (-want +got):\n%s", diff)
		}
	})
}

func TestWatchLaterCountsFromThereOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := monitor.NewHandler(enabled{}, nil)
		logs(h, 10, slog.LevelError)
		time.Sleep(2 * time.Minute)
		ctx, cancel := context.WithCancel(t.Context())
		go h.Watch(ctx, monitor.Threshold{Func: func(a monitor.Alert) { t.Errorf("alert: %v", a) }})
		time.Sleep(time.Minute)
		cancel()
		synctest.Wait()
	})
}

// It does not matter whether a burst comes before Watch gets to run or after.
func TestWatchLaterCountsTheLastWindow(t *testing.T) {
	for name, test := range map[string]struct {
		window, before time.Duration
		level          slog.Level
		want           uint64 // 0: no alert
	}{
		"a second":                      {time.Second, 0, slog.LevelError, 20},
		"a minute":                      {time.Minute, 30 * time.Second, slog.LevelError, 20},
		"warnings count, too":           {time.Minute, 30 * time.Second, slog.LevelWarn, 40},
		"and all":                       {time.Minute, 30 * time.Second, slog.LevelInfo, 60},
		"too long ago":                  {time.Minute, 70 * time.Second, slog.LevelError, 0},
		"half an hour":                  {30 * time.Minute, 20 * time.Minute, slog.LevelError, 20},
		"a day":                         {24 * time.Hour, 20 * time.Hour, slog.LevelError, 20},
		"a level without a history":     {time.Minute, 0, slog.LevelError + 1, 0},
		"one, and more than NewHandler": {1000 * time.Hour, 0, slog.LevelError + 1, 20},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := monitor.NewHandler(enabled{}, nil)
				time.Sleep(100 * time.Hour)
				for _, level := range []slog.Level{slog.LevelInfo, slog.LevelWarn, slog.LevelError + 1} {
					logs(h, 20, level)
				}
				time.Sleep(test.before)
				ctx, cancel := context.WithCancel(t.Context())
				var got uint64
				go h.Watch(ctx, monitor.Threshold{Above: 10, Window: test.window, Level: test.level, Func: func(a monitor.Alert) { got = a.Count }})
				time.Sleep(1500 * time.Millisecond)
				cancel()
				synctest.Wait()
				if got != test.want {
					t.Errorf("alert of %d records, want %d", got, test.want)
				}
			})
		})
	}
}

func TestAFuncThatPanicsIsToldOfAndEndsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		h := monitor.NewHandler(enabled{}, &monitor.Options{OnError: func(err error) {
			told = append(told, err.Error())
			panic("so does the hook")
		}})
		calls := 0
		ctx, cancel := context.WithCancel(t.Context())
		go h.Watch(ctx,
			monitor.Threshold{Func: func(monitor.Alert) { panic("no") }},
			monitor.Threshold{Func: func(monitor.Alert) { calls++; logs(h, 1, slog.LevelInfo) }})
		logs(h, 1, slog.LevelError)
		time.Sleep(2 * time.Minute)
		cancel()
		synctest.Wait()
		if calls != 2 || len(told) != 2 || told[0] != "monitor: the Func of a Threshold panicked: no" {
			t.Errorf("%d calls of the other, told %q", calls, told)
		}
	})
}

func TestThresholdWithoutAFuncPanics(t *testing.T) {
	defer func() {
		if r := recover(); r != "monitor: Watch: threshold 1 without a Func" {
			t.Errorf("panic %v", r)
		}
	}()
	monitor.NewHandler(nowhere(), nil).Watch(t.Context(), monitor.Threshold{Func: func(monitor.Alert) {}}, monitor.Threshold{})
}

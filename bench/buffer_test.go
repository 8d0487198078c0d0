package bench

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice/internal/testlog"
)

// smallLoad is over at once.
var smallLoad = Load{Burst: 40, Bursts: 2, Records: 200, Synced: 200, Stall: 50 * time.Millisecond}

func TestBuffersWriteWhatWasLogged(t *testing.T) {
	for _, b := range Buffers() {
		t.Run(b.Name, func(t *testing.T) {
			if testlog.Race && b.Name == "phuslu/log → AsyncWriter" {
				t.Skip("its WriteEntry reads the length of a line that is another goroutine's by then")
			}
			if err := b.Check(); err != nil {
				t.Error(err)
			}
			for _, goroutines := range []int{1, 3} {
				call, err := b.Burst(smallLoad, goroutines)
				if err != nil || call <= 0 {
					t.Errorf("burst: %v, %v", call, err)
				}
			}
			cost, err := b.Sustained(smallLoad, 1)
			if err != nil || cost.Wall <= 0 || cost.HasCPU && cost.CPU <= 0 {
				t.Errorf("sustained: %+v, %v", cost, err)
			}
		})
	}
}

// spoiled is a slog.JSONHandler over a writer that changes what it is given.
func spoiled(name string, change func(n int, line string) string) Buffer {
	p := spoiler(change)
	p.Name = name
	return direct(p)
}

// lossy loses every second line.
func lossy() Buffer {
	return spoiled("lossy", func(n int, line string) string {
		if n%2 == 0 {
			return ""
		}
		return line
	})
}

func twice() Buffer {
	return spoiled("twice", func(_ int, line string) string { return line + line })
}

// repeating writes the first line again in place of the second.
func repeating() Buffer {
	var first string
	return spoiled("repeating", func(n int, line string) string {
		switch n {
		case 1:
			first = line
		case 2:
			return first
		}
		return line
	})
}

// retaining keeps the slices it was given, which are not its own, until the end.
func retaining() Buffer {
	b := direct(standardPeer())
	b.Name = "retaining"
	b.over = func(s sink) passage {
		var lines [][]byte
		h := slog.NewJSONHandler(writerFunc(func(p []byte) (int, error) {
			lines = append(lines, p)
			return len(p), nil
		}), nil)
		return passage{handler: h, close: func() error {
			for _, line := range lines {
				_, _ = s.Write(line)
			}
			return nil
		}}
	}
	return b
}

func standardPeer() Peer { return spoiler(func(_ int, line string) string { return line }) }

func TestBufferCheckFindsWhatIsWrong(t *testing.T) {
	broken := spoiled("broken", func(_ int, line string) string { return strings.Replace(line, ":", "", 1) })
	panics := direct(Peer{Name: "panics", new: func(w io.Writer, o *slog.HandlerOptions) slog.Handler {
		return panicking{slog.NewJSONHandler(w, o)}
	}})
	unclosable := direct(standardPeer())
	unclosable.over = func(s sink) passage {
		return passage{handler: unclosable.new(s, nil), close: func() error { return errors.New("unclosable") }}
	}
	for _, tt := range []struct {
		name   string
		buffer Buffer
		want   string
	}{
		{"nothing", direct(standardPeer()), ""},
		{"lost lines", lossy(), "bench: lossy: lost 50 %: 6 lines for 12 records"},
		{"too many lines", twice(), "24 lines for 12 records"},
		{"broken JSON", broken, "invalid character"},
		{"one record in place of another", repeating(), "bench: repeating: record "},
		{"lines that are overwritten", retaining(), "bench: retaining: "},
		{"a handler that panics", panics, "panic: spoiled"},
		{"an error of Close", unclosable, "unclosable"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.buffer.Check()
			if (err != nil) != (tt.want != "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestWhatIsLostIsNotRated(t *testing.T) {
	b := lossy()
	_, burst := b.Burst(smallLoad, 2)
	_, sustained := b.Sustained(smallLoad, 2)
	for _, err := range []error{burst, sustained} {
		if loss, ok := errors.AsType[*LossError](err); !ok || loss.Short() != "lost 50 %" {
			t.Errorf("got %v", err)
		}
	}
	stall, err := b.Stall(smallLoad)
	if err != nil || stall.Logged < 2 || stall.Lost != stall.Logged/2 {
		t.Errorf("got %+v, %v", stall, err)
	}

	b = twice()
	_, burst = b.Burst(smallLoad, 2)
	_, sustained = b.Sustained(smallLoad, 2)
	_, stalled := b.Stall(smallLoad)
	for _, err := range []error{burst, sustained, stalled} {
		if err == nil || !strings.Contains(err.Error(), " lines for ") {
			t.Errorf("got %v", err)
		}
	}
}

// TestStall has a clock of its own, on which nothing takes time but the sink.
func TestStall(t *testing.T) {
	for _, b := range Buffers() {
		var want func(Stall) bool
		switch b.Name {
		case "channel → slog.JSONHandler":
			// When the channel is full, the two callers are let in in turn.
			want = func(s Stall) bool {
				return s.P50 == 2*sinkPause && s.P999 == s.P50 && s.Max == sinkStall+s.P50 &&
					s.Logged < s.Due && s.Lost == 0 && s.Close > 400*time.Millisecond
			}
		case "handler.JSONHandler → asyncbuf.Writer":
			want = func(s Stall) bool {
				return s.Max == 0 && s.Logged > s.Due-50 && s.Lost == 0 && s.Close < 2*sinkStall
			}
		default:
			continue
		}
		t.Run(b.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got, err := b.Stall(FullLoad())
				if err != nil || got.Due != 30_000 || !want(got) {
					t.Errorf("got %+v, %v", got, err)
				}
			})
		})
	}
}

func TestPaced(t *testing.T) {
	const ms = time.Millisecond
	tests := []struct {
		name  string
		late  time.Duration // of the beginning
		takes func(call int) time.Duration
		calls int
		max   time.Duration
	}{
		{"calls that take no time", 0, func(int) time.Duration { return 0 }, 999, 0},
		{"who begins when it is over makes one call", 2 * time.Second, func(int) time.Duration { return 0 }, 1, 0},
		{"who is late makes up for it", 0, func(n int) time.Duration {
			if n == 500 {
				return 100 * ms
			}
			return 0
		}, 999, 100 * ms},
		{"calls that take too long", 0, func(int) time.Duration { return 10 * ms }, 100, 10 * ms},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := 0
				spent := paced(func() {
					n++
					time.Sleep(tt.takes(n))
				}, time.Now().Add(-tt.late), time.Second, 1000)
				if n != tt.calls || len(spent) != n || slices.Max(spent) != tt.max {
					t.Errorf("%d calls, %d times, longest %v; want %d, %v", n, len(spent), slices.Max(spent), tt.calls, tt.max)
				}
			})
		})
	}
}

func TestTogether(t *testing.T) {
	for _, goroutines := range []int{1, 3, 8} {
		var mu sync.Mutex
		n := 0
		together(goroutines, 100, func() {
			mu.Lock()
			defer mu.Unlock()
			n++
		})
		if n != 100 {
			t.Errorf("%d goroutines: %d calls", goroutines, n)
		}
	}
}

// TestChannel holds the channel to what a textbook says of it.
func TestChannel(t *testing.T) {
	var text strings.Builder
	c := newChannel(slog.NewTextHandler(&text, &slog.HandlerOptions{
		Level:       slog.LevelWarn,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr { return a },
	}), 2)
	logger := slog.New(c).With("a", 1).WithGroup("g")
	for i := range 20 {
		logger.Info("no")
		logger.Warn("yes", "i", i)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n")
	if len(lines) != 20 {
		t.Fatalf("%d lines", len(lines))
	}
	for i, line := range lines {
		if want := "msg=yes a=1 g.i=" + slog.IntValue(i).String(); !strings.HasSuffix(line, want) {
			t.Errorf("got %s, want %s", line, want)
		}
	}
	if c.Enabled(context.Background(), slog.LevelInfo) {
		t.Error("INFO is enabled")
	}
}

func TestSynced(t *testing.T) {
	plain, buffered, err := Synced(smallLoad)
	if err != nil || plain <= 0 || buffered <= 0 {
		t.Errorf("%v, %v, %v", plain, buffered, err)
	}
}

func TestCPU(t *testing.T) {
	before, ok := cpu()
	if !ok {
		t.Skip("unknown on this system")
	}
	for begun := time.Now(); ; {
		after, _ := cpu()
		if after-before >= 10*time.Millisecond {
			return
		}
		if time.Since(begun) > 10*time.Second {
			t.Fatalf("10 s of work cost %v", after-before)
		}
	}
}

func TestPercent(t *testing.T) {
	for _, tt := range []struct {
		n, of int
		want  string
	}{
		{0, 0, "0"}, {0, 7, "0"}, {1, 1000, "<1 %"}, {1, 100, "1 %"}, {63, 100, "63 %"}, {999, 1000, ">99 %"}, {7, 7, "100 %"},
	} {
		if got := Percent(tt.n, tt.of); got != tt.want {
			t.Errorf("%d of %d: got %s, want %s", tt.n, tt.of, got, tt.want)
		}
	}
}

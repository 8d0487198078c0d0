package logstash_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
)

// While the receiver is away, the memory that a Shipper takes stays within its
// bound, however many events come: as many as five thousand a second make in ten
// minutes. Its goroutines do not grow in number. When the receiver is back, all
// that was kept arrives.
func TestChaosMemory(t *testing.T) {
	if testlog.Race {
		t.Skip("the race detector takes memory of its own")
	}
	const size = 4 << 20
	for name, opts := range map[string]logstash.DialOptions{
		"drop newest":    {Policy: logstash.DropNewest},
		"drop oldest":    {Policy: logstash.DropOldest},
		"spool overflow": {Policy: logstash.DropOldest, SpoolMode: logstash.SpoolOverflow, SpoolMaxBytes: size},
		"spool always":   {Policy: logstash.DropOldest, SpoolMode: logstash.SpoolAlways, SpoolMaxBytes: size},
	} {
		t.Run(name, func(t *testing.T) {
			testlog.CheckGoroutines(t)
			var ledger lstest.Ledger
			srv := listenBeats(t, &lstest.BeatsOptions{OnEvent: ledger.Receiver(), Forget: true})
			srv.Kill()
			if opts.SpoolMode != logstash.SpoolOff {
				opts.SpoolDir = t.TempDir()
			}
			opts.Size, opts.MaxEventBytes, opts.FlushInterval = size, 64<<10, -1
			opts.MinBackoff, opts.MaxBackoff = time.Millisecond, 10*time.Millisecond
			debug.FreeOSMemory() // so that what was resident before is in use
			before := measure()
			s := dialShipper(t, "beats://"+srv.Addr(), opts)

			events := torture(40_000, 3_000_000)
			var most usage
			var event []byte
			pad := strings.Repeat("x", 250)
			for i := range events {
				event = lstest.AppendEvent(event[:0], 0, i, pad)
				if _, err := s.Write(event); err != nil && !errors.Is(err, logstash.ErrFull) {
					t.Fatal(err)
				}
				if i%(events/20) == events/20-1 {
					most = most.max(measure())
				}
			}
			st := checkAccounts(t, s)
			if st.Dropped == 0 {
				t.Error("nothing was dropped: the bounds were not reached")
			}
			most = most.minus(before)
			t.Logf("%d events, %d kept; at most %v", events, st.Queued+st.Spooled, most)
			// The events themselves, their place in the queue, and a quarter for the
			// growth of buffers; the spool reads and writes through some of its own.
			if limit := int64(size + size/4 + 4<<20); most.live > limit {
				t.Errorf("%d bytes were alive, want at most %d", most.live, limit)
			}
			if limit := int64(3*size + 16<<20); most.resident > limit { // twice for the collector
				t.Errorf("%d bytes were resident, want at most %d", most.resident, limit)
			}
			if most.goroutines > 5 {
				t.Errorf("%d goroutines, want 5 at most", most.goroutines)
			}

			if err := srv.Restart(); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), chaosTime)
			defer cancel()
			if err := s.Flush(ctx); err != nil {
				t.Error(err)
			}
			end := checkAccounts(t, s)
			if kept := st.Queued + st.Spooled; end.Written != kept || uint64(ledger.Unique()) != kept || end.Dropped != st.Dropped {
				t.Errorf("%d were kept, %d written, %d arrived, %d dropped before and %d in the end",
					kept, end.Written, ledger.Unique(), st.Dropped, end.Dropped)
			}
			if ledger.OrderBreaks() > 0 {
				t.Errorf("%d events out of order: %s", ledger.OrderBreaks(), ledger.FirstOdd())
			}
		})
	}
}

// usage is what the process uses.
type usage struct {
	live       int64 // bytes of the heap behind a collection
	resident   int64 // bytes of memory; 0 where it cannot be known
	goroutines int
}

func measure() usage {
	u := usage{resident: resident(), goroutines: runtime.NumGoroutine()}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	u.live = int64(m.HeapInuse)
	return u
}

// resident returns the resident memory of the process, on Linux.
func resident() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	var kib int64
	if _, rest, ok := bytes.Cut(status, []byte("VmRSS:")); ok {
		_, _ = fmt.Sscan(string(rest), &kib) // 0 says it cannot be known
	}
	return kib << 10
}

func (u usage) max(v usage) usage {
	return usage{max(u.live, v.live), max(u.resident, v.resident), max(u.goroutines, v.goroutines)}
}

func (u usage) minus(v usage) usage {
	return usage{u.live - v.live, u.resident - v.resident, u.goroutines - v.goroutines}
}

func (u usage) String() string {
	return fmt.Sprintf("%d KiB alive, %d KiB resident, %d goroutines more than before", u.live>>10, u.resident>>10, u.goroutines)
}

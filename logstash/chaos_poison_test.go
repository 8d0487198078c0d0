package logstash_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
)

// Among all that goes wrong, the events over which the receiver closes the
// connection are found, and no other is given up with them.
func TestChaosPoison(t *testing.T) {
	testlog.CheckGoroutines(t)
	events, breaks := torture(20_000, 200_000), torture(8, 40)
	poison := func(event []byte) bool { return bytes.Contains(event, []byte(`777,"message"`)) } // one in a thousand
	var want strings.Builder
	for id := 777; id < events; id += 1000 {
		fmt.Fprintf(&want, "%s\n", lstest.AppendEvent(nil, 0, id, strings.Repeat("x", 60)))
	}
	var ledger lstest.Ledger
	srv := listenBeats(t, &lstest.BeatsOptions{AckHighest: true, Poison: poison, OnEvent: ledger.Receiver(), Forget: true})
	c := newChaos(t, srv, &ledger)
	o := chaosOptions()
	o.QuarantineFile = filepath.Join(t.TempDir(), "quarantine.json")
	var mu sync.Mutex
	var dropped []string
	o.OnDrop = func(event []byte, reason error) {
		mu.Lock()
		defer mu.Unlock()
		dropped = append(dropped, string(event)+"\n")
		if !errors.Is(reason, logstash.ErrRejected) {
			t.Errorf("%s dropped: %v", event, reason)
		}
	}
	s := dialShipper(t, "beats://"+srv.Addr(), o)
	c.writeAll(s, breaks, events)
	st := checkAccounts(t, s)
	n := strings.Count(want.String(), "\n")
	if got := ledger.Unique(); got != events-n || st.DroppedRejected != uint64(n) || st.Dropped != uint64(n) || st.Queued != 0 {
		t.Errorf("%d arrived, %d rejected, %d dropped, %d queued; want %d, %d, %d, 0",
			got, st.DroppedRejected, st.Dropped, st.Queued, events-n, n, n)
	}
	file, err := os.ReadFile(o.QuarantineFile)
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]string{"the quarantine": string(file), "OnDrop": strings.Join(dropped, "")} {
		if missing, extra := diffLines(want.String(), got); len(missing)+len(extra) > 0 {
			t.Errorf("%s lacks %q and has %q besides", name, missing, extra)
		}
	}
	t.Logf("%d poison events among %d: %d duplicates, %d resent, %d connections",
		n, events, ledger.Duplicates(), st.Resent, srv.Connections())
}

// diffLines returns the lines of which want has more than got, and the reverse.
func diffLines(want, got string) (missing, extra []string) {
	count := make(map[string]int)
	for line := range strings.Lines(want) {
		count[line]++
	}
	for line := range strings.Lines(got) {
		count[line]--
	}
	for line, n := range count {
		if n > 0 {
			missing = append(missing, line)
		} else if n < 0 {
			extra = append(extra, line)
		}
	}
	return missing, extra
}

// A program is replaced again and again while its receiver suffers. What does
// not fit into memory, and what is left in the end, waits on disk for the next
// one, and comes before what that writes.
func TestChaosOverflow(t *testing.T) {
	testlog.CheckGoroutines(t)
	events, breaks, programs := torture(40_000, 1_000_000), torture(12, 200), torture(8, 50)
	var ledger lstest.Ledger
	srv := listenBeats(t, &lstest.BeatsOptions{OnEvent: ledger.Receiver(), Forget: true, ReadBuffer: 32 << 10})
	c := newChaos(t, srv, &ledger)
	o := chaosOptions()
	o.Policy, o.MaxEvents = logstash.DropNewest, 1024
	o.SpoolDir, o.SpoolMode = t.TempDir(), logstash.SpoolOverflow
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for range breaks {
			select {
			case <-stop:
				return
			case <-time.After(time.Duration(c.rnd.Int64N(int64(30 * time.Millisecond)))):
				c.breakIt()
			}
		}
	})
	var event []byte
	id, spooled := 0, uint64(0)
	for program := range programs {
		s, err := logstash.Dial("beats://"+srv.Addr(), &o)
		if err != nil {
			t.Fatal(err)
		}
		if st := s.Stats(); st.Restored != spooled {
			t.Errorf("%d events restored, want %d", st.Restored, spooled)
		}
		for ; id < events*(program+1)/programs; id++ {
			event = lstest.AppendEvent(event[:0], 0, id, "pad")
			if _, err := s.Write(event); err != nil {
				t.Fatalf("event %d: %v", id, err)
			}
		}
		hurry := time.Duration(program%3) * 10 * time.Millisecond
		if program == programs-1 {
			close(stop)
			wg.Wait()
			hurry = chaosTime
		}
		ctx, cancel := context.WithTimeout(t.Context(), hurry)
		err = s.Shutdown(ctx)
		cancel()
		st := checkAccounts(t, s)
		spooled = st.Spooled
		if st.Dropped > 0 || st.Queued > 0 || program == programs-1 && (err != nil || spooled > 0) {
			t.Errorf("program %d: %d dropped, %d queued, %d spooled, Shutdown: %v", program, st.Dropped, st.Queued, spooled, err)
		}
		t.Logf("program %d: %d left on disk", program, spooled)
	}
	if missing := ledger.Missing(0, events); len(missing) > 0 {
		t.Errorf("%d events are missing, the first is %d", len(missing), missing[0])
	}
	if ledger.OrderBreaks() > 0 {
		t.Errorf("%d events out of order: %s", ledger.OrderBreaks(), ledger.FirstOdd())
	}
}

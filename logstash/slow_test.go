package logstash_test

import (
	"context"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice/logstash"
)

// A receiver that cannot ack a full batch in time gets smaller ones, and goes on
// getting them: only now and then it is asked whether it has become faster.
func TestBatchesForSlowReceiver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n, most, limit = 100_000, 700, time.Second
		var timeouts int
		f := new(fakeTransport)
		f.send = func(_ context.Context, events [][]byte) (int, error) {
			if len(events) > most {
				timeouts++
				time.Sleep(limit)
				return 0, os.ErrDeadlineExceeded
			}
			time.Sleep(limit * time.Duration(len(events)) / most)
			return len(events), nil
		}
		s, err := logstash.NewShipper(f, &logstash.DialOptions{FlushInterval: -1, MinBackoff: 1, MaxBackoff: 1})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		writeEvents(t, s, 0, n)
		if err := s.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		const least = n * limit / most
		if d := time.Since(start); d > least*5/4 || timeouts > 10 {
			t.Errorf("took %v, with %d timeouts; want little more than %v, and no more than 10", d, timeouts, least)
		}
		checkAccounts(t, s)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

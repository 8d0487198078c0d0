package logstash_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice/logstash"
)

// paced returns options for a spool whose events may wait an hour for others.
func paced(t *testing.T) *logstash.DialOptions {
	return &logstash.DialOptions{SpoolDir: t.TempDir(), SpoolMode: logstash.SpoolAlways, FlushInterval: time.Hour}
}

// What is read from the spool in several leases waits once.
func TestSpoolIsReadInOneGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f fakeTransport
		s := newShipper(t, &f, paced(t))
		long := strings.Repeat("x", 600<<10)
		for i := range 5 {
			if _, err := s.Write([]byte(`{"id":` + strconv.Itoa(i) + `,"message":"` + long + `"}`)); err != nil {
				t.Fatal(err)
			}
		}
		start := time.Now()
		time.Sleep(time.Hour + time.Minute)
		if st := checkAccounts(t, s); st.Written != 5 {
			t.Errorf("written %d after the interval, want 5", st.Written)
		}
		writeEvents(t, s, 5, 8)
		if err := s.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(start); d != time.Hour+time.Minute {
			t.Errorf("Flush waited %v", d-time.Hour-time.Minute)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// A level that is in a hurry takes all before it along.
func TestSyncLevelHurriesTheSpool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f fakeTransport
		opts := paced(t)
		opts.BatchSize = 3
		s := newShipper(t, &f, opts)
		writeEvents(t, s, 0, 10)
		if _, err := s.WriteLevel(slog.LevelError, []byte(event(10))); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		time.Sleep(time.Second)
		if st := checkAccounts(t, s); st.Written != 11 {
			t.Errorf("written %d, want 11", st.Written)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// A Flush that waits for what Shutdown leaves in the spool learns of it.
func TestFlushEndsWithShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShipper(t, &fakeTransport{send: sendNever}, paced(t))
		writeEvents(t, s, 0, 5)
		flushed := make(chan error)
		go func() { flushed <- s.Flush(context.Background()) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown: %v, want context.DeadlineExceeded", err)
		}
		if err := <-flushed; !errors.Is(err, os.ErrClosed) {
			t.Errorf("Flush: %v, want os.ErrClosed", err)
		}
	})
}

// While the spool stays full, one report says that events are dropped.
func TestFullSpoolIsReportedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		open := make(chan struct{})
		slow := &fakeTransport{send: func(_ context.Context, events [][]byte) (int, error) {
			<-open
			time.Sleep(100 * time.Millisecond)
			return len(events), nil
		}}
		var log errorLog
		s := newShipper(t, slow, &logstash.DialOptions{
			SpoolDir: t.TempDir(), SpoolMode: logstash.SpoolAlways, MaxEventBytes: 1000, SpoolMaxBytes: 8000,
			BatchSize: 1, FlushInterval: -1, OnError: log.add,
		})
		for i := range 500 {
			if _, err := s.Write([]byte(event(i))); err != nil && !errors.Is(err, logstash.ErrFull) {
				t.Fatal(err)
			}
			if i == 300 {
				close(open)
			}
			if i > 300 {
				time.Sleep(time.Millisecond)
			}
		}
		if errs := log.all(); len(errs) != 1 || !errors.Is(errs[0], logstash.ErrFull) {
			t.Errorf("OnError was told %q, want the first drop", errs)
		}
		if err := s.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if errs := log.all(); len(errs) != 2 {
			t.Errorf("OnError was told %q, want the first drop and their number", errs)
		}
		checkAccounts(t, s)
	})
}

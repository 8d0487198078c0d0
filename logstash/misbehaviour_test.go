package logstash_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
)

// touchyError panics whatever it is asked, as a nil pointer in an error does.
type touchyError struct{ text string }

func (e *touchyError) Error() string { return e.text }

// A Transport of the user's may do anything, but what it is given arrives when it
// is well again.
func TestTransportThatMisbehaves(t *testing.T) {
	for name, misbehave := range map[string]func() (int, error){
		"panics": func() (int, error) { panic("misbehaved") },
		"returns an error that panics": func() (int, error) {
			var err *touchyError
			return 0, err
		},
		"ends its goroutine": func() (int, error) {
			runtime.Goexit()
			return 0, nil
		},
		"acks too many":                      func() (int, error) { return 1000, nil },
		"acks fewer than none":               func() (int, error) { return -1, nil },
		"acks nothing and returns no error":  func() (int, error) { return 0, nil },
		"acks too many and returns an error": func() (int, error) { return 1000, testlog.ErrInjected },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := 0
				f := &fakeTransport{}
				f.send = func(_ context.Context, events [][]byte) (int, error) {
					if n++; n <= 3 {
						return misbehave()
					}
					return len(events), nil
				}
				s := newShipper(t, f, nil)
				writeEvents(t, s, 0, 10)
				if err := s.Flush(t.Context()); err != nil {
					t.Fatal(err)
				}
				if st := checkAccounts(t, s); st.Written != 10 || st.LastError == nil {
					t.Errorf("written %d, last error %v; want 10, and one", st.Written, st.LastError)
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// A hook that ends its goroutine ends none of the Shipper's.
func TestOnDropThatEndsItsGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := 0
		s := newShipper(t, &fakeTransport{send: sendNever}, &logstash.DialOptions{
			OnDrop: func([]byte, error) {
				told++
				runtime.Goexit()
			},
		})
		writeEvents(t, s, 0, 10)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown: %v, want context.DeadlineExceeded", err)
		}
		if st := checkAccounts(t, s); st.DroppedShutdown != 10 || told != 10 || s.Health().State != logstash.Closed {
			t.Errorf("dropped %d, told of %d, %v; want 10, 10, closed", st.DroppedShutdown, told, s.Health().State)
		}
	})
}

// An event that is rejected is found without pauses, wherever it is.
func TestRejectedEventIsFoundAtOnce(t *testing.T) {
	for _, at := range []int{0, 1, 1000, 2047} {
		synctest.Test(t, func(t *testing.T) {
			f := &fakeTransport{send: func(_ context.Context, events [][]byte) (int, error) {
				for _, e := range events {
					if strings.Contains(string(e), "poison") {
						return 0, logstash.ErrRejected
					}
				}
				return len(events), nil
			}}
			s := newShipper(t, f, nil)
			for i := range 4096 {
				if i == at {
					if _, err := s.Write([]byte(`{"message":"poison"}`)); err != nil {
						t.Fatal(err)
					}
					continue
				}
				writeEvents(t, s, i, i+1)
			}
			start := time.Now()
			if err := s.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			if d := time.Since(start); d > time.Second {
				t.Errorf("at %d: Flush took %v", at, d)
			}
			if st := checkAccounts(t, s); st.DroppedRejected != 1 || st.Written != 4095 {
				t.Errorf("at %d: rejected %d, written %d; want 1, 4095", at, st.DroppedRejected, st.Written)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// Nothing is written through a link that somebody has put into the spool's directory.
func TestQuarantineInTheSpoolFollowsNoLink(t *testing.T) {
	dir := t.TempDir()
	victim := filepath.Join(t.TempDir(), "victim")
	if err := os.Symlink(victim, filepath.Join(dir, "quarantine.json")); err != nil {
		t.Skip(err)
	}
	var log errorLog
	f := &fakeTransport{send: func(_ context.Context, events [][]byte) (int, error) {
		return 0, errors.Join(logstash.ErrRejected, logstash.ErrTooLarge)
	}}
	s := newShipper(t, f, &logstash.DialOptions{SpoolDir: dir, SpoolMode: logstash.SpoolAlways, OnError: log.add})
	writeEvents(t, s, 0, 1)
	if err := s.Flush(within(t)); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(victim); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the link was followed: %v", err)
	}
	if errs := log.all(); len(errs) == 0 || !strings.Contains(errs[0].Error(), "not a regular file") {
		t.Errorf("OnError was told %q, want that it is no regular file", errs)
	}
}

// Whose options are wrong keeps the Transport.
func TestNewShipperLeavesATransportAloneAfterAnError(t *testing.T) {
	for _, opts := range []logstash.DialOptions{
		{Size: -1},
		{SpoolDir: os.DevNull + "/spool", SpoolMode: logstash.SpoolAlways},
	} {
		f := new(fakeTransport)
		if _, err := logstash.NewShipper(f, &opts); err == nil {
			t.Errorf("%+v accepted", opts)
		}
		if f.closed != 0 {
			t.Errorf("closed %d times, want 0", f.closed)
		}
	}
}

// One event that is rejected for ever does not hold up others that come later.
func TestRejectedEventDoesNotHoldUpOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeTransport{send: func(_ context.Context, events [][]byte) (int, error) {
			if strings.Contains(string(events[0]), "poison") {
				return 0, logstash.ErrRejected
			}
			return len(events), nil
		}}
		s := newShipper(t, f, nil)
		if _, err := s.Write([]byte(`{"message":"poison"}`)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		writeEvents(t, s, 0, 1)
		time.Sleep(time.Second)
		if st := checkAccounts(t, s); st.Written != 1 {
			t.Errorf("written %d within a second, want 1", st.Written)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestDialRefusesLevelersThatPanic(t *testing.T) {
	for field, opts := range map[string]logstash.DialOptions{
		"Protect":   {Protect: (*slog.LevelVar)(nil)},
		"SyncLevel": {SyncLevel: (*slog.LevelVar)(nil)},
	} {
		if _, err := logstash.Dial("beats://logs", &opts); err == nil || !strings.Contains(err.Error(), "DialOptions."+field) {
			t.Errorf("%s: %v, want an error that names it", field, err)
		}
	}
}

package logstash_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
)

// While the disk is full, events go to memory, in order; what finds no room there is
// refused. Once there is space, they go to the spool again.
func TestSpoolOnAFullDisk(t *testing.T) {
	for _, mode := range []logstash.SpoolMode{logstash.SpoolOverflow, logstash.SpoolAlways} {
		t.Run(mode.String(), func(t *testing.T) {
			disk := testlog.TinyDisk(t, "size=256k")
			balloon := filepath.Join(disk, "balloon")
			synctest.Test(t, func(t *testing.T) {
				var log errorLog
				opts := spoolOptions(filepath.Join(disk, "spool"), mode)
				opts.MaxEvents, opts.BatchSize, opts.OnError = 20, 4, log.add
				g := newGated()
				s := newShipper(t, g, &opts)
				var taken []int
				write := func(from, to int) {
					for i := from; i < to; i++ {
						_, err := s.Write([]byte(padded(i, 2000)))
						if err == nil {
							taken = append(taken, i)
						} else if !errors.Is(err, logstash.ErrFull) {
							t.Errorf("event %d: %v, want ErrFull", i, err)
						}
						synctest.Wait()
						checkAccounts(t, s)
					}
				}
				write(0, 40)
				if err := os.WriteFile(balloon, bytes.Repeat([]byte("x"), 256<<10), 0o600); err == nil {
					t.Error("the disk is not full")
				}
				write(40, 100)
				full := s.Stats()
				if full.DroppedFull == 0 || full.Queued == 0 {
					t.Errorf("dropped %d, queued %d on a full disk; want some", full.DroppedFull, full.Queued)
				}
				if h := s.Health(); h.SpoolErr == nil {
					t.Error("no SpoolErr on a full disk")
				}
				if err := os.Remove(balloon); err != nil {
					t.Error(err)
				}
				time.Sleep(time.Minute) // the spool tries again after a while
				write(100, 110)
				if st := s.Stats(); st.Spooled <= full.Spooled {
					t.Errorf("spooled %d after the disk had space again, and %d before", st.Spooled, full.Spooled)
				}
				if h := s.Health(); h.SpoolErr != nil {
					t.Errorf("SpoolErr %v after the disk had space again", h.SpoolErr)
				}

				// A restart in the middle of that keeps the order of what is in the spool.
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				_ = s.Shutdown(ctx) // says that there are some left
				cancel()
				checkAccounts(t, s)
				var f fakeTransport
				s = newShipper(t, &f, &opts)
				if err := s.Close(); err != nil {
					t.Error(err)
				}
				got := idsOf(f.arrived())
				all := slices.Clone(got)
				slices.Sort(all)
				if !slices.Equal(all, taken) {
					t.Errorf("arrived %v, want %v in some order", got, taken)
				}
				if fmt.Sprint(log.all()) == "[]" {
					t.Error("OnError was told nothing")
				}
			})
		})
	}
}

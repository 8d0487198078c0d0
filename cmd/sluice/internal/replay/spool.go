package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/internal/flock"
	"github.com/sluicelog/sluice/internal/spool"
)

// inUse is in the error of a spool whose program runs.
const inUse = "in use by process"

// quarantineName is the file in a spool's directory to which a Shipper moves what its receiver refuses.
const quarantineName = "quarantine.json"

// What is read of a spool at once.
const (
	leaseEvents = 2048
	leaseBytes  = 1 << 20
)

// spooled is the spool of a program that is gone. It is its own state: what is acked is removed from it.
type spooled struct {
	warnings *warnings
	failed   int // reads
	dir      string
	queue    *spool.Queue // nil if it is only looked at
	lost     uint64       // events that a look has found missing
	total    int64        // bytes
	bytes    atomic.Int64 // read
}

// openSpool opens a spool, which fails while its program runs. A dry run only looks at it.
func openSpool(dir string, o *options, errs *warnings) (s *spooled, err error) {
	s = &spooled{dir: dir, warnings: errs}
	if o.dryRun {
		err = s.isFree()
	} else if s.queue, err = spool.Open(dir, &spool.Options{OnError: errs.warn}); err == nil {
		s.total = s.queue.Stats().Bytes
	}
	if err != nil {
		if strings.Contains(err.Error(), inUse) {
			err = fmt.Errorf("%w; its program sends what is in it", err)
		}
		return nil, err
	}
	if info, err := os.Stat(filepath.Join(dir, quarantineName)); err == nil && info.Size() > 0 {
		errs.warn(fmt.Errorf("%s has events that the receiver refused: replay it on its own", cli.Printable(filepath.Join(dir, quarantineName))))
	}
	return s, nil
}

// isFree returns an error while the spool's program runs.
func (s *spooled) isFree() error {
	lock, err := os.Open(filepath.Join(s.dir, "lock"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer lock.Close() //nolint:errcheck // nothing was written
	ok, err := flock.TryLock(lock, false)
	if err == nil && !ok {
		pid, _ := io.ReadAll(io.LimitReader(lock, 20))
		err = fmt.Errorf("%s: %s %s", cli.Printable(s.dir), inUse, harmless(string(pid)))
	}
	return err
}

func (s *spooled) read(ctx context.Context, _ *state, put func(task) error) error {
	if s.queue == nil {
		return s.look(ctx, put)
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		lease, err := s.queue.Read(leaseEvents, leaseBytes, 0)
		if err != nil {
			return err
		}
		if lease == nil {
			return nil
		}
		if err := put(func(m *maker) *unit { return s.unit(m, lease.Events, lease) }); err != nil {
			return err
		}
	}
}

func (s *spooled) unit(m *maker, events [][]byte, lease *spool.Lease) *unit {
	u := &unit{from: s, lease: lease, lines: make([]line, 0, len(events))}
	for _, event := range events {
		s.bytes.Add(int64(len(event)))
		u.add(line{}, m.mask(event))
	}
	return u
}

// settle acks events, so that they are not read again.
func (s *spooled) settle(u *unit, n int) error {
	s.queue.Ack(u.lease, n-u.done)
	return nil
}

func (s *spooled) progress() (read, total int64) { return min(s.bytes.Load(), s.total), s.total }

func (s *spooled) fail(err error) {
	s.failed++
	s.warnings.warn(err)
}

func (s *spooled) failures() (files int, lost uint64) {
	if s.queue == nil {
		return s.failed, s.lost
	}
	return s.failed, s.queue.Gone()
}

// left returns how many events are in the spool.
func (s *spooled) left() uint64 {
	if s.queue == nil {
		return 0
	}
	return s.queue.Stats().Events
}

func (s *spooled) close() error {
	if s.queue == nil {
		return nil
	}
	return errors.Join(s.queue.Close(), handOver(s.dir))
}

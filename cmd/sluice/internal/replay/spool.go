package replay

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/internal/spool"
)

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
	queue    *spool.Queue
	dry      bool         // only its first events are read
	total    int64        // bytes
	bytes    atomic.Int64 // read
}

// isSpool reports whether a directory is that of a spool.
func isSpool(dir string) bool {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	marks := 0
	for _, e := range entries {
		switch name := e.Name(); {
		case name == "lock", name == "position":
			marks++
		case len(name) == len("00000001000000000000.seg") && strings.HasSuffix(name, ".seg"):
			return true
		}
	}
	return marks == 2
}

// openSpool opens a spool, which fails while its program runs.
func openSpool(dir string, o *options, errs *warnings) (*spooled, error) {
	q, err := spool.Open(dir, &spool.Options{OnError: errs.warn})
	if err != nil {
		if strings.Contains(err.Error(), "in use by process") {
			err = fmt.Errorf("%w; its program sends what is in it", err)
		}
		return nil, err
	}
	if info, err := os.Stat(filepath.Join(dir, quarantineName)); err == nil && info.Size() > 0 {
		errs.warn(fmt.Errorf("%s has events that the receiver refused: replay it on its own", cli.Printable(filepath.Join(dir, quarantineName))))
	}
	return &spooled{dir: dir, queue: q, warnings: errs, dry: o.dryRun, total: q.Stats().Bytes}, nil
}

func (s *spooled) read(ctx context.Context, _ *state, put func(task) error) error {
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
		if err := put(func(m *maker) *unit { return s.unit(m, lease) }); err != nil || s.dry {
			return err
		}
	}
}

func (s *spooled) unit(m *maker, lease *spool.Lease) *unit {
	u := &unit{from: s, lease: lease, lines: make([]line, 0, len(lease.Events))}
	for _, event := range lease.Events {
		s.bytes.Add(int64(len(event)))
		u.add(line{}, m.mask(event))
	}
	if s.dry {
		u.more = s.queue.Stats().Events - uint64(len(u.lines))
	}
	return u
}

// settle acks events, so that they are not read again.
func (s *spooled) settle(u *unit, n int) error {
	s.queue.Ack(u.lease, n-u.done)
	u.done = n
	return nil
}

func (s *spooled) progress() (read, total int64) { return min(s.bytes.Load(), s.total), s.total }

func (s *spooled) fail(err error) {
	s.failed++
	s.warnings.warn(err)
}

func (s *spooled) failures() (files int, lost uint64) { return s.failed, s.queue.Gone() }

// left returns how many events are in the spool.
func (s *spooled) left() uint64 { return s.queue.Stats().Events }

func (s *spooled) close() error { return s.queue.Close() }

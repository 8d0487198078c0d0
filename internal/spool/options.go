package spool

import (
	"errors"
	"fmt"
	"time"
)

// Sync says when what was written is forced to the disk. Without that it
// survives the end of the process, however it ends, but not a crash of the
// system.
type Sync int

// When a [Queue] syncs.
const (
	SyncInterval   Sync = iota // every SyncEvery, when there is something new
	SyncEveryBatch             // before Append returns
	SyncNever                  // by Sync and Close alone
)

// Options configures a [Queue]. A zero Options consists entirely of default
// values.
type Options struct {
	// MaxBytes bounds the segments on disk, all together. Append returns
	// [ErrFull] rather than go beyond. 0 means 1 GiB.
	MaxBytes int64

	// MaxAge is how old an event may become. Older ones are given up when they
	// are come to, and by whole segments at Open and while others are appended.
	// 0 means for ever.
	MaxAge time.Duration

	// SegmentBytes is the size at which a new segment is begun. A segment has
	// at least one batch, however large. 0 means 16 MiB, or a quarter of
	// MaxBytes if that is less.
	SegmentBytes int64

	// Sync says when what was written is forced to the disk. What was
	// acknowledged is so every SyncEvery at best: after a crash of the system,
	// events may come again.
	Sync Sync

	// SyncEvery is how long it takes until that is done. 0 means 1 s.
	SyncEvery time.Duration

	// OnError, if not nil, is told of damage that was found, and of trouble
	// with the disk, but not of what Append, Prepend, Read or Sync return. It
	// is called without locks, perhaps by several goroutines at once, and may
	// panic.
	OnError func(error)

	disk *disk // in tests
}

const (
	defaultMaxBytes     = 1 << 30
	defaultSegmentBytes = 16 << 20
	defaultSyncEvery    = time.Second
)

// checked returns o with its defaults filled in.
func (o *Options) checked() (Options, error) {
	var c Options
	if o != nil {
		c = *o
	}
	switch {
	case c.MaxBytes < 0:
		return c, fmt.Errorf("MaxBytes %d: must not be negative", c.MaxBytes)
	case c.MaxAge < 0:
		return c, fmt.Errorf("MaxAge %s: must not be negative", c.MaxAge)
	case c.SegmentBytes < 0:
		return c, fmt.Errorf("SegmentBytes %d: must not be negative", c.SegmentBytes)
	case c.Sync < SyncInterval || c.Sync > SyncNever:
		return c, fmt.Errorf("Sync %d: must be SyncInterval, SyncEveryBatch or SyncNever", c.Sync)
	case c.SyncEvery < 0:
		return c, fmt.Errorf("SyncEvery %s: must not be negative", c.SyncEvery)
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = defaultMaxBytes
	}
	if c.SegmentBytes == 0 {
		c.SegmentBytes = min(defaultSegmentBytes, max(c.MaxBytes/4, 1))
	}
	if c.SegmentBytes > c.MaxBytes {
		return c, fmt.Errorf("SegmentBytes %d: must not be more than MaxBytes, which is %d", c.SegmentBytes, c.MaxBytes)
	}
	if c.SyncEvery == 0 {
		c.SyncEvery = defaultSyncEvery
	}
	if c.disk == nil {
		c.disk = realDisk()
	}
	return c, nil
}

// report tells OnError. It must be called without locks.
func (o *Options) report(err error) {
	if err == nil || o.OnError == nil {
		return
	}
	defer func() { _ = recover() }() // a hook costs nobody an event
	o.OnError(err)
}

// ErrFull is the error of Append when MaxBytes is reached. Nothing was tried.
var ErrFull = errors.New("spool: full")

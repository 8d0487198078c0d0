package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/sluicelog/sluice/e2e/internal/harness"
	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/logstash"
)

// senderVariable makes the program a sender; it holds the job.
const senderVariable = "SOAK_SENDER"

// job is what a sender does: it writes events until the day is over or its
// standard input ends.
type job struct {
	Addr  string
	Spool string
	// Number is that of the sender, in its events.
	Number int
	// Tally is a file that holds how many events Write has returned for.
	Tally string
	Day   day
}

// status is what a sender says of itself ten times a second.
type status struct {
	Refused    int // events that Write has refused
	Longest    time.Duration
	Stats      logstash.Stats
	Heap       uint64
	Resident   int64
	Goroutines int
	Done       bool // all that it had is acked or on disk
}

const (
	statusInterval = 100 * time.Millisecond
	tick           = 5 * time.Millisecond
	// memory is the bound of events in memory, spoolSize of those on disk.
	memory    = 32 << 20
	spoolSize = 192 << 20
	// lastFlush is how long the end of the day waits for acks, lastWords how long
	// a sender that is replaced does, in hours.
	lastFlush = 2 * time.Minute
	lastWords = 0.01
)

// message makes an event of eventBytes, about as many as an ordinary one has.
const (
	message = "an ordinary message that is neither short nor long, of which there are many every day, in every program, " +
		"until somebody reads them for once and wants all of them to be there, every single one, in the order they were written in"
	eventBytes = len(message) + len(`{"sender":1,"id":1000000,"message":""}`)
)

// runSender does a job.
func runSender(spec string, stop io.Reader, out io.Writer) error {
	var j job
	if err := json.Unmarshal([]byte(spec), &j); err != nil {
		return err
	}
	tally, err := os.Create(j.Tally)
	if err != nil {
		return err
	}
	s, err := logstash.Dial(j.Addr, &logstash.DialOptions{
		Size: memory, Policy: logstash.Block, BlockTimeout: -1,
		SpoolDir: j.Spool, SpoolMode: logstash.SpoolAlways, SpoolMaxBytes: spoolSize,
		MinBackoff: j.Day.hours(0.001), MaxBackoff: j.Day.hours(0.02), MinConnectionTime: j.Day.hours(0.01),
		Timeout: max(j.Day.hours(0.5), time.Second),
	})
	if err != nil {
		return err
	}
	c := &clerk{job: j, shipper: s, tally: tally, out: json.NewEncoder(out), replaced: make(chan struct{}), end: make(chan struct{})}
	go func() {
		_, _ = io.Copy(io.Discard, stop)
		close(c.replaced)
	}()
	told := make(chan error)
	go func() { told <- c.tell() }()
	err = errors.Join(c.write(), c.leave())
	close(c.end)
	return errors.Join(err, <-told)
}

// clerk writes events and says how it goes.
type clerk struct {
	job      job
	shipper  *logstash.Shipper
	tally    *os.File
	out      *json.Encoder
	replaced chan struct{} // closed when another one is to take over
	end      chan struct{} // closed when all is done

	written          int
	refused, longest atomic.Int64
}

// write writes the events that are due, until the day is over.
func (c *clerk) write() error {
	d := c.job.Day
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	var event []byte
	first := d.due(d.hour(time.Now()))
	for id := 0; ; {
		hour := d.hour(time.Now())
		for ; first+id < d.due(min(hour, 24)); id++ {
			event = lstest.AppendEvent(event[:0], c.job.Number, c.written, message)
			if err := c.writeOne(levelOf(id), event); err != nil {
				return err
			}
		}
		if hour >= 24 {
			return nil
		}
		select {
		case <-ticker.C:
		case <-c.replaced:
			return nil
		}
	}
}

// writeOne writes an event, and puts down that it has: its next line may be the
// kill.
func (c *clerk) writeOne(level slog.Level, event []byte) error {
	begun := time.Now()
	_, err := c.shipper.WriteLevel(level, event)
	c.longest.Store(max(c.longest.Load(), int64(time.Since(begun))))
	if err != nil {
		c.refused.Add(1)
		return nil //nolint:nilerr // the refused are counted
	}
	c.written++
	_, err = c.tally.WriteAt(binary.BigEndian.AppendUint64(nil, uint64(c.written)), 0) //nolint:gosec // never negative
	return err
}

// levelOf makes one event of a hundred an error, and five warnings.
func levelOf(id int) slog.Level {
	switch n := id % 100; {
	case n == 0:
		return slog.LevelError
	case n <= 5:
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

// leave closes the shipper. In the evening everything is to be acked; before,
// what is not acked soon stays on disk for the next sender.
func (c *clerk) leave() error {
	evening := c.job.Day.hour(time.Now()) >= 24
	wait := lastFlush
	if !evening {
		wait = c.job.Day.hours(lastWords)
	}
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	if err := c.shipper.Shutdown(ctx); evening {
		return err
	}
	return nil
}

// tell says how it goes until all is done.
func (c *clerk) tell() error {
	ticker := time.NewTicker(statusInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if err := c.out.Encode(c.status(false)); err != nil {
				return err
			}
		case <-c.end:
			return c.out.Encode(c.status(true))
		}
	}
}

func (c *clerk) status(done bool) status {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	s := status{
		Refused: int(c.refused.Load()), Longest: time.Duration(c.longest.Load()),
		Stats: c.shipper.Stats(), Heap: m.HeapInuse, Resident: harness.Resident(), Goroutines: runtime.NumGoroutine(), Done: done,
	}
	s.Stats.LastError = nil // an error is no JSON
	return s
}

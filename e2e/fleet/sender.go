package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"time"

	"github.com/sluicelog/sluice/e2e/internal/harness"
	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/logstash"
)

// senderVariable makes the program a sender; it holds the job.
const senderVariable = "FLEET_SENDER"

// What a sender is told on its standard input. When that ends without, the fleet has
// died, and so does the sender.
const (
	wordBegin = "begin" // with the time in nanoseconds
	wordStop  = "stop"
)

// job is what a sender does: it writes events at a rate from when it is told to begin
// until it is told to stop.
type job struct {
	Number int
	Over   string
	Addr   string
	Spool  string
	Rate   float64
	Bytes  int           // of each event
	Delay  time.Duration // of the first event

	Options senderOptions
	Alone   bool // in a process of its own
	Network *cable
}

// senderOptions are those of the DialOptions that a job sets.
type senderOptions struct {
	Size, SpoolMaxBytes    int64
	BatchSize, Pipeline    int
	MinBackoff, MaxBackoff time.Duration
	Timeout, TTL           time.Duration
	MinConnectionTime      time.Duration
}

// status is what a sender says of itself, five times a second.
type status struct {
	Ready      bool // it can begin; there is nothing else to say yet
	Written    int  // events that Write has taken
	Refused    int
	Inexact    int // accounts that were not exact
	Spooled    int // events
	SpoolBytes int64
	Resumed    []int64 `json:",omitempty"` // when events were acked again after a pause, new ones only
	Heap       int64   `json:",omitempty"`
	HeapAtEnd  int64   `json:",omitempty"` // when all is acked, after a collection
	Resident   int64   `json:",omitempty"`
	Goroutines int     `json:",omitempty"`
	Dropped    int     `json:",omitempty"`
	Done       bool    `json:",omitempty"` // all that was written is acked
}

const (
	statusInterval = 200 * time.Millisecond
	tick           = 50 * time.Millisecond
	// pause is how long no event is acked until the next one says that it goes on.
	pause = 300 * time.Millisecond
	// memoryEvery is how many statuses there are for one with the memory.
	memoryEvery = 5
	// lastFlush is how long a sender waits at the end for what is not acked.
	lastFlush = 2 * time.Minute
)

// runSender does a job.
func runSender(spec string, in io.Reader, out io.Writer) error {
	var j job
	if err := json.Unmarshal([]byte(spec), &j); err != nil {
		return err
	}
	words := bufio.NewScanner(in)
	c := &clerk{job: j, out: json.NewEncoder(out), stop: make(chan error, 1)}
	if err := c.out.Encode(status{Ready: true}); err != nil {
		return err
	}
	begin, err := hear(words, wordBegin)
	if err != nil {
		return err
	}
	if j.Network != nil {
		if err := j.Network.plug(); err != nil {
			return err
		}
	}
	if c.shipper, err = dial(j); err != nil {
		return err
	}
	defer c.abandon()
	go func() {
		_, err := hear(words, wordStop)
		c.stop <- err
	}()
	var since int64
	if _, err := fmt.Sscan(begin, &since); err != nil {
		return err
	}
	return c.work(time.Unix(0, since).Add(j.Delay))
}

// hear waits for a word and returns what follows it.
func hear(words *bufio.Scanner, want string) (string, error) {
	if !words.Scan() {
		return "", errors.Join(errors.New("the fleet is gone"), words.Err())
	}
	word, rest, _ := strings.Cut(words.Text(), " ")
	if word != want {
		return "", fmt.Errorf("heard %q, want %q", word, want)
	}
	return rest, nil
}

// dial makes the Shipper of a job.
func dial(j job) (*logstash.Shipper, error) {
	o := j.Options
	opts := &logstash.DialOptions{
		Size: o.Size, MaxEventBytes: int(o.Size / 8),
		SpoolDir: j.Spool, SpoolMode: logstash.SpoolOverflow, SpoolMaxBytes: o.SpoolMaxBytes, SpoolSync: logstash.SyncNever,
		BatchSize: o.BatchSize, Pipeline: o.Pipeline,
		MinBackoff: o.MinBackoff, MaxBackoff: o.MaxBackoff, Timeout: o.Timeout,
		Schemes: schemes(),
	}
	if j.Over == overRedis {
		opts.Pipeline = 0 // it has none
	}
	if j.Over == overBeats {
		opts.Strategy, opts.Connections = logstash.LoadBalance, 1
		opts.ConnectionTTL, opts.MinConnectionTime = o.TTL, o.MinConnectionTime
	}
	return logstash.Dial(j.Addr, opts)
}

// clerk writes events and says how it goes.
type clerk struct {
	job     job
	shipper *logstash.Shipper
	out     *json.Encoder
	stop    chan error

	written, refused, inexact int
	acked                     uint64
	progress                  time.Time // when events were acked last
	resumed                   []int64
	said                      int   // statuses so far
	held                      int64 // by the heap when all was acked
}

// work writes the events that are due from begin on, until it is told to stop and all
// are acked.
func (c *clerk) work(begin time.Time) error {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	text := message(c.job.Number, c.job.Bytes)
	next := time.Now()
	c.progress = begin
	var event []byte
	for {
		select {
		case now := <-ticker.C:
			due := int(now.Sub(begin).Seconds() * c.job.Rate)
			for c.written+c.refused < due {
				event = lstest.AppendEvent(event[:0], c.job.Number, c.written, text)
				if _, err := c.shipper.Write(event); err != nil {
					c.refused++
				} else {
					c.written++
				}
			}
			c.look(now)
			if now.Before(next) {
				continue
			}
			next = next.Add(statusInterval)
			if err := c.tell(false); err != nil {
				return err
			}
		case err := <-c.stop:
			if err != nil {
				return err // nobody is there for whom to flush
			}
			return c.leave()
		}
	}
}

// look sees whether events have been acked since the last look.
func (c *clerk) look(now time.Time) {
	s := c.shipper.Stats()
	if s.Accepted != s.Written+s.Dropped+s.Queued+s.Spooled {
		c.inexact++
	}
	if s.Written == c.acked {
		return
	}
	if now.Sub(c.progress) > pause {
		c.resumed = append(c.resumed, now.UnixNano())
	}
	c.acked, c.progress = s.Written, now
}

// leave waits until everything is acked, closes the shipper and says so.
func (c *clerk) leave() error {
	ctx, cancel := context.WithTimeout(context.Background(), lastFlush)
	defer cancel()
	flushed := make(chan error, 1)
	go func() {
		err := c.shipper.Flush(ctx)
		if c.job.Alone {
			c.held = heldByHeap()
		}
		flushed <- errors.Join(err, c.shipper.Shutdown(ctx))
	}()
	ticker := time.NewTicker(statusInterval)
	defer ticker.Stop()
	for {
		select {
		case now := <-ticker.C:
			c.look(now)
			if err := c.tell(false); err != nil {
				return err
			}
		case err := <-flushed:
			c.look(time.Now())
			return errors.Join(err, c.tell(true))
		}
	}
}

// heldByHeap returns what the heap holds after a collection.
func heldByHeap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc) //nolint:gosec // far below
}

// abandon closes the shipper if that has not been done.
func (c *clerk) abandon() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = c.shipper.Shutdown(ctx) // says what is left, for which nobody waits any more
}

// tell says how it goes.
func (c *clerk) tell(last bool) error {
	s := c.shipper.Stats()
	st := status{
		Written: c.written, Refused: c.refused, Inexact: c.inexact,
		Spooled: int(s.Spooled), SpoolBytes: s.SpoolBytes, Resumed: c.resumed, Dropped: int(s.Dropped), //nolint:gosec // far below
	}
	if last {
		st.HeapAtEnd = c.held
		st.Done = s.Written == uint64(c.written) && s.Queued+s.Spooled == 0 //nolint:gosec // never negative
	}
	if c.job.Alone && (last || c.said%memoryEvery == 0) {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		st.Heap, st.Resident, st.Goroutines = int64(m.HeapInuse), harness.Resident(), runtime.NumGoroutine() //nolint:gosec // far below
	}
	c.said++
	c.resumed = nil
	return c.out.Encode(st)
}

package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/sluicelog/sluice/internal/lstest"
)

const watchInterval = 10 * time.Millisecond

var (
	errNotBack = errors.New("nothing arrives any more")
	errDone    = errors.New("the sender has ended before the day")
)

// world is all there is: two receivers behind their proxies, a disk, and one
// sender at a time.
type world struct {
	day     day
	dir     string // of all files
	disk    string // where a file system of its own is mounted, "" if there is none
	servers [2]*lstest.Beats
	proxies [2]*lstest.Proxy
	ledger  lstest.Ledger
	resumes []func()
	senders []*sender
}

// live builds the world and lets the day pass.
func live(ctx context.Context, o options, dir string) (result, error) {
	w := &world{dir: dir}
	defer w.destroy()
	if err := w.build(filepath.Join(dir, "disk")); err != nil {
		return result{}, err
	}
	w.day = day{Begin: time.Now(), Length: o.day, Peak: o.peak}
	if err := w.hire(); err != nil {
		return result{}, err
	}
	r := result{options: o, withDisk: w.disk != ""}
	for _, t := range w.troubles() {
		if err := w.until(ctx, w.day.at(t.hour), new(episode)); err != nil {
			return r, err
		}
		e, err := w.pass(ctx, t)
		if err != nil {
			return r, fmt.Errorf("%s: %w", t.name, err)
		}
		r.episodes = append(r.episodes, e)
	}
	if err := w.wait(ctx, w.sender(), w.day.hours(24)+2*lastFlush); err != nil {
		return r, err
	}
	w.count(&r)
	return r, nil
}

func (w *world) build(disk string) error {
	if err := os.Mkdir(disk, 0o700); err != nil {
		return err
	}
	mount := exec.Command("mount", "-t", "tmpfs", "-o", "size=256m", "tmpfs", disk) //nolint:gosec,noctx // a folder just made; quick
	if os.Geteuid() == 0 && mount.Run() == nil {
		w.disk = disk
	}
	for i := range w.servers {
		var err error
		opts := &lstest.BeatsOptions{AckHighest: true, OnEvent: w.ledger.Receiver(), Forget: true, ReadBuffer: 64 << 10}
		if w.servers[i], err = lstest.ListenBeats("127.0.0.1:0", opts); err != nil {
			return err
		}
		if w.proxies[i], err = lstest.ListenProxy("127.0.0.1:0", w.servers[i].Addr(), nil); err != nil {
			return err
		}
	}
	return nil
}

// destroy ends what is left of the world.
func (w *world) destroy() {
	for _, s := range w.senders {
		_ = s.cmd.Process.Kill() // most have ended
		<-s.ended
	}
	for i := range w.servers {
		if w.proxies[i] != nil {
			w.proxies[i].Kill()
		}
		if w.servers[i] != nil {
			w.servers[i].Kill()
		}
	}
	if w.disk != "" {
		_ = exec.Command("umount", w.disk).Run() //nolint:gosec,noctx // as above; it can be left to the user
	}
}

// fillDisk leaves no room on the disk of the spool.
func (w *world) fillDisk() error {
	f, err := os.Create(w.filler())
	if err != nil {
		return err
	}
	chunk := make([]byte, 1<<20)
	for len(chunk) > 0 {
		if _, err := f.Write(chunk); err != nil {
			chunk = chunk[:len(chunk)/2] // to the last byte
		}
	}
	return f.Close()
}

func (w *world) freeDisk() error { return os.Remove(w.filler()) }

func (w *world) filler() string { return filepath.Join(w.disk, "somebody else's") }

// sender is one run of the program that sends.
type sender struct {
	cmd   *exec.Cmd
	stdin io.Closer
	ended chan struct{} // closed when it has, and err is set
	err   error

	mu     sync.Mutex
	last   status
	high   high // of all it said
	killed bool
}

// high is the most there was of something.
type high struct {
	heap       uint64
	resident   int64
	goroutines int
	spool      int64
	longest    time.Duration
}

func (h *high) see(s status) {
	h.heap, h.resident = max(h.heap, s.Heap), max(h.resident, s.Resident)
	h.goroutines, h.longest = max(h.goroutines, s.Goroutines), max(h.longest, s.Longest)
	h.spool = max(h.spool, s.Stats.SpoolBytes)
}

// hire starts the next sender.
func (w *world) hire() error {
	spec, err := json.Marshal(job{
		Addr: "beats://" + w.proxies[0].Addr() + "," + w.proxies[1].Addr(), Spool: filepath.Join(w.dir, "disk", "spool"),
		Number: len(w.senders), Tally: w.tally(len(w.senders)), Day: w.day,
	})
	if err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	s := &sender{cmd: exec.Command(program), ended: make(chan struct{})} //nolint:gosec,noctx // itself; it is waited for
	s.cmd.Env = append(os.Environ(), senderVariable+"="+string(spec))
	s.cmd.Stderr = os.Stderr
	if s.stdin, err = s.cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	w.senders = append(w.senders, s)
	go s.listen(out)
	return nil
}

// listen hears what the sender says until it has ended.
func (s *sender) listen(out io.Reader) {
	defer close(s.ended)
	for dec := json.NewDecoder(out); ; {
		var st status
		if dec.Decode(&st) != nil {
			break
		}
		s.mu.Lock()
		s.last = st
		s.high.see(st)
		s.mu.Unlock()
	}
	s.err = s.cmd.Wait()
}

func (s *sender) status() status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

func (w *world) sender() *sender { return w.senders[len(w.senders)-1] }

// replace tells the sender to leave, and starts the next one.
func (w *world) replace() error {
	s := w.sender()
	if err := s.stdin.Close(); err != nil {
		return err
	}
	if err := w.wait(context.Background(), s, 10*time.Second); err != nil {
		return err
	}
	return w.hire()
}

// kill kills the sender, and starts the next one.
func (w *world) kill() error {
	s := w.sender()
	s.mu.Lock()
	s.killed = true
	s.mu.Unlock()
	if err := s.cmd.Process.Kill(); err != nil {
		return err
	}
	<-s.ended
	return w.hire()
}

// wait waits for a sender to end as it should.
func (w *world) wait(ctx context.Context, s *sender, limit time.Duration) error {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-s.ended:
		return s.err
	case <-timer.C:
		return errors.New("the sender does not end")
	case <-ctx.Done():
		return ctx.Err()
	}
}

// evening reports whether the day is over and all that was sent is acked.
func (w *world) evening() bool {
	select {
	case <-w.sender().ended:
		return w.sender().err == nil && w.day.hour(time.Now()) >= 24
	default:
		return false
	}
}

// until watches until a time, or the evening.
func (w *world) until(ctx context.Context, t time.Time, e *episode) error {
	ticker := time.NewTicker(watchInterval)
	defer ticker.Stop()
	for time.Now().Before(t) {
		select {
		case <-ticker.C:
			e.waiting = max(e.waiting, w.waiting())
		case <-w.sender().ended:
			if !w.evening() {
				return errors.Join(errDone, w.sender().err)
			}
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// tally is the file in which a sender puts down how many events it has written.
func (w *world) tally(number int) string { return filepath.Join(w.dir, fmt.Sprint("tally-", number)) }

// written returns how many events a sender has written.
func (w *world) written(number int) int {
	b, err := os.ReadFile(w.tally(number))
	if err != nil || len(b) != 8 {
		return 0 // it has not begun
	}
	return int(binary.BigEndian.Uint64(b)) //nolint:gosec // far below
}

// waiting returns how many events have been written and have not arrived.
func (w *world) waiting() (n int) {
	for number := range w.senders {
		n += max(w.written(number)-w.ledger.UniqueOf(number), 0) // one can arrive before it is put down
	}
	return n
}

// usual returns how many events wait when nothing is wrong: those of half a
// second.
func (w *world) usual() int {
	return int(w.day.rate(w.day.hour(time.Now()))/2) + 100
}

// count fills in what became of the events.
func (w *world) count(r *result) {
	for number, s := range w.senders {
		st := s.status()
		written := w.written(number)
		r.sent += written
		r.refused += st.Refused
		r.lost += len(w.ledger.Missing(number, written))
		r.dropped += int(st.Stats.Dropped)       //nolint:gosec // far below
		r.resent += int(st.Stats.Resent)         //nolint:gosec // far below
		r.reconnects += int(st.Stats.Reconnects) //nolint:gosec // far below
		r.high.heap = max(r.high.heap, s.high.heap)
		r.high.resident = max(r.high.resident, s.high.resident)
		r.high.goroutines = max(r.high.goroutines, s.high.goroutines)
		r.high.spool = max(r.high.spool, s.high.spool)
		r.high.longest = max(r.high.longest, s.high.longest)
		if !s.killed && !st.Done {
			r.undone++
		}
	}
	r.senders = len(w.senders)
	r.twice = w.ledger.Duplicates()
	r.disorder, r.odd = w.ledger.OrderBreaks(), w.ledger.FirstOdd()
	for _, s := range w.servers {
		r.acked += s.Acked()
		r.connections += s.Connections()
	}
}

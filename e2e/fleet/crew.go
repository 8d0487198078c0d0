package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"
)

// sender is one of the fleet, in a process of its own or not.
type sender struct {
	cmd   *exec.Cmd // nil for a goroutine
	in    io.WriteCloser
	ready chan struct{} // closed when it can begin
	ended chan struct{} // closed when it has ended, and err is set
	err   error

	mu      sync.Mutex
	last    status
	high    status // the most of each
	memory  int64  // resident now
	resumed []time.Time
	drained time.Time // when its spool was empty last
}

// hireProcess starts a sender that is a process, in a network namespace of its own if
// it has a cable.
func hireProcess(j job) (*sender, error) {
	spec, err := json.Marshal(j)
	if err != nil {
		return nil, err
	}
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := newSender()
	s.cmd = exec.Command(program) //nolint:gosec,noctx // itself; it is waited for
	// So many of them share a few CPUs, and the memory of one machine.
	s.cmd.Env = append(os.Environ(), senderVariable+"="+string(spec), "GOMAXPROCS=1", "GOMEMLIMIT=32MiB")
	errs := &head{max: 4 << 10}
	s.cmd.Stderr = errs
	s.cmd.SysProcAttr = apart(j.Network != nil)
	if s.in, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("sender %d: %w", j.Number, err)
	}
	go s.listen(out, func() error {
		if err := s.cmd.Wait(); err != nil {
			return fmt.Errorf("sender %d: %w: %s", j.Number, err, errs)
		}
		return nil
	})
	return s, nil
}

// hireGoroutine starts a sender in this process. It says and hears the same.
func hireGoroutine(j job) (*sender, error) {
	spec, err := json.Marshal(j)
	if err != nil {
		return nil, err
	}
	s := newSender()
	in, ours := io.Pipe()
	out, theirs := io.Pipe()
	s.in = ours
	done := make(chan error, 1)
	go func() {
		err := runSender(string(spec), in, theirs)
		_ = in.Close()     // never fails
		_ = theirs.Close() // never fails
		done <- err
	}()
	go s.listen(out, func() error {
		if err := <-done; err != nil {
			return fmt.Errorf("sender %d: %w", j.Number, err)
		}
		return nil
	})
	return s, nil
}

func newSender() *sender { return &sender{ready: make(chan struct{}), ended: make(chan struct{})} }

// listen hears what the sender says until it has ended.
func (s *sender) listen(out io.Reader, wait func() error) {
	defer close(s.ended)
	for dec := json.NewDecoder(out); ; {
		var st status
		if dec.Decode(&st) != nil {
			break
		}
		if st.Ready {
			close(s.ready)
			continue
		}
		s.hear(st)
	}
	s.err = wait()
}

func (s *sender) hear(st status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = st
	s.high.SpoolBytes = max(s.high.SpoolBytes, st.SpoolBytes)
	s.high.Heap = max(s.high.Heap, st.Heap)
	s.high.Resident = max(s.high.Resident, st.Resident)
	s.high.Goroutines = max(s.high.Goroutines, st.Goroutines)
	if st.Spooled == 0 {
		s.drained = time.Now()
	}
	if st.Resident > 0 {
		s.memory = st.Resident
	}
	for _, at := range st.Resumed {
		s.resumed = append(s.resumed, time.Unix(0, at))
	}
}

// tell says a word to the sender.
func (s *sender) tell(word string) error {
	_, err := io.WriteString(s.in, word+"\n")
	return err
}

// state returns what the sender has said last, with its memory.
func (s *sender) state() status {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.last
	st.Resident = s.memory
	return st
}

// most returns the most that the sender has said of each.
func (s *sender) most() status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.high
}

// drainedSince reports whether the spool was empty after a time, and with no more on disk than most.
func (s *sender) drainedSince(t time.Time, most int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.drained.After(t) && s.last.SpoolBytes <= most
}

// resumes returns when events were acked again after a pause.
func (s *sender) resumes() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.resumed)
}

// dismiss ends a sender, whatever it does.
func (s *sender) dismiss() {
	_ = s.in.Close() // it ends at that, or has ended
	if s.cmd != nil {
		_ = s.cmd.Process.Kill() // as above
	}
	<-s.ended
}

// cpu returns the time of a CPU that the process has taken; it must have ended.
func (s *sender) cpu() time.Duration {
	if s.cmd == nil || s.cmd.ProcessState == nil {
		return 0
	}
	return s.cmd.ProcessState.UserTime() + s.cmd.ProcessState.SystemTime()
}

// errEnded is what a sender has that ended before it was told to.
var errEnded = errors.New("it has ended too early")

// head keeps the beginning of what is written to it.
type head struct {
	max  int
	text strings.Builder
}

func (h *head) Write(p []byte) (int, error) {
	h.text.Write(p[:min(len(p), h.max-h.text.Len())])
	return len(p), nil
}

func (h *head) String() string { return strings.TrimSpace(h.text.String()) }

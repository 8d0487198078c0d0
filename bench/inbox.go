package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
)

// inboxVariable is set in the environment of a process that is to be an Inbox.
const inboxVariable = "SLUICE_BENCH_INBOX"

// An Inbox is a Beats input in a process of its own, so that its work and its
// memory are nobody else's. It looks at the numbers of the events, and throws them
// away.
type Inbox struct {
	Addr string

	command *exec.Cmd
	input   io.WriteCloser
	output  *bufio.Reader
}

// IsInbox reports whether this process has been started to be an Inbox. Then
// main calls ServeInbox and nothing else.
func IsInbox() bool { return os.Getenv(inboxVariable) != "" }

// OpenInbox starts this program again, whose main asks IsInbox.
func OpenInbox() (*Inbox, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := exec.CommandContext(context.Background(), exe) //nolint:gosec // it is this one
	c.Env = append(os.Environ(), inboxVariable+"=1")
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, err
	}
	b := &Inbox{command: c, input: in, output: bufio.NewReader(out)}
	if b.Addr, err = b.output.ReadString('\n'); err != nil {
		return nil, errors.Join(fmt.Errorf("bench: inbox: %w", err), b.Close())
	}
	b.Addr = strings.TrimSpace(b.Addr)
	return b, nil
}

// take returns how many events have come since the last call, which are to have
// the numbers from 0 on. An error says which one does not, or has the secret.
func (b *Inbox) take() (events int, err error) {
	if _, err := io.WriteString(b.input, "\n"); err != nil {
		return 0, fmt.Errorf("inbox: %w", err)
	}
	line, err := b.output.ReadString('\n')
	if err != nil {
		return 0, fmt.Errorf("inbox: %w", err)
	}
	count, problem, _ := strings.Cut(strings.TrimSpace(line), " ")
	if events, err = strconv.Atoi(count); err == nil && problem != "" {
		err = errors.New(problem)
	}
	return events, err
}

// Close ends the process.
func (b *Inbox) Close() error {
	return errors.Join(b.input.Close(), b.command.Wait())
}

// ServeInbox is what an Inbox does: it writes its address as a line, and another
// one with what it has got for each line that it reads, until there are no more.
func ServeInbox(in io.Reader, out io.Writer) error {
	ln, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer func() { _ = ln.Close() }()
	if _, err := fmt.Fprintln(out, ln.Addr()); err != nil {
		return err
	}
	var mail mail
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go mail.serve(c)
		}
	}()
	asked := bufio.NewScanner(in)
	for asked.Scan() {
		if _, err := fmt.Fprintln(out, mail.take()); err != nil {
			return err
		}
	}
	return asked.Err()
}

// mail is what has come.
type mail struct {
	mu      sync.Mutex
	events  int
	problem string // the first one
}

func (m *mail) take() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	text := fmt.Sprintf("%d %s", m.events, m.problem)
	m.events, m.problem = 0, ""
	return text
}

func (m *mail) fault(problem string) {
	if m.problem == "" {
		m.problem = problem
	}
}

// The frames of the Beats protocol, as in package lumber, which is what is tested.
const frameHead, eventHead = 6, 10

// serve acks windows of events until the connection ends.
func (m *mail) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	r := bufio.NewReaderSize(c, 256<<10)
	var event []byte
	for {
		head, err := r.Peek(frameHead)
		if err != nil {
			return // there is no more
		}
		window := binary.BigEndian.Uint32(head[2:])
		if string(head[:2]) != "2W" {
			m.mu.Lock()
			m.fault(fmt.Sprintf("a frame %q, want a window", head[:2]))
			m.mu.Unlock()
			return
		}
		_, _ = r.Discard(frameHead) // which is there
		for range window {
			if event, err = readEvent(r, event[:0]); err != nil {
				return
			}
			m.mu.Lock()
			m.look(event)
			m.mu.Unlock()
		}
		if _, err := c.Write(binary.BigEndian.AppendUint32([]byte("2A"), window)); err != nil {
			return
		}
	}
}

func readEvent(r *bufio.Reader, event []byte) ([]byte, error) {
	head, err := r.Peek(eventHead)
	if err != nil {
		return event, err
	}
	size := int(binary.BigEndian.Uint32(head[6:]))
	_, _ = r.Discard(eventHead) // which is there
	event = append(event, make([]byte, size)...)
	_, err = io.ReadFull(r, event)
	return event, err
}

// look sees to it that the event is the next one.
func (m *mail) look(event []byte) {
	number, rest := numberOf(event)
	switch {
	case number != m.events:
		m.fault(fmt.Sprintf("event %d has the number %d", m.events, number))
	case len(rest) > 1 && bytes.Contains(event, []byte(plantedSecret)): // only such a record has more behind the number
		m.fault(ErrLeak.Error())
	}
	m.events++
}

// numberOf returns the value of the attr number in a line, or -1, and what is
// behind it.
func numberOf(line []byte) (number int, rest []byte) {
	const key = `"number":`
	at := bytes.LastIndex(line, []byte(key))
	if at < 0 {
		return -1, nil
	}
	rest = line[at+len(key):]
	for len(rest) > 0 && '0' <= rest[0] && rest[0] <= '9' {
		number = number*10 + int(rest[0]-'0')
		rest = rest[1:]
	}
	return number, rest
}

package lstest

import (
	"bufio"
	"bytes"
	"sync"
)

// TCPOptions are options for [ListenTCP]. A zero TCPOptions consists entirely
// of default values.
type TCPOptions struct {
	// OnLine is called with each line, without its newline, in the order of
	// arrival and with the number of its connection, counted from 1.
	OnLine func(conn int, line []byte)

	// Forget keeps no lines, for long runs.
	Forget bool
}

// TCP is a receiver that stands in for the tcp input of Logstash with the
// json_lines codec. It starts one goroutine that accepts, and one per
// connection; Kill and Close end them.
type TCP struct {
	server
	opts TCPOptions

	mu    sync.Mutex
	lines [][]byte
	count int
	torn  [][]byte
}

// ListenTCP starts a receiver on addr, where port 0 picks a free port.
func ListenTCP(addr string, opts *TCPOptions) (*TCP, error) {
	t := new(TCP)
	if opts != nil {
		t.opts = *opts
	}
	t.serve = t.read
	if err := t.start(addr); err != nil {
		return nil, err
	}
	return t, nil
}

// read takes lines from c until it ends.
func (t *TCP) read(c *conn) {
	r := bufio.NewReaderSize(c, 64<<10)
	for {
		line, err := r.ReadBytes('\n')
		if err != nil {
			if len(line) > 0 {
				t.mu.Lock()
				t.torn = append(t.torn, line)
				t.mu.Unlock()
			}
			return
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			continue
		}
		t.mu.Lock()
		t.count++
		if !t.opts.Forget {
			t.lines = append(t.lines, line)
		}
		t.mu.Unlock()
		if t.opts.OnLine != nil {
			t.opts.OnLine(c.number, line)
		}
	}
}

// Lines returns the whole lines that were received, in order of arrival.
func (t *TCP) Lines() [][]byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([][]byte(nil), t.lines...)
}

// Count returns how many whole lines were received.
func (t *TCP) Count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.count
}

// Torn returns what was received of lines whose connection ended inside them.
func (t *TCP) Torn() [][]byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([][]byte(nil), t.torn...)
}

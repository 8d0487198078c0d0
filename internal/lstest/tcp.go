package lstest

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"sync"
)

// TCPOptions are options for [ListenTCP] and [ListenUnix]. A zero TCPOptions
// consists entirely of default values.
type TCPOptions struct {
	// TLS makes the server speak TLS. It needs a certificate. Nil is none.
	TLS *tls.Config

	// OnLine is called with each line, without its newline, in the order of
	// arrival and with the number of its connection, counted from 1.
	// [Ledger.Receiver] makes one.
	OnLine func(conn int, line []byte)

	// Forget keeps no lines, for long runs.
	Forget bool

	// ReadBuffer is the size of the kernel's buffer of a connection, in bytes.
	// A small one makes a sender feel early that nobody reads. 0 leaves it to
	// the kernel.
	ReadBuffer int
}

// TCP is a receiver that stands in for the tcp input of Logstash, and the unix
// input, with the json_lines codec. It starts one goroutine that accepts, and
// one per connection; Kill and Close end them.
type TCP struct {
	server
	opts TCPOptions

	mu    sync.Mutex
	lines [][]byte
	count int
	blank int
	torn  [][]byte
}

// ListenTCP starts a receiver on addr, where port 0 picks a free port.
func ListenTCP(addr string, opts *TCPOptions) (*TCP, error) { return listenLines("tcp", addr, opts) }

// ListenUnix starts a receiver on a unix socket at path. A socket that is
// there already is replaced.
func ListenUnix(path string, opts *TCPOptions) (*TCP, error) { return listenLines("unix", path, opts) }

// NewTCP returns a receiver that only has the connections its Dial makes.
func NewTCP(opts *TCPOptions) *TCP {
	t, err := listenLines("", "", opts)
	if err != nil {
		panic(err) // nothing is there that could fail
	}
	return t
}

func listenLines(network, addr string, opts *TCPOptions) (*TCP, error) {
	t := new(TCP)
	if opts != nil {
		t.opts = *opts
	}
	t.server.opts = serverOptions{network: network, tls: t.opts.TLS, readBuffer: t.opts.ReadBuffer}
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
		t.take(line)
		if len(line) > 0 && t.opts.OnLine != nil {
			t.opts.OnLine(c.number, line)
		}
	}
}

// take counts a line, and keeps it unless it is blank or to be forgotten.
func (t *TCP) take(line []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(line) == 0 {
		t.blank++
		return
	}
	t.count++
	if !t.opts.Forget {
		t.lines = append(t.lines, line)
	}
}

// Lines returns the whole lines that were received, in order of arrival, but
// for blank ones.
func (t *TCP) Lines() [][]byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([][]byte(nil), t.lines...)
}

// Count returns how many whole lines were received, but for blank ones.
func (t *TCP) Count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.count
}

// Blank returns how many blank lines were received, which make no events.
func (t *TCP) Blank() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.blank
}

// Torn returns what was received of lines whose connection ended inside them.
func (t *TCP) Torn() [][]byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([][]byte(nil), t.torn...)
}

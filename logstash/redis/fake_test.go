package redis_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// fake is a small Redis in this process. A script of the test's may answer in its place.
type fake struct {
	addr   string
	ln     net.Listener
	script func(conn int, args []string) action
	wg     sync.WaitGroup

	mu     sync.Mutex
	conns  map[net.Conn]bool
	number int
	lists  map[string][]string // of streams, the events
	seen   []string            // the names of the commands
}

// action is what the script wants. The zero action is what Redis would do.
type action struct {
	answer string // in place of the right one
	silent bool   // no answer, now or later
	end    bool   // the connection ends behind the answer
	after  bool   // the command is executed before that
}

// newFake starts a fake that does what script says, which may be nil.
func newFake(t testing.TB, script func(conn int, args []string) action) *fake {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := serve(ln, script)
	t.Cleanup(f.close)
	return f
}

func serve(ln net.Listener, script func(conn int, args []string) action) *fake {
	f := &fake{
		addr: ln.Addr().String(), ln: ln, script: script,
		conns: make(map[net.Conn]bool), lists: make(map[string][]string),
	}
	f.wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			f.mu.Lock()
			f.conns[conn] = true
			f.number++
			number := f.number
			f.mu.Unlock()
			f.wg.Go(func() { f.talk(number, conn) })
		}
	})
	return f
}

// close ends all connections.
func (f *fake) close() {
	_ = f.ln.Close()
	f.mu.Lock()
	for conn := range f.conns {
		_ = conn.Close()
	}
	f.mu.Unlock()
	f.wg.Wait()
}

// talk answers the commands of one connection.
func (f *fake) talk(number int, conn net.Conn) {
	defer conn.Close()
	r, w := bufio.NewReader(conn), bufio.NewWriter(conn)
	var queued [][]string
	multi := false
	for {
		args, err := readCommand(r)
		if err != nil {
			return
		}
		f.mu.Lock()
		f.seen = append(f.seen, strings.ToLower(args[0]))
		f.mu.Unlock()
		var do action
		if f.script != nil {
			do = f.script(number, args)
		}
		answer := do.answer
		if answer == "" && !do.silent && !do.end || do.after {
			var right string
			switch name := strings.ToLower(args[0]); {
			case name == "multi":
				multi, queued, right = true, nil, "+OK\r\n"
			case name == "exec":
				right = f.executeAll(queued)
				multi = false
			case multi:
				queued, right = append(queued, args), "+QUEUED\r\n"
			default:
				right = f.execute(args)
			}
			if answer == "" {
				answer = right
			}
		}
		if do.silent {
			answer = ""
		}
		if _, err := w.WriteString(answer); err != nil {
			return
		}
		if r.Buffered() == 0 || do.end {
			if w.Flush() != nil || do.end {
				return
			}
		}
	}
}

// executeAll executes a transaction.
func (f *fake) executeAll(queued [][]string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(queued))
	for _, args := range queued {
		b.WriteString(f.execute(args))
	}
	return b.String()
}

// execute does what a command says, and returns the answer.
func (f *fake) execute(args []string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch strings.ToLower(args[0]) {
	case "rpush":
		f.lists[args[1]] = append(f.lists[args[1]], args[2:]...)
		return fmt.Sprintf(":%d\r\n", len(f.lists[args[1]]))
	case "xadd":
		f.lists[args[1]] = append(f.lists[args[1]], args[len(args)-1])
		return bulk(fmt.Sprintf("%d-0", len(f.lists[args[1]])))
	case "llen", "xlen":
		return fmt.Sprintf(":%d\r\n", len(f.lists[args[1]]))
	case "wait":
		return ":0\r\n"
	case "ping":
		return "+PONG\r\n"
	case "select", "auth":
		return "+OK\r\n"
	default:
		return fmt.Sprintf("-ERR unknown command '%s'\r\n", args[0])
	}
}

// list returns the entries of a key.
func (f *fake) list(key string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.lists[key])
}

// take empties a key.
func (f *fake) take(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.lists, key)
}

// count returns how often a command has come.
func (f *fake) count(name string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, seen := range f.seen {
		if seen == name {
			n++
		}
	}
	return n
}

// connections returns how many connections there have been.
func (f *fake) connections() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.number
}

// hangUp closes every connection there is.
func (f *fake) hangUp() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for conn := range f.conns {
		_ = conn.Close()
	}
}

func bulk(s string) string { return fmt.Sprintf("$%d\r\n%s\r\n", len(s), s) }

// readCommand reads an array of strings.
func readCommand(r *bufio.Reader) (args []string, err error) {
	n, err := readLength(r, '*')
	if err != nil || n == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	for range n {
		length, err := readLength(r, '$')
		if err != nil {
			return nil, err
		}
		arg := make([]byte, length+2)
		if _, err := io.ReadFull(r, arg); err != nil {
			return nil, err
		}
		args = append(args, string(arg[:length]))
	}
	return args, nil
}

func readLength(r *bufio.Reader, kind byte) (int, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return 0, err
	}
	if line[0] != kind {
		return 0, fmt.Errorf("%q in place of %c", line, kind)
	}
	return strconv.Atoi(strings.TrimSpace(line[1:]))
}

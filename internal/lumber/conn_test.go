package lumber_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/internal/lumber"
	"github.com/sluicelog/sluice/internal/testlog"
)

// line is a Conn over a pipe, with the far end of it.
type line struct {
	*lumber.Conn
	theirs net.Conn
	news   chan struct{}
}

func newLine(t testing.TB, silence time.Duration) *line {
	t.Helper()
	ours, theirs := net.Pipe()
	news := make(chan struct{}, 1)
	l := &line{lumber.NewConn(ours, newEncoder(t, 0), silence, news), theirs, news}
	t.Cleanup(func() {
		l.Close()
		_ = theirs.Close()
	})
	return l
}

// takes makes the far end read the windows of a number of sends.
func (l *line) takes(t *testing.T, windows int) {
	t.Helper()
	go func() {
		for range windows {
			if _, _, err := lstest.ReadWindow(l.theirs); err != nil {
				t.Error(err)
			}
		}
	}()
}

// send sends a window of n events.
func (l *line) send(t *testing.T, n int) {
	t.Helper()
	if err := l.Send(t.Context(), events(n)); err != nil {
		t.Fatal(err)
	}
}

// says makes the far end say something, and waits until the Conn has heard it.
func (l *line) says(t *testing.T, frames string) {
	t.Helper()
	if _, err := io.WriteString(l.theirs, frames); err != nil && !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
	synctest.Wait()
}

// wait waits until all that was sent is acked, or the connection has ended.
func (l *line) wait() (acked int, err error) {
	for {
		err, idle := l.Err(), l.Idle() // asked for before the acks, so that none is missed
		acked += l.Acked()
		if err != nil || idle {
			return acked, err
		}
		<-l.news
	}
}

func events(n int) [][]byte {
	list := make([][]byte, n)
	for i := range list {
		list[i] = fmt.Appendf(nil, `{"id":%d}`, i)
	}
	return list
}

func acks(seqs ...uint32) string {
	var b []byte
	for _, seq := range seqs {
		b = lumber.AppendAck(b, seq)
	}
	return string(b)
}

// The peer was given windows of 2, 3 and 1 events before it said anything.
func TestConnAcks(t *testing.T) {
	const closed = "" // the peer closes the connection then
	tests := []struct {
		name   string
		answer []string
		acked  int
		err    error
		fate   lumber.Fate
	}{
		{"all", []string{acks(2, 3, 1)}, 6, nil, lumber.Broken},
		{"one after the other", []string{acks(2), acks(3), acks(1)}, 6, nil, lumber.Broken},
		{"in parts", []string{acks(1, 1, 2), acks(1), acks(2, 3, 1)}, 6, nil, lumber.Broken},
		{"with keepalives", []string{acks(0, 2, 0, 1, 0, 1, 0, 3, 0, 1, 0)}, 6, nil, lumber.Broken},
		{"nothing", []string{closed}, 0, io.EOF, lumber.Died},
		{"half an ack", []string{"2A\x00\x00", closed}, 0, io.ErrUnexpectedEOF, lumber.Died},
		{"keepalives alone", []string{acks(0, 0), closed}, 0, io.EOF, lumber.Died},
		{"a part of the first", []string{acks(1), closed}, 1, io.EOF, lumber.Broken},
		{"the first", []string{acks(2), closed}, 2, io.EOF, lumber.Died},
		{"the first and a part of the second", []string{acks(2, 2), closed}, 4, io.EOF, lumber.Broken},
		{"all, then the end", []string{acks(2, 3, 1), closed}, 6, io.EOF, lumber.Stale},
		{"more than the first window has", []string{acks(3)}, 0, lumber.ErrProtocol, lumber.Broken},
		{"more than the last window has", []string{acks(2, 3, 2)}, 5, lumber.ErrProtocol, lumber.Broken},
		{"fewer than before", []string{acks(2, 2, 1)}, 4, lumber.ErrProtocol, lumber.Broken},
		{"one window too many", []string{acks(2, 3, 1, 1)}, 6, lumber.ErrProtocol, lumber.Broken},
		{"all of them with one number", []string{acks(6)}, 0, lumber.ErrProtocol, lumber.Broken},
		{"the largest number", []string{acks(1<<32 - 1)}, 0, lumber.ErrProtocol, lumber.Broken},
		{"garbage", []string{"HTTP/1.1 400"}, 0, lumber.ErrProtocol, lumber.Broken},
		{"garbage behind an ack", []string{acks(2) + "2W\x00\x00\x00\x01"}, 2, lumber.ErrProtocol, lumber.Broken},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLine(t, time.Minute)
				l.takes(t, 3)
				for _, n := range []int{2, 3, 1} {
					l.send(t, n)
				}
				for _, answer := range tt.answer {
					if answer == closed {
						_ = l.theirs.Close()
					}
					l.says(t, answer)
				}
				acked, err := l.wait()
				if tt.err == nil {
					err = l.Err()
				}
				if acked != tt.acked || !errors.Is(err, tt.err) || l.Fate() != tt.fate {
					t.Errorf("acked %d, error %v, fate %d; want %d, %v, %d", acked, err, l.Fate(), tt.acked, tt.err, tt.fate)
				}
				if err != nil && l.Send(t.Context(), ab()) == nil {
					t.Error("a Conn that has ended sends")
				}
			})
		})
	}
}

// Where the bytes of the acks are torn apart does not matter.
func TestConnAcksInAllSplits(t *testing.T) {
	stream := acks(0, 1, 2, 3, 0, 1)
	for first := range len(stream) {
		for second := first; second < len(stream); second += 5 {
			synctest.Test(t, func(t *testing.T) {
				l := newLine(t, time.Minute)
				l.takes(t, 3)
				for _, n := range []int{2, 3, 1} {
					l.send(t, n)
				}
				for _, part := range []string{stream[:first], stream[first:second], stream[second:]} {
					l.says(t, part)
				}
				if acked, err := l.wait(); acked != 6 || err != nil {
					t.Errorf("split at %d and %d: acked %d, %v; want 6", first, second, acked, err)
				}
			})
		}
	}
}

// What the connection was used for before it ended makes a difference.
func TestConnFate(t *testing.T) {
	tests := []struct {
		name string
		use  func(t *testing.T, l *line)
		want lumber.Fate
	}{
		{"nothing was sent", func(*testing.T, *line) {}, lumber.Broken},
		{"idle after an ack", func(t *testing.T, l *line) {
			l.send(t, 2)
			l.says(t, acks(2))
		}, lumber.Stale},
		{"the first window after an idle time", func(t *testing.T, l *line) {
			l.send(t, 2)
			l.says(t, acks(2))
			l.send(t, 2)
			l.send(t, 2)
		}, lumber.Stale},
		{"the second window after an idle time", func(t *testing.T, l *line) {
			l.send(t, 2)
			l.says(t, acks(2))
			l.send(t, 2)
			l.send(t, 2)
			l.says(t, acks(2))
		}, lumber.Died},
		{"never idle", func(t *testing.T, l *line) {
			l.send(t, 2)
			l.send(t, 2)
			l.says(t, acks(2))
			l.send(t, 2)
			l.says(t, acks(2))
		}, lumber.Died},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLine(t, time.Minute)
				go func() { _, _ = io.Copy(io.Discard, l.theirs) }()
				tt.use(t, l)
				_ = l.theirs.Close()
				synctest.Wait()
				if got := l.Fate(); got != tt.want || !errors.Is(l.Err(), io.EOF) {
					t.Errorf("fate %d, error %v; want %d, EOF", got, l.Err(), tt.want)
				}
			})
		})
	}
}

// A peer may close the connection in the middle of the only window because of what
// it has seen of it. What it said before is heard nevertheless, but no ack of what
// was never sent.
func TestConnEndsWhileSending(t *testing.T) {
	tests := []struct {
		name   string
		answer string
		acked  int
		err    error
		fate   lumber.Fate
	}{
		{"without a word", "", 0, io.EOF, lumber.Died},
		{"with an ack of a part", acks(1), 0, io.EOF, lumber.Died},
		{"with an ack of all", acks(2), 0, lumber.ErrProtocol, lumber.Broken},
		{"with acks of a part and of all", acks(1, 2), 0, lumber.ErrProtocol, lumber.Broken},
		{"with a keepalive", acks(0), 0, io.EOF, lumber.Died},
		{"with an answer in another language", "HTTP/1.1 400 Bad Request\r\n\r\n", 0, lumber.ErrProtocol, lumber.Broken},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLine(t, time.Minute)
				go func() {
					_, _ = io.ReadFull(l.theirs, make([]byte, 20))
					_, _ = io.WriteString(l.theirs, tt.answer)
					_ = l.theirs.Close()
				}()
				if err := l.Send(t.Context(), ab()); !errors.Is(err, tt.err) {
					t.Errorf("Send: %v, want %v", err, tt.err)
				}
				if acked, err := l.wait(); acked != tt.acked || !errors.Is(err, tt.err) || l.Fate() != tt.fate {
					t.Errorf("acked %d, error %v, fate %d; want %d, %v, %d", acked, err, l.Fate(), tt.acked, tt.err, tt.fate)
				}
			})
		})
	}
}

// failing is a connection of which every write but the first few fails, while reads
// still find what the peer has said.
type failing struct {
	net.Conn

	works *int
}

func (c failing) Write(p []byte) (int, error) {
	if *c.works--; *c.works >= 0 {
		return len(p), nil
	}
	return 0, syscall.EPIPE
}

// A write may fail before the reader has found the acks that came earlier.
func TestConnHearsThePeerOut(t *testing.T) {
	tests := []struct {
		name  string
		works int // writes
		acked int
		err   error
	}{
		{"ack of the window before", 1, 1, io.EOF},
		{"ack of what was never written", 0, 0, lumber.ErrProtocol},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ours, theirs := net.Pipe()
				works := tt.works
				c := lumber.NewConn(failing{ours, &works}, newEncoder(t, 0), time.Minute, make(chan struct{}, 1))
				defer c.Close()
				go func() {
					time.Sleep(time.Millisecond)
					_, _ = io.WriteString(theirs, acks(1))
					_ = theirs.Close()
				}()
				var err error
				for range tt.works + 1 {
					err = c.Send(t.Context(), ab())
				}
				if acked := c.Acked(); !errors.Is(err, tt.err) || acked != tt.acked {
					t.Errorf("Send: %v, %d acked; want %v, %d", err, acked, tt.err, tt.acked)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) { // not for ever
		ours, theirs := net.Pipe()
		defer theirs.Close()
		c := lumber.NewConn(failing{ours, new(int)}, newEncoder(t, 0), time.Minute, make(chan struct{}, 1))
		defer c.Close()
		start := time.Now()
		if err := c.Send(t.Context(), ab()); !errors.Is(err, syscall.EPIPE) || time.Since(start) > time.Second {
			t.Errorf("Send: %v after %v, want EPIPE soon", err, time.Since(start))
		}
		if c.Fate() != lumber.Broken {
			t.Errorf("fate %d of a connection that took nothing, want broken", c.Fate())
		}
	})
}

// A peer that says nothing is given up after the silence; one that sends
// keepalives, or acks of windows before, is waited for.
func TestConnSilence(t *testing.T) {
	tests := []struct {
		name   string
		answer string
		times  int
	}{
		{"nothing", "", 0},
		{"keepalives", acks(0), 100},
		{"a window each time", acks(1), 9},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const windows = 10
				l := newLine(t, time.Minute)
				l.takes(t, windows)
				for range windows {
					l.send(t, 1)
				}
				start := time.Now()
				go func() {
					for range tt.times {
						time.Sleep(59 * time.Second)
						_, _ = io.WriteString(l.theirs, tt.answer)
					}
				}()
				if _, err := l.wait(); !errors.Is(err, os.ErrDeadlineExceeded) || l.Fate() != lumber.Broken {
					t.Errorf("error %v, fate %d; want os.ErrDeadlineExceeded, broken", err, l.Fate())
				}
				if d, want := time.Since(start), time.Duration(tt.times)*59*time.Second+time.Minute; d != want {
					t.Errorf("given up after %v, want %v", d, want)
				}
			})
		})
	}
}

// No ack is owed, so that silence is nothing to worry about.
func TestConnSilenceWhileIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, time.Minute)
		time.Sleep(time.Hour)
		for range 3 {
			l.takes(t, 1)
			l.send(t, 2)
			l.says(t, acks(2))
			time.Sleep(time.Hour)
			if err := l.Err(); err != nil {
				t.Fatalf("after an hour of nothing: %v", err)
			}
		}
	})
}

// steady bounds every write, as the connections of package logstash do.
type steady struct {
	net.Conn
	timeout time.Duration
}

func (c steady) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.timeout)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// A peer that is busy reads no further window for as long as it is, and says
// so. The write waits with it, and fails once it says nothing any more.
func TestConnKeepaliveRenewsTheWrite(t *testing.T) {
	for _, recovers := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			const keepalives = 100
			ours, theirs := net.Pipe()
			defer theirs.Close()
			news := make(chan struct{}, 1)
			c := lumber.NewConn(steady{ours, time.Minute}, newEncoder(t, 0), time.Minute, news)
			defer c.Close()
			go func() {
				_, _, _ = lstest.ReadWindow(theirs)
				for range keepalives {
					time.Sleep(59 * time.Second)
					_, _ = io.WriteString(theirs, acks(0))
				}
				if recovers {
					_, _ = io.WriteString(theirs, acks(2))
					_, _, _ = lstest.ReadWindow(theirs)
					_, _ = io.WriteString(theirs, acks(2))
				}
			}()
			start := time.Now()
			if err := c.Send(t.Context(), ab()); err != nil {
				t.Fatal(err)
			}
			err := c.Send(t.Context(), ab())
			d := time.Since(start)
			if recovers && (err != nil || d != keepalives*59*time.Second) {
				t.Errorf("Send to a peer that was busy: %v after %v", err, d)
			}
			if !recovers && (!errors.Is(err, os.ErrDeadlineExceeded) || d != keepalives*59*time.Second+time.Minute) {
				t.Errorf("Send to a peer that fell silent: %v after %v, want os.ErrDeadlineExceeded a minute later", err, d)
			}
		})
	}
}

// A peer that reads on only when its acks have been read is no deadlock.
func TestConnReadsAcksWhileSending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, time.Minute)
		go func() {
			for {
				got, _, err := lstest.ReadWindow(l.theirs)
				if err != nil {
					return
				}
				for i := range got { // a pipe holds nothing, so that each waits for our reader
					_, _ = io.WriteString(l.theirs, acks(uint32(i+1)))
				}
			}
		}()
		for range 20 {
			l.send(t, 50)
		}
		if acked, err := l.wait(); acked != 1000 || err != nil {
			t.Errorf("acked %d, %v; want 1000", acked, err)
		}
	})
}

func TestConnSendHonoursItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, time.Hour)
		l.takes(t, 1)
		l.send(t, 2)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		if err := l.Send(ctx, ab()); !errors.Is(err, context.DeadlineExceeded) || l.Fate() != lumber.Broken {
			t.Errorf("Send: %v, fate %d; want context.DeadlineExceeded, broken", err, l.Fate())
		}
		if d := time.Since(start); d != time.Second {
			t.Errorf("Send took %v, want 1s", d)
		}
	})
}

// Whatever happens between windows is known before the next one.
func TestConnWhileIdle(t *testing.T) {
	tests := []struct {
		name string
		do   func(theirs net.Conn)
		want error
	}{
		{"closed", func(nc net.Conn) { _ = nc.Close() }, io.EOF},
		{"keepalive", func(nc net.Conn) { _, _ = io.WriteString(nc, acks(0)) }, nil},
		{"ack of nothing", func(nc net.Conn) { _, _ = io.WriteString(nc, acks(1)) }, lumber.ErrProtocol},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLine(t, time.Minute)
				l.takes(t, 1)
				l.send(t, 2)
				l.says(t, acks(2))
				tt.do(l.theirs)
				synctest.Wait()
				if err := l.Err(); !errors.Is(err, tt.want) {
					t.Errorf("Err() = %v, want %v", err, tt.want)
				}
				if tt.want == nil {
					l.takes(t, 1)
				}
				if err := l.Send(t.Context(), ab()); !errors.Is(err, tt.want) {
					t.Errorf("Send: %v, want %v", err, tt.want)
				}
			})
		})
	}
}

// Somebody who has mixed up his ports is told so.
func TestConnStrangeAnswers(t *testing.T) {
	tests := []struct{ name, answer, want string }{
		{"HTTP", "HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n", `it answered "HTTP/1.1 400 Bad Request"`},
		{"a mail server", "220 mail.example.com ESMTP\r\n", `it answered "220 mail.example.com ESMTP"`},
		{"a TLS alert", "\x15\x03\x03\x00\x02\x02\x16", "seems to want beats+tls://"},
		{"a TLS handshake", "\x16\x03\x01\x00\x02\x02\x16", "seems to want beats+tls://"},
		{"two bytes", "\x01\xff", `it answered "\x01\xff"`},
		{"a long line", strings.Repeat("x", 100), `it answered "` + strings.Repeat("x", 66) + `"`},
		{"version 1", "1A\x00\x00\x00\x02", `it answered "1A\x00\x00\x00\x02"`},
		{"too many acks", acks(3), "ack of 3 for a window of 2"},
		{"acks going back", acks(1) + acks(1) + "2A\x00\x00\x00\x03", "ack of 3 for a window of 2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLine(t, time.Minute)
				l.takes(t, 1)
				l.send(t, 2)
				l.says(t, tt.answer)
				_ = l.theirs.Close()
				synctest.Wait()
				want := "the peer does not speak the Beats protocol: " + tt.want
				if err := l.Err(); !errors.Is(err, lumber.ErrProtocol) || err.Error() != want && tt.want[:2] == "it" {
					t.Errorf("error %v, want %s", err, want)
				} else if !strings.Contains(err.Error(), tt.want) {
					t.Errorf("error %v, want %s", err, want)
				}
			})
		})
	}
}

func TestConnCloseEndsItsReader(t *testing.T) {
	testlog.CheckGoroutines(t)
	ours, theirs := net.Pipe()
	defer theirs.Close()
	c := lumber.NewConn(ours, newEncoder(t, 0), time.Minute, make(chan struct{}))
	c.Close()
	c.Close()
	if err := c.Err(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Err() = %v, want os.ErrClosed", err)
	}
}

// pushover is a connection to a peer that takes everything, and has said before
// what it will ever say.
type pushover struct {
	net.Conn // nil: nothing else is called
	said     *bytes.Reader
	begin    chan struct{}
}

func (s *pushover) Read(p []byte) (int, error) {
	<-s.begin
	return s.said.Read(p)
}
func (s *pushover) Write(p []byte) (int, error)      { return len(p), nil }
func (s *pushover) SetWriteDeadline(time.Time) error { return nil }
func (s *pushover) Close() error                     { return nil }

// Whatever a peer says, no more is acked than was sent, and what is acked is
// what a reader of the same bytes that knows nothing of goroutines finds.
func FuzzConn(f *testing.F) {
	f.Add(uint8(2), uint8(3), []byte(acks(2, 3)))
	f.Add(uint8(2), uint8(3), []byte(acks(0, 1, 1, 2, 0, 1, 3)))
	f.Add(uint8(2), uint8(3), []byte(acks(3)))
	f.Add(uint8(2), uint8(3), []byte(acks(2, 2, 1)))
	f.Add(uint8(1), uint8(1), []byte(acks(1, 1, 1)))
	f.Add(uint8(9), uint8(0), []byte("2A\x00\x00\x00"))
	f.Add(uint8(9), uint8(0), []byte("2A\xff\xff\xff\xff"))
	f.Add(uint8(9), uint8(9), []byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
	f.Fuzz(func(t *testing.T, first, second uint8, said []byte) {
		windows := []int{int(first), int(second)}
		peer := &pushover{said: bytes.NewReader(said), begin: make(chan struct{})}
		enc, err := lumber.NewEncoder(0)
		if err != nil {
			t.Fatal(err)
		}
		news := make(chan struct{}, 1)
		c := lumber.NewConn(peer, enc, time.Minute, news)
		for _, n := range windows {
			if err := c.Send(context.Background(), events(n)); err != nil {
				t.Fatal(err)
			}
		}
		close(peer.begin)
		for c.Err() == nil {
			<-news
		}
		acked := c.Acked()
		c.Close()
		if want := model(windows, said); acked != want || acked > windows[0]+windows[1] {
			t.Errorf("windows of %v: %d events acked by %q, want %d", windows, acked, said, want)
		}
	})
}

// model counts what the acks in said are good for.
func model(windows []int, said []byte) (acked int) {
	var seqs []int
	for len(said) >= lumber.AckLen && said[0] == lumber.Version && said[1] == lumber.KindAck {
		seqs = append(seqs, int(said[2])<<24|int(said[3])<<16|int(said[4])<<8|int(said[5]))
		said = said[lumber.AckLen:]
	}
	for _, n := range windows {
		if n == 0 {
			continue // never sent
		}
		part := 0
		for part < n {
			if len(seqs) == 0 || seqs[0] > n || seqs[0] > 0 && seqs[0] < part {
				return acked + part
			}
			part = max(part, seqs[0])
			seqs = seqs[1:]
		}
		acked += n
	}
	return acked
}

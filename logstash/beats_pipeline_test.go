package logstash

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/internal/lumber"
)

// beatsLine is a beats transport over pipes, with the far end of the last one.
type beatsLine struct {
	*beats
	dialled int
	theirs  net.Conn
	peer    func(theirs net.Conn) // what the far end does by itself
}

// newBeatsLine returns a transport whose peer reads windows and says nothing
// by itself.
func newBeatsLine(t *testing.T) *beatsLine {
	t.Helper()
	l := &beatsLine{peer: func(theirs net.Conn) { readWindows(theirs, math.MaxInt) }}
	opts := DialOptions{Timeout: time.Minute}
	opts.DialContext = func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		l.dialled++
		l.theirs = theirs
		go l.peer(theirs)
		return ours, nil
	}
	o, err := opts.complete()
	if err != nil {
		t.Fatal(err)
	}
	p, err := newBeats(newEndpoints([]string{"logs.example.com:5044"}, &o), nil, &o)
	if err != nil {
		t.Fatal(err)
	}
	l.beats = p.(*beats)
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if l.theirs != nil {
			_ = l.theirs.Close()
		}
	})
	return l
}

func readWindows(r io.Reader, n int) {
	for range n {
		if _, _, err := lstest.ReadWindow(r); err != nil {
			return
		}
	}
}

func numbered(n int) [][]byte {
	list := make([][]byte, n)
	for i := range list {
		list[i] = fmt.Appendf(nil, `{"id":%d}`, i)
	}
	return list
}

// starts starts one window for each number of events.
func (l *beatsLine) starts(t *testing.T, sizes ...int) {
	t.Helper()
	for _, n := range sizes {
		if err := l.Start(t.Context(), numbered(n)); err != nil {
			t.Fatal(err)
		}
	}
}

// acks sends acks, and waits until they are read.
func (l *beatsLine) acks(t *testing.T, seqs ...uint32) {
	t.Helper()
	var b []byte
	for _, seq := range seqs {
		b = lumber.AppendAck(b, seq)
	}
	l.says(t, string(b))
}

func (l *beatsLine) says(t *testing.T, text string) {
	t.Helper()
	if _, err := io.WriteString(l.theirs, text); err != nil && !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
	synctest.Wait()
}

// hangsUp closes the far end.
func (l *beatsLine) hangsUp() {
	_ = l.theirs.Close()
	synctest.Wait()
}

// wantProgress checks what progress says.
func (l *beatsLine) wantProgress(t *testing.T, acked int, want error) {
	t.Helper()
	if n, err := l.Progress(); n != acked || !errors.Is(err, want) {
		t.Errorf("progress = %d, %v; want %d, %v", n, err, acked, want)
	}
}

// told reports whether there is news.
func (l *beatsLine) told() bool {
	select {
	case <-l.News():
		return true
	default:
		return false
	}
}

func TestBeatsWindowsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newBeatsLine(t)
		l.wantProgress(t, 0, nil)
		l.starts(t, 2, 3, 1)
		if l.told() {
			t.Error("news of nothing")
		}
		l.acks(t, 0)
		if l.told() {
			t.Error("news of a keepalive")
		}
		l.acks(t, 1)
		if !l.told() {
			t.Error("no news of an ack")
		}
		l.wantProgress(t, 1, nil)
		l.wantProgress(t, 0, nil)
		l.acks(t, 2, 1, 1)
		l.starts(t, 4)
		l.wantProgress(t, 2, nil)
		l.acks(t, 3, 1, 4)
		l.wantProgress(t, 7, nil)
		l.starts(t, 2)
		l.acks(t, 2)
		l.wantProgress(t, 2, nil)
		if l.dialled != 1 {
			t.Errorf("%d connections, want 1", l.dialled)
		}
	})
}

// How a connection ends decides what the Shipper is told.
func TestBeatsKindsOfFailure(t *testing.T) {
	var (
		plain = func(err error) bool { return !isStale(err) && !isDeath(err) && !sentNothing(err) }
		all   = []func(error) bool{isStale, isDeath, sentNothing, plain}
	)
	const (
		stale = iota
		died
		_ // nothing sent
		broken
	)
	tests := []struct {
		name  string
		do    func(t *testing.T, l *beatsLine)
		acked int
		is    error
		kind  int
		says  string
	}{
		{"closed without an ack", func(t *testing.T, l *beatsLine) {
			l.starts(t, 2, 3)
			l.hangsUp()
		}, 0, io.EOF, died, "logs.example.com:5044: EOF: it closed the connection; does it want TLS, beats+tls://?"},
		{"closed after an ack", func(t *testing.T, l *beatsLine) {
			l.starts(t, 2, 3)
			l.acks(t, 2)
			l.hangsUp()
		}, 2, io.EOF, died, "logs.example.com:5044: EOF"},
		{"closed in the middle of a window", func(t *testing.T, l *beatsLine) {
			l.starts(t, 2, 3)
			l.acks(t, 1)
			l.hangsUp()
		}, 1, io.EOF, broken, ""},
		{"closed with the first window after an idle time", func(t *testing.T, l *beatsLine) {
			l.starts(t, 2)
			l.acks(t, 2)
			l.wantProgress(t, 2, nil)
			l.starts(t, 2, 2)
			l.hangsUp()
		}, 0, io.EOF, stale, ""},
		{"the same again on a new connection", func(t *testing.T, l *beatsLine) {
			l.starts(t, 2)
			l.acks(t, 2)
			l.starts(t, 2)
			l.hangsUp()
			l.wantProgress(t, 2, io.EOF)
			l.starts(t, 2) // at once
			l.hangsUp()
		}, 0, io.EOF, died, "logs.example.com:5044: EOF"},
		{"silent", func(t *testing.T, l *beatsLine) {
			l.starts(t, 2)
			time.Sleep(time.Minute)
			synctest.Wait()
		}, 0, os.ErrDeadlineExceeded, broken, "no ack and no keepalive for 1m0s"},
		{"silent after an ack", func(t *testing.T, l *beatsLine) {
			l.starts(t, 2, 2)
			l.acks(t, 2)
			time.Sleep(time.Minute)
			synctest.Wait()
		}, 2, os.ErrDeadlineExceeded, broken, ""},
		{"too high an ack", func(t *testing.T, l *beatsLine) {
			l.starts(t, 2, 3)
			l.acks(t, 2, 102)
		}, 2, lumber.ErrProtocol, broken, "ack of 102 for a window of 3"},
		{"an ack of nothing", func(t *testing.T, l *beatsLine) {
			l.starts(t, 2)
			l.acks(t, 2, 2)
		}, 2, lumber.ErrProtocol, broken, "ack of 2 while none is due"},
		{"HTTP", func(t *testing.T, l *beatsLine) {
			l.starts(t, 2)
			l.says(t, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
		}, 0, lumber.ErrProtocol, broken, `the peer does not speak the Beats protocol: it answered "HTTP/1.1 400 Bad Request"`},
		{"TLS", func(t *testing.T, l *beatsLine) {
			l.starts(t, 2)
			l.says(t, "\x15\x03\x01\x00\x02\x02\x46")
		}, 0, lumber.ErrProtocol, broken, "seems to want beats+tls://"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newBeatsLine(t)
				tt.do(t, l)
				if !l.told() {
					t.Error("no news")
				}
				acked, err := l.Progress()
				if acked != tt.acked || !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.says) {
					t.Fatalf("progress = %d, %v; want %d, %v, %q", acked, err, tt.acked, tt.is, tt.says)
				}
				for kind, is := range all {
					if is(err) != (kind == tt.kind) {
						t.Errorf("error %v is of kind %d: %t; want kind %d", err, kind, is(err), tt.kind)
					}
				}
				l.wantProgress(t, 0, nil) // told once
				time.Sleep(time.Hour)     // the backoff of the endpoint
				was := l.dialled
				l.starts(t, 2)
				l.acks(t, 2)
				l.wantProgress(t, 2, nil)
				if l.dialled != was+1 {
					t.Errorf("%d connections, want one more than %d", l.dialled, was)
				}
			})
		})
	}
}

// The end of a connection is told to whoever asks first, start or progress.
func TestBeatsStartAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newBeatsLine(t)
		l.starts(t, 2, 3)
		l.acks(t, 2)
		l.hangsUp()
		if err := l.Start(t.Context(), numbered(1)); !isDeath(err) {
			t.Errorf("start: %v, want the death", err)
		}
		l.wantProgress(t, 2, nil)
		l.starts(t, 1)
		l.acks(t, 1)
		l.wantProgress(t, 1, nil)
	})
}

// A peer that goes while a window is written: the acks before it count, and
// what it has seen of the window may be what it died of.
func TestBeatsStartFails(t *testing.T) {
	tests := []struct {
		name   string
		whole  int // windows that the peer reads
		answer string
		acked  int
		died   bool
	}{
		{"in the first window", 0, "", 0, true},
		{"in the second window", 1, "", 0, true},
		{"in the second window, the first acked", 1, "2A\x00\x00\x00\x02", 2, true},
		{"in the third window, the first acked", 2, "2A\x00\x00\x00\x02", 2, true},
		{"in the second window, the first acked in part", 1, "2A\x00\x00\x00\x01", 1, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newBeatsLine(t)
				l.peer = func(theirs net.Conn) {
					readWindows(theirs, tt.whole)
					_, _ = io.ReadFull(theirs, make([]byte, 20))
					_, _ = io.WriteString(theirs, tt.answer)
					_ = theirs.Close()
				}
				for range tt.whole {
					l.starts(t, 2)
				}
				err := l.Start(t.Context(), numbered(5))
				if isDeath(err) != tt.died || isStale(err) || !errors.Is(err, io.EOF) {
					t.Errorf("start: %v, a death: %t; want EOF, %t", err, isDeath(err), tt.died)
				}
				l.wantProgress(t, tt.acked, nil)
			})
		})
	}
}

// Nothing under way, nothing lost: the next window takes a new connection.
func TestBeatsEndWhileIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newBeatsLine(t)
		acked := 0
		for round := range 4 {
			l.starts(t, 2, 3)
			l.acks(t, 2, 3)
			l.hangsUp()
			if !l.told() {
				t.Error("no news of the end")
			}
			if round%2 == 0 {
				continue // start finds out by itself
			}
			n, err := l.Progress()
			if acked += n; err != nil {
				t.Errorf("progress after a quiet end: %v", err)
			}
		}
		if acked != 20 || l.dialled != 4 {
			t.Errorf("%d acked, %d connections; want 20, 4", acked, l.dialled)
		}
	})
}

func TestBeatsSend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newBeatsLine(t)
		answers := make(chan []uint32, 3)
		for _, answer := range [][]uint32{{1, 3, 5}, {1, 6}, {2}} {
			answers <- answer
		}
		l.peer = func(theirs net.Conn) {
			for {
				if _, _, err := lstest.ReadWindow(theirs); err != nil {
					return
				}
				for _, seq := range <-answers {
					_, _ = theirs.Write(lumber.AppendAck(nil, seq))
				}
			}
		}
		if n, err := l.Send(t.Context(), numbered(5)); n != 5 || err != nil {
			t.Errorf("Send = %d, %v; want 5", n, err)
		}
		if n, err := l.Send(t.Context(), numbered(5)); n != 1 || !errors.Is(err, lumber.ErrProtocol) {
			t.Errorf("Send = %d, %v; want 1, ErrProtocol", n, err)
		}
		time.Sleep(time.Hour) // the backoff of the endpoint
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if n, err := l.Send(ctx, numbered(5)); n != 2 || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Send = %d, %v; want 2, context.DeadlineExceeded", n, err)
		}
	})
}

func TestBeatsCloseWithWindowsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // which waits for the reader to end
		l := newBeatsLine(t)
		l.starts(t, 2, 3)
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
}

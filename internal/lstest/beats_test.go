package lstest_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/internal/lumber"
	"github.com/sluicelog/sluice/internal/testlog"
)

func TestBeats(t *testing.T) {
	testlog.CheckGoroutines(t)
	srv, err := lstest.ListenBeats("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	nc := dial(t, srv.Addr())
	send(t, nc, frames(2, `{"a":1}`, `{"b":2}`))
	if got := readAck(t, nc); got != 2 {
		t.Errorf("ack %d, want 2", got)
	}
	addr := srv.Addr()
	srv.Kill()
	if _, err := nc.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("read from a killed server: %v, want a reset", err)
	}
	if err := srv.Restart(); err != nil {
		t.Fatal(err)
	}
	if err := srv.Restart(); err == nil {
		t.Error("a running server was restarted")
	}
	nc = dial(t, addr)
	send(t, nc, frames(1, `{"b":2}`))
	if got := readAck(t, nc); got != 1 {
		t.Errorf("ack %d, want 1", got)
	}
	want := [][]byte{[]byte(`{"a":1}`), []byte(`{"b":2}`), []byte(`{"b":2}`)}
	if diff := cmp.Diff(want, srv.Events()); diff != "" {
		t.Errorf("events mismatch (-want +got):\n%s", diff)
	}
	got := []int{srv.Windows(), srv.Acked(), srv.Connections()}
	if diff := cmp.Diff([]int{2, 3, 2}, got); diff != "" {
		t.Errorf("windows, acked, connections mismatch (-want +got):\n%s", diff)
	}
	send(t, nc, []byte("GET / HTTP/1.1\r\n\r\n"))
	if _, err := nc.Read(make([]byte, 1)); err == nil {
		t.Error("HTTP was answered")
	}
	if err := srv.LastError(); !errors.Is(err, lstest.ErrFrame) {
		t.Errorf("LastError %v, want ErrFrame", err)
	}
}

// What the two servers make of windows that are out of the ordinary.
func TestBeatsDialects(t *testing.T) {
	from101 := lumber.AppendJSON(lumber.AppendWindow(nil, 1), 101, []byte(`{}`))
	broken := append(frames(2, `{"a":1}`), "2X"...)
	tests := []struct {
		name     string
		in       []byte
		highest  bool
		acks     []uint32
		received int // of in and one more event
		broken   bool
	}{
		{"go-lumber counts", from101, false, []uint32{1}, 2, false},
		{"Logstash acks the highest", from101, true, []uint32{101}, 2, false},
		{"go-lumber is silent on nothing", frames(0), false, nil, 1, false},
		{"Logstash acks nothing", frames(0), true, []uint32{0}, 1, false},
		{"go-lumber takes no part of a broken window", broken, false, nil, 0, true},
		{"Logstash takes what it has", broken, true, nil, 1, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testlog.CheckGoroutines(t)
			srv := lstest.NewBeats(&lstest.BeatsOptions{AckHighest: tt.highest})
			defer srv.Kill()
			nc := dialPipe(t, srv)
			go func() { // a pipe has no buffer
				_, _ = nc.Write(slices.Concat(tt.in, frames(1, `{"next":1}`)))
			}()
			want := tt.acks
			if !tt.broken {
				want = append(want, 1)
			}
			var acks []uint32
			for tt.broken || len(acks) < len(want) {
				seq, err := lumber.ReadAck(nc, make([]byte, lumber.AckLen))
				if err != nil {
					break
				}
				acks = append(acks, seq)
			}
			if diff := cmp.Diff(want, acks); diff != "" {
				t.Errorf("acks mismatch (-want +got):\n%s", diff)
			}
			srv.Kill()
			if got := len(srv.Events()); got != tt.received {
				t.Errorf("%d events received, want %d", got, tt.received)
			}
		})
	}
}

// Every way not to ack a window, over a real connection.
func TestBeatsAnswers(t *testing.T) {
	two := string(lumber.AppendAck(nil, 2))
	tests := []struct {
		name   string
		answer lstest.Answer
		want   string
		reset  bool
		acked  int
	}{
		{"before the ack", lstest.Answer{Reset: true}, "", true, 0},
		{"behind the ack", lstest.Answer{Acks: []uint32{2}, Reset: true}, two, true, 2},
		{"within the ack", lstest.Answer{Acks: []uint32{2}, Cut: 2}, two[:4], true, 0},
		{"within the second of two acks", lstest.Answer{Acks: []uint32{1, 2}, Cut: 5}, "2A\x00\x00\x00\x012", true, 1},
		{"too high", lstest.Answer{Acks: []uint32{3}}, "2A\x00\x00\x00\x03", false, 3},
		{
			"in parts, a while later",
			lstest.Answer{Acks: []uint32{0, 1, 2}, Delay: time.Millisecond},
			"2A\x00\x00\x00\x002A\x00\x00\x00\x01" + two, false, 2,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testlog.CheckGoroutines(t)
			srv, err := lstest.ListenBeats("127.0.0.1:0", nil)
			if err != nil {
				t.Fatal(err)
			}
			defer srv.Kill()
			srv.SetAnswer(func(int) lstest.Answer { return tt.answer })
			nc := dial(t, srv.Addr())
			send(t, nc, frames(2, `{"a":1}`, `{"b":2}`))
			got := make([]byte, len(tt.want))
			if _, err := io.ReadFull(nc, got); err != nil || string(got) != tt.want {
				t.Errorf("answer %q with error %v, want %q", got, err, tt.want)
			}
			if tt.reset {
				readEnd(t, nc, lstest.RST)
			}
			if srv.Acked() != tt.acked || len(srv.Events()) != 2 {
				t.Errorf("acked %d of %d received events, want %d of 2", srv.Acked(), len(srv.Events()), tt.acked)
			}
		})
	}
}

// A window with a poison event is taken up to that event, and never acked.
func TestBeatsPoison(t *testing.T) {
	testlog.CheckGoroutines(t)
	srv, err := lstest.ListenBeats("127.0.0.1:0", &lstest.BeatsOptions{
		Poison: func(event []byte) bool { return bytes.Contains(event, []byte("poison")) },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Kill()
	nc := dial(t, srv.Addr())
	send(t, nc, frames(3, `{"a":1}`, `{"b":"poison"}`, `{"c":3}`))
	if rest := readEnd(t, nc, lstest.RST); len(rest) > 0 {
		t.Errorf("answered with %q", rest)
	}
	srv.Kill()
	if diff := cmp.Diff([][]byte{[]byte(`{"a":1}`)}, srv.Events()); diff != "" || !errors.Is(srv.LastError(), lstest.ErrPoison) {
		t.Errorf("LastError %v; events mismatch (-want +got):\n%s", srv.LastError(), diff)
	}
}

// A silent connection is reset, with an ack of 0 before if that is inside a
// window; one on which something comes now and then is not.
func TestBeatsInactivity(t *testing.T) {
	for _, inside := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			srv := lstest.NewBeats(&lstest.BeatsOptions{Inactivity: time.Minute})
			defer srv.Kill()
			nc := dialPipe(t, srv)
			time.Sleep(time.Minute - 1)
			send(t, nc, frames(1, `{"a":1}`))
			if got := readAck(t, nc); got != 1 {
				t.Errorf("ack %d, want 1", got)
			}
			var want string
			if inside {
				send(t, nc, frames(2, `{"a":1}`))
				want = "2A\x00\x00\x00\x00"
			}
			begun := time.Now()
			got, err := io.ReadAll(nc)
			if err != nil || string(got) != want || time.Since(begun) != time.Minute {
				t.Errorf("%q and error %v after %v, want %q after a minute", got, err, time.Since(begun), want)
			}
			if err := srv.LastError(); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("LastError %v", err)
			}
		})
	}
}

func TestBeatsStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := lstest.NewBeats(nil)
		defer srv.Kill()
		resume := srv.Stall(5 * time.Second)
		time.AfterFunc(12*time.Second, resume)
		nc := dialPipe(t, srv)
		send(t, nc, frames(1, `{"a":1}`))
		begun := time.Now()
		for _, want := range []struct {
			seq   uint32
			after time.Duration
		}{{0, 5 * time.Second}, {0, 10 * time.Second}, {1, 12 * time.Second}} {
			if seq := readAck(t, nc); seq != want.seq || time.Since(begun) != want.after {
				t.Errorf("ack %d after %v, want %d after %v", seq, time.Since(begun), want.seq, want.after)
			}
		}
	})
}

func TestBeatsTLS(t *testing.T) {
	testlog.CheckGoroutines(t)
	server, client := certificate(t)
	srv, err := lstest.ListenBeats("127.0.0.1:0", &lstest.BeatsOptions{TLS: server})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Kill()
	nc, err := tls.Dial("tcp", srv.Addr(), client)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	send(t, nc, frames(1, `{"a":1}`))
	if got := readAck(t, nc); got != 1 {
		t.Errorf("ack %d, want 1", got)
	}
	srv.CutAfter(3)
	send(t, nc, frames(1, `{"a":1}`))
	readEnd(t, nc, lstest.RST)
	plain := dial(t, srv.Addr())
	send(t, plain, frames(1, `{"a":1}`))
	_, _ = io.ReadAll(plain)
	srv.Kill()
	if len(srv.Events()) != 1 {
		t.Errorf("%d events, want 1", len(srv.Events()))
	}
}

package lstest_test

import (
	"bytes"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/internal/testlog"
)

func TestTCP(t *testing.T) {
	testlog.CheckGoroutines(t)
	lines := make(chan string, 10)
	srv, err := lstest.ListenTCP("127.0.0.1:0", &lstest.TCPOptions{
		OnLine: func(_ int, line []byte) { lines <- string(line) },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	nc := dial(t, srv.Addr())
	send(t, nc, []byte("{\"a\":1}\n\n{\"b\":2}\r\n{\"c"))
	for _, want := range []string{`{"a":1}`, `{"b":2}`} {
		if got := <-lines; got != want {
			t.Errorf("line %q, want %q", got, want)
		}
	}
	if err := nc.Close(); err != nil {
		t.Error(err)
	}
	nc = dial(t, srv.Addr())
	srv.CutAfter(11)
	send(t, nc, []byte("{\"d\":4}\n{\"e\":5}\n"))
	if got := <-lines; got != `{"d":4}` {
		t.Errorf("line %q, want {\"d\":4}", got)
	}
	if _, err := nc.Read(make([]byte, 1)); err == nil {
		t.Error("the connection was not cut")
	}
	srv.Kill()
	want := [][]byte{[]byte(`{"c`), []byte(`{"e`)}
	torn := srv.Torn() // in the order in which the connections were found to have ended
	slices.SortFunc(torn, bytes.Compare)
	if diff := cmp.Diff(want, torn); diff != "" {
		t.Errorf("torn lines mismatch (-want +got):\n%s", diff)
	}
	if srv.Count() != 3 || len(srv.Lines()) != 3 {
		t.Errorf("%d lines, %d kept; want 3", srv.Count(), len(srv.Lines()))
	}
}

func TestTurnAway(t *testing.T) {
	testlog.CheckGoroutines(t)
	srv, err := lstest.ListenTCP("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Kill()
	for _, how := range []lstest.End{lstest.RST, lstest.FIN} {
		srv.TurnAway(1, how)
		readEndAtOnce(t, srv.Addr(), how)
	}
	nc := dial(t, srv.Addr())
	send(t, nc, []byte("{}\n\n{}\n"))
	waitFor(t, func() bool { return srv.Count() == 2 })
	if srv.Connections() != 3 || srv.Blank() != 1 {
		t.Errorf("%d connections and %d blank lines, want 3 and 1", srv.Connections(), srv.Blank())
	}
	srv.CloseConns()
	readEnd(t, nc, lstest.FIN)
}

// A killed server leaves its socket, and a new one takes its place.
func TestUnix(t *testing.T) {
	testlog.CheckGoroutines(t)
	path := filepath.Join(t.TempDir(), "logstash.sock")
	srv, err := lstest.ListenUnix(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 1; i <= 2; i++ {
		nc, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		send(t, nc, []byte("{\"a\":1}\n{\"half"))
		waitFor(t, func() bool { return srv.Count() == i })
		srv.Kill()
		if _, err := nc.Read(make([]byte, 1)); err == nil {
			t.Error("the connection outlived the server")
		}
		if _, err := net.Dial("unix", path); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("dialling a killed server: %v", err)
		}
		if err := srv.Restart(); err != nil {
			t.Fatal(err)
		}
	}
	if err := srv.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Close left the socket: %v", err)
	}
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := lstest.ListenUnix(path, nil); err == nil {
		t.Error("a file was replaced by a socket")
	}
}

// Who reads slowly, or not at all, holds the sender back.
func TestReadRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := lstest.NewTCP(nil)
		defer srv.Kill()
		srv.ReadRate(1000)
		resume := srv.StopReading()
		time.AfterFunc(time.Minute, resume)
		nc := dialPipe(t, srv)
		begun := time.Now()
		send(t, nc, bytes.Repeat([]byte("{\"n\":123}\n"), 500)) // 5000 bytes
		if took := time.Since(begun).Round(time.Second); took != time.Minute+5*time.Second {
			t.Errorf("5000 bytes took %v, want a minute and 5 s", took)
		}
	})
}

// Kill ends everything, and a Dial to what is killed is refused.
func TestKillWithoutNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := lstest.NewTCP(nil)
		_ = srv.StopReading()
		nc := dialPipe(t, srv)
		srv.Kill()
		if _, err := nc.Read(make([]byte, 1)); err == nil {
			t.Error("the connection outlived the server")
		}
		if _, err := srv.Dial(t.Context(), "", ""); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("dialling a killed server: %v", err)
		}
		if err := srv.Restart(); err != nil {
			t.Error(err)
		}
		dialPipe(t, srv)
		srv.Kill()
	})
}

package logstash_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
)

// ackEverything acks requests on ln without allocating anything for them.
func ackEverything(tb testing.TB) (addr string) {
	tb.Helper()
	ln, err := new(net.ListenConfig).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go ackConn(conn)
		}
	}()
	return ln.Addr().String()
}

func ackConn(conn net.Conn) {
	defer conn.Close()
	answer := []byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok")
	buf, n := make([]byte, 256<<10), 0
	for {
		m, err := conn.Read(buf[n:])
		if err != nil {
			return
		}
		n += m
		head := bytes.Index(buf[:n], []byte("\r\n\r\n")) + 4
		if head < 4 {
			continue
		}
		const field = "Content-Length: "
		digits, _, _ := bytes.Cut(buf[bytes.Index(buf, []byte(field))+len(field):head], []byte("\r"))
		length, err := strconv.Atoi(string(digits))
		if err != nil {
			return
		}
		for n -= head; n < length; n += m {
			if m, err = conn.Read(buf); err != nil {
				return
			}
		}
		n = 0
		if _, err := conn.Write(answer); err != nil {
			return
		}
	}
}

func benchEvents(n int) [][]byte {
	out := make([][]byte, n)
	for i := range out {
		out[i] = []byte(`{"@timestamp":"2026-11-21T23:30:00.123456789Z","@version":"1","level":"INFO","id":` + strconv.Itoa(i) +
			`,"message":"` + strings.Repeat("a request was served ", 11) + `"}`)
	}
	return out
}

// netHTTP returns a function that posts body with net/http alone.
func netHTTP(tb testing.TB, addr string, body []byte) func() {
	tb.Helper()
	conn, err := new(http.Transport).NewClientConn(tb.Context(), "http", addr)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = conn.Close() })
	return func() {
		ctx, cancel := context.WithTimeout(tb.Context(), time.Minute)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+addr, bytes.NewReader(body))
		if err != nil {
			tb.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := conn.RoundTrip(req)
		if err != nil {
			tb.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			tb.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil {
			tb.Fatal(err)
		}
	}
}

// A batch costs no more allocations than net/http makes for a request, and a
// few, however many events it has.
func TestHTTPAllocs(t *testing.T) {
	if testlog.Race {
		t.Skip("the race detector allocates")
	}
	addr := ackEverything(t)
	batch := benchEvents(2048)
	base := testing.AllocsPerRun(50, netHTTP(t, addr, bytes.Join(batch, nil)))
	for _, level := range []int{0, 1} {
		tr := newHTTP(t, func(o *logstash.DialOptions) { o.CompressionLevel = level }, "http://"+addr)
		got := testing.AllocsPerRun(50, func() {
			if acked, err := tr.Send(t.Context(), batch); acked != len(batch) || err != nil {
				t.Fatalf("acked %d, error %v", acked, err)
			}
		})
		t.Logf("level %d: %v allocations, net/http alone %v", level, got, base)
		if got > base+5 {
			t.Errorf("level %d: %v allocations for a batch, net/http alone makes %v", level, got, base)
		}
	}
}

func BenchmarkHTTPSend(b *testing.B) {
	batch := benchEvents(2048)
	size := int64(len(bytes.Join(batch, nil)))
	for _, level := range []int{0, 1, 3} {
		b.Run("gzip="+strconv.Itoa(level), func(b *testing.B) {
			tr := newHTTP(b, func(o *logstash.DialOptions) { o.CompressionLevel = level }, "http://"+ackEverything(b))
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				if acked, err := tr.Send(b.Context(), batch); acked != len(batch) || err != nil {
					b.Fatalf("acked %d, error %v", acked, err)
				}
			}
		})
	}
	b.Run("net/http", func(b *testing.B) {
		post := netHTTP(b, ackEverything(b), bytes.Join(batch, nil))
		b.SetBytes(size)
		b.ReportAllocs()
		for b.Loop() {
			post()
		}
	})
}

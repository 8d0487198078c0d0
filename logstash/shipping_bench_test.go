package logstash_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
)

// typicalEvent is an event of some 320 bytes.
func typicalEvent() []byte {
	return []byte(`{"@timestamp":"2026-11-21T23:30:00.123456789Z","@version":"1","message":"request served",` +
		`"logger_name":"http","level":"INFO","level_value":20000,"method":"GET","path":"/api/v1/orders/1234567",` +
		`"status":200,"duration_ms":12.345,"bytes":48213,"remote":"10.20.30.40","user_agent":"curl/8.5.0",` +
		`"request_id":"01JD8Q6X5W9V2K7N3M4P"}`)
}

// BenchmarkBeats counts an event from Write to its ack, on loopback, with the
// receiver's work on the same machine.
func BenchmarkBeats(b *testing.B) {
	for _, level := range []int{0, 1, 3} {
		b.Run("level "+strconv.Itoa(level), func(b *testing.B) {
			srv := listenBeats(b, &lstest.BeatsOptions{Forget: true})
			benchmarkShipper(b, "beats://"+srv.Addr(), level)
		})
	}
}

// BenchmarkTCP counts an event from Write until the kernel has it.
func BenchmarkTCP(b *testing.B) {
	srv, err := lstest.ListenTCP("127.0.0.1:0", &lstest.TCPOptions{Forget: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(srv.Kill)
	benchmarkShipper(b, "tcp://"+srv.Addr(), 0)
}

func benchmarkShipper(b *testing.B, addr string, level int) {
	s := dialShipper(b, addr, logstash.DialOptions{
		Policy: logstash.Block, BlockTimeout: -1, CompressionLevel: level, FlushInterval: 100 * time.Millisecond,
	})
	line := typicalEvent()
	b.ReportAllocs()
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		if _, err := s.Write(line); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Flush(context.Background()); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkWriteFull is what a caller pays while the peer is away and the
// queue full. Its peer is a bare json.Valid of the same event.
func BenchmarkWriteFull(b *testing.B) {
	line := typicalEvent()
	b.Run("json.Valid", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if !json.Valid(line) {
				b.Fatal("not valid")
			}
		}
	})
	b.Run("Write", func(b *testing.B) {
		s := newShipper(b, &fakeTransport{send: sendNever}, &logstash.DialOptions{MaxEvents: 1})
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.Write(line); err != nil && !errors.Is(err, logstash.ErrFull) {
				b.Fatal(err)
			}
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = s.Shutdown(ctx)
	})
}

// From Write to the ack an event costs no allocation of its own.
func TestShippingAllocations(t *testing.T) {
	if testlog.Race {
		t.Skip("the race detector allocates")
	}
	for _, level := range []int{0, 1} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = ln.Close() })
		go ackAll(ln)
		s := dialShipper(t, "beats://"+ln.Addr().String(), logstash.DialOptions{
			FlushInterval: time.Hour, CompressionLevel: level,
		})
		line := typicalEvent()
		round := func() {
			for range logstash.MaxBatchSize {
				if _, err := s.Write(line); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.Flush(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		round() // connects, and makes the buffers
		if perEvent := testing.AllocsPerRun(50, round) / logstash.MaxBatchSize; perEvent > 0.02 {
			t.Errorf("level %d: %.4f allocations for each event, want 0.02 at most", level, perEvent)
		}
	}
}

// ackAll acks every window of one connection, and allocates nothing while it
// does.
func ackAll(ln net.Listener) {
	nc, err := ln.Accept()
	if err != nil {
		return
	}
	defer nc.Close()
	var head [10]byte
	ack := []byte("2A\x00\x00\x00\x00")
	for r := bufio.NewReaderSize(nc, 64<<10); ; {
		if _, err := io.ReadFull(r, head[:6]); err != nil {
			return
		}
		copy(ack[2:], head[2:6])
		for left := binary.BigEndian.Uint32(head[2:]); left > 0; {
			if _, err := io.ReadFull(r, head[:6]); err != nil {
				return
			}
			size := binary.BigEndian.Uint32(head[2:])
			if head[1] == 'C' {
				left = 0 // the whole window
			} else {
				if _, err := io.ReadFull(r, head[:4]); err != nil {
					return
				}
				size = binary.BigEndian.Uint32(head[:4])
				left--
			}
			if _, err := r.Discard(int(size)); err != nil {
				return
			}
		}
		if _, err := nc.Write(ack); err != nil {
			return
		}
	}
}

// BenchmarkCaller is what a log call costs whose events go to a Shipper: with a
// receiver that takes everything at once, beside an asyncbuf.Writer over one that
// does, and an encoder alone.
func BenchmarkCaller(b *testing.B) {
	for _, bb := range []struct {
		name string
		open func() (io.Writer, func() error)
	}{
		{"encoder", func() (io.Writer, func() error) { return io.Discard, func() error { return nil } }},
		{"asyncbuf.Writer", func() (io.Writer, func() error) {
			w := asyncbuf.NewWriter(io.Discard, nil)
			return w, w.Close
		}},
		{"Shipper", func() (io.Writer, func() error) {
			s := newShipper(b, discardTransport{}, &logstash.DialOptions{Policy: logstash.Block})
			return s, s.Close
		}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			w, closeIt := bb.open()
			logger := slog.New(logstash.NewHandler(w, nil))
			b.ReportAllocs()
			for b.Loop() {
				logger.LogAttrs(context.Background(), slog.LevelInfo, "request served",
					slog.String("method", "GET"), slog.String("path", "/api/v1/orders/1234567"), slog.Int("status", 200),
					slog.Duration("took", 1234*time.Microsecond), slog.String("remote", "10.20.30.40"))
			}
			if err := closeIt(); err != nil {
				b.Error(err)
			}
		})
	}
}

// discardTransport takes everything.
type discardTransport struct{}

func (discardTransport) Send(_ context.Context, events [][]byte) (int, error) {
	return len(events), nil
}
func (discardTransport) Close() error { return nil }

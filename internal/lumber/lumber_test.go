package lumber_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/internal/lumber"
)

func ab() [][]byte { return [][]byte{[]byte(`{"message":"a"}`), []byte(`{"message":"b"}`)} }

func newEncoder(t testing.TB, level int) *lumber.Encoder {
	t.Helper()
	enc, err := lumber.NewEncoder(level)
	if err != nil {
		t.Fatal(err)
	}
	return enc
}

// A window of two events is these 56 bytes.
func TestEncodeIsByteExact(t *testing.T) {
	const want = "325700000002" +
		"324a000000010000000f7b226d657373616765223a2261227d" +
		"324a000000020000000f7b226d657373616765223a2262227d"
	enc := newEncoder(t, 0)
	for range 2 { // the second time the buffers are used again
		got, err := enc.Encode(ab())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, hex.EncodeToString(got)); diff != "" {
			t.Errorf("window mismatch (-want +got):\n%s", diff)
		}
	}
}

func TestEncodeRoundTrip(t *testing.T) {
	long := []byte(`{"message":"` + strings.Repeat("long ", 10_000) + `"}`)
	for level := range 10 {
		enc := newEncoder(t, level)
		for _, events := range [][][]byte{ab(), {long}, ab()[:1], {long, []byte("{}")}} {
			window, err := enc.Encode(events)
			if err != nil {
				t.Fatal(err)
			}
			r := bytes.NewReader(window)
			got, highest, err := lstest.ReadWindow(r)
			if err != nil {
				t.Fatalf("level %d: %v", level, err)
			}
			if !slices.EqualFunc(events, got, bytes.Equal) {
				t.Errorf("level %d: %d events do not come back as they were", level, len(events))
			}
			if int(highest) != len(events) || r.Len() != 0 {
				t.Errorf("level %d: highest %d and %d bytes left, want %d and 0", level, highest, r.Len(), len(events))
			}
			if level > 0 && len(events[0]) > 1000 && len(window) > 10_000 {
				t.Errorf("level %d: window of %d bytes is not compressed", level, len(window))
			}
		}
	}
}

func TestNewEncoderRefusesLevel(t *testing.T) {
	for _, level := range []int{-1, 10} {
		if _, err := lumber.NewEncoder(level); err == nil {
			t.Errorf("level %d accepted", level)
		}
	}
}

func TestReadAck(t *testing.T) {
	tests := []struct {
		name string
		in   string
		want uint32
		err  error
	}{
		{"ack", "2A\x00\x01\x02\x03", 0x010203, nil},
		{"keepalive", "2A\x00\x00\x00\x00", 0, nil},
		{"end", "", 0, io.EOF},
		{"cut", "2A\x00", 0, io.ErrUnexpectedEOF},
		{"version 1", "1A\x00\x00\x00\x01", 0, lumber.ErrProtocol},
		{"window", "2W\x00\x00\x00\x01", 0, lumber.ErrProtocol},
		{"HTTP", "HTTP/1.1 400 Bad Request", 0, lumber.ErrProtocol},
		{"short and strange", "no\n", 0, lumber.ErrProtocol},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := lumber.ReadAck(strings.NewReader(tt.in), make([]byte, lumber.AckLen))
			if got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("got %d, %v; want %d, %v", got, err, tt.want, tt.err)
			}
		})
	}
}

func FuzzReadAck(f *testing.F) {
	f.Add([]byte("2A\x00\x00\x00\x02"))
	f.Add([]byte("2A\x00\x00\x00\x002A\x00\x00\x00\x07"))
	f.Add([]byte("2W\x00\x00\x00\x02"))
	f.Add([]byte("2A\xff"))
	f.Fuzz(func(t *testing.T, in []byte) {
		r := bytes.NewReader(in)
		var back []byte
		for {
			seq, err := lumber.ReadAck(r, make([]byte, lumber.AckLen))
			if err != nil {
				break
			}
			back = lumber.AppendAck(back, seq)
		}
		if !bytes.HasPrefix(in, back) {
			t.Errorf("read %x from %x", back, in)
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	event := []byte(`{"@timestamp":"2026-11-21T23:30:00.123456789Z","@version":"1","message":"` +
		strings.Repeat("something happened ", 10) + `","level":"INFO","level_value":20000}`)
	events := make([][]byte, 2048)
	for i := range events {
		events[i] = event
	}
	for _, level := range []int{0, 1, 3, 9} {
		b.Run("level "+string(rune('0'+level)), func(b *testing.B) {
			enc := newEncoder(b, level)
			b.ReportAllocs()
			b.SetBytes(int64(len(event) * len(events)))
			for b.Loop() {
				if _, err := enc.Encode(events); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

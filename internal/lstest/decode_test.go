package lstest_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zlib"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/internal/lumber"
)

// frames returns a window announcing n events, holding the given ones.
func frames(n uint32, events ...string) []byte {
	return append(lumber.AppendWindow(nil, n), jsonFrames(events...)...)
}

func jsonFrames(events ...string) (b []byte) {
	for i, e := range events {
		b = lumber.AppendJSON(b, uint32(i+1), []byte(e))
	}
	return b
}

// compressed returns a compressed frame of frames.
func compressed(t testing.TB, frames []byte) []byte {
	t.Helper()
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	if _, err := w.Write(frames); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	b := binary.BigEndian.AppendUint32([]byte("2C"), uint32(z.Len()))
	return append(b, z.Bytes()...)
}

// flip changes the i-th byte of b, or counts from the end if i is negative.
func flip(b []byte, i int) []byte {
	if i < 0 {
		i += len(b)
	}
	b[i] ^= 0xff
	return b
}

func TestReadWindow(t *testing.T) {
	const a, b = `{"a":1}`, `{"b":2}`
	two := frames(2, a, b)
	w2 := lumber.AppendWindow(nil, 2)
	tests := []struct {
		name    string
		in      []byte
		want    []string
		highest uint32
		err     error
	}{
		{"two", two, []string{a, b}, 2, nil},
		{"none", frames(0), nil, 0, nil},
		{"one compressed frame", append(bytes.Clone(w2), compressed(t, jsonFrames(a, b))...), []string{a, b}, 2, nil},
		{
			"two compressed frames",
			append(append(bytes.Clone(w2), compressed(t, jsonFrames(a))...), compressed(t, jsonFrames(b))...),
			[]string{a, b},
			1, nil,
		},
		{
			"numbered from 101",
			lumber.AppendJSON(lumber.AppendJSON(bytes.Clone(w2), 101, []byte(a)), 102, []byte(b)),
			[]string{a, b},
			102, nil,
		},
		{"nothing", nil, nil, 0, io.EOF},
		{"one of two", frames(2, a), nil, 0, io.ErrUnexpectedEOF},
		{"cut in an event", two[:len(two)-1], nil, 0, io.ErrUnexpectedEOF},
		{"cut in a compressed frame", append(bytes.Clone(w2), compressed(t, jsonFrames(a, b))[:20]...), nil, 0, io.ErrUnexpectedEOF},
		{"window in a window", append(frames(2, a), two...), nil, 0, lstest.ErrFrame},
		{"no window", jsonFrames(a), nil, 0, lstest.ErrFrame},
		{"too many announced", frames(10_001), nil, 0, lstest.ErrFrame},
		{"too many in a compressed frame", append(lumber.AppendWindow(nil, 1), compressed(t, jsonFrames(a, b))...), nil, 0, lstest.ErrFrame},
		{"empty event", frames(1, ""), nil, 0, lstest.ErrFrame},
		{"array", frames(1, "[1]"), nil, 0, lstest.ErrFrame},
		{"bad JSON", frames(1, "{"), nil, 0, lstest.ErrFrame},
		{"huge event", append(lumber.AppendWindow(nil, 1), "2J\x00\x00\x00\x01\xff\xff\xff\xff"...), nil, 0, lstest.ErrFrame},
		{"wrong checksum", flip(append(lumber.AppendWindow(nil, 1), compressed(t, jsonFrames(a))...), -1), nil, 0, lstest.ErrFrame},
		{"corrupt zlib", flip(append(lumber.AppendWindow(nil, 1), compressed(t, jsonFrames(a))...), 14), nil, 0, lstest.ErrFrame},
		{"not zlib", append(lumber.AppendWindow(nil, 1), "2C\x00\x00\x00\x04abcd"...), nil, 0, lstest.ErrFrame},
		{"nested compression", append(lumber.AppendWindow(nil, 1), compressed(t, compressed(t, jsonFrames(a)))...), nil, 0, lstest.ErrFrame},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			events, highest, err := lstest.ReadWindow(bytes.NewReader(tt.in))
			if !errors.Is(err, tt.err) {
				t.Fatalf("error %v, want %v", err, tt.err)
			}
			var got []string
			for _, e := range events {
				got = append(got, string(e))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || highest != tt.highest {
				t.Errorf("highest %d, want %d; events mismatch (-want +got):\n%s", highest, tt.highest, diff)
			}
		})
	}
}

// What is read is what was written, and never more than there was.
func FuzzReadWindow(f *testing.F) {
	two := frames(2, `{"a":1}`, `{"b":2}`)
	f.Add(two)
	f.Add(append(lumber.AppendWindow(nil, 2), compressed(f, jsonFrames(`{"a":1}`, `{}`))...))
	f.Add(two[:len(two)-3])
	f.Add([]byte("2W\x00\x00\x00\x012J\x00\x00\x00\x01\x03\xff\xff\xff{"))
	f.Add([]byte("2W\x00\x00\x00\x012C\xff\xff\xff\xffx\x9c"))
	f.Fuzz(func(t *testing.T, in []byte) {
		events, _, err := lstest.ReadWindow(bytes.NewReader(in))
		if err != nil {
			if events != nil {
				t.Errorf("%d events beside error %v", len(events), err)
			}
			return
		}
		if want := binary.BigEndian.Uint32(in[2:]); len(events) != int(want) {
			t.Errorf("%d events, announced %d", len(events), want)
		}
		enc, err := lumber.NewEncoder(1)
		if err != nil {
			t.Fatal(err)
		}
		window, err := enc.Encode(events)
		if err != nil {
			t.Fatal(err)
		}
		again, _, err := lstest.ReadWindow(bytes.NewReader(window))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(events, again); diff != "" {
			t.Errorf("events mismatch (-want +got):\n%s", diff)
		}
	})
}

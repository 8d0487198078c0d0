package input_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/sluicelog/sluice/cmd/sluice/internal/input"
)

// lines returns n lines of different lengths.
func lines(n int) []byte { return seededLines(1, n) }

func seededLines(seed uint64, n int) []byte {
	var b bytes.Buffer
	random := rand.New(rand.NewPCG(seed, 0))
	for i := range n {
		fmt.Fprintf(&b, `{"time":"2026-11-22T08:30:00.%06dZ","level":"INFO","msg":"request served","n":%d,"trace":"%016x","path":%q}`+"\n",
			random.IntN(1e6), i, random.Uint64(), strings.Repeat("/items", random.IntN(30)))
	}
	return b.Bytes()
}

func gzipped(t testing.TB, data ...[]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, member := range data {
		w := gzip.NewWriter(&b)
		if _, err := w.Write(member); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func zstandard(t testing.TB, data ...[]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, frame := range data {
		w, err := zstd.NewWriter(&b)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(frame); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func write(t testing.TB, dir, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// account is what a test looks at of what was read.
type account struct {
	data   bytes.Buffer
	errs   []string
	stats  input.Stats
	chunks []input.Chunk
}

// readAll reads to the end, checks that the chunks fit together, and closes.
func readAll(t testing.TB, names []string, o input.Options) *account {
	t.Helper()
	a := new(account)
	o.OnError = func(err error) { a.errs = append(a.errs, err.Error()) }
	r, err := input.Open(names, &o)
	if err != nil {
		t.Fatal(err)
	}
	for {
		c, err := r.Next(context.Background())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		a.data.Write(c.Data)
		a.chunks = append(a.chunks, input.Chunk{
			File: c.File, Number: c.Number, Offset: c.Offset, Data: bytes.Clone(c.Data), Cut: c.Cut,
		})
		r.Release(c)
	}
	a.stats = r.Stats()
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	return a
}

// check compares the chunks with the text that they are of, from a byte on, and the figures with the chunks.
func (a *account) check(t testing.TB, text []byte, from int64, maxLine int) {
	t.Helper()
	if len(a.errs) > 0 {
		t.Errorf("errors: %q", a.errs)
	}
	var got input.Stats
	at, number, counted := from, int64(1), from
	for i, c := range a.chunks {
		end := c.Offset + int64(len(c.Data))
		if c.Offset != at || end > int64(len(text)) || !bytes.Equal(c.Data, text[c.Offset:end]) {
			t.Fatalf("chunk %d begins at byte %d, want %d, and has %d bytes of other text", i, c.Offset, at, len(c.Data))
		}
		number, counted = number+int64(bytes.Count(text[counted:at], []byte("\n"))), at
		if c.Number != number {
			t.Fatalf("chunk %d begins with line %d, want %d", i, c.Number, number)
		}
		lines := 0
		for n, line := range c.Lines() {
			if n != lines || len(line) > maxLine || bytes.IndexByte(line, '\n') >= 0 {
				t.Fatalf("chunk %d: line %d of it is number %d and has %d bytes, want at most %d", i, lines, n, len(line), maxLine)
			}
			lines++
		}
		got.Lines += int64(lines)
		got.Bytes += int64(len(c.Data))
		at = end
		switch {
		case c.Cut > 0:
			got.Cut++
			got.Cutoff += c.Cut
			if lines != 1 || len(c.Data) != maxLine || bytes.IndexByte(text[at:at+c.Cut], '\n') >= 0 {
				t.Fatalf("chunk %d has %d lines, %d bytes, and %d were cut off", i, lines, len(c.Data), c.Cut)
			}
			if at += c.Cut; at < int64(len(text)) && text[at] != '\n' {
				t.Fatalf("chunk %d: byte %d behind the line is %q", i, at, text[at])
			}
			at = min(at+1, int64(len(text)))
		case !bytes.HasSuffix(c.Data, []byte("\n")) && at != int64(len(text)):
			t.Fatalf("chunk %d ends at byte %d, in a line", i, at)
		}
	}
	if at != int64(len(text)) {
		t.Fatalf("%d of %d bytes were read", at, len(text))
	}
	s := a.stats
	got.Files, got.Read, got.Total, got.Failed = s.Files, s.Read, s.Total, 0
	if diff := cmp.Diff(got, s); diff != "" {
		t.Errorf("stats mismatch (-want +got):\n%s", diff)
	}
}

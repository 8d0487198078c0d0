package input_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/sluicelog/sluice/cmd/sluice/internal/input"
)

// benchFile makes a log of 64 MiB, in a form.
func benchFile(b *testing.B, form string) (path string, size int64) {
	b.Helper()
	const want = 64 << 20
	path = filepath.Join(b.TempDir(), "app.log")
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	var w io.WriteCloser = f
	switch form {
	case "gzip":
		w = gzip.NewWriter(f)
	case "zstd":
		if w, err = zstd.NewWriter(f); err != nil {
			b.Fatal(err)
		}
	}
	for seed := uint64(0); size < want; seed++ {
		n, err := w.Write(seededLines(seed, 20_000))
		if err != nil {
			b.Fatal(err)
		}
		size += int64(n)
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	if io.Closer(f) != w {
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
	}
	return path, size
}

// BenchmarkMap reads a file and only counts its lines.
func BenchmarkMap(b *testing.B) {
	for _, form := range []string{"plain", "stdin", "gzip", "zstd"} {
		b.Run(form, func(b *testing.B) {
			path, size := benchFile(b, form)
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				names, opts := []string{path}, new(input.Options)
				if form == "stdin" {
					stdin, err := os.Open(path)
					if err != nil {
						b.Fatal(err)
					}
					names, opts.Stdin = nil, closing{stdin}
				}
				r, err := input.Open(names, opts)
				if err != nil {
					b.Fatal(err)
				}
				_, err = input.Map(context.Background(), r, func() int { return 0 },
					func(_ int, c *input.Chunk) int { return bytes.Count(c.Data, []byte{'\n'}) },
					func(int) error { return nil })
				if err != nil {
					b.Fatal(err)
				}
				if err := r.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// closing is a file that is closed at its end.
type closing struct{ file *os.File }

func (c closing) Read(p []byte) (int, error) {
	n, err := c.file.Read(p)
	if err != nil {
		c.file.Close()
	}
	return n, err
}

// BenchmarkDecompress is what BenchmarkMap is to be compared with.
func BenchmarkDecompress(b *testing.B) {
	for _, form := range []string{"gzip", "zstd"} {
		b.Run(form, func(b *testing.B) {
			path, size := benchFile(b, form)
			b.SetBytes(size)
			for b.Loop() {
				f, err := os.Open(path)
				if err != nil {
					b.Fatal(err)
				}
				raw := bufio.NewReaderSize(f, 128<<10)
				var from io.Reader
				if form == "gzip" {
					from, err = gzip.NewReader(raw)
				} else {
					from, err = zstd.NewReader(raw, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
				}
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, from); err != nil {
					b.Fatal(err)
				}
				if err := f.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

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
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/sluicelog/sluice/cmd/sluice/internal/input"
)

// lines returns n lines of different lengths.
func lines(n int) []byte {
	var b bytes.Buffer
	random := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		fmt.Fprintf(&b, `{"time":"2026-11-22T08:30:00Z","level":"INFO","msg":"request","n":%d,"pad":%q}`+"\n", i, strings.Repeat("x", random.IntN(300)))
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
	chunks []input.Chunk // without Data
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
		short := *c
		short.Data = nil
		a.chunks = append(a.chunks, short)
		r.Release(c)
	}
	a.stats = r.Stats()
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	return a
}

func TestFormats(t *testing.T) {
	want := lines(20_000)
	half := len(want) / 2
	for name, data := range map[string][]byte{
		"plain":   want,
		"marked":  append([]byte("\xef\xbb\xbf"), want...),
		"gzip":    gzipped(t, want),
		"members": gzipped(t, want[:half], nil, want[half:]),
		"zstd":    zstandard(t, want),
		"frames":  zstandard(t, want[:half], want[half:]),
	} {
		t.Run(name, func(t *testing.T) {
			path := write(t, t.TempDir(), "app.log", data)
			for from, read := range map[string]func() *account{
				"file":  func() *account { return readAll(t, []string{path}, input.Options{}) },
				"stdin": func() *account { return readAll(t, nil, input.Options{Stdin: bytes.NewReader(data)}) },
				"bytes": func() *account {
					return readAll(t, []string{"-"}, input.Options{Stdin: iotest.HalfReader(iotest.OneByteReader(bytes.NewReader(data)))})
				},
			} {
				got := read()
				if !bytes.Equal(got.data.Bytes(), want) {
					t.Errorf("%s: %d bytes, want %d", from, got.data.Len(), len(want))
				}
				if len(got.errs) > 0 {
					t.Errorf("%s: %q", from, got.errs)
				}
				s := got.stats
				if s.Files != 1 || s.Failed != 0 || s.Read != int64(len(data)) || s.Bytes != int64(len(want)) || s.Lines != 20_000 || s.Cut != 0 {
					t.Errorf("%s: %+v", from, s)
				}
				number := int64(1)
				offset := int64(0)
				if name == "marked" {
					offset = 3
				}
				at := 0
				for _, c := range got.chunks {
					if c.Number != number || c.Offset != offset {
						t.Fatalf("%s: chunk at line %d, byte %d, want %d, %d", from, c.Number, c.Offset, number, offset)
					}
					end := len(want)
					_ = end
					_ = at
					break
				}
			}
		})
	}
}

func TestMapKeepsOrder(t *testing.T) {
	want := lines(50_000)
	r, err := input.Open(nil, &input.Options{Stdin: bytes.NewReader(want)})
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	states, err := input.Map(t.Context(), r, func() *int { return new(int) },
		func(n *int, c *input.Chunk) []byte {
			for range c.Lines() {
				*n++
			}
			return c.Data
		},
		func(b []byte) error { got.Write(b); return nil })
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, n := range states {
		total += *n
	}
	if diff := cmp.Diff(50_000, total); diff != "" {
		t.Errorf("lines mismatch (-want +got):\n%s", diff)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Error("what was read differs")
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

package input_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/cmd/sluice/internal/input"
)

// ragged is a reader of text in pieces of random sizes.
type ragged struct {
	text   []byte
	random *rand.Rand
}

func (r *ragged) Read(p []byte) (int, error) {
	if len(r.text) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), r.random.IntN(100_000))], r.text)
	r.text = r.text[n:]
	return n, nil
}

func TestChunksOfLongLines(t *testing.T) {
	for seed, maxLine := range []int{1, 100, 4096, 1 << 20, 1<<20 + 5000, 3 << 20} {
		t.Run(strconv.Itoa(maxLine), func(t *testing.T) {
			random := rand.New(rand.NewPCG(uint64(seed), 0))
			var text []byte
			for len(text) < 6<<20 {
				n := random.IntN(200)
				if random.IntN(5) == 0 && len(text) > 1<<20 {
					n = random.IntN(2 * max(maxLine, 1000))
				}
				if random.IntN(10) == 0 {
					n = maxLine + random.IntN(3) - 1
				}
				text = append(text, bytes.Repeat([]byte{'a' + byte(random.IntN(26))}, n)...)
				text = append(text, '\n')
				if maxLine < 100 && len(text) > 50_000 {
					break
				}
			}
			if seed%2 == 0 {
				text = append(text, strings.Repeat("z", maxLine+10)...)
			}
			path := write(t, t.TempDir(), "app.log", text)
			readAll(t, []string{path}, input.Options{MaxLine: maxLine}).check(t, text, 0, maxLine)
			stdin := &ragged{text, random}
			readAll(t, nil, input.Options{MaxLine: maxLine, Stdin: stdin}).check(t, text, 0, maxLine)
		})
	}
}

func FuzzChunks(f *testing.F) {
	f.Add([]byte("a\nbb\n\nccc"), 2)
	f.Add([]byte("\n\n\n"), 1)
	f.Add([]byte("aaaaaaaaaa"), 3)
	f.Add([]byte("\x1f\x8b\x08"), 3)
	f.Fuzz(func(t *testing.T, text []byte, maxLine int) {
		if maxLine < 1 || maxLine > 1000 {
			maxLine = 10
		}
		text = append([]byte("{"), text...) // plain
		readAll(t, nil, input.Options{MaxLine: maxLine, Stdin: bytes.NewReader(text)}).check(t, text, 0, maxLine)
	})
}

// monotonous is a reader of one line, and one more.
type monotonous struct {
	size int
	peak uint64
}

func (m *monotonous) Read(p []byte) (int, error) {
	m.peak = max(m.peak, heap())
	switch {
	case m.size == 0:
		return 0, io.EOF
	case m.size <= 3:
		p[0], m.size = "\nb\n"[3-m.size], m.size-1
		return 1, nil
	}
	n := min(len(p), m.size-3)
	for i := range p[:n] {
		p[i] = 'x'
	}
	m.size -= n
	return n, nil
}

func heap() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

func TestLineOfOneGigabyte(t *testing.T) {
	const size = 1 << 30
	runtime.GC()
	before := heap()
	stdin := &monotonous{size: size}
	r, err := input.Open(nil, &input.Options{Stdin: stdin})
	if err != nil {
		t.Fatal(err)
	}
	var last string
	for {
		c, err := r.Next(context.Background())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		last = string(c.Data)
		r.Release(c)
	}
	s := r.Stats()
	if s.Lines != 2 || s.Cut != 1 || s.Cutoff < size-2<<20 || s.Read != size || last != "b\n" {
		t.Errorf("%+v, last line %q", s, last)
	}
	if stdin.peak > before+8<<20 {
		t.Errorf("%d MiB of memory, want at most 8", (stdin.peak-before)>>20)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

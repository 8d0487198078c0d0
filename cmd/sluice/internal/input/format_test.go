package input_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/sluicelog/sluice/cmd/sluice/internal/input"
)

func TestFormats(t *testing.T) {
	text := lines(20_000)
	half := len(text) / 2
	skipped := []byte("\x5a\x2a\x4d\x18\x03\x00\x00\x00abc")
	for name, data := range map[string][]byte{
		"plain":            text,
		"gzip":             gzipped(t, text),
		"gzip members":     gzipped(t, text[:half], nil, text[half:]),
		"zstd":             zstandard(t, text),
		"zstd frames":      zstandard(t, text[:half], text[half:]),
		"a skipped frame":  append(skipped, zstandard(t, text)...),
		"byte order mark":  append([]byte("\xef\xbb\xbf"), text...),
		"empty":            nil,
		"empty gzip":       gzipped(t, nil),
		"two bytes of one": []byte("\xef\xbb"),
		"one byte":         []byte("\xff"),
		"no newline":       []byte("B"),
	} {
		t.Run(name, func(t *testing.T) {
			want, from := text, int64(0)
			switch {
			case len(data) < 10:
				want = data
			case name == "empty gzip":
				want = nil
			case name == "byte order mark":
				want, from = data, 3
			}
			path := write(t, t.TempDir(), "app.log", data)
			for _, got := range []*account{
				readAll(t, []string{path}, input.Options{}),
				readAll(t, nil, input.Options{Stdin: bytes.NewReader(data)}),
				readAll(t, []string{"-"}, input.Options{Stdin: iotest.HalfReader(bytes.NewReader(data))}),
			} {
				got.check(t, want, from, 1<<20)
				if s := got.stats; s.Files != 1 || s.Read != int64(len(data)) {
					t.Errorf("%+v, want a file of %d bytes", s, len(data))
				}
			}
			if len(data) < 1<<18 {
				got := readAll(t, nil, input.Options{Stdin: iotest.OneByteReader(bytes.NewReader(data))})
				got.check(t, want, from, 1<<20)
			}
		})
	}
}

// What can be read of a damaged file is read, and then it is said what is wrong.
func TestDamaged(t *testing.T) {
	text := lines(20_000)
	flip := func(b []byte) []byte { b[len(b)/2] ^= 0x55; return b }
	for name, tt := range map[string]struct {
		data []byte
		some bool // of the text comes
		want string
	}{
		"torn gzip":      {gzipped(t, text)[:50_000], true, "read FILE: after … bytes of what is in it: the compressed file is torn: it ends too early"},
		"torn header":    {gzipped(t, text)[:5], false, "read FILE: the compressed file is torn: it ends too early"},
		"torn zstd":      {zstandard(t, text)[:len(zstandard(t, text))-5000], true, "read FILE: after … bytes of what is in it: the compressed file is torn: it ends too early"},
		"corrupt gzip":   {flip(gzipped(t, text)), true, "read FILE: after … bytes of what is in it: the compressed file is corrupt: …"},
		"corrupt zstd":   {flip(zstandard(t, text)), true, "read FILE: after … bytes of what is in it: the compressed file is corrupt: …"},
		"gzip and junk":  {append(gzipped(t, text), "junk of some length"...), true, "read FILE: after … bytes of what is in it: the compressed file is corrupt: …"},
		"bzip2":          {[]byte("BZh91AY&SY"), false, "read FILE: is compressed with bzip2, which is not read: pipe it through bzcat"},
		"xz":             {[]byte("\xfd7zXZ\x00\x00"), false, "read FILE: is compressed with xz, which is not read: pipe it through xzcat"},
		"UTF-16":         {[]byte("\xff\xfe{\x00"), false, "read FILE: is UTF-16, which is not read: pipe it through iconv -f UTF-16 -t UTF-8"},
		"a large window": {window(t, 16<<20), false, "read FILE: the zstd frame asks for more memory than 8 MiB: pipe it through zstd -dc --long=31"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path, next := write(t, dir, "app.log", tt.data), write(t, dir, "next.log", []byte("next\n"))
			for from, names := range map[string][]string{path: {path, next}, "standard input": {"-", next}} {
				got := readAll(t, names, input.Options{Stdin: bytes.NewReader(tt.data)})
				if diff := cmp.Diff([]string{strings.ReplaceAll(tt.want, "FILE", from)}, shorten(got.errs, tt.want)); diff != "" {
					t.Errorf("mismatch (-want +got):\n%s", diff)
				}
				lines := got.data.Bytes()
				read, ok := bytes.CutSuffix(lines, []byte("next\n"))
				if strings.HasPrefix(name, "corrupt") && len(read) > 1<<20 {
					read = read[:1<<20] // what comes then is not known to be wrong before the sum is
				}
				if !ok || !bytes.HasPrefix(text, read) || len(read) > 0 != tt.some {
					t.Errorf("%d bytes of the text were read, some %v", len(read), tt.some)
				}
				if got.stats.Failed != 1 || got.stats.Files != 2 {
					t.Errorf("%+v", got.stats)
				}
			}
		})
	}
}

// shorten replaces what want has dots for.
func shorten(errs []string, want string) []string {
	for i, s := range errs {
		var n int
		if at := strings.Index(s, "after "); at >= 0 {
			if _, err := fmt.Sscanf(s[at:], "after %d bytes", &n); err == nil && n > 0 {
				s = strings.Replace(s, fmt.Sprint("after ", n, " bytes"), "after … bytes", 1)
			}
		}
		if at := strings.Index(s, "corrupt: "); at >= 0 && strings.HasSuffix(want, "…") {
			s = s[:at] + "corrupt: …"
		}
		errs[i] = s
	}
	return errs
}

// window returns a zstd frame that asks for a window.
func window(t *testing.T, size int) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, zstd.WithWindowSize(size), zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	block := bytes.Repeat([]byte("line\n"), 1<<18)
	for range 20 {
		if _, err := w.Write(block); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// The largest window that is read takes no more memory than it says.
func TestLargestWindow(t *testing.T) {
	data := window(t, 8<<20)
	runtime.GC()
	before, peak := heap(), uint64(0)
	r, err := input.Open(nil, &input.Options{Stdin: bytes.NewReader(data)})
	if err != nil {
		t.Fatal(err)
	}
	for {
		c, err := r.Next(context.Background())
		if errors.Is(err, io.EOF) {
			break
		}
		peak = max(peak, heap())
		r.Release(c)
	}
	if s := r.Stats(); s.Lines != 20<<18 || s.Failed > 0 {
		t.Errorf("%+v", s)
	}
	if peak > before+24<<20 {
		t.Errorf("%d MiB of memory, want at most 24", (peak-before)>>20)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

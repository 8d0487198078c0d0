package rotate_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/rotate"
)

var codecs = []rotate.Compression{rotate.Gzip, rotate.Zstd}

// compressed returns content in the form c.
func compressed(t testing.TB, c rotate.Compression, content string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, err := rotate.NewCompressor(c, &buf, 0)
	if err != nil {
		t.Fatal(err)
	}
	mustWrite(t, w, content)
	mustClose(t, w)
	return buf.Bytes()
}

// decompressed returns the content of what is in the form c.
func decompressed(t testing.TB, c rotate.Compression, p []byte) string {
	t.Helper()
	r, err := rotate.NewDecompressor(c, bytes.NewReader(p))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	content, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// jsonLines returns n bytes of a log that looks like a service's.
func jsonLines(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	messages := []string{"request served", "cache miss", "retrying upstream", "user logged in", "payment accepted"}
	var buf bytes.Buffer
	for i := 0; buf.Len() < n; i++ {
		fmt.Fprintf(&buf, `{"time":"2026-11-21T23:%02d:%02d.%06dZ","level":"INFO","msg":"%s","request_id":"%016x",`+
			`"path":"/api/v1/users/%d","status":%d,"duration_ms":%d.%03d,"bytes":%d}`+"\n",
			i/60_000%60, i/1000%60, r.IntN(1_000_000), messages[r.IntN(len(messages))], r.Uint64(),
			r.IntN(100_000), 200+100*r.IntN(4), r.IntN(500), r.IntN(1000), r.IntN(100_000))
	}
	return buf.Bytes()[:n]
}

func noise(n int) string {
	r := rand.New(rand.NewPCG(3, 4))
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(r.Uint32())
	}
	return string(p)
}

func TestCompressionText(t *testing.T) {
	for name, c := range map[string]rotate.Compression{"none": rotate.None, "gzip": rotate.Gzip, "zstd": rotate.Zstd} {
		if got := c.String(); got != name {
			t.Errorf("String = %q, want %q", got, name)
		}
		text, err := json.Marshal(c)
		if want := `"` + name + `"`; err != nil || string(text) != want {
			t.Errorf("Marshal(%v) = %s, %v, want %s", c, text, err, want)
		}
		for _, in := range []string{name, strings.ToUpper(name)} {
			got := rotate.Compression(7)
			if err := json.Unmarshal([]byte(`"`+in+`"`), &got); err != nil || got != c {
				t.Errorf("Unmarshal(%q) = %v, %v, want %v", in, got, err, c)
			}
		}
	}
	var zero rotate.Compression
	if zero != rotate.None {
		t.Errorf("the zero value is %v, want none", zero)
	}
}

func TestUnknownCompression(t *testing.T) {
	for _, text := range []string{"", "gz", "zst", "bzip2", "none ", "1"} {
		c := rotate.Zstd
		err := c.UnmarshalText([]byte(text))
		if err == nil {
			t.Errorf("UnmarshalText(%q) = %v, want an error", text, c)
			continue
		}
		for _, want := range []string{`"` + text + `"`, "none", "gzip", "zstd"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("UnmarshalText(%q) = %q, which does not say %s", text, err, want)
			}
		}
		if c != rotate.Zstd {
			t.Errorf("UnmarshalText(%q) made it %v", text, c)
		}
	}
	for _, c := range []rotate.Compression{-1, 3} {
		if got, want := c.String(), fmt.Sprintf("Compression(%d)", int(c)); got != want {
			t.Errorf("String = %q, want %q", got, want)
		}
		if text, err := c.MarshalText(); err == nil {
			t.Errorf("MarshalText = %q, want an error", text)
		}
		if _, err := rotate.NewCompressor(c, io.Discard, 0); err == nil {
			t.Errorf("a writer for %v", c)
		}
		if _, err := rotate.NewDecompressor(c, strings.NewReader("")); err == nil {
			t.Errorf("a reader for %v", c)
		}
	}
}

func TestCompressionOf(t *testing.T) {
	for name, want := range map[string]rotate.Compression{
		"":           rotate.None,
		"app.log":    rotate.None,
		"app.log.gz": rotate.Gzip,
		"app.zst":    rotate.Zstd,
		".gz":        rotate.Gzip,
		"app.gz.log": rotate.None,
		"appgz":      rotate.None,
		"app.log.GZ": rotate.None,
		"a.gz.zst":   rotate.Zstd,
	} {
		if got := rotate.CompressionOf(name); got != want {
			t.Errorf("compressionOf(%q) = %v, want %v", name, got, want)
		}
	}
	for _, c := range codecs {
		if got := rotate.CompressionOf("app.log" + rotate.Ext(c)); got != c {
			t.Errorf("the extension of %v is that of %v", c, got)
		}
	}
}

func TestCompressionLevels(t *testing.T) {
	tests := []struct {
		c       rotate.Compression
		good    []int
		bad     []int
		message string // of the last bad one
	}{
		{rotate.None, []int{0}, []int{-1, 1, 9}, "CompressLevel is 9, must be 0 as Compress is none"},
		{rotate.Gzip, []int{0, 1, 6, 9}, []int{-2, -1, 10}, "CompressLevel is 10, must be 0 (fastest) to 9 as Compress is gzip"},
		{rotate.Zstd, []int{0, 1, 3, 22}, []int{-1, 23}, "CompressLevel is 23, must be 0 (fastest) to 22 as Compress is zstd"},
		{3, nil, []int{1, 0}, "the Compress is Compression(3), must be None, Gzip or Zstd"},
	}
	for _, tt := range tests {
		for _, level := range tt.good {
			if err := rotate.CheckLevel(tt.c, level); err != nil {
				t.Errorf("level %d of %v: %v", level, tt.c, err)
			}
		}
		var err error
		for _, level := range tt.bad {
			if err = rotate.CheckLevel(tt.c, level); err == nil {
				t.Errorf("level %d of %v is no error", level, tt.c)
			}
			if _, err := rotate.NewCompressor(tt.c, io.Discard, level); err == nil {
				t.Errorf("a writer with level %d of %v", level, tt.c)
			}
		}
		if diff := cmp.Diff(tt.message, err.Error()); diff != "" {
			t.Errorf("message mismatch (-want +got):\n%s", diff)
		}
	}
}

func TestCodecsRoundTrip(t *testing.T) {
	contents := map[string]string{
		"empty": "",
		"short": "a line\n",
		"lines": string(jsonLines(5 << 18)), // more than the window of zstd
		"noise": noise(300_000),
	}
	levels := map[rotate.Compression][]int{rotate.None: {0}, rotate.Gzip: {0, 1, 9}, rotate.Zstd: {0, 1, 4, 8, 22}}
	if testlog.Race { // takes seconds
		levels = map[rotate.Compression][]int{rotate.Gzip: {0}, rotate.Zstd: {0}}
	}
	for c, levels := range levels {
		for _, level := range levels {
			for name, content := range contents {
				var buf bytes.Buffer
				w, err := rotate.NewCompressor(c, &buf, level)
				if err != nil {
					t.Fatal(err)
				}
				mustWrite(t, w, content)
				mustClose(t, w)
				if got := decompressed(t, c, buf.Bytes()); got != content {
					t.Errorf("%v level %d, %s: %d bytes, want %d", c, level, name, len(got), len(content))
				}
				if name == "lines" && c != rotate.None && buf.Len() > len(content)/4 {
					t.Errorf("%v level %d: %d bytes of %d", c, level, buf.Len(), len(content))
				}
			}
		}
	}
}

func TestOthersReadOurFiles(t *testing.T) {
	size := 2 << 20
	if testlog.Race { // takes seconds
		size >>= 2
	}
	content := string(jsonLines(size))
	t.Run("compress/gzip", func(t *testing.T) {
		r, err := gzip.NewReader(bytes.NewReader(compressed(t, rotate.Gzip, content)))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || string(got) != content {
			t.Errorf("%d bytes, %v, want %d", len(got), err, len(content))
		}
	})
	for _, c := range codecs {
		t.Run("the program "+c.String(), func(t *testing.T) {
			program, err := exec.LookPath(c.String())
			if err != nil {
				t.Skip(err)
			}
			path := filepath.Join(t.TempDir(), "app.log"+rotate.Ext(c))
			writeFile(t, path, string(compressed(t, c, content)))
			got, err := exec.Command(program, "-dc", path).Output()
			if err != nil || string(got) != content {
				t.Errorf("%d bytes, %v, want %d", len(got), err, len(content))
			}
			// And we read theirs.
			writeFile(t, path, content)
			theirs, err := exec.Command(program, "-c", path).Output()
			if err != nil {
				t.Fatal(err)
			}
			if got := decompressed(t, c, theirs); got != content {
				t.Errorf("%d bytes, want %d", len(got), len(content))
			}
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// What a log may cost the program that writes it: one core, and little memory.
func TestCodecsAreFrugal(t *testing.T) {
	size := 4 << 20
	if testlog.Race { // takes seconds
		size >>= 2
	}
	content := jsonLines(size)
	limits := map[rotate.Compression]struct{ write, read uint64 }{
		rotate.Gzip: {write: 1 << 20, read: 256 << 10},
		rotate.Zstd: {write: 2 << 20, read: 2 << 20},
	}
	for c, limit := range limits {
		var buf bytes.Buffer
		buf.Grow(len(content))
		compress := func(step func()) {
			buf.Reset()
			w, err := rotate.NewCompressor(c, &buf, 0)
			if err != nil {
				t.Fatal(err)
			}
			for p := range slices.Chunk(content, 64<<10) {
				if _, err := w.Write(p); err != nil {
					t.Fatal(err)
				}
				step()
			}
			mustClose(t, w)
		}
		piece := make([]byte, 64<<10)
		decompress := func(step func()) {
			r, err := rotate.NewDecompressor(c, bytes.NewReader(buf.Bytes()))
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			for err == nil {
				_, err = r.Read(piece)
				step()
			}
			if !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
		}
		write := bytesAllocated(func() { compress(func() {}) })
		read := bytesAllocated(func() { decompress(func() {}) })
		before := testlog.Goroutines()
		alone := func() {
			if got := testlog.Goroutines(); got > before {
				t.Fatalf("%v: %d goroutines meanwhile, %d before", c, got, before)
			}
		}
		compress(alone)
		decompress(alone)
		t.Logf("%v: %d KiB to write, %d KiB to read", c, write>>10, read>>10)
		if !testlog.Race && (write > limit.write || read > limit.read) {
			t.Errorf("%v: %d bytes allocated to write and %d to read, want at most %d and %d",
				c, write, read, limit.write, limit.read)
		}
	}
}

// bytesAllocated returns how much memory f allocates in all.
func bytesAllocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

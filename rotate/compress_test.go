package rotate_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	stdgzip "compress/gzip"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/rotate"
)

const oldBackup = "app-1999-12-30T00-00-00.000.log"

// readForm is read for every form.
func readForm(t testing.TB, path string) string {
	t.Helper()
	p, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return decompressed(t, rotate.CompressionOf(path), p)
}

// onlyHas fails t unless want is all that dir holds.
func onlyHas(t testing.TB, dir string, want ...string) {
	t.Helper()
	slices.Sort(want)
	if diff := cmp.Diff(want, names(t, dir)); diff != "" {
		t.Errorf("files mismatch (-want +got):\n%s", diff)
	}
}

func TestCompressionKeepsModeAndTime(t *testing.T) {
	for _, c := range []rotate.Compression{rotate.None, rotate.Gzip, rotate.Zstd} {
		t.Run(c.String(), func(t *testing.T) {
			dir := t.TempDir()
			src, dst := filepath.Join(dir, oldBackup), filepath.Join(dir, "copy"+rotate.Ext(c))
			content := string(jsonLines(300_000))
			writeFile(t, src, content)
			modified := time.Date(1999, 12, 31, 1, 2, 3, 0, time.UTC)
			if err := errors.Join(os.Chmod(src, 0o604), os.Chtimes(src, modified, modified)); err != nil {
				t.Fatal(err)
			}
			if err := rotate.CompressFile(t.Context(), src, dst, c, 0); err != nil {
				t.Fatal(err)
			}
			onlyHas(t, dir, filepath.Base(src), filepath.Base(dst))
			if got := readForm(t, dst); got != content {
				t.Errorf("%d bytes, want %d", len(got), len(content))
			}
			got, err := os.Stat(dst)
			if err != nil {
				t.Fatal(err)
			}
			want, err := os.Stat(src)
			if err != nil {
				t.Fatal(err)
			}
			if !got.ModTime().Equal(modified) {
				t.Errorf("time is %v, want %v", got.ModTime(), modified)
			}
			if got.Mode() != want.Mode() {
				t.Errorf("mode is %v, want %v", got.Mode(), want.Mode())
			}
			if result, err := rotate.CompareCompressed(t.Context(), src, dst); result != rotate.Equal || err != nil {
				t.Errorf("compared: %v, %v, want equal", result, err)
			}
		})
	}
}

func TestCompressionRefuses(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(src, dst string) error
		level   int
		message string
	}{
		{"a level out of range", func(src, _ string) error { return os.WriteFile(src, nil, 0o600) }, 23, "CompressLevel is 23"},
		{"a source that is not there", func(string, string) error { return nil }, 0, "no such file"},
		{"a directory", func(src, _ string) error { return os.Mkdir(src, 0o700) }, 0, "not a regular file but a directory"},
		{"a symbolic link", func(src, _ string) error {
			return errors.Join(os.WriteFile(src+".target", []byte("x\n"), 0o600), os.Symlink(src+".target", src))
		}, 0, "not a regular file but a symbolic link"},
		{"to replace a file", func(src, dst string) error {
			return errors.Join(os.WriteFile(src, []byte("x\n"), 0o600), os.WriteFile(dst, []byte("x\n"), 0o600))
		}, 0, "file exists"},
		{"to replace a symbolic link", func(src, dst string) error {
			return errors.Join(os.WriteFile(src, []byte("x\n"), 0o600), os.Symlink("nowhere", dst))
		}, 0, "file exists"},
		{"a name that is too long", func(src, _ string) error {
			return os.WriteFile(src, []byte("x\n"), 0o600)
		}, 0, "file name too long"},
		{"a directory that is not there", func(src, _ string) error {
			return os.WriteFile(src, []byte("x\n"), 0o600)
		}, 0, "no such file"},
	}
	for _, tt := range tests {
		for _, c := range codecs {
			t.Run(tt.name+", "+c.String(), func(t *testing.T) {
				dir := t.TempDir()
				src := filepath.Join(dir, oldBackup)
				dst := src + rotate.Ext(c)
				switch tt.name {
				case "a name that is too long":
					dst = filepath.Join(dir, strings.Repeat("x", 250))
				case "a directory that is not there":
					dst = filepath.Join(dir, "none", oldBackup)
				}
				if err := tt.prepare(src, dst); err != nil {
					t.Fatal(err)
				}
				before := names(t, dir)
				err := rotate.CompressFile(t.Context(), src, dst, c, tt.level)
				if err == nil || !strings.Contains(err.Error(), tt.message) {
					t.Errorf("compression = %v, want %q", err, tt.message)
				}
				onlyHas(t, dir, before...)
			})
		}
	}
}

// endingContext is done after it has been asked n times.
type endingContext struct {
	context.Context
	n int
}

func (c *endingContext) Err() error {
	if c.n--; c.n < 0 {
		return context.Canceled
	}
	return nil
}

func (c *endingContext) Value(any) any { return nil }

func TestCancelledCompressionLeavesNothing(t *testing.T) {
	for _, c := range codecs {
		dir := t.TempDir()
		src := filepath.Join(dir, oldBackup)
		writeFile(t, src, noise(500_000))
		dst := src + rotate.Ext(c)
		cancelled := 0
		for {
			err := rotate.CompressFile(&endingContext{context.Background(), cancelled}, src, dst, c, 0)
			if err == nil {
				break
			}
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("%v: compression = %v, want context.Canceled", c, err)
			}
			onlyHas(t, dir, oldBackup)
			cancelled++
		}
		if cancelled < 5 {
			t.Errorf("%v: could be cancelled only %d times", c, cancelled)
		}
		onlyHas(t, dir, oldBackup, filepath.Base(dst))
	}
}

// doingContext does something each time that it is asked.
type doingContext struct {
	context.Context
	do func(n int)
	n  int
}

func (c *doingContext) Err() error {
	c.n++
	c.do(c.n)
	return nil
}

func (c *doingContext) Value(any) any { return nil }

// What happens to a source meanwhile that others have open, or move.
func TestCompressionNoticesOthers(t *testing.T) {
	appendTo := func(path, s string) error {
		file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		_, err = file.WriteString(s)
		return errors.Join(err, file.Close())
	}
	tests := []struct {
		name string
		do   func(src string) error
		want map[string]string
	}{
		{"appended to", func(src string) error { return appendTo(src, "late\n") }, map[string]string{oldBackup: "line\nlate\n"}},
		{"truncated", func(src string) error { return os.Truncate(src, 0) }, map[string]string{oldBackup: ""}},
		{"written over", func(src string) error { return os.WriteFile(src, []byte("LINE\n"), 0o600) }, map[string]string{oldBackup: "LINE\n"}},
		{"removed", os.Remove, map[string]string{}},
		{"moved", func(src string) error { return os.Rename(src, src+".1") }, map[string]string{oldBackup + ".1": "line\n"}},
		{"replaced", func(src string) error {
			return errors.Join(os.Rename(src, src+".1"), os.WriteFile(src, []byte("line\n"), 0o600),
				os.Chtimes(src, time.Unix(1, 0), time.Unix(1, 0)))
		}, map[string]string{oldBackup + ".1": "line\n", oldBackup: "line\n"}},
	}
	for _, tt := range tests {
		for _, c := range codecs {
			t.Run(tt.name+", "+c.String(), func(t *testing.T) {
				dir := t.TempDir()
				src := filepath.Join(dir, oldBackup)
				writeFile(t, src, "line\n")
				if err := os.Chtimes(src, time.Unix(1, 0), time.Unix(1, 0)); err != nil {
					t.Fatal(err)
				}
				ctx := &doingContext{t.Context(), func(n int) {
					if n != 2 { // the first read has got all of it
						return
					}
					if err := tt.do(src); err != nil {
						t.Fatal(err)
					}
				}, 0}
				if err := rotate.CompressFile(ctx, src, src+rotate.Ext(c), c, 0); err == nil {
					t.Error("the compression succeeded")
				}
				onlyHas(t, dir, slices.Collect(maps.Keys(tt.want))...)
				for name, want := range tt.want {
					if diff := cmp.Diff(want, read(t, filepath.Join(dir, name))); diff != "" {
						t.Errorf("content of %s mismatch (-want +got):\n%s", name, diff)
					}
				}
			})
		}
	}
}

// zstdWindow returns content as a stream of zstd with a window of size bytes.
func zstdWindow(t testing.TB, content string, size int) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, err := zstd.NewWriter(&buf, zstd.WithWindowSize(size))
	if err != nil {
		t.Fatal(err)
	}
	mustWrite(t, w, content)
	mustClose(t, w)
	return buf.Bytes()
}

func TestCompare(t *testing.T) {
	content := string(jsonLines(400_000))
	type test struct {
		name       string
		plain      string
		compressed []byte
		want       rotate.Comparison
	}
	for _, c := range codecs {
		whole := compressed(t, c, content)
		half := compressed(t, c, content[:200_000])
		rest := compressed(t, c, content[200_000:])
		other := compressed(t, c, "something else\n"+content)
		flipped := slices.Clone(whole)
		flipped[len(whole)/2] ^= 0x10
		checksum := slices.Clone(whole)
		checksum[len(whole)-1-4*(2-int(c))] ^= 1 // a gzip file ends in the length
		tests := []test{
			{"the same", content, whole, rotate.Equal},
			{"the same, in two members", content, slices.Concat(half, rest), rotate.Equal},
			{"the same, and no content", content, slices.Concat(whole, compressed(t, c, "")), rotate.Equal},
			{"no content", "", compressed(t, c, ""), rotate.Equal},
			{"an empty file", content, nil, rotate.Unfinished},
			{"an empty file for no content", "", nil, rotate.Unfinished},
			{"rubbish", content, []byte("rubbish, and more of it"), rotate.Unfinished},
			{"zeros", content, make([]byte, 4096), rotate.Unfinished},
			{"zeros at the end", content, slices.Concat(whole, make([]byte, 4096)), rotate.Unfinished},
			{"rubbish at the end", content, slices.Concat(whole, []byte("rubbish")), rotate.Unfinished},
			{"one byte at the end", content, slices.Concat(whole, []byte{1}), rotate.Unfinished},
			{"wrong checksum", content, checksum, rotate.Unfinished},
			{"second member truncated", content, slices.Concat(half, rest[:len(rest)-5]), rotate.Unfinished},
			{"other content", content, other, rotate.Different},
			{"other content, truncated", content, other[:len(other)-3], rotate.Different},
			{"only the beginning", content, half, rotate.Different},
			{"only the end", content, rest, rotate.Different},
			{"more", content[:200_000], whole, rotate.Different},
			{"content for none", "", whole, rotate.Different},
			{"none for content", content, compressed(t, c, ""), rotate.Different},
			{"the other codec", content, compressed(t, codecs[2-int(c)], content), rotate.Unfinished},
		}
		if c == rotate.Zstd {
			skippable := append([]byte{0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0}, "abc"...)
			tests = append(tests,
				test{"with a skippable frame", content, slices.Concat(skippable, whole), rotate.Equal},
				test{"with the largest window", content, zstdWindow(t, content, 8<<20), rotate.Equal})
		}
		for _, tt := range tests {
			t.Run(tt.name+", "+c.String(), func(t *testing.T) {
				dir := t.TempDir()
				plain, packed := filepath.Join(dir, "app.log"), filepath.Join(dir, "app.log"+rotate.Ext(c))
				writeFile(t, plain, tt.plain)
				writeFile(t, packed, string(tt.compressed))
				if got, err := rotate.CompareCompressed(t.Context(), plain, packed); got != tt.want || err != nil {
					t.Errorf("compared: %v, %v, want %v", got, err, tt.want)
				}
			})
		}
		t.Run("a flipped bit, "+c.String(), func(t *testing.T) {
			got, err := rotate.Compare(t.Context(), strings.NewReader(content), bytes.NewReader(flipped), c)
			if got == rotate.Equal || err != nil { // it may read like something else
				t.Errorf("compared: %v, %v, want a difference or damage", got, err)
			}
		})
	}
}

// A compressed file that ends too early is never taken for a good one, nor for
// one that holds something else: wherever the end is.
func TestEveryTruncationIsUnfinished(t *testing.T) {
	contents := []string{"line\n", strings.Repeat("some line of a log\n", 20_000), string(jsonLines(3000))}
	if testlog.Race { // takes seconds
		contents = contents[:1]
	}
	for _, c := range codecs {
		for _, content := range contents {
			whole := compressed(t, c, content)
			for n := 1; n < len(whole); n++ {
				got, err := rotate.Compare(t.Context(), strings.NewReader(content), bytes.NewReader(whole[:n]), c)
				if got != rotate.Unfinished || err != nil {
					t.Errorf("%v, the first %d of %d bytes: %v, %v, want unfinished", c, n, len(whole), got, err)
				}
			}
		}
	}
}

// What could not be read is not taken for damage: that would be removed.
func TestCompareFailsRatherThanGuess(t *testing.T) {
	content := string(jsonLines(400_000))
	broken := errors.New("the disk is broken")
	for _, c := range codecs {
		whole := compressed(t, c, content)
		check := func(name string, ctx context.Context, plain, packed io.Reader, want error) {
			t.Helper()
			got, err := rotate.Compare(ctx, plain, packed, c)
			if !errors.Is(err, want) || got == rotate.Equal || got == rotate.Unfinished {
				t.Errorf("%v, %s: %v, %v, want %v", c, name, got, err, want)
			}
		}
		for _, n := range []int{0, 1, 3, 5, 10, len(whole) / 2, len(whole) - 1, len(whole)} {
			failing := io.MultiReader(bytes.NewReader(whole[:n]), iotest.ErrReader(broken))
			check(fmt.Sprintf("an error after %d bytes", n), t.Context(), strings.NewReader(content), failing, broken)
		}
		for _, n := range []int{0, 100_000, len(content)} {
			failing := io.MultiReader(strings.NewReader(content[:n]), iotest.ErrReader(broken))
			check(fmt.Sprintf("an error after %d bytes of the plain file", n), t.Context(), failing, bytes.NewReader(whole), broken)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(broken)
		check("a cancelled context", ctx, strings.NewReader(content), bytes.NewReader(whole), broken)
		ctx, stop := context.WithDeadline(t.Context(), time.Unix(0, 0))
		stop()
		check("an expired context", ctx, strings.NewReader(content), bytes.NewReader(whole), context.DeadlineExceeded)
		check("a context that ends", &endingContext{t.Context(), 1}, strings.NewReader(content), bytes.NewReader(whole),
			context.Canceled)
	}
	content = strings.Repeat(content, 3)
	for name, packed := range map[string][]byte{
		"too large a window": zstdWindow(t, content, 16<<20),
		"a dictionary":       {0x28, 0xb5, 0x2f, 0xfd, 0x01, 0x58, 0x2a, 0x01, 0x00, 0x00},
	} {
		got, err := rotate.Compare(t.Context(), strings.NewReader(content), bytes.NewReader(packed), rotate.Zstd)
		if err == nil {
			t.Errorf("%s: %v, want an error", name, got)
		}
	}
}

func TestCompareRefusesLinks(t *testing.T) {
	dir := t.TempDir()
	plain, packed := filepath.Join(dir, "app.log"), filepath.Join(dir, "app.log.gz")
	writeFile(t, plain+".target", "line\n")
	writeFile(t, packed, string(compressed(t, rotate.Gzip, "line\n")))
	if err := os.Symlink(plain+".target", plain); err != nil {
		t.Fatal(err)
	}
	if got, err := rotate.CompareCompressed(t.Context(), plain, packed); err == nil {
		t.Errorf("compared: %v, want an error", got)
	}
	if got, err := rotate.CompareCompressed(t.Context(), plain+".target", packed); got != rotate.Equal || err != nil {
		t.Errorf("compared: %v, %v, want equal", got, err)
	}
}

func FuzzCompare(f *testing.F) {
	for _, c := range codecs {
		f.Add("line\n", compressed(f, c, "line\n"), c == rotate.Zstd)
		f.Add("line\n", compressed(f, c, "another\n"), c == rotate.Zstd)
	}
	f.Add("", []byte{0x28, 0xb5, 0x2f, 0xfd, 0x04, 0xff}, true) // a window that is too large
	f.Add("", []byte{0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, false)
	f.Fuzz(func(t *testing.T, plain string, packed []byte, isZstd bool) {
		c := rotate.Gzip
		if isZstd {
			c = rotate.Zstd
		}
		got, err := rotate.Compare(t.Context(), strings.NewReader(plain), bytes.NewReader(packed), c)
		content, readErr := decompress(c, packed)
		switch {
		case err == nil && got == rotate.Equal && (readErr != nil || string(content) != plain):
			t.Errorf("equal, but it holds %q, %v, and not %q", content, readErr, plain)
		case err == nil && got == rotate.Unfinished && readErr == nil:
			t.Errorf("unfinished, but it holds %q", content)
		case err == nil && got != rotate.Equal && readErr == nil && string(content) == plain:
			t.Errorf("%v, but it holds the same", got)
		}
	})
}

func decompress(c rotate.Compression, p []byte) ([]byte, error) {
	r, err := rotate.NewDecompressor(c, bytes.NewReader(p))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, 64<<20))
}

func TestInterruptedCompressionIsResolved(t *testing.T) {
	content := strings.Repeat("some line of a log\n", 10_000)
	for _, c := range codecs {
		whole := compressed(t, c, content)
		other := compressed(t, c, strings.Repeat("another log\n", 20_000))
		begin, more := compressed(t, c, content[:500]), compressed(t, c, content+"x")
		tests := []struct {
			name   string
			packed []byte
			want   string // content of the plain form, empty if it is to go
			after  []byte // exact bytes of the compressed form, empty if there is to be none
			errors uint64
		}{
			{name: "only the removal is missing", packed: whole, after: whole},
			{name: "truncated", packed: whole[:len(whole)/2], want: content},
			{name: "truncated in the checksum", packed: whole[:len(whole)-3], want: content},
			{name: "truncated in the header", packed: whole[:5], want: content},
			{name: "empty", packed: []byte{}, want: content},
			{name: "rubbish", packed: []byte("rubbish, and more of it"), want: content},
			{name: "something else", packed: other, want: content, after: other, errors: 1},
			{name: "only the beginning", packed: begin, want: content, after: begin, errors: 1},
			{name: "more", packed: more, want: content, after: more, errors: 1},
			{name: "something else, truncated", packed: other[:len(other)-3], want: content, after: other[:len(other)-3], errors: 1},
		}
		for _, compress := range []rotate.Compression{rotate.None, c} {
			for _, tt := range tests {
				t.Run(fmt.Sprintf("%v, %v on, %s", c, compress, tt.name), func(t *testing.T) {
					inBubble(t, func(t *testing.T) {
						dir := t.TempDir()
						plain := filepath.Join(dir, oldBackup)
						packed := plain + rotate.Ext(c)
						writeFile(t, plain, content)
						writeFile(t, packed, string(tt.packed))
						writeFile(t, filepath.Join(dir, "app-1999-12-31T00-00-00.000.log"), "newer\n")
						f := mustOpen(t, filepath.Join(dir, "app.log"), &rotate.Options{Compress: compress})
						synctest.Wait()
						if got := f.Stats().Errors; got != tt.errors {
							t.Errorf("Errors = %d, want %d; last: %v", got, tt.errors, f.Stats().LastError)
						}
						mustClose(t, f)
						if compress != rotate.None && tt.want != "" && tt.errors == 0 { // and it was done again
							if got := readForm(t, packed); got != content {
								t.Errorf("compressed again: %d bytes, want %d", len(got), len(content))
							}
							if _, err := os.Stat(plain); err == nil {
								t.Error("the plain form is still there")
							}
							return
						}
						got, err := os.ReadFile(plain)
						if string(got) != tt.want || (err != nil) != (tt.want == "") {
							t.Errorf("plain form: %d bytes, %v, want %d", len(got), err, len(tt.want))
						}
						after, err := os.ReadFile(packed)
						if !bytes.Equal(after, tt.after) || (err != nil) != (len(tt.after) == 0) {
							t.Errorf("compressed form: %d bytes, %v, want %d", len(after), err, len(tt.after))
						}
					})
				})
			}
		}
	}
}

// The states that a crash can leave, at any step of a compression and with the
// option changed in between: in the end there is one copy, and it is whole.
func TestOneCopyIsLeftAfterACrash(t *testing.T) {
	lines := 10_000
	if testlog.Race { // takes seconds
		lines = 1_000
	}
	content := strings.Repeat("some line of a log\n", lines)
	const newest = "app-1999-12-31T00-00-00.000.log"
	good := map[rotate.Compression]string{rotate.None: content}
	for _, c := range codecs {
		good[c] = string(compressed(t, c, content))
	}
	type state map[string]string // content by name
	for _, c := range codecs {
		other := codecs[2-int(c)]
		name, otherName := oldBackup+rotate.Ext(c), oldBackup+rotate.Ext(other)
		tmp, otherTmp := "."+name+".1234567890.tmp", "."+otherName+".42.tmp"
		half := func(c rotate.Compression) string { return good[c][:len(good[c])/2] }
		states := map[string]state{
			"before it began":                         {oldBackup: content},
			"temporary file empty":                    {oldBackup: content, tmp: ""},
			"temporary file begun":                    {oldBackup: content, tmp: half(c)},
			"temporary file whole":                    {oldBackup: content, tmp: good[c]},
			"both names":                              {oldBackup: content, tmp: good[c], name: good[c]},
			"renamed":                                 {oldBackup: content, name: good[c]},
			"source removed":                          {name: good[c]},
			"source removed, leftovers":               {name: good[c], tmp: half(c)},
			"truncated under the final name":          {oldBackup: content, name: half(c)},
			"empty under the final name":              {oldBackup: content, name: ""},
			"truncated, and again begun":              {oldBackup: content, name: half(c), tmp: half(c)},
			"two whole":                               {oldBackup: content, name: good[c], otherName: good[other]},
			"two, the other truncated":                {oldBackup: content, name: good[c], otherName: half(other)},
			"two truncated":                           {oldBackup: content, name: half(c), otherName: half(other)},
			"two truncated, and temporary files":      {oldBackup: content, name: half(c), otherName: half(other), tmp: "", otherTmp: half(other)},
			"one whole, the other begun":              {oldBackup: content, name: good[c], otherTmp: half(other)},
			"two whole, with temporary files of both": {oldBackup: content, name: good[c], otherName: good[other], tmp: good[c], otherTmp: ""},
		}
		for title, files := range states {
			for _, compress := range []rotate.Compression{rotate.None, c, other} {
				t.Run(fmt.Sprintf("%v, %s, now %v", c, title, compress), func(t *testing.T) {
					inBubble(t, func(t *testing.T) {
						dir := t.TempDir()
						for name, content := range files {
							writeFile(t, filepath.Join(dir, name), content)
						}
						writeFile(t, filepath.Join(dir, newest), "newest\n")
						writeFile(t, filepath.Join(dir, "app.log"), "live\n")
						for range 2 { // the second time there is nothing to do
							f := mustOpen(t, filepath.Join(dir, "app.log"), &rotate.Options{Compress: compress})
							synctest.Wait()
							if s := f.Stats(); s.Errors > 0 {
								t.Errorf("%d errors, the last: %v", s.Errors, s.LastError)
							}
							mustClose(t, f)
							var copies []string
							for _, name := range names(t, dir) {
								switch {
								case name == newest, name == "app.log":
								case strings.HasSuffix(name, ".tmp"):
									t.Errorf("%s was left over", name)
								default:
									copies = append(copies, name)
								}
							}
							if len(copies) != 1 {
								t.Fatalf("copies: %q, want one", copies)
							}
							if got := readForm(t, filepath.Join(dir, copies[0])); got != content {
								t.Errorf("%s holds %d bytes, want %d", copies[0], len(got), len(content))
							}
							if c := rotate.CompressionOf(copies[0]); compress != rotate.None && c == rotate.None {
								t.Errorf("%s is not compressed", copies[0])
							}
						}
					})
				})
			}
		}
	}
}

func TestArchiveThatCannotBeReadIsKept(t *testing.T) {
	content := string(jsonLines(2 << 20))
	inBubble(t, func(t *testing.T) {
		dir := t.TempDir()
		plain := filepath.Join(dir, oldBackup)
		writeFile(t, plain, content)
		writeFile(t, plain+".zst", string(zstdWindow(t, content, 16<<20)))
		f := mustOpen(t, filepath.Join(dir, "app.log"), &rotate.Options{Compress: rotate.Zstd})
		synctest.Wait()
		if s := f.Stats(); s.Errors == 0 {
			t.Error("no error was counted")
		}
		mustClose(t, f)
		onlyHas(t, dir, "app.log", oldBackup, oldBackup+".zst")
	})
}

func TestCompressionInAnUnwritableDirectory(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write to every directory")
	}
	dir := t.TempDir()
	src := filepath.Join(dir, oldBackup)
	writeFile(t, src, "line\n")
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o700) //nolint:errcheck // the test is over
	for _, c := range codecs {
		if err := rotate.CompressFile(t.Context(), src, src+rotate.Ext(c), c, 0); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%v: compression = %v, want a permission error", c, err)
		}
		onlyHas(t, dir, oldBackup)
	}
}

// BenchmarkCompress compresses 16 MB of JSON lines, with the standard library
// beside.
func BenchmarkCompress(b *testing.B) {
	content := jsonLines(16_000_000)
	type codec struct {
		name string
		open func(w io.Writer) (io.WriteCloser, error)
	}
	codecs := []codec{
		{"compress_gzip_level_1", func(w io.Writer) (io.WriteCloser, error) { return stdgzip.NewWriterLevel(w, 1) }},
		{"compress_gzip_level_6", func(w io.Writer) (io.WriteCloser, error) { return stdgzip.NewWriterLevel(w, 6) }},
	}
	for _, c := range []struct {
		c     rotate.Compression
		level int
	}{{rotate.Gzip, 0}, {rotate.Gzip, 6}, {rotate.Gzip, 9}, {rotate.Zstd, 0}, {rotate.Zstd, 3}, {rotate.Zstd, 6}, {rotate.Zstd, 10}} {
		codecs = append(codecs, codec{fmt.Sprintf("%v_level_%d", c.c, c.level), func(w io.Writer) (io.WriteCloser, error) {
			return rotate.NewCompressor(c.c, w, c.level)
		}})
	}
	for _, codec := range codecs {
		b.Run(codec.name, func(b *testing.B) {
			var buf bytes.Buffer
			buf.Grow(len(content) / 2)
			b.SetBytes(int64(len(content)))
			b.ReportAllocs()
			for b.Loop() {
				buf.Reset()
				w, err := codec.open(&buf)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := w.Write(content); err != nil {
					b.Fatal(err)
				}
				if err := w.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(content))/float64(buf.Len()), "ratio")
		})
	}
}

// BenchmarkCompressFile is the whole of it, fsync included.
func BenchmarkCompressFile(b *testing.B) {
	for _, c := range codecs {
		b.Run(c.String(), func(b *testing.B) {
			src := filepath.Join(b.TempDir(), oldBackup)
			writeFile(b, src, string(jsonLines(16_000_000)))
			b.SetBytes(16_000_000)
			b.ReportAllocs()
			for b.Loop() {
				if err := errors.Join(rotate.CompressFile(b.Context(), src, src+".packed", c, 0), os.Remove(src+".packed")); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

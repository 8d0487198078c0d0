package input_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/cmd/sluice/internal/input"
)

func TestTail(t *testing.T) {
	long := strings.Repeat(strings.Repeat("x", 99_999)+"\n", 5)
	for name, tt := range map[string]struct {
		text string
		n    int
		want string
	}{
		"one":                       {"a\nb\nc\n", 1, "c\n"},
		"two":                       {"a\nb\nc\n", 2, "b\nc\n"},
		"all":                       {"a\nb\nc\n", 3, "a\nb\nc\n"},
		"more":                      {"a\nb\nc\n", 4, "a\nb\nc\n"},
		"a last line without end":   {"a\nb\nc", 2, "b\nc"},
		"empty lines":               {"a\n\n\n", 2, "\n\n"},
		"only newlines":             {"\n\n", 1, "\n"},
		"one line":                  {"abc", 1, "abc"},
		"nothing":                   {"", 3, ""},
		"the end":                   {"a\nb\n", -1, ""},
		"the end in a line":         {"a\nb", -1, "b"},
		"more than a block":         {long, 3, long[:300_000]},
		"in the middle of a block":  {long + "a\nb\n", 3, long[:100_000] + "a\nb\n"},
		"beginning with a newline":  {"\na\n", 1, "a\n"},
		"many":                      {strings.Repeat("1234567\n", 50_000), 20_000, strings.Repeat("1234567\n", 20_000)},
		"with a byte order mark":    {"\xef\xbb\xbfa\nb\n", 1, "b\n"},
		"of which nothing is taken": {"\xef\xbb\xbfa\nb\n", 5, "a\nb\n"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			files := map[string]string{
				"plain": write(t, dir, "app.log", []byte(tt.text)),
				"gzip":  write(t, dir, "gz.log", gzipped(t, []byte(tt.text))),
				"zstd":  write(t, dir, "zst.log", zstandard(t, []byte(tt.text))),
				"stdin": "-",
			}
			for form, file := range files {
				if form == "zstd" && strings.HasPrefix(tt.text, "\xef") || form == "gzip" && strings.HasPrefix(tt.text, "\xef") {
					continue // a mark in a compressed file is not looked for
				}
				got := readAll(t, []string{file}, input.Options{Tail: tt.n, Stdin: strings.NewReader(tt.text)})
				if diff := cmp.Diff(tt.want, got.data.String()); diff != "" || len(got.errs) > 0 {
					t.Errorf("%s: errors %q, mismatch (-want +got):\n%s", form, got.errs, diff)
				}
				if len(got.chunks) == 0 {
					continue
				}
				offset, number := int64(len(tt.text)-len(tt.want)), int64(0)
				switch {
				case offset == 0, offset == 3 && tt.text[0] == 0xef:
					number = 1
				case form != "plain":
					offset = -1
				}
				if c := got.chunks[0]; c.Offset != offset || c.Number != number {
					t.Errorf("%s: line %d, byte %d, want %d, %d", form, c.Number, c.Offset, number, offset)
				}
			}
		})
	}
}

func TestTailOfMuch(t *testing.T) {
	var text bytes.Buffer
	for i := range 200_000 {
		fmt.Fprintf(&text, "%099d\n", i)
	}
	data := text.Bytes()
	got := readAll(t, nil, input.Options{Tail: 1000, Stdin: bytes.NewReader(data)})
	if !bytes.Equal(got.data.Bytes(), data[len(data)-100_000:]) {
		t.Errorf("%d bytes, want the last 100,000", got.data.Len())
	}
	// No more than 8 MiB, and whole lines.
	got = readAll(t, nil, input.Options{Tail: 150_000, Stdin: bytes.NewReader(data)})
	const kept = 8 << 20 / 100 * 100
	if !bytes.Equal(got.data.Bytes(), data[len(data)-kept:]) {
		t.Errorf("%d bytes, want the last %d", got.data.Len(), kept)
	}
	got = readAll(t, nil, input.Options{Tail: 1, Stdin: bytes.NewReader(bytes.Repeat([]byte("x"), 9<<20))})
	if got.data.Len() > 0 || len(got.errs) > 0 {
		t.Errorf("%d bytes of a line that has lost its beginning, errors %q", got.data.Len(), got.errs)
	}
}

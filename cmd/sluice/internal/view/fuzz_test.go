package view_test

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzView looks for text that does something to a terminal, or to the program.
func FuzzView(f *testing.F) {
	for line := range strings.Lines(hostileLog()) {
		if len(line) < 1000 {
			f.Add([]byte(line), uint8(0))
		}
	}
	f.Add([]byte(planted), uint8(3))
	f.Fuzz(func(t *testing.T, log []byte, flags uint8) {
		args := []string{"--utc", "--color", "never"}
		for i, more := range [][]string{{"--layout", "wide", "--width", "60"}, {"--name"}, {"--grep", "a"}, {"--context", "1"}, {"--last", "2"}, {"-f"}, {"--level", "info"}} {
			if flags&(1<<i) != 0 {
				args = append(args, more...)
			}
		}
		var out bytes.Buffer
		call(t.Context(), bytes.NewReader(log), &out, io.Discard, args...)
		if !utf8.Valid(out.Bytes()) {
			t.Fatalf("%q is not UTF-8", out.String())
		}
		for line := range strings.Lines(out.String()) {
			if line = strings.TrimSuffix(line, "\n"); strings.ContainsFunc(line, acts) {
				t.Fatalf("printed %q", line)
			}
		}
	})
}

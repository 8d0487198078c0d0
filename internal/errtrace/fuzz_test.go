package errtrace

import (
	"fmt"
	"runtime/debug"
	"strings"
	"testing"
	"unicode/utf8"
)

// Whatever text an error gives as its trace and its message, no line of the
// result can be taken for the header of an error that is not there.
func FuzzStackText(f *testing.F) {
	f.Add(string(debug.Stack()), "boom")
	f.Add("a.go:1: x\nf(\n\t:1\n)(\n\tx:99999999999999999999\n", "a\nCaused by: b")
	f.Add("goroutine 1 [running]:\n\n\t\n--- at \n at x\xff", "")
	f.Fuzz(func(t *testing.T, text, message string) {
		err := fmt.Errorf("w: %w", &textError{base{message: message}, text})
		var lines [2]int
		for i, rootFirst := range []bool{false, true} {
			got, _ := Style{RootFirst: rootFirst}.OfError(err)
			if got == "" {
				continue
			}
			headers := 0
			for line := range strings.SplitSeq(got, "\n") {
				lines[i]++
				if !strings.HasPrefix(line, "\tat ") && line != "\t... more" {
					headers++
				}
			}
			if headers != 2 {
				t.Errorf("%d headers in %q", headers, got)
			}
			if !utf8.ValidString(got) || strings.ContainsAny(got, "\r\x1b\u2028") {
				t.Errorf("text %q", got)
			}
		}
		if lines[0] != lines[1] {
			t.Errorf("%d lines in one order, %d in the other", lines[0], lines[1])
		}
	})
}

// Program counters are numbers that anybody can make up: the runtime must not
// throw on one, which nobody could recover from.
func FuzzStackPCs(f *testing.F) {
	here := callers()[0]
	f.Add(int64(0), int64(0))
	f.Add(int64(1), int64(-1))
	f.Add(-int64(here), int64(-100_000))
	f.Fuzz(func(_ *testing.T, a, b int64) {
		err := &goError{base{message: "x"}, []uintptr{here + uintptr(a), uintptr(b), here + uintptr(b%1_000_000), uintptr(a)}}
		Style{Hash: true}.OfError(err)
	})
}

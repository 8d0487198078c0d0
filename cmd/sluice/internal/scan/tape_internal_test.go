package scan

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func TestTape(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	want := make(map[int]string)
	last := ""
	for line := 1; text.Len() < 2*maxLine; line++ {
		switch {
		case line%97 == 0:
			last = fmt.Sprintf("2026-11-22T10:%02d:%02d.%d", line/60%60, line%60, line)
			text.WriteString(last + " one\n")
		case line == 5000:
			text.WriteString(last + strings.Repeat("x", maxLine) + "\n")
		default:
			text.WriteString("text without one\n")
		}
		want[line] = last
	}
	lines := strings.SplitAfter(text.String(), "\n")
	for _, size := range []int{4096, 64 << 10} { // of a read
		for _, every := range []int{1, 31, 500} { // line that has something
			tp := &tape{mask: func(b []byte) []byte { return b }, line: 1}
			ahead := []byte(nil)
			for i, line := range lines[:len(lines)-1] {
				ahead = append(ahead, line...)
				for len(ahead) >= size {
					tp.add(ahead[:size])
					ahead = ahead[size:]
				}
				tp.add(ahead)
				ahead = ahead[:0]
				n := i + 1
				if n%every != 0 {
					continue
				}
				wanted := want[n]
				if n == 5000 {
					wanted = "" // it is too long
				}
				if got := tp.timeOf(n); got != wanted && (n < 5000 || n > 5097) {
					t.Fatalf("reads of %d, line %d: %q, want %q", size, n, got, wanted)
				}
			}
		}
	}
}

// What is on the tape no more has no time, and is not that of another line.
func TestTapeIsShort(t *testing.T) {
	t.Parallel()
	tp := &tape{mask: func(b []byte) []byte { return b }, line: 1}
	tp.add([]byte("2026-11-22T10:00:00Z one\n"))
	if got := tp.timeOf(1); got != "2026-11-22T10:00:00Z" {
		t.Errorf("got %q", got)
	}
	const long = 5 * tapeSize / 8192
	for range long {
		tp.add(append(bytes.Repeat([]byte("x"), 8191), '\n'))
		if len(tp.text) > 3*tapeSize {
			t.Fatalf("the tape has %d bytes", len(tp.text))
		}
	}
	for _, line := range []int{2, 1 + long} {
		if got := tp.timeOf(line); got != "" {
			t.Errorf("line %d: got %q", line, got)
		}
	}
}

func TestStamps(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		`{"time":"2026-11-22T10:00:01.5+01:00","since":"2026-01-01 00:00"}`: "2026-11-22T10:00:01.5+01:00 2026-01-01 00:00",
		"2026/11/22 10:00:01,123 INFO":                                      "2026/11/22 10:00:01,123",
		"20261122T100001Z x":                                                "20261122T100001Z",
		`::1 - - [22/Nov/2026:10:00:01 +0000] "GET /"`:                      "22/Nov/2026:10:00:01 +0000",
		"7:C 22 Nov 2026 10:00:01.123 * Ready":                              "22 Nov 2026 10:00:01.123",
		"22.11.2026 10:00:01 x":                                             "22.11.2026 10:00:01",
		"Nov  2 10:00:01 host app[1]: x":                                    "Nov  2 10:00:01",
		"[Sun Nov 22 10:00:01.123456 2026] [core:error]":                    "Nov 22 10:00:01.123456",
		"Nov 22, 2026 9:00:01 AM com.example.Main":                          "Nov 22, 2026 9:00:01 AM",
		"I1122 10:00:01.123456 1 main.go:7] x":                              "I1122 10:00:01.123456",
		`{"ts":1795302046.123}`:                                             "1795302046.123",
		`{"time":1795302046123,"pid":1}`:                                    "1795302046123",
		"ts=1795302046 x":                                                   "1795302046",
		"2026-11-22 x":                                                      "", // a day is no time
		"10:00:01 x":                                                        "", // and this is of any day
		`{"phone":"17953020461","id":"x1795302046"}`:                        "",
		"GET /?page=1 200":                                                  "",
	} {
		tp := &tape{mask: func(b []byte) []byte { return b }, line: 1}
		tp.add([]byte(line + "\n"))
		if got := tp.timeOf(1); got != want {
			t.Errorf("%s: got %q, want %q", line, got, want)
		}
	}
}

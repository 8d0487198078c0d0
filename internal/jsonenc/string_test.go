package jsonenc_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/internal/jsonenc"
)

// simpleString takes a string's encoding from the standard library's handler.
func simpleString(s string) string {
	var b bytes.Buffer
	h := slog.NewJSONHandler(&b, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.LevelKey {
			return slog.Attr{}
		}
		return a
	}})
	_ = h.Handle(context.Background(), slog.Record{Message: s})
	return strings.TrimSuffix(strings.TrimPrefix(b.String(), `{"msg":`), "}\n")
}

// Every byte at every place of strings of every length around the words of eight
// in which they are read, in every capacity.
func TestStringsAreThoseOfTheStandardLibrary(t *testing.T) {
	t.Parallel()
	bad := []string{"", "\"", "\\", "\x00", "\n", "\x1f", " ", "!", "\x7f", "\x80", "\xff", "é", "\u2028", "\u2029", "😀", "\xed\xa0\x80", "[", "]"}
	for n := range 35 {
		for at := range n + 1 {
			for _, c := range bad {
				s := strings.Repeat("x", at) + c + strings.Repeat("y", n-at)
				want := simpleString(s)
				for _, free := range []int{0, 1, 9, 64} {
					if got := string(jsonenc.AppendString(make([]byte, 0, free), s)); got != want {
						t.Fatalf("AppendString(%q) = %s, want %s", s, got, want)
					}
				}
			}
		}
	}
	for c := range 256 {
		s := fmt.Sprintf("%c%s1234567%s", c, string([]byte{byte(c)}), string([]byte{byte(c), byte(c)}))
		if got, want := string(jsonenc.AppendString(nil, s)), simpleString(s); got != want {
			t.Errorf("AppendString(%q) = %s, want %s", s, got, want)
		}
	}
}

func FuzzString(f *testing.F) {
	for _, s := range []string{"", "a", "GET", "1234567", "12345678", "123456789", "/api/v1/users/42", "a\"b", "tab\tat the 8th", "\xff", "é", "日本語", "\u2028", "12345678\x7f\x80"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, want := string(jsonenc.AppendString([]byte("x"), s)), "x"+simpleString(s); got != want {
			t.Errorf("AppendString(%q) = %s, want %s", s, got, want)
		}
	})
}

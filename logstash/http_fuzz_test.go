package logstash_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/sluicelog/sluice/logstash"
)

// Whatever a receiver asks for is waited for, within bounds, and what it asks
// for in the ways of RFC 9110 is understood.
func FuzzHTTPRetryAfter(f *testing.F) {
	f.Add("120", "", uint32(0))
	f.Add("Fri, 31 Dec 1999 23:59:59 GMT", "Fri, 31 Dec 1999 23:59:00 GMT", uint32(7))
	f.Add("-1", "x", uint32(600))
	f.Add("99999999999999999999", "", uint32(1<<31))
	f.Add("1.5", "", uint32(1))
	f.Add(" 7", "Sunday, 06-Nov-94 08:49:37 GMT", uint32(59))
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, value, date string, seconds uint32) {
		if d := logstash.RetryTime(value, date, now); d < 0 || d > 10*time.Minute {
			t.Errorf("Retry-After %q, Date %q: %v", value, date, d)
		}
		want := min(time.Duration(seconds)*time.Second, 10*time.Minute)
		at := now.Add(time.Duration(seconds) * time.Second).Format(http.TimeFormat)
		if d := logstash.RetryTime(at, "", now); d != want {
			t.Errorf("Retry-After %q: %v, want %v", at, d, want)
		}
		if _, err := http.ParseTime(date); err == nil {
			return
		}
		if d := logstash.RetryTime(at, date, now); d != want {
			t.Errorf("Retry-After %q, Date %q: %v, want %v", at, date, d, want)
		}
	})
}

// What a receiver says becomes one short printable line, which says the same
// when it is cleaned again.
func FuzzHTTPErrorText(f *testing.F) {
	f.Add("plain")
	f.Add("a\x1b[31mred\x1b[0m\r\nlog: forged\x00")
	f.Add(strings.Repeat("ä", 150))
	f.Add("\xff\xfe\u2028\u202eabc\ufffd")
	f.Add(strings.Repeat("x", 198) + " yz")
	f.Fuzz(func(t *testing.T, s string) {
		got := logstash.Clean(s)
		if len(got) > 200 || !utf8.ValidString(got) || strings.TrimSpace(got) != got {
			t.Errorf("%q becomes %q", s, got)
		}
		if i := strings.IndexFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
			t.Errorf("%q becomes %q, which cannot be printed", s, got)
		}
		if again := logstash.Clean(got); again != got {
			t.Errorf("%q becomes %q and then %q", s, got, again)
		}
		if plain := strings.Trim(s, "abcdefghijklmnopqrstuvwxyz"); plain == "" && len(s) < 200 && got != s {
			t.Errorf("%q becomes %q", s, got)
		}
	})
}

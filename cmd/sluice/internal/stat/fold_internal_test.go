package stat

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFold(t *testing.T) {
	for _, test := range []struct{ message, want string }{
		{"", ""},
		{"request served", "request served"},
		{"  spaces \t here  ", "spaces here"},
		{"payment 28245 failed after 4 attempts", "payment * failed after * attempts"},
		{"upstream 10.0.3.5 answered 503", "upstream * answered *"},
		{"dial tcp 10.0.3.7:5432: connect: connection refused", "dial tcp *: connect: connection refused"},
		{"dial tcp [2001:db8::8a2e:370:7334]:443: i/o timeout", "dial tcp [*]:*: i/o timeout"},
		{"peer fe80::1 gone", "peer * gone"},
		{"order 550e8400-e29b-41d4-a716-446655440000 lost", "order * lost"},
		{"order abcdefab-cdef-abcd-abcd-abcdefabcdef lost", "order * lost"},
		{"took 1.5s, then 250µs, 1m30s and -3", "took *, then * and *"},
		{"at 2026-11-22T10:00:00.123Z and 2026-11-22 10:00", "at * and *"},
		{"pointer 0xc000123456 nil", "pointer * nil"},
		{"commit 3f2a9bc1d deadbeef", "commit *"},
		{`unknown command "frobnicate \"x\"" here`, `unknown command "*" here`},
		{"can't open 'a b' or `c`", "can't open '*' or `*`"},
		{"it's Ann's", "it's Ann's"},
		{`an open " quote`, `an open " quote`},
		{"GET /orders/4711/items/9 HTTP/1.1", "GET /orders/*/items/* HTTP/*"},
		{"worker-3 on node12 of shard_7", "worker-* on node* of shard_*"},
		{"user=ann status=ok n=3", "user=* status=* n=*"},
		{"login password=[REDACTED] ids=[1 2]", "login password=[REDACTED] ids=[*]"},
		{"level=info a==b", "level=* a==b"},
		{"mail to ann.b+c@example.com failed", "mail to * failed"},
		{"at postgres://shop:[REDACTED]@db.internal:5432/shop", "at postgres://shop:[REDACTED]@db.internal:*/shop"},
		{"@everyone hi @ home", "@everyone hi @ home"},
		{"ids [1, 2, 3] and [4 5]", "ids [*] and [*]"},
		{"disk 95% full, $12 or #7", "disk *% full, $* or #*"},
		{"1,234,567 rows", "* rows"},
		{"token x7Kq9Zr2Lm", "token *"},
		{"sent to café 5€ in 3µs", "sent to café *€ in *"},
		{"订单123失败", "订单*失败"},
		{"会议10:00开始，用户ann@example.com迟到", "会议*开始，用户*迟到"},
		{"panic: boom 3\ngoroutine 1 [running]", "panic: boom *"},
		{strings.Repeat("x", 100), strings.Repeat("x", 100)},
		{strings.Repeat("x", 1000), strings.Repeat("x", 256)},
		{strings.Repeat("错", 100), strings.Repeat("错", 85)},
		{strings.Repeat("word ", 100), strings.Repeat("word ", 52)[:256]},
	} {
		got := string(fold(nil, []byte(test.message)))
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("fold(%q): mismatch (-want +got):\n%s", test.message, diff)
		}
	}
}

func TestFoldPath(t *testing.T) {
	for value, want := range map[string]string{
		"/orders/42?x=1":          "/orders/*",
		"https://a.example/7#top": "https://a.example/*",
		"200":                     "200",
		"ann-7":                   "ann-7",
		"/":                       "/",
		"/static/app.3f2a9bc1.js": "/static/app.*.js",
		"/users/550e8400-e29b-41d4-a716-446655440000/cart": "/users/*/cart",
	} {
		if got := string(foldPath(nil, []byte(value))); got != want {
			t.Errorf("foldPath(%q) = %q, want %q", value, got, want)
		}
	}
}

// Messages that differ in a number only are folded to the same, whatever is around the number.
func FuzzFoldIgnoresNumbers(f *testing.F) {
	f.Add("payment ", " failed", uint32(1), uint32(99))
	f.Add("a=", ", b", uint32(0), uint32(7))
	f.Add("\"", "'", uint32(3), uint32(12))
	f.Fuzz(func(t *testing.T, before, after string, a, b uint32) {
		message := func(n uint32) []byte {
			return []byte(before + " " + string(appendNumber(nil, n)) + " " + after)
		}
		x, y := fold([]byte("kept"), message(a)), fold([]byte("kept"), message(b))
		if !bytes.HasPrefix(x, []byte("kept")) {
			t.Fatalf("%q: what was there is gone: %q", message(a), x)
		}
		if len(x) < maxFolded && len(y) < maxFolded && !bytes.Equal(x, y) {
			t.Errorf("%q and %q are folded to %q and %q", message(a), message(b), x, y)
		}
	})
}

func appendNumber(b []byte, n uint32) []byte {
	if n >= 10 {
		b = appendNumber(b, n/10)
	}
	return append(b, byte('0'+n%10))
}

func TestFoldAllocatesNothing(t *testing.T) {
	b := make([]byte, 0, 1024)
	message := []byte(`payment 28245 of ann@example.com failed after 1.5s: dial tcp 10.0.3.7:5432 "refused"`)
	if n := testing.AllocsPerRun(100, func() { b = fold(b[:0], message) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkFold(b *testing.B) {
	out := make([]byte, 0, 1024)
	message := []byte("payment 28245 failed after 4 attempts: dial tcp 10.0.3.7:5432: connection refused")
	b.SetBytes(int64(len(message)))
	for b.Loop() {
		out = fold(out[:0], message)
	}
}

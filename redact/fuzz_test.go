package redact_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/redact"
)

// seeds are those that go test runs.
const seeds = 300

// data are texts for the fuzzer to begin with.
func fuzzData(seed uint64) string {
	list := []string{"", "a b ", "x\"y ", "\n", "\\", "&", "{[", "'", "=", "password: ", "\xff", "://", "[REDACTED]"}
	return list[seed%uint64(len(list))]
}

// No secret, in whatever shape and behind whatever chain of handlers, is in the
// output of any encoder, as it is or spelled in another way, nor in what hooks are told.
func FuzzNoSecretIsPrinted(f *testing.F) {
	for seed := range uint64(seeds) {
		f.Add(seed, fuzzData(seed))
	}
	f.Fuzz(noSecretIsPrinted)
}

func noSecretIsPrinted(t *testing.T, seed uint64, data string) {
	setup := setupFor(seed)
	p := newPlanter(seed, data, false, setup.own)
	c := newChain(seed, false, setup.handler, []slog.Attr{p.attr(0)})
	steps, sibling := p.steps(), p.steps()
	r := p.record()
	parent := derived(c.Handler, steps)
	child := derived(parent, sibling)
	if err := testlog.Log(r, child, parent); err != nil {
		t.Fatal(err)
	}
	secrets := p.needles()
	for _, o := range append(c.end(t), &setup.told) {
		checkOutput(t, o, secrets)
	}
}

// The same where redact cannot be wrapped around a handler. What log/slog does not
// ask about, the names of groups, has no secret here.
func FuzzReplaceAttr(f *testing.F) {
	for seed := range uint64(seeds) {
		f.Add(seed, fuzzData(seed))
	}
	f.Fuzz(replaceAttr)
}

func replaceAttr(t *testing.T, seed uint64, data string) {
	setup := setupFor(seed)
	p := newPlanter(seed, data, false, setup.own)
	text, asJSON := &output{name: "slog's text"}, &output{name: "slog's JSON", isJSON: true}
	ho := &slog.HandlerOptions{Level: anyLevel, AddSource: true, ReplaceAttr: setup.redactor.ReplaceAttr}
	r := p.record()
	for _, h := range []slog.Handler{slog.NewTextHandler(&text.buf, ho), slog.NewJSONHandler(&asJSON.buf, ho)} {
		if err := testlog.Log(r, h.WithGroup("g").WithAttrs([]slog.Attr{p.attr(0)})); err != nil {
			t.Fatal(err)
		}
	}
	secrets := p.needles()
	for _, o := range []*output{text, asJSON, &setup.told} {
		checkOutput(t, o, secrets)
	}
}

// No secret stays in a text, and JSON, other than a bare number, stays JSON.
func FuzzNoSecretInText(f *testing.F) {
	for seed := range uint64(seeds) {
		f.Add(seed, fuzzData(seed))
	}
	f.Fuzz(noSecretInText)
}

func noSecretInText(t *testing.T, seed uint64, data string) {
	setup := setupFor(seed)
	p := newPlanter(seed, data, false, setup.own)
	text := oneOf(p, p.text, p.text, p.cutOff)()
	got, secrets := setup.redactor.String(text), p.needles()
	leaks(t, strconv.Quote(text), secrets, []byte(got))
	leaks(t, "again, "+strconv.Quote(text), secrets, []byte(setup.redactor.String(got)))
	if strings.ContainsAny(text, `{["`) && json.Valid([]byte(text)) && !json.Valid([]byte(got)) {
		t.Errorf("JSON %s has become %s", text, got)
	}
}

// What Bytes does is what String does.
func FuzzBytes(f *testing.F) {
	for seed := range uint64(seeds) {
		f.Add([]byte(newPlanter(seed, fuzzData(seed), seed%2 == 0, false).text()))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s := string(b)
		want := redact.String(s)
		got := redact.Bytes(b)
		if string(got) != want {
			t.Errorf("%q: Bytes makes %q of it, String %q", s, got, want)
		}
		if string(b) != s {
			t.Errorf("%q has been written to: %q", s, b)
		}
		if want == s && len(b) > 0 && &got[0] != &b[0] {
			t.Errorf("%q, without a secret, is a copy", s)
		}
	})
}

// withoutAddresses returns what has been printed, but for pointers: what is printed of a copy has others.
func withoutAddresses(buf *bytes.Buffer) string {
	return addresses.ReplaceAllString(buf.String(), "0x")
}

var addresses = regexp.MustCompile("0x[0-9a-f]{6,}")

// record returns a record with secrets in the message and in up to three attrs.
func (p *planter) record() slog.Record {
	r := slog.NewRecord(time.Unix(p.Int64N(4e9), 5).UTC(), oneOf(p, slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError, -100, 2, 100), "m", 0)
	if p.IntN(3) == 0 {
		r.Message = p.text()
	}
	for range 1 + p.IntN(3) {
		r.AddAttrs(p.attr(0))
	}
	return r
}

// A record without a secret comes out byte for byte as it does without redact,
// and so do the values, which are the very same.
func FuzzCleanRecordsAreUnchanged(f *testing.F) {
	for seed := range uint64(seeds) {
		f.Add(seed)
	}
	f.Fuzz(cleanRecordsAreUnchanged)
}

func cleanRecordsAreUnchanged(t *testing.T, seed uint64) {
	setup := setupFor(seed)
	p, again := newPlanter(seed, "", true, setup.own), newPlanter(seed, "", true, setup.own)
	added := []slog.Attr{p.attr(0)}
	_ = again.attr(0)
	steps, r := p.steps(), p.record()
	plain := newChain(seed, true, func(h slog.Handler) slog.Handler { return h }, added)
	redacted := newChain(seed, true, setup.handler, added)
	for _, c := range []*chain{plain, redacted} {
		if err := testlog.Log(r, derived(c.Handler, steps)); err != nil {
			t.Fatal(err)
		}
	}
	got := redacted.end(t)
	for i, o := range plain.end(t) {
		if want := withoutAddresses(&o.buf); withoutAddresses(&got[i].buf) != want {
			t.Errorf("%s: without: %s\nwith:    %s", o.name, want, &got[i].buf)
		}
	}
	if setup.told.buf.Len() > 0 {
		t.Errorf("hooks were told: %s", &setup.told.buf)
	}
	kept := &keeper{}
	if err := testlog.Log(r, derived(setup.handler(kept), steps)); err != nil {
		t.Fatal(err)
	}
	var want []slog.Attr
	for _, s := range steps {
		want = append(want, s.attrs...)
	}
	r.Attrs(func(a slog.Attr) bool { want = append(want, a); return true })
	identical(t, want, kept.attrs)
	// The caller's values are what they were: as those that are made again.
	var before []slog.Attr
	for _, s := range again.steps() {
		before = append(before, s.attrs...)
	}
	fresh := again.record()
	fresh.Attrs(func(a slog.Attr) bool { before = append(before, a); return true })
	if !sameValue(before, want) {
		t.Errorf("changed: %v, was %v", want, before)
	}
}

// What is valid JSON, other than a bare number, stays valid; masking is done in one go, and nothing panics.
func FuzzString(f *testing.F) {
	for _, s := range []string{
		"", "password=x", `{"password":12}`, `{"a":"{\"token\":\"x\"}"}`, `password="a\"b`, "https://u:p@h/?token=x&y=z", "Cookie: a=b; c=d\n",
		`{\"password\":\"x\"}`, "4111 1111 1111 1111", jwt, "-----BEGIN PRIVATE KEY-----", "password: {[", "[REDACTED", "password=[REDACTED]x", "secret=>",
		`["password=x", 4111111111111111, {"Authorization":["Basic dTpw"]}]`, "token:\"\\", "\"password=x\"",
		strings.Repeat("[", 300),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := redact.String(s)
		isJSON := json.Valid([]byte(s)) && strings.ContainsAny(s, `{["`)
		if isJSON && !json.Valid([]byte(got)) {
			t.Errorf("JSON %q has become %q", s, got)
		}
		if again := redact.String(got); isJSON && again != got {
			t.Errorf("JSON %q becomes %q, and that %q", s, got, again)
		}
		quoted := strconv.Quote(s + "x7") // no placeholder has letters and digits
		masked, want := redact.String("a password="+quoted+" b"), `a password="[REDACTED]" b`
		if tooDeep := strings.Count(s, "[")+strings.Count(s, "{") > 100; tooDeep {
			masked, want = masked[:min(len(masked), len(want)-3)], want[:len(want)-3] // what follows may be masked too
		}
		if masked != want {
			t.Errorf("password=%s becomes %q, want %q", quoted, masked, want)
		}
	})
}

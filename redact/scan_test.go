package redact_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/redact"
)

// collect returns what is found up to an error.
func collect(found iter.Seq2[redact.Finding, error]) (all []redact.Finding, err error) {
	for f, e := range found {
		if err != nil {
			return all, errors.Join(err, errors.New("it goes on after an error"))
		}
		if err = e; err == nil {
			all = append(all, f)
		}
	}
	return all, err
}

func gzipped(t testing.TB, members ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, m := range members {
		w := gzip.NewWriter(&b)
		if _, err := io.WriteString(w, m); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func zstded(t testing.TB, frames ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, f := range frames {
		w, err := zstd.NewWriter(&b)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, f); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

const (
	pemBegin = "-----BEGIN RSA PRIVATE KEY-----"
	pemEnd   = "-----END RSA PRIVATE KEY-----"
	pemBody  = "MIIEowIBAAKCAQEAhunter2hunter2hunter2hunter2hunter2hunter2hunter"
)

// What is found in which line; the rules have their own tests.
var scanTests = []struct {
	name, text string
	want       []redact.Finding
}{
	{"nothing", "", nil},
	{"one byte", "x", nil},
	{"only line ends", "\n\r\n\n", nil},
	{"clean", "GET /index.html 200\n{\"msg\":\"started\",\"port\":8080}\n", nil},
	{"a secret", "a\nlogin password=hunter2 ok\nb\n", []redact.Finding{{Line: 2, Excerpt: "login password=[REDACTED] ok"}}},
	{"no line end", "a\npassword=hunter2", []redact.Finding{{Line: 2, Excerpt: "password=[REDACTED]"}}},
	{
		"two in a line", "password=hunter2 token=hunter2\n",
		[]redact.Finding{
			{Line: 1, Excerpt: "password=[REDACTED] token=[REDACTED]"},
			{Line: 1, Excerpt: "password=[REDACTED] token=[REDACTED]"},
		},
	},
	{
		"JSON", `{"level":"INFO","user":{"name":"bob","password":"hunter2"},"list":[{"token":"hunter2"}],"msg":"secret=hunter2"}` + "\n",
		[]redact.Finding{
			{Line: 1, Path: "user.password", Excerpt: `{"level":"INFO","user":{"name":"bob","password":"[REDACTED]"},"list":[{"token":"[REDACTED]"}],"msg":"secret=[REDACTED]"}`},
			{Line: 1, Path: "list.token", Excerpt: `{"level":"INFO","user":{"name":"bob","password":"[REDACTED]"},"list":[{"token":"[REDACTED]"}],"msg":"secret=[REDACTED]"}`},
			{Line: 1, Path: "msg", Excerpt: `{"level":"INFO","user":{"name":"bob","password":"[REDACTED]"},"list":[{"token":"[REDACTED]"}],"msg":"secret=[REDACTED]"}`},
		},
	},
	{"CR LF", "a\r\npassword=hunter2\r\nb\r\n", []redact.Finding{{Line: 2, Excerpt: "password=[REDACTED]"}}},
	{
		"binary", "\x00\x00\xff\xfe\x1b[31m password=hunter2 \u202e\xc3(\x7f\t\n\x00\n",
		[]redact.Finding{{Line: 1, Excerpt: `\x00\x00\xff\xfe\x1b[31m password=[REDACTED] ` + `\u202e\xc3(\x7f\t`}},
	},
	{"begins like gzip", "\x1f\x8b password=hunter2", []redact.Finding{{Line: 1, Excerpt: `\x1f\x8b password=[REDACTED]`}}},
	{"masked", "password=[REDACTED] {\"token\":\"[REDACTED]\"}\nhttps://u:[REDACTED]@h/\n", nil},
	{
		"masked, and another", "password=[REDACTED] and more of it to come, token=hunter2\n",
		[]redact.Finding{{Line: 1, Excerpt: "password=[REDACTED] and more of it to come, token=[REDACTED]"}},
	},
	{
		"far from the mask", strings.Repeat("日本 ", 30) + "password=hunter2 " + strings.Repeat("x", 200),
		[]redact.Finding{{Line: 1, Excerpt: "… " + strings.Repeat("日本 ", 10) + "password=[REDACTED] " + strings.Repeat("x", 69) + "…"}},
	},
	{
		"private key", "a\n" + pemBegin + "\n" + pemBody + "\n" + pemBody + "=\n" + pemEnd + "\nb\npassword=hunter2\n",
		[]redact.Finding{{Line: 2, Excerpt: pemBegin + mask + pemEnd}, {Line: 7, Excerpt: "password=[REDACTED]"}},
	},
	{
		"private key, CR LF", pemBegin + "\r\n" + pemBody + "\r\n" + pemEnd + "\r\ntoken=hunter2",
		[]redact.Finding{{Line: 1, Excerpt: pemBegin + mask + pemEnd}, {Line: 4, Excerpt: "token=[REDACTED]"}},
	},
	{
		"private key, with prefixes",
		"12:00 app: " + pemBegin + "\n12:00 app: " + pemBody + "\n12:01 app: " + pemEnd + " token=hunter2\n",
		[]redact.Finding{{Line: 1, Excerpt: "12:00 app: " + pemBegin + mask + pemEnd}, {Line: 3, Excerpt: " token=[REDACTED]"}},
	},
	{
		"private key, cut off", pemBegin + "\n" + pemBody + "\n" + pemBody + "\n\nserver started\npassword=hunter2\n",
		[]redact.Finding{{Line: 1, Excerpt: pemBegin + mask}, {Line: 6, Excerpt: "password=[REDACTED]"}},
	},
	{
		"private key, cut off by the end", "x\n" + pemBegin + "\n" + pemBody,
		[]redact.Finding{{Line: 2, Excerpt: pemBegin + mask}},
	},
	{"private key without a body", pemBegin + "\n", nil},
	{
		"private key, cut off by another",
		pemBegin + "\n" + pemBody + "\ntoken=hunter2\n" + pemBegin + "\n" + pemBody + "\n" + pemEnd + "\ntoken=hunter2\n",
		[]redact.Finding{
			{Line: 1, Excerpt: pemBegin + mask},
			{Line: 3, Excerpt: "token=[REDACTED]"},
			{Line: 4, Excerpt: pemBegin + mask + pemEnd},
			{Line: 7, Excerpt: "token=[REDACTED]"},
		},
	},
	{
		"private key of many lines without an end",
		pemBegin + "\n" + strings.Repeat("\n", 10) + "token=hunter2\n" + strings.Repeat("clean line of a log\n", 20_000) + "token=hunter2\n" + pemEnd,
		[]redact.Finding{{Line: 12, Excerpt: "token=[REDACTED]"}, {Line: 20_013, Excerpt: "token=[REDACTED]"}},
	},
	{
		"private key before a long line",
		pemBegin + "\n" + pemBody + "\ntoken=hunter2\n" + strings.Repeat("long ", 20_000) + "token=hunter2\n" + pemBegin + "\n!",
		[]redact.Finding{
			{Line: 1, Excerpt: pemBegin + mask},
			{Line: 3, Excerpt: "token=[REDACTED]"},
			{Line: 4, Excerpt: "…ong " + strings.Repeat("long ", 20) + "token=[REDACTED]"},
		},
	},
	{
		"private keys in one line", "a " + pemBegin + `\n` + pemBody + `\n` + pemEnd + " b\ntoken=hunter2\n",
		[]redact.Finding{{Line: 1, Excerpt: "a " + pemBegin + mask + pemEnd + " b"}, {Line: 2, Excerpt: "token=[REDACTED]"}},
	},
	{
		"certificate", "-----BEGIN CERTIFICATE-----\n" + pemBody + "\n-----END CERTIFICATE-----\ntoken=hunter2\n",
		[]redact.Finding{{Line: 4, Excerpt: "token=[REDACTED]"}},
	},
}

// found compares what is found but for the names of rules.
func diffFindings(want, got []redact.Finding) string {
	return gocmp.Diff(want, got, cmpopts.IgnoreFields(redact.Finding{}, "Rule"), cmpopts.EquateEmpty())
}

func TestScan(t *testing.T) {
	t.Parallel()
	for _, test := range scanTests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			half := len(test.text) / 2
			for how, r := range map[string]io.Reader{
				"plain":             strings.NewReader(test.text),
				"byte by byte":      iotest.OneByteReader(strings.NewReader(test.text)),
				"data with the end": iotest.DataErrReader(strings.NewReader(test.text)),
				"gzip":              bytes.NewReader(gzipped(t, test.text)),
				"gzip, two members": bytes.NewReader(gzipped(t, test.text[:half], test.text[half:])),
				"zstd":              bytes.NewReader(zstded(t, test.text)),
				"zstd, two frames":  iotest.HalfReader(bytes.NewReader(zstded(t, test.text[:half], test.text[half:]))),
				"zstd, skippable":   io.MultiReader(strings.NewReader("\x5a\x2a\x4d\x18\x01\x00\x00\x00x"), bytes.NewReader(zstded(t, test.text))),
			} {
				got, err := collect(redact.Scan(r))
				if err != nil {
					t.Errorf("%s: %v", how, err)
				}
				if diff := diffFindings(test.want, got); diff != "" {
					t.Errorf("%s: mismatch (-want +got):\n%s", how, diff)
				}
				for _, f := range got {
					if f.Rule == "" || f.File != "" {
						t.Errorf("%s: got rule %q, file %q", how, f.Rule, f.File)
					}
					if strings.Contains(f.Excerpt, "hunter2") {
						t.Errorf("%s: the secret is in %q", how, f.Excerpt)
					}
				}
			}
		})
	}
}

// A file that is damaged is looked at as far as it can be read.
func TestScanOfDamagedFiles(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 2000 {
		fmt.Fprintf(&text, "%d %x\n", i, r.Uint64())
		if i == 9 {
			text.WriteString("password=hunter2\n")
		}
	}
	flipped := func(b []byte) []byte {
		b = slices.Clone(b)
		b[len(b)-20] ^= 0x55
		return b
	}
	cut := func(b []byte) []byte { return b[:len(b)-len(b)/3] }
	zip, zst := gzipped(t, text.String()), zstded(t, text.String())
	for _, test := range []struct {
		name  string
		r     io.Reader
		found int
		line  int // of the error, at least
		is    error
	}{
		{"gzip, cut off", bytes.NewReader(cut(zip)), 1, 1000, io.ErrUnexpectedEOF},
		{"gzip, corrupt", bytes.NewReader(flipped(zip)), 1, 1000, nil},
		{"gzip, then something else", bytes.NewReader(append(slices.Clone(zip), "something else"...)), 1, 2002, gzip.ErrHeader},
		{"gzip, only a part of the header", bytes.NewReader(zip[:5]), 0, 1, io.ErrUnexpectedEOF},
		{"zstd, cut off", bytes.NewReader(cut(zst)), 0, 1, io.ErrUnexpectedEOF},
		{"zstd, second frame cut off", bytes.NewReader(append(slices.Clone(zst), cut(zst)...)), 1, 2002, io.ErrUnexpectedEOF},
		{"zstd, corrupt", bytes.NewReader(append(slices.Clone(zst), flipped(zst)...)), 1, 2002, nil},
		{"zstd, then something else", bytes.NewReader(append(slices.Clone(zst), "something else"...)), 1, 2002, zstd.ErrMagicMismatch},
		{"zstd, too large a window", bytes.NewReader([]byte("\x28\xb5\x2f\xfd\x00\xa0\x01\x00\x00")), 0, 1, zstd.ErrWindowSizeExceeded},
		{"reader fails", io.MultiReader(strings.NewReader("a\npassword=hunter2"), iotest.ErrReader(os.ErrPermission)), 1, 3, os.ErrPermission},
		{"reader fails at once", iotest.ErrReader(os.ErrPermission), 0, 1, os.ErrPermission},
		{"reader fails in a key", io.MultiReader(strings.NewReader(pemBegin+"\n"+pemBody), iotest.ErrReader(os.ErrPermission)), 1, 3, os.ErrPermission},
		{
			"reader fails in a long line",
			io.MultiReader(strings.NewReader("a\n"+strings.Repeat("x ", 1<<20)+"password=hunter2"), iotest.ErrReader(os.ErrPermission)),
			1, 3, os.ErrPermission,
		},
		{"reader gives nothing", stuck{}, 0, 1, io.ErrNoProgress},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			found := 0
			var last redact.Finding
			var err error
			for f, e := range redact.Scan(named{test.r, "app.log"}) {
				if err != nil {
					t.Fatalf("goes on after %v", err)
				}
				if last, err = f, e; err == nil {
					found++
				}
			}
			if found != test.found {
				t.Errorf("found %d, want %d", found, test.found)
			}
			want := fmt.Sprintf("redact: scan app.log: line %d: ", last.Line)
			if err == nil || !strings.HasPrefix(err.Error(), want) || test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("got error %v, want one with %q that is %v", err, want, test.is)
			}
			if last.Line < test.line || last != (redact.Finding{File: "app.log", Line: last.Line}) {
				t.Errorf("error beside %+v, want line %d or later, and the file", last, test.line)
			}
		})
	}
}

type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

type named struct {
	io.Reader
	name string
}

func (n named) Name() string { return n.name }

func TestScanOfFiles(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "app.log")
	if err := os.WriteFile(path, []byte("x\npassword=hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := collect(redact.Scan(f))
	if diff := diffFindings([]redact.Finding{{File: path, Line: 2, Excerpt: "password=[REDACTED]"}}, got); err != nil || diff != "" {
		t.Errorf("error %v, mismatch (-want +got):\n%s", err, diff)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		t.Errorf("the file has been closed: %v", err)
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if _, err := collect(redact.Scan(dir)); err == nil {
		t.Error("scan of a directory: no error")
	}
}

func newRedactor(t testing.TB, opts *redact.Options) *redact.Redactor {
	t.Helper()
	r, err := redact.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestScanWithRulesOfOnesOwn(t *testing.T) {
	t.Parallel()
	hooked := false
	r := newRedactor(t, &redact.Options{
		Rules: []redact.Rule{
			{Name: "badge", Pattern: `EMP-\d{6}`, Action: redact.KeepLast(4)},
			{Name: "user", Keys: []string{"user.email"}, Action: redact.Truncate(3)},
			{Name: "gone", Keys: []string{"gone"}, Action: redact.Remove()},
			{Name: "hashed", Keys: []string{"hashed"}, Action: redact.Hash(make([]byte, 16))},
			{Name: "text", Keys: []string{"text"}, Action: redact.Mask("<secret>")},
		},
		Keys: []string{"more"}, AllowKeys: []string{"password"}, Mask: "***",
		OnRedact: func(string, string) { hooked = true },
		OnError:  func(error) { hooked = true },
	})
	log := `EMP-123456 came, password=hunter2
{"user":{"email":"bob@example.com"}, "gone":"hunter2", "hashed":"hunter2", "text":"hunter2"}
more=hunter2
`
	want := []redact.Finding{
		{Line: 1, Rule: "badge", Excerpt: "*** came, password=hunter2"},
		{Line: 2, Rule: "user", Path: "user.email", Excerpt: `{"user":{"email":"***"}, "gone":"***", "hashed":"***", "text":"***"}`},
		{Line: 2, Rule: "gone", Path: "gone", Excerpt: `{"user":{"email":"***"}, "gone":"***", "hashed":"***", "text":"***"}`},
		{Line: 2, Rule: "hashed", Path: "hashed", Excerpt: `{"user":{"email":"***"}, "gone":"***", "hashed":"***", "text":"***"}`},
		{Line: 2, Rule: "text", Path: "text", Excerpt: `{"user":{"email":"***"}, "gone":"***", "hashed":"***", "text":"***"}`},
		{Line: 3, Rule: "keys", Excerpt: "more=***"},
	}
	got, err := collect(r.Scan(strings.NewReader(log)))
	if diff := gocmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("error %v, mismatch (-want +got):\n%s", err, diff)
	}
	if hooked || r.Stats().Redacted > 0 || r.Stats().ByRule != nil {
		t.Errorf("hook called: %v, stats: %+v", hooked, r.Stats())
	}
	if got := r.String("hashed=hunter2 text=hunter2"); strings.Contains(got, "***\"") || !strings.Contains(got, "<secret>") {
		t.Errorf("the actions are gone: %s", got)
	}
	if got, err := collect(r.Scan(strings.NewReader("more=[REDACTED] " + r.String("hashed=hunter2 text=hunter2 more=x")))); len(got) > 0 || err != nil {
		t.Errorf("found in what is masked: %v, %v", got, err)
	}
}

// A rule can be off, and keys over many lines with it.
func TestScanWithoutPrivateKeys(t *testing.T) {
	t.Parallel()
	r := newRedactor(t, &redact.Options{NoDefaults: true, Keys: []string{"token"}})
	got, err := collect(r.Scan(strings.NewReader(pemBegin + "\ntoken=hunter2\n" + pemEnd + "\n")))
	if diff := diffFindings([]redact.Finding{{Line: 2, Excerpt: "token=[REDACTED]"}}, got); err != nil || diff != "" {
		t.Errorf("error %v, mismatch (-want +got):\n%s", err, diff)
	}
}

func TestScanOfWhatIsTooDeep(t *testing.T) {
	t.Parallel()
	text := strings.Repeat(`{"a":`, 200) + `"password=hunter2"` + strings.Repeat("}", 200)
	for range 101 {
		text = fmt.Sprintf("%q", text)
		if len(text) > 1<<18 {
			break
		}
	}
	got, err := collect(redact.Scan(strings.NewReader(text)))
	if err != nil || len(got) == 0 {
		t.Errorf("got %v, %v, want a finding", got, err)
	}
}

// To leave the loop early is to read no further, and to leave nothing behind.
func TestScanStopsEarly(t *testing.T) {
	testlog.CheckGoroutines(t)
	text := strings.Repeat("password=hunter2"+strings.Repeat(" and so on", 2_000)+"\n", 200)
	for name, r := range map[string]interface {
		io.Reader
		Len() int
	}{
		"plain": strings.NewReader(text), "gzip": bytes.NewReader(gzipped(t, text)), "zstd": bytes.NewReader(zstded(t, text)),
		"long": strings.NewReader(strings.ReplaceAll(text, "\n", " ")), "key": strings.NewReader(pemBegin + "\nMII\n" + pemEnd + text),
	} {
		for f, err := range redact.Scan(r) {
			if err != nil || f.Line != 1 {
				t.Errorf("%s: got %+v, %v", name, f, err)
			}
			break
		}
		if name != "gzip" && name != "zstd" && r.Len() == 0 {
			t.Errorf("%s: has been read to its end", name)
		}
	}
	func() {
		defer func() { _ = recover() }()
		for _, err := range redact.Scan(bytes.NewReader(zstded(t, text))) {
			panic(fmt.Sprint("of the loop ", err))
		}
	}()
}

func TestScanPanicsOnNil(t *testing.T) {
	t.Parallel()
	defer func() {
		if p := recover(); p != "redact: Scan: nil reader" {
			t.Errorf("got panic %v", p)
		}
	}()
	_ = redact.Scan(nil)
}

// One secret in a long line is found once and shown nowhere, wherever it stands.
func TestScanOfLongLines(t *testing.T) {
	t.Parallel()
	const window = 4 << 10
	r := newRedactor(t, nil)
	secrets := []string{
		"password=%s ", `"api_key":"%s",`, "https://u:%s@host/", "Authorization: Bearer %s\t", "token='%s and more'",
		"eyJhbGciOiJIUzI1NiJ9.%s.c2ln ", pemBegin + `\n%s\n` + pemEnd,
	}
	fills := []string{"x", "lorem ipsum dolor ", `{"a":1,"b":"two"},`, "\x00", "日本"}
	for _, size := range []int{20, 200, 1000, 6000} { // the last ones are longer than the overlap
		t.Run(strconv.Itoa(size), func(t *testing.T) {
			t.Parallel()
			for i, form := range secrets {
				if size > window/16 && strings.HasSuffix(form, "@host/") {
					continue // it takes its end to know it
				}
				fill := fills[i%len(fills)]
				body := strings.Repeat("hunter2", size/7)
				secret := " " + fmt.Sprintf(form, body) + " "
				for at := 0; at < 3*window; at += 1 + window/11 {
					line := strings.Repeat(fill, at/len(fill)) + secret + strings.Repeat(fill, (4*window-at)/len(fill))
					text := "clean\n" + line + "\nclean\n"
					got, err := collect(redact.ScanIn(r, strings.NewReader(text), window))
					if err != nil || len(got) != 1 || got[0].Line != 2 {
						t.Fatalf("%s at %d in %q: got %+v, %v, want one", form, at, fill, got, err)
					}
					if strings.Contains(got[0].Excerpt, "hunter2") || !strings.Contains(got[0].Excerpt, "[REDACTED]") {
						t.Fatalf("%s at %d in %q: excerpt %q", form, at, fill, got[0].Excerpt)
					}
				}
			}
		})
	}
}

// A secret that is longer than any window does not show where another is found.
func TestScanOfEndlessSecret(t *testing.T) {
	t.Parallel()
	const window = 4 << 10
	r := newRedactor(t, nil)
	text := `{"token":"` + strings.Repeat("hunter2", 10*window) + ` hunter2","password":"hunter2"}` + "\ntoken=x and more\n"
	got, err := collect(redact.ScanIn(r, strings.NewReader(text), window))
	if err != nil || len(got) < 2 {
		t.Fatalf("got %+v, %v", got, err)
	}
	for _, f := range got {
		if strings.Contains(f.Excerpt, "hunter2") {
			t.Errorf("excerpt %q", f.Excerpt)
		}
	}
	if last := got[len(got)-1]; last.Line != 2 || last.Excerpt != "token=[REDACTED] and more" {
		t.Errorf("then: %+v", last)
	}
}

// Many secrets in a long line are found as in short ones.
func TestScanOfDenseLongLine(t *testing.T) {
	t.Parallel()
	window, n := 4<<10, 2000
	if testlog.Race {
		n = 200
	}
	r := newRedactor(t, nil)
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"id":%d,"password":"hunter2-%d","list":["token=hunter2"]},`, i, i)
	}
	got, err := collect(redact.ScanIn(r, strings.NewReader(b.String()), window))
	if err != nil || len(got) != 2*n {
		t.Errorf("got %d, %v, want %d", len(got), err, 2*n)
	}
	for _, f := range got {
		if strings.Contains(f.Excerpt, "hunter2") || !strings.Contains(f.Excerpt, `"id":`) {
			t.Fatalf("excerpt %q", f.Excerpt)
		}
	}
}

// endless is a line of so many bytes.
type endless struct {
	left int
	fill string
}

func (e *endless) Read(p []byte) (int, error) {
	if e.left <= 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), e.left)], e.fill)
	e.left -= n
	return n, nil
}

func TestScanTakesBoundedMemory(t *testing.T) {
	if testlog.Race {
		t.Skip("the race detector allocates")
	}
	fill := strings.Repeat("some words in a line that never ends, with id=12 ", 1000)
	read := func(n int, secret string) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got, err := collect(redact.Scan(io.MultiReader(&endless{n, fill}, strings.NewReader(secret), &endless{n, fill})))
		runtime.ReadMemStats(&after)
		if err != nil || len(got) != strings.Count(secret, "hunter2") {
			t.Errorf("got %+v, %v", got, err)
		}
		return (after.TotalAlloc - before.TotalAlloc) >> 20
	}
	if mib := read(32<<20, ""); mib > 16 {
		t.Errorf("%d MiB allocated in all for 64 MiB of a clean line", mib)
	}
	if mib := read(8<<20, " password=hunter2 "); mib > 80 {
		t.Errorf("%d MiB allocated in all for one secret in a long line", mib)
	}
}

func TestScanAllocatesNothingPerCleanLine(t *testing.T) {
	if testlog.Race {
		t.Skip("the race detector allocates")
	}
	line := `10.0.0.1 - - [22/Nov/2026:14:00:00 +0000] "GET /index.html?page=2 HTTP/1.1" 200 512 "-" "Mozilla/5.0 (X11; Linux x86_64)"` + "\n"
	allocs := func(lines int) float64 {
		text := strings.Repeat(line, lines)
		return testing.AllocsPerRun(5, func() {
			for f, err := range redact.Scan(strings.NewReader(text)) {
				t.Errorf("found %+v, %v", f, err)
			}
		})
	}
	if few, many := allocs(10), allocs(1010); many-few > 10 {
		t.Errorf("%v allocations for 10 lines, %v for 1010", few, many)
	}
}

func TestScanConcurrentSafe(t *testing.T) {
	t.Parallel()
	r := newRedactor(t, nil)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			got, err := collect(r.Scan(strings.NewReader(strings.Repeat("clean\npassword=hunter2\n", 100))))
			if len(got) != 100 || err != nil {
				t.Errorf("got %d, %v", len(got), err)
			}
		})
	}
	wg.Wait()
}

// What a redact.Handler has seen to is clean; without it, it is not.
func TestScanOfOwnLogs(t *testing.T) {
	t.Parallel()
	encoders := map[string]func(w io.Writer) slog.Handler{
		"JSON":      func(w io.Writer) slog.Handler { return handler.NewJSONHandler(w, nil) },
		"slog JSON": func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
		"logfmt":    func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) },
		"console":   func(w io.Writer) slog.Handler { return handler.NewConsoleHandler(w, nil) },
	}
	logs := []func(l *slog.Logger){
		func(l *slog.Logger) { l.Info("login password=hunter2") },
		func(l *slog.Logger) { l.Info("login", "password", "hunter2") },
		func(l *slog.Logger) {
			l.With("api_key", "hunter2").Info("login", slog.Group("user", "token", "hunter2"))
		},
		func(l *slog.Logger) { l.WithGroup("credentials").Info("login", "token", "hunter2") },
		func(l *slog.Logger) { l.Error("login", "err", errors.New("dial https://u:hunter2@host/: refused")) },
		func(l *slog.Logger) { l.Info("login", "body", `{"password":"hunter2"}`) },
		func(l *slog.Logger) {
			l.Info("login", "header", map[string][]string{"Authorization": {"Bearer hunter2"}})
		},
		func(l *slog.Logger) { l.Info("login", "key", pemBegin+"\n"+pemBody+"\n"+pemEnd) },
	}
	for name, encoder := range encoders {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for i, logIt := range logs {
				var with, without bytes.Buffer
				logIt(slog.New(encoder(&without)))
				logIt(slog.New(redact.NewHandler(encoder(&with), nil)))
				got, err := collect(redact.Scan(&with))
				if err != nil || len(got) > 0 {
					t.Errorf("%d: found %+v, %v", i, got, err)
				}
				text := without.String()
				got, err = collect(redact.Scan(&without))
				if err != nil || len(got) == 0 {
					t.Errorf("%d: found %+v, %v in %s", i, got, err, text)
				}
				for _, f := range got {
					if strings.Contains(f.Excerpt, "hunter2") {
						t.Errorf("%d: excerpt %s", i, f.Excerpt)
					}
				}
			}
		})
	}
}

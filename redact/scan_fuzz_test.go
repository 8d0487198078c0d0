package redact_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode"
	"unicode/utf8"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/redact"
)

// FuzzScan plants secrets in lines between those that are fuzzed. They are found,
// they are in no excerpt, and it makes no difference how the log is read. A line
// without private keys has findings if, and only if, String masks something in it.
func FuzzScan(f *testing.F) {
	for i, text := range []string{
		"", "clean\nlines\n", "password=hunter2\r\n\r\n", "{\"a\":{\"token\":\"x\\\"y\"}}\n[1,2", "\x00\xff\xfe\n\x1f\x8b\x08",
		pemBegin + "\n" + pemBody + "\n" + pemEnd + "\n", pemBegin + "\n" + pemBody + "\n" + pemBegin + "\n", pemEnd + pemBegin + "\n\n",
		"\x28\xb5\x2f\xfd", "\x50\x2a\x4d\x18\x00\x00\x00\x00", strings.Repeat("lorem ", 500), "token=" + strings.Repeat("x", 5000) + " " + pemBegin,
		strings.Repeat(`{"password":"x"},`, 300), "a-----BEGIN PRIVATE KEY-----\x00\n-----END \n", "password: |\n  x\n", "key\":\"[REDACTED]\"",
	} {
		f.Add([]byte(text), uint64(i), uint16(1<<i))
	}
	r := newRedactor(f, nil)
	f.Fuzz(func(t *testing.T, text []byte, seed uint64, window uint16) {
		random := rand.New(rand.NewPCG(seed, 1))
		var log bytes.Buffer
		var secrets []string
		for part := range bytes.SplitAfterSeq(text, []byte{'\n'}) {
			if random.IntN(4) == 0 {
				if log.Len() > 0 {
					log.WriteByte('\n')
				}
				log.WriteString(plantLine(random, &secrets))
			}
			log.Write(part)
		}
		all := log.Bytes()
		if isArchive(all) {
			all = append([]byte{'\n'}, all...)
		}
		want, err := collect(r.Scan(bytes.NewReader(all)))
		if err != nil {
			t.Fatal(err)
		}
		checkFindings(t, want, secrets, bytes.Count(all, []byte{'\n'})+1)
		in, how := iotest.OneByteReader(bytes.NewReader(all)), "byte by byte"
		switch seed % 16 { // which takes longer
		case 0:
			in, how = bytes.NewReader(gzipped(t, string(all))), "gzip"
		case 1:
			in, how = bytes.NewReader(zstded(t, string(all))), "zstd"
		}
		got, err := collect(r.Scan(in))
		if diff := gocmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: error %v, mismatch (-want +got):\n%s\nin %q", how, err, diff, all)
		}
		if !bytes.Contains(all, []byte("-----BEGIN ")) {
			checkLines(t, want, all)
		}
		small, err := collect(redact.ScanIn(r, bytes.NewReader(all), 1<<10+int(window)))
		if err != nil {
			t.Fatal(err)
		}
		checkFindings(t, small, secrets, bytes.Count(all, []byte{'\n'})+1)
		_, _ = collect(r.Scan(bytes.NewReader(text))) // as the archive that it may be
	})
}

func isArchive(b []byte) bool {
	return bytes.HasPrefix(b, []byte{0x1f, 0x8b, 8}) || len(b) >= 4 &&
		(bytes.HasPrefix(b, []byte{0x28, 0xb5, 0x2f, 0xfd}) || b[0]&0xf0 == 0x50 && bytes.Equal(b[1:4], []byte{0x2a, 0x4d, 0x18}))
}

// plantLine returns a line with secrets in it.
func plantLine(random *rand.Rand, secrets *[]string) string {
	forms := []string{
		"login password=%s ok", `{"level":"INFO","user":{"password":"%s","id":1},"msg":"m"}`, "GET https://u:%s@host/?page=2 200",
		"Authorization: Bearer %s", "token: '%s'", `msg="a" api_key="b %s"`, "jwt eyJhbGciOiJIUzI1NiJ9.%s.c2ln", "ghp_%s",
		`{"body":"{\"secret\":\"%s\"}"}`, pemBegin + "\n%s\n" + pemEnd, "\x00\xff password=%s",
	}
	secret := make([]byte, 40)
	for i := range secret {
		secret[i] = alphanumeric[random.IntN(len(alphanumeric))]
	}
	*secrets = append(*secrets, string(secret))
	line := fmt.Sprintf(forms[random.IntN(len(forms))], secret)
	if random.IntN(4) == 0 {
		line = strings.Repeat("lorem ", random.IntN(1000)) + line + strings.Repeat(" ipsum", random.IntN(1000))
	}
	return line + "\n"
}

const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// checkFindings checks what holds for all findings.
func checkFindings(t *testing.T, found []redact.Finding, secrets []string, lines int) {
	t.Helper()
	if !slices.IsSortedFunc(found, func(a, b redact.Finding) int { return a.Line - b.Line }) {
		t.Errorf("not in the order of lines: %+v", found)
	}
	for _, f := range found {
		if f.Line < 1 || f.Line > lines {
			t.Errorf("line %d of %d", f.Line, lines)
		}
		for _, text := range []string{f.Excerpt, f.Path} {
			if !utf8.ValidString(text) || strings.ContainsFunc(text, func(c rune) bool { return !unicode.IsPrint(c) }) {
				t.Errorf("not printable: %q", text)
			}
			if utf8.RuneCountInString(text) > 10*120+2 { // \U0010ffff for each
				t.Errorf("too long: %q", text)
			}
			for _, secret := range secrets {
				if strings.Contains(text, secret[:8]) || strings.Contains(text, secret[len(secret)-8:]) {
					t.Errorf("%s is in %q", secret, text)
				}
			}
		}
		if !strings.Contains(f.Excerpt, "[REDACTED") {
			t.Errorf("no mask in %q", f.Excerpt)
		}
	}
}

// checkLines compares what is found with what String masks.
func checkLines(t *testing.T, found []redact.Finding, log []byte) {
	t.Helper()
	for i, line := range strings.Split(string(log), "\n") {
		line = strings.TrimSuffix(line, "\r")
		want := redact.String(line) != line
		if got := slices.ContainsFunc(found, func(f redact.Finding) bool { return f.Line == i+1 }); got != want {
			t.Errorf("line %d %q: found %v, want %v", i+1, line, got, want)
		}
	}
}

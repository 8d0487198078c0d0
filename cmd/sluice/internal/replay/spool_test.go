package replay_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/logstash"
)

// leaveSpool returns the directory of a spool with n events, whose program is gone.
func leaveSpool(t *testing.T, n int) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "spool")
	s := openShipper(t, dir)
	for id := range n {
		if _, err := s.Write(lstest.AppendEvent(nil, 0, id, "from the spool")); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Shutdown(ctx); err == nil {
		t.Fatal("a shipper without a receiver has sent everything")
	}
	return dir
}

// openShipper returns a shipper over a spool, to a receiver that is not there.
func openShipper(t *testing.T, dir string) *logstash.Shipper {
	t.Helper()
	s, err := logstash.Dial("beats://127.0.0.1:1", &logstash.DialOptions{SpoolDir: dir, SpoolMode: logstash.SpoolAlways})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestSpool(t *testing.T) {
	t.Parallel()
	const n = 5000
	dir := leaveSpool(t, n)
	var ledger lstest.Ledger
	b := beats(t, &lstest.BeatsOptions{OnEvent: ledger.Receiver(), Forget: true})
	r := must(t, 0, dir, "--to", "beats://"+b.Addr(), "--dry-run")
	golden(t, "spool-dry-run", r.out)
	golden(t, "spool", must(t, 0, dir, "--to", "beats://"+b.Addr()).out)
	if ledger.Unique() != n || ledger.Duplicates() > 0 || ledger.OrderBreaks() > 0 {
		t.Errorf("%d arrived, %d twice, %d out of order; want %d", ledger.Unique(), ledger.Duplicates(), ledger.OrderBreaks(), n)
	}
	if c := account(t, 0, dir, "--to", "beats://"+b.Addr()); c.Read != 0 {
		t.Errorf("what was acked is in the spool still: %+v", c)
	}
}

func TestSpoolOfARunningProgram(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "spool")
	openShipper(t, dir)
	for _, more := range []string{"-q", "--dry-run"} {
		r := startOnce(t.Context(), "", dir, "--to", "beats://127.0.0.1:1", more)
		if r.code != cli.Partial || !strings.Contains(r.errs, fmt.Sprintf("in use by process %d", os.Getpid())) || !strings.Contains(r.errs, "; its program sends") || !strings.Contains(r.errs, dir) {
			t.Errorf("%s: exit code %d, says %q", more, r.code, r.errs)
		}
	}
}

// contents returns what is in the files of a directory.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]string)
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = string(text)
	}
	return all
}

// segment returns the path of a spool's first segment, and its text.
func segment(t *testing.T, dir string) (string, []byte) {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	if err != nil || len(all) == 0 {
		t.Fatal(all, err)
	}
	text, err := os.ReadFile(all[0])
	if err != nil {
		t.Fatal(err)
	}
	return all[0], text
}

// A dry run counts what a real one then sends and loses, and changes nothing in the spool.
func TestLookChangesNothing(t *testing.T) {
	t.Parallel()
	for name, harm := range map[string]func(dir, path string, text []byte) error{
		"whole": func(string, string, []byte) error { return nil },
		"torn": func(_, path string, text []byte) error {
			return os.WriteFile(path, append(text, text[32:50]...), 0o600)
		},
		"damaged": func(_, path string, text []byte) error {
			text[len(text)/2] ^= 0xff
			return os.WriteFile(path, text, 0o600)
		},
		"damaged at its beginning": func(_, path string, text []byte) error {
			text[40] ^= 0xff
			return os.WriteFile(path, text, 0o600)
		},
		"partly sent": func(dir, _ string, _ []byte) error {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var ledger lstest.Ledger
			count := ledger.Receiver()
			b := beats(t, &lstest.BeatsOptions{Forget: true, OnEvent: func(conn int, e []byte) {
				if count(conn, e); ledger.Total() == 250 {
					cancel()
				}
			}})
			start(ctx, "", dir, "--to", "beats://"+b.Addr(), "--batch", "50")
			return nil
		},
		"without a position": func(dir, _ string, _ []byte) error { return os.Remove(filepath.Join(dir, "position")) },
		"empty": func(dir, _ string, _ []byte) error {
			b := beats(t, nil)
			must(t, 0, dir, "--to", "beats://"+b.Addr())
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := leaveSpool(t, 5000)
			path, text := segment(t, dir)
			if err := harm(dir, path, text); err != nil {
				t.Fatal(err)
			}
			before := contents(t, dir)
			b := beats(t, nil)
			args := []string{dir, "--to", "beats://" + b.Addr(), "--json"}
			dry := start(t.Context(), "", append(args, "--dry-run")...)
			if diff := cmp.Diff(before, contents(t, dir)); diff != "" {
				t.Errorf("a dry run changes the spool, mismatch (-want +got)\n%s", diff)
			}
			sent := start(t.Context(), "", args...)
			want, got := parse(t, sent), parse(t, dry)
			if want.Resent = 0; sent.code != dry.code {
				t.Errorf("exit code %d, in a dry run %d: %s", sent.code, dry.code, dry.errs)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("account mismatch (-real +dry)\n%s", diff)
			}
		})
	}
}

// A directory that has files with the names of a spool's is none, and left alone.
func TestWhatIsNoSpool(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"lock", "position", "00000001000000000000.seg"} {
		writeFile(t, dir, name, "something else\n")
	}
	before := contents(t, dir)
	for _, more := range []string{"-q", "--dry-run"} {
		r := must(t, cli.Usage, dir, "--to", "beats://127.0.0.1:1", more)
		if !strings.Contains(r.errs, "there are no log files in this directory") {
			t.Errorf("says %q", r.errs)
		}
		if diff := cmp.Diff(before, contents(t, dir)); diff != "" {
			t.Errorf("mismatch (-want +got)\n%s", diff)
		}
	}
}

// Broken lines of a log file do not go to the quarantine of a spool that is a source as well.
func TestBrokenLinesBesideASpool(t *testing.T) {
	t.Parallel()
	b := beats(t, nil)
	spool := leaveSpool(t, 5)
	log := writeFile(t, t.TempDir(), "app.log", "{broken\n")
	r := must(t, cli.Partial, spool, log, "--to", "beats://"+b.Addr(), "--no-state")
	if _, err := os.Stat(filepath.Join(spool, "quarantine.json")); err == nil || strings.Contains(r.out, "kept") {
		t.Errorf("kept in the spool; says\n%s", r.out)
	}
}

// An interrupted replay of a spool leaves there what was not acked.
func TestSpoolInterrupted(t *testing.T) {
	t.Parallel()
	const n = 5000
	dir := leaveSpool(t, n)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var ledger lstest.Ledger
	count := ledger.Receiver()
	b := beats(t, &lstest.BeatsOptions{Forget: true, OnEvent: func(conn int, e []byte) {
		count(conn, e)
		if ledger.Total() == 1234 {
			cancel()
		}
	}})
	args := []string{dir, "--to", "beats://" + b.Addr(), "--batch", "100"}
	r := start(ctx, "", args...)
	if r.code != cli.Interrupted || !strings.Contains(r.out, "events in "+dir) || !strings.Contains(r.out, "to go on: replay "+dir) {
		t.Errorf("exit code %d: %s%s", r.code, r.out, r.errs)
	}
	must(t, 0, args...)
	if ledger.Unique() != n || ledger.Duplicates() > 0 {
		t.Errorf("%d arrived, %d twice; want %d", ledger.Unique(), ledger.Duplicates(), n)
	}
}

// What is refused of a spool is kept beside it, before it is removed.
func TestSpoolRefused(t *testing.T) {
	t.Parallel()
	dir := leaveSpool(t, 50)
	h := httpInput(t, &lstest.HTTPOptions{
		Poison: func(e []byte) bool { return bytes.Contains(e, []byte(`"id":7,`)) }, PoisonStatus: http.StatusBadRequest,
	})
	c := account(t, cli.No, dir, "--to", "http://"+h.Addr(), "-q")
	if c.Sent != 49 || c.Refused != 1 {
		t.Errorf("account %+v", c)
	}
	kept := filepath.Join(dir, "quarantine.json")
	text, err := os.ReadFile(kept)
	if want := string(lstest.AppendEvent(nil, 0, 7, "from the spool")) + "\n"; err != nil || string(text) != want {
		t.Errorf("kept %q, %v; want %q", text, err, want)
	}
	r := must(t, 0, dir, "--to", "http://"+h.Addr())
	if !strings.Contains(r.errs, "quarantine.json") {
		t.Errorf("says nothing of the quarantine: %q", r.errs)
	}
	if strings.Contains(string(text), "@timestamp") {
		t.Error("the event was changed")
	}
}

// A quarantine file of a shipper is sent as it is.
func TestQuarantineFile(t *testing.T) {
	t.Parallel()
	h := httpInput(t, &lstest.HTTPOptions{
		Poison: func(e []byte) bool { return bytes.Contains(e, []byte("poison")) }, PoisonStatus: http.StatusBadRequest,
	})
	path := filepath.Join(t.TempDir(), "quarantine.json")
	s, err := logstash.Dial("http://"+h.Addr(), &logstash.DialOptions{QuarantineFile: path, MinBackoff: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	const poison = `{"@timestamp":"2026-11-22T10:00:00Z","@version":"1","message":"poison", "n":1.0}`
	for _, e := range []string{poison, `{"message":"fine"}`, `{"message":"fine, too"}`} {
		if _, err := s.Write([]byte(e)); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		_ = s.Flush(ctx) // the first is left until others are acked
		cancel()
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	b := beats(t, nil)
	if c := account(t, 0, path, "--to", "beats://"+b.Addr()); c.Sent != 1 {
		t.Errorf("account %+v", c)
	}
	if got := string(bytes.Join(b.Events(), nil)); got != poison {
		t.Errorf("arrived %s, want %s", got, poison)
	}
}

// Secrets that are in a spool, because its program does not redact, are masked.
func TestSecretsAreMasked(t *testing.T) {
	t.Parallel()
	const secret = "hunter2hunter2"
	spool := filepath.Join(t.TempDir(), "spool")
	s := openShipper(t, spool)
	if _, err := s.Write([]byte(`{"@timestamp":"2026-11-22T10:00:00Z","password":"` + secret + `"}`)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = s.Shutdown(ctx) // it is left in the spool
	dir := t.TempDir()
	log := writeFile(t, dir, "app.log", `{"time":"2026-11-22T10:00:00Z","msg":"login","password":"`+secret+`"}
{"@timestamp":"2026-11-22T10:00:00Z","message":"login","password":"`+secret+`"}
{"msg":"broken","password":"`+secret+`"
password=`+secret+"\n")
	b := beats(t, nil)
	kept := filepath.Join(dir, "kept")
	for _, source := range []string{log, spool} {
		r := start(t.Context(), "", source, "--to", "beats://"+b.Addr(), "--text", "--rejects", kept, "--dry-run")
		r2 := start(t.Context(), "", source, "--to", "beats://"+b.Addr(), "--text", "--rejects", kept)
		if strings.Contains(r.out+r.errs+r2.out+r2.errs, secret) {
			t.Errorf("the account shows the secret:\n%s%s%s%s", r.out, r.errs, r2.out, r2.errs)
		}
	}
	text, err := os.ReadFile(kept)
	if err != nil || !bytes.Contains(text, []byte("broken")) || bytes.Contains(text, []byte(secret)) {
		t.Errorf("kept %q, %v", text, err)
	}
	all := bytes.Join(b.Events(), []byte("\n"))
	if len(b.Events()) != 4 || bytes.Contains(all, []byte(secret)) {
		t.Errorf("arrived:\n%s", all)
	}
	must(t, cli.Partial, log, "--to", "beats://"+b.Addr(), "--no-redact", "--no-state")
	if !bytes.Contains(bytes.Join(b.Events(), nil), []byte(secret)) {
		t.Error("--no-redact masks")
	}
}

// Several sources are sent one after the other. Damage in a spool costs the events that it is in, and is reported.
func TestSeveralSources(t *testing.T) {
	t.Parallel()
	whole, harmed := leaveSpool(t, 300), leaveSpool(t, 300)
	path, text := segment(t, harmed)
	text[len(text)/2] ^= 0xff
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	first, last := writeFile(t, dir, "first.log", numbered(0, 10)), writeFile(t, dir, "last.log", numbered(10, 10))
	b := beats(t, nil)
	args := []string{first, whole, harmed, last, "--to", "beats://" + b.Addr()}
	c := account(t, cli.Partial, args...)
	if c.Lost == 0 || c.Sent+c.Lost != 620 || len(b.Events()) != c.Sent {
		t.Errorf("%d arrived, account %+v", len(b.Events()), c)
	}
	if c := account(t, 0, args...); c.Read != 0 || c.Lost != 0 {
		t.Errorf("the second time %+v", c)
	}
}

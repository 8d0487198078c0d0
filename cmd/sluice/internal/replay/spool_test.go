package replay_test

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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
	r := must(t, cli.Partial, dir, "--to", "beats://127.0.0.1:1")
	if !strings.Contains(r.errs, "in use by process") || !strings.Contains(r.errs, dir) {
		t.Errorf("says %q", r.errs)
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
	segments, err := filepath.Glob(filepath.Join(harmed, "*.seg"))
	if err != nil || len(segments) == 0 {
		t.Fatal(segments, err)
	}
	text, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)/2] ^= 0xff
	if err := os.WriteFile(segments[0], text, 0o600); err != nil {
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

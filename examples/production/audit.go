package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/pipeline"
)

// A ledger numbers every record on its way into the pipeline, so that each can
// be looked for afterwards.
type ledger struct {
	next  slog.Handler
	count *atomic.Uint64
}

func newLedger(next slog.Handler) *ledger { return &ledger{next, new(atomic.Uint64)} }

// Count returns how many records the pipeline was given.
func (l *ledger) Count() int { return int(l.count.Load()) } //nolint:gosec // a few thousand

func (l *ledger) Enabled(ctx context.Context, level slog.Level) bool {
	return l.next.Enabled(ctx, level)
}

func (l *ledger) Handle(ctx context.Context, r slog.Record) error {
	r = r.Clone()
	r.AddAttrs(slog.Uint64("seq", l.count.Add(1)))
	return l.next.Handle(ctx, r)
}

func (l *ledger) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &ledger{l.next.WithAttrs(attrs), l.count}
}

func (l *ledger) WithGroup(name string) slog.Handler {
	return &ledger{l.next.WithGroup(name), l.count}
}

// A recorder passes on what is written and keeps a copy.
type recorder struct {
	w    io.Writer
	mu   sync.Mutex
	copy bytes.Buffer
}

func (r *recorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.copy.Write(p)
	return r.w.Write(p)
}

// Fd lets the console see that it prints to a terminal, if it does.
func (r *recorder) Fd() uintptr {
	if f, ok := r.w.(*os.File); ok {
		return f.Fd()
	}
	return ^uintptr(0)
}

// An entry is what the audit reads of a line or an event.
type entry struct {
	Seq   int      `json:"seq"`
	Level string   `json:"level"`
	Tags  []string `json:"tags"`
}

// set holds the entries of one output by their number.
type set map[int]entry

// where returns how many entries of s hold for is, and how many of those are
// missing in other.
func (s set) where(is func(entry) bool, other set) (n, missing int) {
	for seq, e := range s {
		if !is(e) {
			continue
		}
		n++
		if _, ok := other[seq]; !ok {
			missing++
		}
	}
	return n, missing
}

// account is what the audit has counted.
type account struct {
	accepted     int // records given to the pipeline
	app          set // app.log and its backups
	errs         set // errors.log
	trail        set // audit.log
	shipped      set // what the receiver got
	duplicates   int // events the receiver got again, after the crash
	acked        int // records of which the receiver said that it has them
	dropped      uint64
	rotated      int
	secrets      int // how many secrets were sent
	secretsFound int
}

// audit counts what there is, from the files, the receiver and the console.
func audit(dir string, receiver *lstest.Beats, console *recorder, stats pipeline.Stats, accepted int, secrets []string,
) (*account, error) {
	a := &account{accepted: accepted, secrets: len(secrets)}
	files, err := filepath.Glob(filepath.Join(dir, "*.log*"))
	if err != nil {
		return nil, err
	}
	outputs := [][]byte{console.copy.Bytes()}
	content := make(map[string][]byte)
	for _, name := range files {
		text, err := readFile(name)
		if err != nil {
			return nil, err
		}
		outputs = append(outputs, text)
		log, _, _ := strings.Cut(filepath.Base(name), ".")
		log, _, backup := strings.Cut(log, "-")
		if backup && log == "app" {
			a.rotated++
		}
		content[log] = append(content[log], text...)
	}
	events := bytes.Join(receiver.Events(), []byte("\n"))
	outputs = append(outputs, events)

	var errApp, errErrs, errTrail, errShipped error
	a.app, _, errApp = entries("app.log", content["app"])
	a.errs, _, errErrs = entries("errors.log", content["errors"])
	a.trail, _, errTrail = entries("audit.log", content["audit"])
	a.shipped, a.duplicates, errShipped = entries("an event", events)
	for _, s := range stats.Sinks {
		a.dropped += s.Records.Dropped
		if s.Buffer != nil {
			a.dropped += s.Buffer.Dropped
		}
		if s.File != nil {
			a.dropped += s.File.Dropped
		}
		if s.Shipper != nil {
			a.dropped += s.Shipper.Dropped
			a.acked += int(s.Shipper.Written) //nolint:gosec // a few thousand
		}
	}
	for _, secret := range secrets {
		for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret))} {
			if slices.ContainsFunc(outputs, func(text []byte) bool { return bytes.Contains(text, []byte(form)) }) {
				a.secretsFound++
			}
		}
	}
	return a, errors.Join(errApp, errErrs, errTrail, errShipped)
}

func readFile(name string) (_ []byte, err error) {
	f, err := os.Open(filepath.Clean(name))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if filepath.Ext(name) != ".gz" {
		return io.ReadAll(f)
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return io.ReadAll(z)
}

// entries reads lines of JSON. A line that is none is an error.
func entries(what string, lines []byte) (s set, duplicates int, err error) {
	s = make(set)
	in := bufio.NewScanner(bytes.NewReader(lines))
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		var e entry
		if err := json.Unmarshal(in.Bytes(), &e); err != nil {
			return nil, 0, fmt.Errorf("%s: %w: %q", what, err, in.Bytes())
		}
		if _, ok := s[e.Seq]; ok {
			duplicates++
		}
		s[e.Seq] = e
	}
	return s, duplicates, in.Err()
}

// report prints what was counted. It returns an error unless it adds up.
func (a *account) report(w io.Writer) error {
	all := func(entry) bool { return true }
	isError := func(e entry) bool { return e.Level == "ERROR" }
	isSecurity := func(e entry) bool { return slices.Contains(e.Tags, "security") }
	nErrors, lostErrors := a.app.where(isError, a.errs)
	nSecurity, lostSecurity := a.app.where(isSecurity, a.trail)
	_, strayErrors := a.errs.where(all, a.app)
	_, strayTrail := a.trail.where(all, a.app)
	lostFile, lostShip := a.accepted-len(a.app), a.accepted-len(a.shipped)
	lost := lostFile + lostShip + lostErrors + lostSecurity + strayErrors + strayTrail

	fmt.Fprintf(w, `
  %6d records given to the pipeline
  %6d in app.log and its %d backups                %d lost
  %6d of them errors, %d in errors.log            %d lost
  %6d of them security, %d in audit.log          %d lost
  %6d at Logstash, %d of them twice after the crash  %d lost
  %6d secrets in the requests                     %d found

`, a.accepted, len(a.app), a.rotated, lostFile, nErrors, len(a.errs), lostErrors, nSecurity, len(a.trail), lostSecurity,
		len(a.shipped), a.duplicates, lostShip, a.secrets, a.secretsFound)
	fmt.Fprintf(w, "summary: accepted=%d written=%d shipped=%d acked=%d dropped=%d lost=%d secrets_found=%d rotated=%d\n",
		a.accepted, len(a.app), len(a.shipped), a.acked, a.dropped, lost, a.secretsFound, a.rotated)

	if lost != 0 || a.dropped != 0 || a.secretsFound != 0 || a.rotated < 2 || a.acked != a.accepted || a.accepted == 0 ||
		nErrors == 0 || nSecurity == 0 {
		return errors.New("the numbers do not add up")
	}
	return nil
}

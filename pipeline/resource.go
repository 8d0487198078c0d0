package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/rotate"
)

// A resource is what a sink has open behind its encoder: a file, a shipper or a
// writer, and perhaps a buffer before it. A Reload that leaves its settings as they
// are gives it to the sink's next generation.
type resource struct {
	settings settings
	users    atomic.Pointer[hooks]

	writer  io.Writer // the first stage; nil for a sink that has none
	printer io.Writer // the last one of a Console sink
	buffer  *asyncbuf.Writer
	file    *rotate.File
	shipper *logstash.Shipper
	spool   spool // of the shipper

	closing chan struct{} // has room for who closes it: a file must not be closed while another call syncs it
	leaving atomic.Bool   // a Reload closes it
	gone    chan struct{} // closed when a Reload has
	lost    atomic.Bool   // and could not open it again
}

// hooks are what a resource reports to, which a Reload may change.
type hooks struct {
	name    string
	locks   *locks
	buffer  func(error) // the sink's own
	file    func(error)
	shipper func(error)
	summary func(io.Writer) slog.Handler    // encodes what a buffer has to say
	report  func(error)                     // Config.OnError
	broken  func(err error, written uint64) // told of a buffer that cannot be written
}

// openResource opens the stages of a sink from the last to the first, or none.
func openResource(s settings, users hooks) (*resource, error) {
	r := &resource{settings: s, closing: make(chan struct{}, 1), gone: make(chan struct{})}
	r.users.Store(&users)
	switch s.kind {
	case Console:
		r.writer = users.locks.of(s.writer)
		r.printer = r.writer
	case File:
		opts := s.file
		opts.OnError = func(err error) { u := r.users.Load(); u.tell(err, u.file) }
		file, err := rotate.Open(s.path, &opts)
		if err != nil {
			return nil, fmt.Errorf("field Path is %q: %w", s.path, err)
		}
		r.file, r.writer = file, file
	case Logstash:
		opts := s.dial
		opts.OnError = func(err error) { u := r.users.Load(); u.tell(err, u.shipper) }
		shipper, err := logstash.Dial(s.addr, &opts)
		if err != nil {
			return nil, fmt.Errorf("field Addr: %w", err) // which names the address, but no password in it
		}
		r.shipper, r.writer, r.spool = shipper, shipper, spoolAt(s.place)
	default:
	}
	if s.buffered {
		opts := s.buffer
		opts.OnError = func(err error) {
			u := r.users.Load()
			u.broken(err, r.buffer.Stats().Written)
			u.tell(err, u.buffer)
		}
		if opts.Summary == nil {
			opts.Summary = func(d asyncbuf.Drop) []byte { return r.users.Load().encode(d.Record()) }
		}
		r.buffer = asyncbuf.NewWriter(r.writer, &opts)
		r.writer = r.buffer
	}
	return r, nil
}

// tell passes a failure on to a stage's own hook and to the pipeline's.
func (u *hooks) tell(err error, own func(error)) {
	if u.report != nil {
		defer u.report(fmt.Errorf("pipeline: %s: %w", u.name, err)) // also when own panics
	}
	if own != nil {
		own(err)
	}
}

func (u *hooks) encode(r slog.Record) []byte {
	var line bytes.Buffer
	_ = u.summary(&line).Handle(context.Background(), r) // a bytes.Buffer does not fail
	return line.Bytes()
}

// reports tells whether a stage of r reports its failures.
func (r *resource) reports() bool { return r.buffer != nil || r.file != nil || r.shipper != nil }

// shutdown closes the stages that r has opened. The error says what was left.
func (r *resource) shutdown(ctx context.Context) error {
	select {
	case r.closing <- struct{}{}: // also when ctx is done
	default:
		select {
		case r.closing <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	defer func() { <-r.closing }()
	var errs []error
	if r.buffer != nil {
		errs = append(errs, r.buffer.Shutdown(ctx))
	}
	if r.file != nil {
		errs = append(errs, r.file.Shutdown(ctx))
	}
	if r.shipper != nil {
		errs = append(errs, r.shipper.Shutdown(ctx))
	}
	return errors.Join(errs...)
}

// left waits until a Reload has closed r.
func (r *resource) left(ctx context.Context) error {
	select {
	case <-r.gone:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// blocks reports whether r has to be closed before something with the settings s
// can be opened: there is one File for a path and one Shipper for a spool.
func (r *resource) blocks(s *settings) bool {
	switch old := &r.settings; {
	case old.kind != s.kind:
		return false
	default:
		return old.place != "" && s.place != "" && samePlace(old.place, s.place)
	}
}

func (r *resource) title() string { return r.users.Load().name }

// samePlace reports whether two paths lead to one file or directory.
func samePlace(a, b string) bool {
	if a == b {
		return true
	}
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

// A spool is a directory, by whatever path.
type spool struct {
	place string      // empty for none
	info  os.FileInfo // nil if it is not known
}

func spoolAt(place string) spool {
	if place == "" {
		return spool{}
	}
	info, _ := os.Stat(place) // which has been opened
	return spool{place, info}
}

func (s spool) is(other spool) bool {
	return s.place != "" && (s.place == other.place || s.info != nil && other.info != nil && os.SameFile(s.info, other.info))
}

// absolute returns a path that stays the same when the program changes its directory.
func absolute(path string) string {
	if path == "" {
		return ""
	}
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return filepath.Clean(path)
}

package rotate

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"syscall"
	"time"
)

// The way of a Write for which there is more to do than to write: maintain, which
// may rotate first; put; if that fails, settle, which takes back what is not a
// whole line, and rescue, which may remove a cause and put the rest; account.

// put writes p to the live file, and returns how much of it is in the file.
func (f *File) put(p []byte, sync bool) (int, error) {
	if f.live == nil {
		if f.closed {
			return 0, f.errClosed("write")
		}
		return 0, fmt.Errorf("rotate: write %s: there is no open file: %w", f.path, os.ErrNotExist)
	}
	out := p
	if f.torn {
		out = append([]byte{'\n'}, p...)
	}
	ahead := len(out) - len(p)
	if f.size == 0 && f.opts.Header != nil {
		out = f.header(p)
		ahead = len(out) - len(p)
	}
	n, err := f.live.write(out)
	return f.settle(out, ahead, n, err, sync)
}

// settle is what comes after a write of out, of which the bytes ahead are not the
// caller's and n are in the file. It syncs them, or takes back those that make no
// whole line, and returns what put does.
func (f *File) settle(out []byte, ahead, n int, err error, sync bool) (int, error) {
	if err == nil && n < len(out) {
		err = io.ErrShortWrite
	}
	synced := false
	if sync && err == nil {
		err = errors.Join(f.live.probe.Sync(), f.syncName())
		synced = err == nil
	}
	if err == nil {
		f.size += int64(n)
		f.torn = false
		f.soil(synced)
		return n - ahead, nil
	}
	keep := bytes.LastIndexByte(out[:n], '\n') + 1
	// Nobody knows what of it is durable, or nothing of p is whole, or all of it is
	// to be tried again.
	if sync || keep <= ahead || f.opts.RemoveOnFullDisk && isFull(err) {
		keep = 0
	}
	err = fmt.Errorf("rotate: write %s: %w", f.path, bare(err))
	if cutErr := f.takeBack(out[keep:n]); cutErr != nil {
		err = errors.Join(err, fmt.Errorf("rotate: take back a partial write to %s: %w", f.path, bare(cutErr)))
		f.size += int64(n)
		f.torn = out[n-1] != '\n'
		if !sync {
			keep = bytes.LastIndexByte(out[:n], '\n') + 1 // is there
		}
	} else {
		f.size += int64(keep)
		f.torn = f.torn && keep == 0
	}
	return max(keep-ahead, 0), err
}

// header returns p behind what stands at the beginning of each file.
func (f *File) header(p []byte) []byte {
	var header []byte
	if err := guard("Header", func() { header = f.opts.Header() }); err != nil {
		f.problem(err)
	}
	return append(slices.Clip(header), p...)
}

// takeBack takes bytes off the end of the file, if nobody else can be writing.
func (f *File) takeBack(tail []byte) error {
	if len(tail) > 0 && !f.alone() {
		return errTurn
	}
	return f.live.cut(tail)
}

// rescue deals with an error of put after n bytes of p, where it can, and writes
// the rest.
func (f *File) rescue(p []byte, n int, sync bool, err error) (int, error) {
	again := func() {
		var m int
		m, err = f.put(p[n:], sync)
		n += m
	}
	switch {
	case f.opts.RemoveOnFullDisk && isFull(err):
		var until time.Time
		for isFull(err) && (f.makeRoom() || f.awaitRoom(&until, int64(len(p)-n))) {
			again()
		}
	case isBroken(err) && f.outage.since.IsZero():
		if f.reopen() == nil {
			f.problem(fmt.Errorf("%w: opened it again", err))
			again()
		}
	}
	return n, err
}

// conclude is the end of a Write that put has returned n and err for.
func (f *File) conclude(p []byte, n int, sync bool, err error) (int, error) {
	if err != nil {
		n, err = f.rescue(p, n, sync, err)
	}
	f.account(p, n, err)
	return n, err
}

// isBroken reports whether err says that the descriptor is of no use any more,
// as after a network file system went away for a while.
func isBroken(err error) bool {
	return errors.Is(err, syscall.EIO) || errors.Is(err, syscall.ESTALE)
}

// bare returns err without the path that package os gives it: a descriptor
// remembers the temporary name it was opened by.
func bare(err error) error {
	if path, ok := err.(*fs.PathError); ok { //nolint:errorlint // only what is at the front can be taken off
		return path.Err
	}
	return err
}

// account counts what became of p, of which n bytes were written.
func (f *File) account(p []byte, n int, err error) {
	all := countLines(p)
	written := all
	if n < len(p) {
		written = countLines(p[:n])
	}
	f.tally.add(func(s *Stats) {
		s.Accepted += uint64(all)          //nolint:gosec // never negative
		s.Written += uint64(written)       //nolint:gosec // never negative
		s.Dropped += uint64(all - written) //nolint:gosec // never negative
		s.WrittenBytes, s.Size = s.WrittenBytes+int64(n), f.size
	})
	switch {
	case err != nil && f.outage.begin():
		f.problem(err)
	case err != nil:
		f.tally.failed(err)
	case !f.outage.since.IsZero():
		f.reporter.report(fmt.Errorf("rotate: writing to %s works again: %d lines were refused since %s",
			f.path, f.outage.dropped, f.outage.since.Format(time.RFC3339)))
		f.outage = outage{}
	}
	if err != nil {
		f.outage.dropped += uint64(all - written) //nolint:gosec // never negative
	}
}

// countLines returns the number of lines in p, the last of which may lack its
// newline.
func countLines(p []byte) int {
	n := bytes.Count(p, []byte{'\n'})
	if len(p) > 0 && p[len(p)-1] != '\n' {
		n++
	}
	return n
}

// outage is a time in which Writes fail. Only its begin and its end are told to
// OnError: a full disk fails thousands of them.
type outage struct {
	since   time.Time // zero if there is none
	dropped uint64
}

// begin reports whether the outage begins now.
func (o *outage) begin() bool {
	if !o.since.IsZero() {
		return false
	}
	o.since = time.Now()
	return true
}

package rotate

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// put writes p to the live file. If that fails, it takes back what does not
// make whole lines, and returns how much of p is left in the file.
func (f *File) put(p []byte) (int, error) {
	if f.live == nil {
		return 0, fmt.Errorf("rotate: write %s: there is no open file: %w", f.path, os.ErrNotExist)
	}
	out := p
	if f.torn {
		out = append([]byte{'\n'}, p...)
	}
	n, err := f.live.w.Write(out)
	if err == nil && n < len(out) {
		err = io.ErrShortWrite
	}
	keep := bytes.LastIndexByte(out[:n], '\n') + 1
	if f.opts.SyncEveryWrite {
		keep = 0 // after a failure, nobody knows what of it is durable
		if err == nil {
			err = f.live.probe.Sync()
		}
	}
	if err == nil {
		f.size += int64(n)
		f.torn = false
		return len(p), nil
	}
	err = fmt.Errorf("rotate: write %s: %w", f.path, bare(err))
	if cutErr := f.live.cut(out[keep:n]); cutErr != nil {
		err = errors.Join(err, fmt.Errorf("rotate: take back a partial write to %s: %w", f.path, bare(cutErr)))
		f.size += int64(n)
		f.torn = out[n-1] != '\n'
	} else {
		f.size += int64(keep)
		f.torn = f.torn && keep == 0
	}
	return max(keep-(len(out)-len(p)), 0), err
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
	f.tally.wrote(all, written, int64(n), f.size)
	switch {
	case err != nil && f.outage.begin():
		f.problem(err)
	case err != nil:
		f.tally.failed(err)
	case !f.outage.since.IsZero():
		f.reports = append(f.reports, fmt.Errorf("rotate: writing to %s works again: %d lines were refused since %s",
			f.path, f.outage.dropped, f.outage.since.Format(time.RFC3339)))
		f.outage = outage{}
	}
	if err != nil {
		f.outage.dropped += all - written
	}
}

// countLines returns the number of lines in p, the last of which may lack its
// newline.
func countLines(p []byte) uint64 {
	n := bytes.Count(p, []byte{'\n'})
	if len(p) > 0 && p[len(p)-1] != '\n' {
		n++
	}
	return uint64(n) //nolint:gosec // never negative
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

package scan

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/redact"
)

// events is who is told what a scan finds, in the order of the files. All calls come from one goroutine.
type events struct {
	finding  func(f finding) error
	end      func(s source, err error) error // of a file; the error is why not all of it could be read
	progress func(read int64)
}

const (
	waitingFindings = 256 // of a file that is not the first one in order
	waitingFiles    = 64  // that are done, behind one that is not
	progressEvery   = 100 * time.Millisecond
)

// finding is what was found, and when it was logged.
type finding struct {
	redact.Finding

	time string // empty if the log does not say, or nobody has asked
}

// job is the scan of one file.
type job struct {
	source   source
	findings chan finding
	err      error // once findings is closed
}

// scanAll scans as many files at once as there are processors. It ends with the error of an event, or that of the context.
func scanAll(ctx context.Context, s *settings, in io.Reader, sources []source, to *events) error {
	scanning, cancel := context.WithCancel(ctx)
	defer cancel()
	var read atomic.Int64
	jobs := make(chan *job, waitingFiles)
	go func() {
		defer close(jobs)
		processors := make(chan struct{}, runtime.GOMAXPROCS(0))
		for _, from := range sources {
			select {
			case processors <- struct{}{}: // in order: the first file that is not done always has one
			case <-scanning.Done():
				return
			}
			j := &job{source: from, findings: make(chan finding, waitingFindings)}
			select {
			case jobs <- j:
			case <-scanning.Done():
				return
			}
			go func() {
				defer func() { <-processors }()
				j.run(scanning, s, in, &read)
			}()
		}
	}()
	ticks := time.NewTicker(progressEvery)
	defer ticks.Stop()
	next := func(j *job) error {
		for {
			select {
			case f, ok := <-j.findings:
				switch {
				case ok:
				case ctx.Err() != nil: // what ended it may be that
					return ctx.Err()
				default:
					return to.end(j.source, j.err)
				}
				if err := to.finding(f); err != nil {
					return err
				}
			case <-ticks.C:
				to.progress(read.Load())
			case <-ctx.Done(): // and do not wait for who reads
				return ctx.Err()
			}
		}
	}
	for j := range jobs {
		if err := next(j); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// run scans the file.
func (j *job) run(ctx context.Context, s *settings, in io.Reader, read *atomic.Int64) {
	defer close(j.findings)
	l := &log{name: shown(s.redactor, j.source.name)}
	packed, closeFile, err := j.source.open(ctx, in, func(n int) { read.Add(int64(n)) })
	if err != nil {
		j.err = err
		return
	}
	defer closeFile()
	text, release, err := unpacked(packed)
	if err != nil {
		j.err = fmt.Errorf("%s: %w", cli.Printable(l.name), err)
		return
	}
	defer release()
	if l.r = text; s.timed {
		l.tape = &tape{mask: s.redactor.Bytes, line: 1}
	}
	for found, err := range s.redactor.Scan(l) {
		if err != nil {
			j.err = fmt.Errorf("%s: line %d: %w", cli.Printable(l.name), found.Line, errors.Unwrap(err))
			return
		}
		f := finding{Finding: found}
		if l.tape != nil {
			f.time = l.tape.timeOf(f.Line)
		}
		select {
		case j.findings <- f:
		case <-ctx.Done():
			return
		}
	}
}

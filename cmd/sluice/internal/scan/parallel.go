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
	finding  func(f redact.Finding) error
	end      func(err error) error // of a file; the error is why not all of it could be read
	progress func(read int64)
}

const (
	waitingFindings = 256 // of a file that is not the first one in order
	waitingFiles    = 64  // that are done, behind one that is not
	progressEvery   = 100 * time.Millisecond
)

// job is the scan of one file.
type job struct {
	source   source
	findings chan redact.Finding
	err      error // once findings is closed
}

// scanAll scans as many files at once as there are processors. It ends with the error of an event, or that of the context.
func scanAll(ctx context.Context, r *redact.Redactor, in io.Reader, sources []source, to *events) error {
	scanning, cancel := context.WithCancel(ctx)
	defer cancel()
	var read atomic.Int64
	jobs := make(chan *job, waitingFiles)
	go func() {
		defer close(jobs)
		processors := make(chan struct{}, runtime.GOMAXPROCS(0))
		for _, s := range sources {
			select {
			case processors <- struct{}{}: // in order: the first file that is not done always has one
			case <-scanning.Done():
				return
			}
			j := &job{source: s, findings: make(chan redact.Finding, waitingFindings)}
			select {
			case jobs <- j:
			case <-scanning.Done():
				return
			}
			go func() {
				defer func() { <-processors }()
				j.run(scanning, r, in, &read)
			}()
		}
	}()
	ticks := time.NewTicker(progressEvery)
	defer ticks.Stop()
	next := func(j *job) error {
		for {
			select {
			case f, ok := <-j.findings:
				if !ok {
					return to.end(j.err)
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
func (j *job) run(ctx context.Context, r *redact.Redactor, in io.Reader, read *atomic.Int64) {
	defer close(j.findings)
	t, closeFile, err := j.source.open(ctx, in, func(n int) { read.Add(int64(n)) })
	if err != nil {
		j.err = err
		return
	}
	defer closeFile()
	for f, err := range r.Scan(t) {
		if err != nil {
			j.err = fmt.Errorf("%s: line %d: %w", cli.Printable(j.source.name), f.Line, errors.Unwrap(err))
			return
		}
		select {
		case j.findings <- f:
		case <-ctx.Done():
			return
		}
	}
}

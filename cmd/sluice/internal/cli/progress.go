package cli

import (
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// A Progress is a bar that shows how much of something is done.
type Progress struct {
	bar *progressbar.ProgressBar
}

// NewProgress returns a bar on w of work that is total bytes; -1 if that is not known. It shows only on a terminal,
// and is gone when it ends.
func NewProgress(w io.Writer, what string, total int64) *Progress {
	return &Progress{progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetVisibility(IsTerminal(w)),
		progressbar.OptionSetDescription(what),
		progressbar.OptionShowBytes(true),
		progressbar.OptionUseIECUnits(true),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionSetWidth(30),
		progressbar.OptionSetSpinnerChangeInterval(0), // no goroutine
	)}
}

// Set says how much is done.
func (p *Progress) Set(done int64) { _ = p.bar.Set64(done) }

// Total says how much there is to do.
func (p *Progress) Total(total int64) { p.bar.ChangeMax64(total) }

// Clear takes the bar off the terminal until the next Set, for what is printed in between.
func (p *Progress) Clear() { _ = p.bar.Clear() }

// Close takes the bar off the terminal.
func (p *Progress) Close() { _ = p.bar.Finish() }

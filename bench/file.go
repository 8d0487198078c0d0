package bench

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// A folder holds the file of one measurement. It is a folder since a peer may
// name its file itself, and put a link beside it.
type folder struct {
	path string
	file *os.File
	buf  []byte
}

func newFolder() (*folder, error) {
	path, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return nil, err
	}
	f, err := openLog(filepath.Join(path, "log"))
	if err != nil {
		_ = os.RemoveAll(path)
		return nil, err
	}
	return &folder{path, f, make([]byte, 64<<10)}, nil
}

// openLog opens a file as a program opens its log.
func openLog(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
}

func (d *folder) sink() sink { return sink{d.file, d.file.Name()} }

// remove tries a second time: a peer may still be at work beside its file, on
// a goroutine that nobody can wait for.
func (d *folder) remove() {
	_ = d.file.Close()
	if os.RemoveAll(d.path) != nil {
		time.Sleep(10 * time.Millisecond)
		_ = os.RemoveAll(d.path)
	}
}

// copyTo copies all that has been written.
func (d *folder) copyTo(w io.Writer) error {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		f, err := os.Open(filepath.Join(d.path, e.Name()))
		if errors.Is(err, os.ErrNotExist) {
			continue // a peer has put its own in its place
		}
		if err != nil {
			return err
		}
		// A reader that is no file leaves no garbage to be collected while others are timed.
		_, err = io.CopyBuffer(w, struct{ io.Reader }{f}, d.buf)
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// lines returns how many lines have been written.
func (d *folder) lines() (int, error) {
	var n newlines
	err := d.copyTo(&n)
	return int(n), err
}

// newlines is a writer that counts them.
type newlines int

func (n *newlines) Write(p []byte) (int, error) {
	*n += newlines(bytes.Count(p, []byte("\n")))
	return len(p), nil
}

// settle waits until n lines have been written, or no more are to be expected:
// a buffer that loses lines must not stop the others.
func (d *folder) settle(n int) error {
	const quiet = 100 * time.Millisecond
	seen, since := -1, time.Now()
	for {
		lines, err := d.lines()
		if err != nil || lines >= n {
			return err
		}
		if lines != seen {
			seen, since = lines, time.Now()
		} else if time.Since(since) > quiet {
			return nil
		}
		time.Sleep(200 * time.Microsecond)
	}
}

// A LossError says that there are fewer lines than records.
type LossError struct {
	Lines, Records int
}

func (e *LossError) Error() string {
	return fmt.Sprintf("lost %s: %d lines for %d records", Percent(e.Records-e.Lines, e.Records), e.Lines, e.Records)
}

// Short returns what a table has room for, as in "lost 63 %".
func (e *LossError) Short() string { return "lost " + Percent(e.Records-e.Lines, e.Records) }

// Percent returns a share for a table. It never rounds to none or all what is neither.
func Percent(n, of int) string {
	p := 100 * float64(n) / float64(of)
	switch {
	case n == 0:
		return "0"
	case p < 1:
		return "<1 %"
	case n < of && p > 99:
		return ">99 %"
	}
	return fmt.Sprintf("%.0f %%", p)
}

// counted returns an error unless there is a line for each record.
func counted(lines, records int) error {
	switch {
	case lines < records:
		return &LossError{lines, records}
	case lines > records:
		return fmt.Errorf("%d lines for %d records", lines, records)
	}
	return nil
}

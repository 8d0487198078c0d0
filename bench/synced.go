package bench

import (
	"bytes"
	"errors"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/sluicelog/sluice/asyncbuf"
)

// Synced returns the time of a write of a line of 220 bytes to a file, and that
// of a write of the same line at level ERROR to an asyncbuf.Writer over such a
// file, which has it in the file when it returns. The two take turns, in
// handfuls.
func Synced(l Load) (plain, buffered time.Duration, err error) {
	d, err := newFolder()
	if err != nil {
		return 0, 0, err
	}
	defer d.remove()
	other, err := openLog(filepath.Join(d.path, "buffered"))
	if err != nil {
		return 0, 0, err
	}
	w := asyncbuf.NewWriter(other, nil)
	line := append(bytes.Repeat([]byte("x"), 219), '\n')
	for range l.Synced / handful {
		plain += timed(handful, func() error { _, e := d.file.Write(line); return e }, &err)
		buffered += timed(handful, func() error { _, e := w.WriteLevel(slog.LevelError, line); return e }, &err)
	}
	if err := errors.Join(err, w.Close(), other.Close()); err != nil {
		return 0, 0, err
	}
	lines, err := d.lines()
	if err == nil {
		err = counted(lines, 2*l.Synced)
	}
	n := time.Duration(l.Synced)
	return plain / n, buffered / n, err
}

func timed(n int, f func() error, err *error) time.Duration {
	begun := time.Now()
	for range n {
		if e := f(); e != nil {
			*err = e
		}
	}
	return time.Since(begun)
}

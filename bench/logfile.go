package bench

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/DeRuina/timberjack"
	"gopkg.in/natefinch/lumberjack.v2"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/rotate"
)

// The sizes, in MiB, that a log file is rotated at, by itself and by a call.
const (
	RotateSize  = 10
	RotatedSize = 1
)

// LineSize is how long each line is that log files are measured with.
const LineSize = 200

// A LogFile is a way to write lines to a file.
type LogFile struct {
	Name, Version string
	// Rotates is false for a file that only grows.
	Rotates bool
	// Buffered says that something is between the caller and the file.
	Buffered bool
	// Shared says that other processes may write to the file.
	Shared bool

	open func(path string, megabytes int, gzip bool) (io.WriteCloser, error)
}

// never is a size, in MiB, that no file reaches here.
const never = 1 << 20

// LogFiles returns all that are compared: an os.File first.
func LogFiles() []LogFile {
	const ours = "of this tree"
	file := openRotate(false)
	shared := openRotate(true)
	return []LogFile{
		{Name: "os.File", Version: runtime.Version(), open: func(path string, _ int, _ bool) (io.WriteCloser, error) {
			return openLog(path)
		}},
		{Name: "lumberjack", Version: version("gopkg.in/natefinch/lumberjack.v2"), Rotates: true, open: openLumberjack},
		{Name: "timberjack", Version: version("github.com/DeRuina/timberjack"), Rotates: true, open: openTimberjack},
		{Name: "rotate.File", Version: ours, Rotates: true, open: file},
		{Name: "asyncbuf.Writer → rotate.File", Version: ours, Rotates: true, Buffered: true, open: buffered(file)},
		{Name: "rotate.File, MultiProcess", Version: ours, Rotates: true, Shared: true, open: shared},
		{
			Name: "asyncbuf.Writer → rotate.File, MultiProcess", Version: ours,
			Rotates: true, Buffered: true, Shared: true, open: buffered(shared),
		},
	}
}

func openLumberjack(path string, megabytes int, gzip bool) (io.WriteCloser, error) {
	return &lumberjack.Logger{Filename: path, MaxSize: megabytes, Compress: gzip}, nil
}

func openTimberjack(path string, megabytes int, gzip bool) (io.WriteCloser, error) {
	l := &timberjack.Logger{Filename: path, MaxSize: megabytes}
	if gzip {
		l.Compression = "gzip"
	}
	return l, nil
}

func openRotate(processes bool) func(string, int, bool) (io.WriteCloser, error) {
	return func(path string, megabytes int, gzip bool) (io.WriteCloser, error) {
		o := &rotate.Options{MaxSize: int64(megabytes) * rotate.MiB, MultiProcess: processes}
		if gzip {
			o.Compress = rotate.Gzip
		}
		f, err := rotate.Open(path, o)
		if err != nil {
			return nil, err
		}
		return f, nil
	}
}

// buffered puts an asyncbuf.Writer before a file. Closing it closes both, without
// the sync that the buffer would have a rotate.File do at its end: no other does.
func buffered(open func(string, int, bool) (io.WriteCloser, error)) func(string, int, bool) (io.WriteCloser, error) {
	return func(path string, megabytes int, gzip bool) (io.WriteCloser, error) {
		f, err := open(path, megabytes, gzip)
		if err != nil {
			return nil, err
		}
		return both{asyncbuf.NewWriter(struct{ io.Writer }{f}, &asyncbuf.WriterOptions{Size: QueuedBytes}), f}, nil
	}
}

type both struct {
	*asyncbuf.Writer
	file io.Closer
}

func (b both) Close() error { return errors.Join(b.Writer.Close(), b.file.Close()) }

// logLines returns different lines of the same size, as a program may log them.
func logLines() [][]byte {
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same lines each time
	lines := make([][]byte, 4096)
	for i := range lines {
		line := fmt.Sprintf(`{"time":"2026-11-22T10:%02d:%02d.%06dZ","level":"INFO","msg":"request","path":"/api/v1/users/%d",`+
			`"status":%d,"duration_ms":%d.%03d,"trace":"%016x%016x","pad":"`,
			i/60%60, i%60, r.IntN(1e6), r.IntN(1e5), 200+r.IntN(5)*51, r.IntN(900), r.IntN(1000), r.Uint64(), r.Uint64())
		const end = "\"}\n"
		lines[i] = []byte(line + strings.Repeat("x", LineSize-len(line)-len(end)) + end)
	}
	return lines
}

// Write returns what a line costs, when so many are written one after the other
// and the file is closed then: one that rotates every RotateSize, or never. An
// error says that other lines than those were in the files afterwards.
func (f LogFile) Write(l Load, rotating bool) (cost Cost, err error) {
	size, n := never, l.Lines
	if rotating {
		size, n = RotateSize, l.Rotated
	}
	lines := logLines()
	err = f.with(size, false, n+1, func(w io.WriteCloser, _ string) error {
		before, _ := cpu()
		begun := time.Now()
		for i := range n {
			if _, err := w.Write(lines[i%len(lines)]); err != nil {
				return err
			}
		}
		err := w.Close()
		cost.Wall = time.Since(begun) / time.Duration(n)
		var after time.Duration
		after, cost.HasCPU = cpu()
		cost.CPU = (after - before) / time.Duration(n)
		return err
	})
	return cost, err
}

// handful is how many lines are written at a turn.
const handful = 100

// Turns returns what a line costs in each of the files, which have no buffer. All
// are open at the same time and take turns with a few lines each, so that what
// slows the machine for a moment slows them all; the median of the turns counts.
// An error says that other lines than those were in one of them afterwards.
func Turns(l Load, files []LogFile) (lines []time.Duration, err error) {
	text := logLines()
	n := l.Lines / handful
	spent := make([][]time.Duration, len(files))
	var open func(i int, ws []io.Writer) error
	open = func(i int, ws []io.Writer) error {
		if i < len(files) {
			return files[i].with(never, false, n*handful+1, func(w io.WriteCloser, _ string) error {
				return errors.Join(open(i+1, append(ws, w)), w.Close())
			})
		}
		for turn := range n {
			for j := range ws {
				k := (turn + j) % len(ws)
				begun := time.Now()
				for m := range handful {
					if _, err := ws[k].Write(text[(turn*handful+m)%len(text)]); err != nil {
						return err
					}
				}
				spent[k] = append(spent[k], time.Since(begun))
			}
		}
		return nil
	}
	if err := open(0, nil); err != nil {
		return nil, err
	}
	for _, s := range spent {
		slices.Sort(s)
		lines = append(lines, s[len(s)/2]/handful)
	}
	return lines, nil
}

// rotatePause is between two rotations that are timed: a name of lumberjack lasts
// for a millisecond.
const rotatePause = 2 * time.Millisecond

// Rotate returns what a call of the method Rotate takes, with RotatedSize in the
// file: the median.
func (f LogFile) Rotate(l Load) (took time.Duration, err error) {
	const perFile = RotatedSize << 20 / LineSize
	lines := logLines()
	lines = append(lines, lines[:perFile-len(lines)]...)
	text := bytes.Join(lines, nil)
	syncDisk()
	err = f.with(never, false, l.Rotations*perFile+1, func(w io.WriteCloser, _ string) error {
		r, ok := w.(interface{ Rotate() error })
		if !ok {
			return errors.New("has no method Rotate")
		}
		spent := make([]time.Duration, l.Rotations)
		for i := range spent {
			if _, err := w.Write(text); err != nil {
				return err
			}
			time.Sleep(rotatePause)
			begun := time.Now()
			err := r.Rotate()
			spent[i] = time.Since(begun)
			if err != nil {
				return err
			}
		}
		slices.Sort(spent)
		took = spent[len(spent)/2]
		return w.Close()
	})
	return took, err
}

// A FileStall is what a caller saw of a file that rotates every RotateSize, and
// compresses what it leaves, when it wrote as fast as it could.
type FileStall struct {
	P9999, Max time.Duration // of the time of a Write
	Lines      int           // lines written
	Lost       int           // lines that are not in the files
	Files      int           // how many there are then
}

// Stall writes to such a file. What is lost is no error.
func (f LogFile) Stall(l Load) (result FileStall, err error) {
	lines := logLines()
	syncDisk()
	err = f.with(RotateSize, true, l.Stalled+1, func(w io.WriteCloser, dir string) error {
		spent := make([]time.Duration, l.Stalled)
		last := time.Now()
		for i := range spent {
			if _, err := w.Write(lines[i%len(lines)]); err != nil {
				return err
			}
			now := time.Now()
			spent[i] = now.Sub(last)
			last = now
		}
		slices.Sort(spent)
		result.P9999, result.Max = spent[int(0.9999*float64(len(spent)-1))], spent[len(spent)-1]
		result.Lines = len(spent)
		result.Files = compressed(dir)
		return w.Close()
	})
	if loss, ok := errors.AsType[*LossError](err); ok {
		result.Lost, err = loss.Records-loss.Lines, nil
	}
	return result, err
}

// with opens the file in a folder of its own, has one line written and then what
// write does, which closes it. It returns an error unless there are n lines then,
// each of them whole.
func (f LogFile) with(megabytes int, gzip bool, n int, write func(w io.WriteCloser, dir string) error) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("bench: %s: %w", f.Name, err)
		}
	}()
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // nothing depends on it
	w, err := f.open(filepath.Join(dir, "app.log"), megabytes, gzip)
	if err != nil {
		return err
	}
	if _, err := w.Write(logLines()[0]); err != nil { // some open the file only now
		return errors.Join(err, w.Close())
	}
	runtime.GC()
	if err := write(w, dir); err != nil {
		return errors.Join(err, w.Close())
	}
	lines, err := readLines(dir)
	if err != nil {
		return err
	}
	if lines.torn > 0 {
		return fmt.Errorf("%d lines are torn", lines.torn)
	}
	return counted(lines.whole, n)
}

// compressed waits until all backups are compressed but one, which some leave for
// a while, and returns how many files there are.
func compressed(dir string) int {
	for begun := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		entries, err := os.ReadDir(dir)
		plain := 0
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), "app-") && strings.HasSuffix(e.Name(), ".log") {
				plain++
			}
		}
		if err != nil || plain <= 1 || time.Since(begun) > 20*time.Second {
			return len(entries)
		}
	}
}

// wholeLines counts lines of LineSize, and others.
type wholeLines struct{ whole, torn int }

// readLines counts the lines in all files of a log.
func readLines(dir string) (n wholeLines, err error) {
	for range 10 { // somebody may still be compressing
		n = wholeLines{}
		if err = n.readAll(dir); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return n, err
}

// readAll reads all files of a log. Of a backup that is there in two forms it
// reads the plain one.
func (n *wholeLines) readAll(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		plain, isZipped := strings.CutSuffix(path, ".gz")
		if !strings.HasPrefix(e.Name(), "app") || strings.HasSuffix(path, ".tmp") {
			continue
		}
		if _, err := os.Stat(plain); isZipped && err == nil {
			continue
		}
		if err := n.read(path, isZipped); err != nil {
			return fmt.Errorf("%s: %w", e.Name(), err)
		}
	}
	return nil
}

func (n *wholeLines) read(path string, zipped bool) error {
	data, err := os.ReadFile(path)
	if err == nil && zipped {
		var r io.Reader
		if r, err = gzip.NewReader(bytes.NewReader(data)); err == nil {
			data, err = io.ReadAll(r)
		}
	}
	for line := range bytes.Lines(data) {
		if len(line) == LineSize && line[LineSize-1] == '\n' && bytes.HasPrefix(line, []byte(`{"time":`)) {
			n.whole++
		} else {
			n.torn++
		}
	}
	return err
}

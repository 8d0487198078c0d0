package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/sluicelog/sluice/cmd/sluice/internal/clean"
	"github.com/sluicelog/sluice/cmd/sluice/internal/jsonlog"
	"github.com/sluicelog/sluice/internal/logname"
	"github.com/sluicelog/sluice/pipeline"
	"github.com/sluicelog/sluice/redact"
)

// logfile is the log file of a sink.
type logfile struct {
	sink   *pipeline.Sink
	name   string     // of the sink
	level  slog.Level // of the sink
	family clean.Family
	sight
}

// sight is what was seen of a log file and its backups.
type sight struct {
	path    string // of the file in use, which has a number in its name with PerProcess
	err     error  // why there is nothing else
	size    int64
	written time.Time // last
	grown   int64     // bytes within --wait
	backups []backup  // oldest first
	begins  time.Time // the time of the first line, zero if that has none

	whole   bool // all of the file was read, not only its end
	lines   int64
	json    int64
	text    int64
	broken  int64
	last    time.Time // of the lines read, the latest time
	levels  map[slog.Level]int64
	secrets []redact.Finding // the first ones
	found   int64            // secrets in all
}

// backup is a file that a rotation has left.
type backup struct {
	path string
	size int64
	time time.Time // when it was rotated
}

// errLate is why nothing is known of a file that hangs.
var errLate = errors.New("could not be read in time")

// read looks at all log files, at the same time.
func (x *exam) read(ctx context.Context) {
	if len(x.lists) > 0 && !slices.Contains(x.lists, "post") && !slices.Contains(x.lists, "maintenance") {
		return
	}
	seen := make([]chan []sight, len(x.logs))
	for i, l := range x.logs {
		seen[i] = make(chan []sight, 1)
		go func() { seen[i] <- []sight{x.see(ctx, l)} }()
	}
	for i, l := range x.logs {
		if s := await(ctx, seen[i]); s != nil {
			l.sight = s[0]
		} else {
			l.sight = sight{path: l.sink.Path, err: errLate}
		}
	}
}

// see looks at one log file.
func (x *exam) see(ctx context.Context, l *logfile) (s sight) {
	s.path = l.sink.Path
	live, backups, err := family(l)
	if err != nil {
		s.err = err
		return s
	}
	s.backups, s.path = backups, live
	info, err := os.Stat(live)
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("is no regular file")
	}
	if err != nil {
		s.err = cause(err)
		return s
	}
	s.size, s.written = info.Size(), info.ModTime()
	if x.wait > 0 {
		wait := time.NewTimer(time.Duration(x.wait))
		defer wait.Stop()
		select {
		case <-wait.C:
		case <-ctx.Done():
		}
		if now, err := os.Stat(live); err == nil {
			s.grown = now.Size() - s.size
			if !os.SameFile(info, now) {
				s.grown = now.Size() // rotated meanwhile
			}
			s.size, s.written = now.Size(), now.ModTime()
		}
	}
	select {
	case x.turns <- struct{}{}:
		defer func() { <-x.turns }()
		s.err = x.readTail(ctx, l.sink, &s)
	case <-ctx.Done():
		s.err = errLate
	}
	return s
}

// cause returns an error without the call and the path, which are said elsewhere.
func cause(err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		return at.Err
	}
	return err
}

// family returns the files of a sink: the one in use, which need not exist, and its backups.
func family(l *logfile) (live string, backups []backup, err error) {
	entries, err := os.ReadDir(l.family.Dir)
	if err != nil {
		return l.sink.Path, nil, fmt.Errorf("its directory cannot be read: %w", cause(err))
	}
	live = l.sink.Path
	var newest time.Time
	for _, e := range entries {
		name := e.Name()
		isLive := l.sink.PerProcess && l.family.IsLive(name)
		if !isLive && !l.family.IsBackup(name) {
			continue
		}
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue // gone meanwhile
		}
		path, at := filepath.Join(l.family.Dir, name), info.ModTime()
		if isLive {
			if at.After(newest) {
				live, newest = path, at
			}
			continue
		}
		if r, ok := logname.Parse(name); ok && !r.Time.IsZero() {
			at = r.Time
		}
		backups = append(backups, backup{path, info.Size(), at})
	}
	slices.SortFunc(backups, func(a, b backup) int { return a.time.Compare(b.time) })
	return live, backups, nil
}

// readTail reads the end of the file.
func (x *exam) readTail(ctx context.Context, sink *pipeline.Sink, s *sight) error {
	f, err := os.Open(s.path)
	if err != nil {
		return cause(err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	var parser jsonlog.Parser
	head := make([]byte, min(s.size, 64<<10))
	n, err := f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return cause(err)
	}
	for line := range bytes.Lines(head[:n]) {
		if l, err := parser.Parse(bytes.TrimRight(line, "\r\n")); err == nil && !l.Time.IsZero() {
			s.begins = l.Time
			break
		}
	}
	start := max(s.size-int64(x.tail), 0)
	text, err := io.ReadAll(io.NewSectionReader(f, start, s.size-start))
	if err != nil {
		return cause(err)
	}
	if s.whole = start == 0; !s.whole {
		_, text, _ = bytes.Cut(text, []byte{'\n'}) // the first line may have begun before
	}
	if i := bytes.LastIndexByte(text, '\n'); i >= 0 {
		text = text[:i+1] // the last one may be under way
	}
	s.levels = make(map[slog.Level]int64)
	for line := range bytes.Lines(text) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			continue
		}
		if s.lines++; s.lines%1024 == 0 && ctx.Err() != nil {
			return errLate
		}
		if sink.Format == pipeline.Text {
			continue
		}
		l, err := parser.Parse(line)
		switch {
		case errors.Is(err, jsonlog.ErrNotJSON):
			s.text++
			continue
		case err != nil:
			s.broken++
			continue
		}
		s.json++
		if l.HasLevel && len(s.levels) < 64 {
			s.levels[l.Level]++
		}
		if l.Time.After(s.last) {
			s.last = l.Time
		}
	}
	return x.scan(ctx, text, s)
}

// mostSecrets is how many secrets are kept; the others are counted.
const mostSecrets = 3

// scan looks for secrets, with the rules of the configuration.
func (x *exam) scan(ctx context.Context, text []byte, s *sight) error {
	r := &x.cfg.Redaction
	redactor, err := redact.New(&redact.Options{
		Keys: r.Keys, AllowKeys: r.AllowKeys, Enable: r.Enable, Disable: r.Disable, Mask: r.Mask,
	})
	if err != nil {
		return err
	}
	for f, err := range redactor.Scan(bytes.NewReader(text)) {
		switch {
		case ctx.Err() != nil:
			return errLate
		case err != nil:
			return err
		}
		if s.found++; len(s.secrets) < mostSecrets {
			s.secrets = append(s.secrets, f)
		}
	}
	return nil
}

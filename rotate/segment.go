package rotate

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"gopkg.in/natefinch/lumberjack.v2"
)

// segment is one open log file: the engine that appends to it, and a probe,
// a second descriptor of the same inode, for what the engine cannot do.
type segment struct {
	w      io.Writer // engine
	engine *lumberjack.Logger
	probe  *os.File
	info   fs.FileInfo // from when it was opened: identity and mode
}

var errReplaced = errors.New("replaced by another file while it was being opened")

// openSegment opens the file at path for appending, and creates it with mode
// if it does not exist.
func openSegment(path string, mode fs.FileMode) (*segment, error) {
	for attempt := 0; ; attempt++ {
		probe, err := openProbe(path, mode)
		if err != nil {
			return nil, err
		}
		seg, err := newSegment(probe, path)
		if err == nil {
			return seg, nil
		}
		if err = errors.Join(err, probe.Close()); attempt == 2 || !errors.Is(err, errReplaced) {
			return nil, err
		}
	}
}

// openProbe opens the regular file at path. If it does not exist, it is created
// with exactly mode.
func openProbe(path string, mode fs.FileMode) (*os.File, error) {
	// A device or a pipe may do anything when opened, so ask first.
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: path, Err: errors.New("not a regular file")}
	}
	probe, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return os.OpenFile(path, os.O_RDWR, 0)
	}
	if err != nil {
		return nil, err
	}
	if err := probe.Chmod(mode); err != nil { // the umask may have taken bits away
		return nil, errors.Join(err, probe.Close(), os.Remove(path))
	}
	return probe, nil
}

// newSegment puts an engine on the file that probe has open at path. If that
// fails, the probe stays open.
func newSegment(probe *os.File, path string) (*segment, error) {
	info, err := probe.Stat()
	if err != nil {
		return nil, err
	}
	// When its open fails, lumberjack moves the file away and creates one
	// without O_APPEND. Trying the same open first leaves it hardly a reason.
	trial, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	if err := trial.Close(); err != nil {
		return nil, err
	}
	engine := engines.get(path)
	_, err = engine.Write(nil) // opens the file
	if err == nil {
		var now fs.FileInfo
		now, err = os.Stat(path)
		if err == nil && !os.SameFile(info, now) {
			err = fmt.Errorf("open %s: %w", path, errReplaced)
		}
	}
	if err != nil {
		return nil, errors.Join(err, engines.put(engine))
	}
	return &segment{w: engine, engine: engine, probe: probe, info: info}, nil
}

// close gives both descriptors back.
func (s *segment) close() error {
	return errors.Join(engines.put(s.engine), s.probe.Close())
}

// tail reports the size of the file and whether it ends in the middle of a line.
func (s *segment) tail() (size int64, torn bool, err error) {
	info, err := s.probe.Stat()
	if err != nil || info.Size() == 0 {
		return 0, false, err
	}
	last := make([]byte, 1)
	if _, err := s.probe.ReadAt(last, info.Size()-1); err != nil {
		return 0, false, err
	}
	return info.Size(), last[0] != '\n', nil
}

// cut takes the bytes of tail off the end of the file. It fails without
// touching the file if the file does not end in them.
func (s *segment) cut(tail []byte) error {
	if len(tail) == 0 {
		return nil
	}
	info, err := s.probe.Stat()
	if err != nil {
		return err
	}
	start := info.Size() - int64(len(tail))
	if start < 0 {
		return errTailChanged
	}
	have := make([]byte, len(tail))
	if _, err := s.probe.ReadAt(have, start); err != nil {
		return err
	}
	if !bytes.Equal(have, tail) {
		return errTailChanged
	}
	return s.probe.Truncate(start)
}

var errTailChanged = errors.New("the end of the file was changed by somebody else")

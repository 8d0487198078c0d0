package rotate

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"gopkg.in/natefinch/lumberjack.v2"
)

// segment is one open log file: the engine that appends to it, and a probe,
// a second descriptor of the same inode, for what the engine cannot do. The
// probe has a shared lock, by which other processes see that the file is in use.
type segment struct {
	engine *lumberjack.Logger
	w      io.Writer // instead of the engine, in tests
	probe  *os.File
	info   fs.FileInfo // identity, and mode when last looked
}

// maxAttempts is how often a file may be replaced while it is being opened.
const maxAttempts = 10

var errReplaced = errors.New("replaced by another file while it was being opened")

// openSegment opens the file at path for appending, and creates it with perm if
// it does not exist.
func openSegment(path string, perm permissions) (*segment, error) {
	for attempt := 0; ; attempt++ {
		probe, err := openRegular(path, perm)
		if err != nil {
			return nil, err
		}
		seg, err := newSegment(probe, path)
		if err == nil {
			return seg, nil
		}
		if err = errors.Join(err, probe.Close()); attempt == maxAttempts || !errors.Is(err, errReplaced) {
			return nil, err
		}
	}
}

// openRegular opens the regular file at path. If it does not exist, it is created
// with exactly perm. A symbolic link is not followed.
func openRegular(path string, perm permissions) (*os.File, error) {
	// A device or a pipe may do anything when opened, so ask first.
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fmt.Errorf("not a regular file but %s", kind(info.Mode()))}
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, perm.mode)
	if errors.Is(err, fs.ErrExist) {
		return os.OpenFile(path, os.O_RDWR|noFollow, 0)
	}
	if err != nil {
		return nil, err
	}
	if err := perm.apply(file); err != nil {
		return nil, errors.Join(err, file.Close(), os.Remove(path))
	}
	return file, nil
}

// kind says in words what a file is that is not regular.
func kind(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a directory"
	case mode&fs.ModeSymlink != 0:
		return "a symbolic link"
	case mode&fs.ModeNamedPipe != 0:
		return "a pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	default:
		return "a device"
	}
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
	trial, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY|noFollow, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open %s: %w", path, errReplaced)
	}
	if err != nil {
		return nil, err
	}
	if err := trial.Close(); err != nil {
		return nil, err
	}
	engine := engines.get(path)
	_, err = engine.Write(nil) // opens the file
	if err == nil {
		err = occupy(probe, path, info)
	}
	if err != nil {
		return nil, errors.Join(err, engines.put(engine))
	}
	return &segment{engine: engine, probe: probe, info: info}, nil
}

// occupy marks the file as in use, and makes sure that it still is at path. A
// file system without locks does without the mark.
func occupy(probe *os.File, path string, info fs.FileInfo) error {
	if ok, err := tryLock(probe, false); err == nil && !ok {
		// Somebody is looking at whether it is in use, which takes no time.
		if err := await(probe, false, time.Second); errors.Is(err, errTurn) {
			return fmt.Errorf("open %s: %w", path, errTurn)
		}
	}
	now, err := os.Lstat(path)
	if err == nil && !os.SameFile(info, now) || errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("open %s: %w", path, errReplaced)
	}
	return err
}

func (s *segment) write(p []byte) (int, error) {
	if s.w != nil {
		return s.w.Write(p)
	}
	return s.engine.Write(p)
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

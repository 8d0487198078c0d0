package logstash

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// maxQuarantine is how long the file grows.
const maxQuarantine = 64 << 20

// quarantine is a file to which events go that the receiver will not take, one on
// each line.
type quarantine struct {
	path string
	own  bool // it is in the directory of the spool, where no link is followed
}

// add appends an event. It is there after a crash of the program.
func (q quarantine) add(event []byte) (err error) {
	if info, err := os.Lstat(q.path); err == nil && q.own && !info.Mode().IsRegular() {
		return fmt.Errorf("%s: not a regular file", q.path)
	}
	// A pipe that nobody reads must not hold up the lane: hence O_NONBLOCK.
	f, err := os.OpenFile(q.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s: not a regular file", q.path)
	case info.Size()+int64(len(event)) >= maxQuarantine:
		return fmt.Errorf("%s: has its %d bytes", q.path, maxQuarantine)
	}
	n, err := f.Write(append(append(make([]byte, 0, len(event)+1), event...), '\n'))
	if err != nil && n > 0 {
		err = errors.Join(err, f.Truncate(info.Size())) // no half line
	}
	return err
}

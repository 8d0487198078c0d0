package rotate

import (
	"errors"
	"io/fs"
	"os"
)

// standby is an empty file with a temporary name, ready to become the live
// file. Creating a file is the slow part of a rotation, so the worker makes
// one ahead.
type standby struct {
	path  string
	probe *os.File
}

func newStandby(dir string, names naming) (*standby, error) {
	probe, err := os.CreateTemp(dir, tempPattern(names.live))
	if err != nil {
		return nil, err
	}
	return &standby{path: probe.Name(), probe: probe}, nil
}

// segment puts an engine on the file, which gets perm.
func (s *standby) segment(perm permissions) (*segment, error) {
	if err := perm.apply(s.probe); err != nil {
		return nil, err
	}
	return newSegment(s.probe, s.path)
}

// discard removes the file. That somebody else has done so is no error.
func (s *standby) discard() error {
	return errors.Join(s.probe.Close(), ignore(os.Remove(s.path), fs.ErrNotExist))
}

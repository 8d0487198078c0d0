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
	*segment
	path string
	perm permissions
}

func newStandby(dir string, names naming, perm permissions) (*standby, error) {
	probe, err := os.CreateTemp(dir, tempPattern(names.live))
	if err != nil {
		return nil, err
	}
	s := &standby{path: probe.Name(), perm: perm}
	if err = perm.apply(probe); err == nil {
		s.segment, err = newSegment(probe, s.path)
	}
	if err != nil {
		return nil, errors.Join(err, probe.Close(), ignore(os.Remove(s.path), fs.ErrNotExist))
	}
	return s, nil
}

// dress gives the file perm, if that is not what it was made with.
func (s *standby) dress(perm permissions) error {
	if s.perm == perm {
		return nil
	}
	s.perm = perm
	return perm.apply(s.probe)
}

// isThere reports whether the file still has its name.
func (s *standby) isThere() bool {
	now, err := os.Lstat(s.path)
	return err == nil && os.SameFile(now, s.info)
}

// discard removes the file. That somebody else has done so is no error.
func (s *standby) discard() error {
	return errors.Join(s.close(), ignore(os.Remove(s.path), fs.ErrNotExist))
}

package rotate

import (
	"errors"
	"os"

	"gopkg.in/natefinch/lumberjack.v2"
)

// Policy is policy, the settings that Wrap opens a File with.
func Policy(l *lumberjack.Logger, opts *Options) (path string, o *Options, err error) {
	return policy(l, opts)
}

// HasUnsynced reports whether something was written since the last sync.
func (f *File) HasUnsynced() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.dirty
}

// BreakSync makes each sync of the live file fail, by putting a pipe in place
// of the probe.
func (f *File) BreakSync() error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	probe := f.live.probe
	f.live.probe = r
	if err := w.Close(); err != nil {
		return err
	}
	return probe.Close()
}

// Lock locks the file at path, as another process does, and returns what ends
// that. It fails if another has it locked.
func Lock(path string, exclusive bool) (release func() error, err error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	ok, err := tryLock(file, exclusive)
	if err == nil && !ok {
		err = errTurn
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file.Close, nil
}

// BeginSync is the beginning of a sync, which ends when end is called.
func (f *File) BeginSync() (end func()) {
	f.syncing.Lock()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dirty = false
	return f.syncing.Unlock
}

// CloseStandby makes all that needs the probe of the file made ahead fail, and
// reports whether there is one.
func (f *File) CloseStandby() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.standby == nil {
		return false
	}
	_ = f.standby.probe.Close()
	return true
}

package rotate

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// turns is how the processes that share a log file keep out of each other's way,
// by locks on two hidden files beside it, which are never removed. A process
// holds the one shared while it looks where the live file is and writes to it,
// and exclusively while it puts another file in its place: so nobody is still
// writing to a file that was rotated. The other one is held exclusively by the
// process whose worker looks after the backups.
//
// A process can be stopped at any point, so nobody waits for a lock for ever:
// who does not get it in time writes without, which loses nothing, but does not
// rotate.
type turns struct {
	write, work *os.File
}

const (
	shareWait  = time.Second
	excludeFor = 100 * time.Millisecond
)

var errTurn = errors.New("another process holds the lock")

func newTurns(dir string, names naming, perm permissions) (*turns, error) {
	write, err := openRegular(filepath.Join(dir, names.lockFile("")), perm)
	if err != nil {
		return nil, err
	}
	work, err := openRegular(filepath.Join(dir, names.lockFile(".worker")), perm)
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	t := &turns{write, work}
	if err := t.share(); err != nil && !errors.Is(err, errTurn) { // a network file system, perhaps
		return nil, errors.Join(fmt.Errorf("MultiProcess is set, but %s can not be locked: %w", write.Name(), bare(err)), t.close())
	}
	return t, t.done()
}

func (t *turns) close() error { return errors.Join(t.write.Close(), t.work.Close()) }

// share takes the lock for writing.
func (t *turns) share() error { return await(t.write, false, shareWait) }

// exclude takes the lock for rotating, in place of the one for writing.
func (t *turns) exclude() error { return await(t.write, true, excludeFor) }

// done gives up either.
func (t *turns) done() error { return unlock(t.write) }

// await takes a lock if it can be had within a time. Waiting in the kernel
// would be shorter, and without end.
func await(f *os.File, exclusive bool, limit time.Duration) error {
	ok, err := tryLock(f, exclusive)
	if ok || err != nil {
		return err
	}
	pause := 20 * time.Microsecond
	for end := time.Now().Add(limit); time.Now().Before(end); {
		time.Sleep(pause)
		if ok, err = tryLock(f, exclusive); ok || err != nil {
			return err
		}
		pause = min(2*pause, time.Millisecond)
	}
	return errTurn
}

// turn takes this process's turn to write, or, exclusive, to rotate, and returns
// what ends it.
func (f *File) turn(exclusive bool) (end func()) {
	take := f.turns.share
	if exclusive {
		take = f.turns.exclude
	}
	f.inTurn(take())
	return func() { _ = f.turns.done() } // closing does it as well
}

// inTurn has it reported when this process begins to go without its turn.
func (f *File) inTurn(err error) bool {
	if err != nil && !f.turnless {
		f.problem(fmt.Errorf("rotate: lock %s: %w", f.turns.write.Name(), bare(err)))
	}
	f.turnless = err != nil
	return err == nil
}

// alone makes the turn of this process an exclusive one, if it can.
func (f *File) alone() bool {
	if f.turns == nil {
		return true
	}
	if f.inTurn(f.turns.exclude()) {
		return true
	}
	_ = f.turns.share() // trying has given it up
	return false
}

// claim makes sure that no other process has the file.
func (f *File) claim() error {
	if err := await(f.live.probe, true, excludeFor); err != nil {
		if errors.Is(err, errTurn) {
			return errors.New("PerProcess is set, but another process has the same number, in another container perhaps: give each its own path")
		}
		return nil //nolint:nilerr // no locks here: the number has to do
	}
	_, err := tryLock(f.live.probe, false)
	return err
}

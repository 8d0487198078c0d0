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
// holds the one while it looks where the live file is, writes to it or puts
// another one in its place: so nobody writes to a file that was rotated, and a
// line that was cut short is the last one there is. The other one is held by the
// process whose worker looks after the backups.
//
// A process can be stopped at any point, so nobody waits for a lock for ever. Who
// does not get it in time writes without, which loses nothing, until it can be
// had again, and neither rotates nor takes anything back meanwhile.
type turns struct {
	write, work *os.File
	mine        bool // this process has the lock for writing
	late        bool // the last attempt was in vain: the next one does not wait
}

// turnWait is how long a process waits for its turn.
const turnWait = time.Second

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
	t := &turns{write: write, work: work}
	if err := t.take(); err != nil && !errors.Is(err, errTurn) { // a network file system, perhaps
		return nil, errors.Join(fmt.Errorf("MultiProcess is set, but %s can not be locked: %w", write.Name(), bare(err)), t.close())
	}
	return t, nil
}

func (t *turns) close() error { return errors.Join(t.write.Close(), t.work.Close()) }

func (t *turns) take() error {
	wait := turnWait
	if t.late {
		wait = 0
	}
	err := await(t.write, true, wait)
	t.mine, t.late = err == nil, err != nil
	return err
}

func (t *turns) done() {
	if t.mine {
		t.mine = false
		_ = unlock(t.write) // closing does it as well
	}
}

// await takes a lock if it can be had within a time. Waiting in the kernel
// would be shorter, and without end.
func await(f *os.File, exclusive bool, limit time.Duration) error {
	ok, err := tryLock(f, exclusive)
	if ok || err != nil {
		return err
	}
	pause := 20 * time.Microsecond
	looks := limit / (10 * time.Millisecond) // at least, as nobody lets go while the machine stands still
	for end := time.Now().Add(limit); looks > 0 || time.Now().Before(end); looks-- {
		time.Sleep(pause)
		if ok, err = tryLock(f, exclusive); ok || err != nil {
			return err
		}
		pause = min(2*pause, time.Millisecond)
	}
	return errTurn
}

// turn takes this process's turn, and returns what ends it.
func (f *File) turn() (end func()) {
	late := f.turns.late
	switch err := f.turns.take(); {
	case err != nil && !late:
		f.problem(fmt.Errorf("rotate: lock %s, which is not waited for until it can be had: %w", f.turns.write.Name(), bare(err)))
	case err == nil && late: // what a rotation may have failed for
		f.rotating.succeeded()
	}
	return f.turns.done
}

// alone reports whether no other process writes: the lock is this one's, and the
// one that others take.
func (f *File) alone() bool {
	return f.turns == nil || f.turns.mine && isAt(f.turns.write, f.turns.write.Name())
}

// renew makes sure that the lock of this process's turn is the one that others
// take, although somebody may have removed its file.
func (f *File) renew() {
	if isAt(f.turns.write, f.turns.write.Name()) {
		return
	}
	next, err := openRegular(f.turns.write.Name(), f.perm())
	if err != nil {
		f.turns.mine = false
		f.problem(fmt.Errorf("rotate: lock %s: %w", f.turns.write.Name(), bare(err)))
		return
	}
	_ = f.turns.write.Close() // nothing was written to it
	f.turns.write = next
	f.turn()
	_ = f.check() // reported there
}

// isAt reports whether path is the file that f has open.
func isAt(f *os.File, path string) bool {
	info, err := f.Stat()
	if err != nil {
		return false
	}
	now, err := os.Lstat(path)
	return err == nil && os.SameFile(now, info)
}

package spool

import (
	"errors"
	"io/fs"
	"os"
)

// look finds out whether a segment is still there. Cleaners of temporary files
// remove whole directories, and what goes to a removed file goes nowhere.
func (q *Queue) look(s *segment) {
	if _, err := os.Lstat(q.path(s)); errors.Is(err, fs.ErrNotExist) {
		q.lose(s)
	}
}

// lose notes that a segment was removed by somebody else: Read finds no events
// in it, and the next write begins another one.
func (q *Queue) lose(s *segment) {
	q.mu.Lock()
	s.lost = true
	q.mu.Unlock()
}

// remake makes the directory again. It is another one, which needs a lock and a
// position of its own. The lock for writing must be held.
func (q *Queue) remake() error {
	lock, err := lockDir(q.dir)
	if err != nil {
		return err
	}
	q.noting.Lock()
	defer q.noting.Unlock()
	lock, q.lock = q.lock, lock
	_, _ = lock.Close(), q.pos.reset() // nobody sees these files any more
	return nil
}

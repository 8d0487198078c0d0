package replay

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/internal/flock"
)

const (
	stateVersion = 1
	// headBytes is how much of its beginning tells a file from others.
	headBytes = 1 << 10
)

// A stateKey is the job that a state belongs to.
type stateKey struct {
	To       string   `json:"to"`
	Sources  []string `json:"sources"`
	Settings string   `json:"settings,omitempty"` // of the flags that say which lines are sent
}

// A place is how far a file was sent. A file is known by its beginning and the last line that was sent, also when it
// has been renamed or compressed.
type place struct {
	Name      string    `json:"name"`
	HeadBytes int       `json:"head_bytes"`
	Head      string    `json:"head"`   // the SHA-256 of so many bytes
	Offset    int64     `json:"offset"` // behind the last line that was sent, decompressed
	Tail      uint32    `json:"tail"`   // the CRC-32C of that line
	Device    uint64    `json:"device,omitempty"`
	Inode     uint64    `json:"inode,omitempty"`
	Size      int64     `json:"size,omitempty"` // of the file when it was opened
	Modified  time.Time `json:"modified,omitzero"`
	Done      bool      `json:"done,omitempty"` // all of the file as it was then was sent

	used bool // by this run
}

// stateFile is what the file has.
type stateFile struct {
	Version int       `json:"version"`
	Saved   time.Time `json:"saved"`
	stateKey

	Files []*place `json:"files"`
}

// state keeps how far log files were sent. A nil state keeps nothing.
type state struct {
	path string
	lock *os.File

	mu    sync.Mutex
	file  stateFile
	dirty bool
}

// openState reads a state, and keeps others from using it. A dry run only reads it.
func openState(path string, key stateKey, dry bool) (*state, error) {
	own := path == ""
	if own {
		dir, err := os.UserCacheDir()
		if err != nil {
			return nil, cli.Usagef("--state: want a file, or --no-state, as there is no place of its own for one: %w", err)
		}
		path = filepath.Join(dir, "sluice", "replay-"+key.hash()+".json")
	}
	s := &state{path: path}
	err := s.load(key) // first, so that beside a file that is none of ours nothing is made
	if err == nil && !dry {
		if own {
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				return nil, cli.Usagef("--state: want a file, or --no-state, as the directory of its own cannot be made: %w", err)
			}
		}
		err = s.claim(key)
	}
	if err != nil {
		s.close()
		return nil, &cli.ExitError{Code: cli.Usage, Err: fmt.Errorf("--state: %w", err)}
	}
	return s, nil
}

// hash returns a name for the job.
func (k stateKey) hash() string {
	b, _ := json.Marshal(k) //nolint:errchkjson // strings
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

// claim keeps others from using the state, and finds out whether it can be written.
func (s *state) claim(key stateKey) error {
	var err error
	if s.lock, err = os.OpenFile(s.path+".lock", os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return err
	}
	if ok, err := flock.TryLock(s.lock, true); err != nil {
		return fmt.Errorf("lock %s: %w", s.lock.Name(), err)
	} else if !ok {
		return fmt.Errorf("%s is in use by another replay of the same", cli.Printable(s.path))
	}
	if err := s.load(key); err != nil {
		return err
	}
	s.dirty = true
	return s.save()
}

// stateBegin is how the file of a state begins, also one that is damaged further on.
var stateBegin = regexp.MustCompile(`^\s*\{\s*"version":\s*\d+,\s*"saved":`)

// load reads the file, if there is one.
func (s *state) load(key stateKey) error {
	s.file = stateFile{Version: stateVersion, stateKey: key}
	info, err := os.Stat(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", cli.Printable(s.path))
	}
	f, err := os.Open(s.path)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // it is only read
	head := make([]byte, 128)
	n, _ := f.ReadAt(head, 0) // what is not there is no state
	if !stateBegin.Match(head[:n]) {
		return fmt.Errorf("%s is not a state file of sluice: choose another name", cli.Printable(s.path))
	}
	text, err := io.ReadAll(f)
	if err != nil {
		return err
	}
	s.file = stateFile{}
	if err := json.Unmarshal(text, &s.file); err != nil {
		return fmt.Errorf("%s is damaged (%w): remove it to send everything again", cli.Printable(s.path), err)
	}
	return s.suits(key)
}

// suits returns an error unless the state is of a job.
func (s *state) suits(key stateKey) error {
	name := cli.Printable(s.path)
	f := &s.file
	switch {
	case f.Version != stateVersion:
		return fmt.Errorf("%s is of version %d, and this program knows version %d only", name, f.Version, stateVersion)
	case f.To != key.To:
		return fmt.Errorf("%s is about what was sent to %s, not to %s: want another file", name, harmless(f.To), key.To)
	case !slices.Equal(f.Sources, key.Sources):
		return fmt.Errorf("%s is about other sources, %s: want another file", name, harmless(strings.Join(f.Sources, ", ")))
	case f.Settings != key.Settings:
		return fmt.Errorf("%s is about other lines of these sources, with %q instead of %q: want another file", name, f.Settings, key.Settings)
	}
	for _, p := range f.Files {
		if p == nil || p.Offset < 0 || p.HeadBytes < 0 || p.HeadBytes > headBytes {
			return fmt.Errorf("%s is damaged: remove it to send everything again", name)
		}
	}
	return nil
}

// sent reports whether all of a file was sent, and it has not changed since.
func (s *state) sent(info os.FileInfo) bool {
	device, inode := identity(info)
	if inode == 0 {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.file.Files {
		if p.Done && p.Device == device && p.Inode == inode && p.Size == info.Size() && p.Modified.Equal(info.ModTime()) {
			p.used = true
			return true
		}
	}
	return false
}

// find returns the place in a file with a beginning, and makes one if there is none. Info is nil if it is not known.
func (s *state) find(name string, head []byte, info os.FileInfo) *place {
	if path, err := filepath.Abs(name); err == nil {
		name = path
	}
	var device, inode uint64
	if info != nil {
		device, inode = identity(info)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var best *place
	rank := func(p *place) int {
		switch {
		case inode != 0 && p.Device == device && p.Inode == inode:
			return 2
		case p.Name == name:
			return 1
		}
		return 0
	}
	for _, p := range s.file.Files {
		if p.used || p.HeadBytes > len(head) || p.Head != hashOf(head[:p.HeadBytes]) {
			continue
		}
		if best == nil || cmp.Or(cmp.Compare(rank(p), rank(best)), cmp.Compare(p.Offset, best.Offset)) > 0 {
			best = p
		}
	}
	if best == nil {
		best = &place{}
		s.file.Files = append(s.file.Files, best)
	}
	best.used, best.Done = true, false
	best.Name, best.HeadBytes, best.Head = name, len(head), hashOf(head)
	best.Device, best.Inode, best.Size, best.Modified = device, inode, 0, time.Time{}
	if info != nil {
		best.Size, best.Modified = info.Size(), info.ModTime()
	}
	return best
}

func hashOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// forget makes a place one in which nothing was sent.
func (s *state) forget(p *place) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.file.Files = slices.DeleteFunc(s.file.Files, func(other *place) bool { return other == p })
	s.dirty = true
}

// advance notes that a file was sent up to the end of a line.
func (s *state) advance(p *place, l line) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.Offset, p.Tail = l.next, l.sum
	s.dirty = true
}

// finish notes that all of a file was sent.
func (s *state) finish(p *place) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.Done = p.Inode != 0
	s.dirty = true
}

// complete forgets the files that are not there any more.
func (s *state) complete() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.file.Files = slices.DeleteFunc(s.file.Files, func(p *place) bool { return !p.used })
	s.dirty = true
}

// save writes what has changed, so that it is on the disk.
func (s *state) save() error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.dirty {
		return nil
	}
	s.file.Saved = time.Now().UTC().Truncate(time.Second)
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(&s.file); err != nil {
		return err
	}
	if err := replaceFile(s.path, b.Bytes()); err != nil {
		return fmt.Errorf("--state: %w", err)
	}
	s.dirty = false
	return nil
}

// replaceFile writes a file, which is the old one or the new one at every moment.
func replaceFile(path string, text []byte) error {
	f, err := cli.CreateFile(path, 0o600)
	if err != nil {
		return err
	}
	defer f.Discard()
	if _, err := f.Write(text); err != nil {
		return err
	}
	return f.Publish()
}

// close lets others use the state.
func (s *state) close() {
	if s != nil && s.lock != nil {
		_ = flock.Unlock(s.lock) // a process that is just being started may have the file open as well
		_ = s.lock.Close()       // nothing was written
	}
}

//go:build linux

package defects_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"

	"github.com/sluicelog/sluice/internal/testlog"
)

// read returns the content of a file, decompressed if its name says so, and what
// can be read of it if it is damaged.
func read(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var r io.Reader = bytes.NewReader(data)
	switch filepath.Ext(path) {
	case ".gz":
		r, err = gzip.NewReader(r)
	case ".zst":
		r, err = zstd.NewReader(r)
	}
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// noise returns lines that hardly compress.
func noise(size int) []byte {
	r := rand.NewChaCha8([32]byte{})
	data := make([]byte, size)
	_, _ = r.Read(data) // never fails
	for i := range data {
		if data[i] == '\n' {
			data[i]++
		}
		if i%200 == 199 || i == size-1 {
			data[i] = '\n'
		}
	}
	return data
}

// ago returns a time in the past, as the names of backups can say it.
func ago(d time.Duration) time.Time { return time.Now().UTC().Add(-d).Truncate(time.Millisecond) }

// keepsSilent has an archive not fit on the disk.
func keepsSilent(s *scene) verdict {
	s.onTinyDisk("size=320k")
	s.plant("app.log", []byte("line\n"))
	s.plant(s.backup(ago(2*time.Hour)), noise(200<<10))
	s.plant(s.backup(ago(time.Hour)), noise(20<<10))
	var told testlog.Buffer
	said := s.stderr(func() {
		f, refused := s.open(settings{gzip: true, told: func(err error) { _, _ = fmt.Fprintln(&told, err) }})
		if refused != nil {
			s.Fatal(refused.why)
		}
		_, _ = f.Write([]byte("line\n"))
		until(time.Second/2, func() bool { return strings.Contains(told.String(), "compress") })
		s.must(f.Close())
	})
	switch {
	case strings.Contains(told.String(), "compress"):
		return sound("OnError: %.80s", told.String())
	case strings.Contains(said, "compress"):
		return sound("on stderr alone: %.80s", said)
	}
	return shown("no error, no hook, nothing on stderr")
}

// stderr returns what f has written there.
func (s *scene) stderr(f func()) string {
	s.Helper()
	file, err := os.CreateTemp(s.TempDir(), "stderr")
	s.must(err)
	defer file.Close()
	was := os.Stderr
	os.Stderr = file
	defer func() { os.Stderr = was }()
	f()
	text, err := os.ReadFile(file.Name())
	s.must(err)
	return string(text)
}

// leavesHalfArchive kills a process that compresses.
func leavesHalfArchive(s *scene) verdict {
	s.plant(s.backup(ago(2*time.Hour)), noise(16<<20))
	s.plant(s.backup(ago(time.Hour)), []byte("newer\n"))
	known := len(s.files())
	child := s.child(settings{path: s.path, gzip: true}, 0)
	working := func() bool {
		for _, path := range s.files() {
			info, err := os.Stat(path)
			packed := strings.Contains(filepath.Base(path), ".gz")
			if err == nil && packed && info.Size() > 64<<10 {
				return true
			}
		}
		return false
	}
	if !until(5*time.Second, working) {
		s.Fatalf("nothing was compressed: %d files before, %d now", known, len(s.files()))
	}
	child.kill()
	for _, path := range s.backups() {
		if _, err := read(path); err != nil {
			return shown("%s: %v", filepath.Base(path), err)
		}
	}
	return sound("no broken archive")
}

// trustsHalfArchive finds an archive that was cut, as lumberjack leaves it, and
// its source.
func trustsHalfArchive(s *scene) verdict {
	lines := noise(900 << 10)
	var archive bytes.Buffer
	zip := gzip.NewWriter(&archive)
	_, err := zip.Write(lines)
	s.must(err, zip.Close())
	source := s.backup(ago(2 * time.Hour))
	s.plant(source, lines)
	s.plant(source+".gz", archive.Bytes()[:archive.Len()/2])
	s.plant(s.backup(ago(time.Hour)), []byte("newer\n"))
	f, refused := s.open(settings{gzip: true})
	if refused != nil {
		return *refused
	}
	s.write(f, "line")
	until(5*time.Second, func() bool { return !exists(filepath.Join(s.dir, source)) })
	s.must(f.Close())
	for _, name := range []string{source, source + ".gz"} {
		if got, err := read(filepath.Join(s.dir, name)); err == nil && bytes.Equal(got, lines) {
			return sound("%s has it all", name)
		}
	}
	return shown("the source is gone, and the archive is half of it")
}

// removesBeforeSync asks the kernel how much of an archive is not on disk when
// its source is gone.
func removesBeforeSync(s *scene) verdict {
	control := s.plant("control", noise(64<<10))
	before := s.unwritten(control)
	f, err := os.OpenFile(control, os.O_WRONLY, 0)
	s.must(err)
	s.must(f.Sync(), f.Close())
	if after := s.unwritten(control); before == 0 || after != 0 {
		s.Skipf("this file system does not tell: %d pages before a sync, %d after", before, after)
	}
	source := s.plant(s.backup(ago(2*time.Hour)), noise(2<<20))
	s.plant(s.backup(ago(time.Hour)), []byte("newer\n"))
	log, refused := s.open(settings{gzip: true})
	if refused != nil {
		return *refused
	}
	s.write(log, "line")
	for end := time.Now().Add(30 * time.Second); exists(source); { // the kernel writes by itself, too, so look at once
		if time.Now().After(end) {
			s.Fatal("nothing was compressed")
		}
		<-time.After(50 * time.Microsecond)
	}
	n := s.unwritten(source + ".gz")
	return unless(n == 0, "the source is gone, and %d pages of the archive are not on disk", n)
}

// unwritten returns how many pages of a file are in memory alone.
func (s *scene) unwritten(path string) uint64 {
	s.Helper()
	f, err := os.Open(path)
	s.must(err)
	defer f.Close()
	var stat unix.Cachestat_t
	if err := unix.Cachestat(uint(f.Fd()), &unix.CachestatRange{}, &stat, 0); err != nil {
		s.Skipf("cachestat: %v", err)
	}
	return stat.Dirty + stat.Writeback
}

// cannotSync asks the kernel whether lines are on disk after a Sync.
func cannotSync(s *scene) verdict {
	f, refused := s.open(settings{})
	if refused != nil {
		return *refused
	}
	syncer, ok := f.(interface{ Sync() error })
	if !ok {
		return shown("%T has no method Sync", f)
	}
	_, err := f.Write(noise(64 << 10))
	s.must(err)
	before := s.unwritten(s.path)
	s.must(syncer.Sync())
	after := s.unwritten(s.path)
	return unless(after == 0, "%d pages were not on disk before Sync, %d after", before, after)
}

// misreadsZone has a backup of 20 hours eight hours west of Greenwich, and keeps
// backups for a day. It needs a process of its own, for the zone.
func misreadsZone(s *scene) verdict {
	west := time.FixedZone("", -8*3600)
	name := func(age time.Duration) string {
		p := s.product
		if p.stamp == rotateStamp { // those of its own say their zone
			p.stamp = jackStamp
		}
		return p.backup(time.Now().In(west).Add(-age))
	}
	young := s.plant(name(20*time.Hour), []byte("young\n"))
	old := s.plant(name(30*time.Hour), []byte("old\n"))
	child := s.child(settings{path: s.path, local: true, days: 1}, 0, "TZ=Etc/GMT+8")
	if !until(5*time.Second, func() bool { return !exists(old) }) {
		s.Fatal("nothing was removed")
	}
	child.begin()
	child.wait()
	return unless(exists(young), "MaxAge is a day, a backup of 20 hours is there: %v", exists(young))
}

// keepsLeftover finds what a compression has left that was killed.
func keepsLeftover(s *scene) verdict {
	backup := s.backup(ago(time.Hour))
	name := s.leftover(backup)
	if name == "" {
		return verdict{absent, "it has no temporary files"}
	}
	s.plant(backup, []byte("line\n"))
	left := s.plant(name, []byte("half"))
	f, refused := s.open(settings{backups: 3})
	if refused != nil {
		return *refused
	}
	s.write(f, "line")
	s.must(f.Rotate(), f.Close())
	return unless(!exists(left), "%s is there: %v", name, exists(left))
}

// pushesOut rotates whenever logrotate would have it, with nothing written since.
func pushesOut(s *scene) verdict {
	f, refused := s.open(settings{backups: 3})
	if refused != nil {
		return *refused
	}
	for i := range 3 {
		s.write(f, fmt.Sprint("line ", i))
		s.must(f.Rotate())
		<-time.After(2 * time.Millisecond) // not what this is about
	}
	for range 6 {
		s.must(f.Rotate())
		<-time.After(2 * time.Millisecond)
	}
	until(time.Second, func() bool { return len(s.backups()) <= 3 })
	s.must(f.Close())
	return unless(len(s.lines()) == 3, "MaxBackups is 3, after 6 more rotations %d of 3 lines are left", len(s.lines()))
}

// overshoots rotates a few times while large backups are being compressed, and
// counts the backups when two more of them are compressed, if there are as many.
func overshoots(s *scene) verdict {
	const limit, rotations = 4, 12
	size := 6 << 20
	if testlog.Race {
		size /= 8 // it slows compression down as much
	}
	large := noise(size)
	for i := range limit {
		s.plant(s.backup(ago(time.Duration(i+1)*time.Hour)), large)
	}
	f, refused := s.open(settings{backups: limit, gzip: true})
	if refused != nil {
		return *refused
	}
	for i := range rotations {
		s.write(f, fmt.Sprint("line ", i))
		s.must(f.Rotate())
		<-time.After(2 * time.Millisecond) // or names of lumberjack would be the same
	}
	archives := func() []string {
		return slices.DeleteFunc(s.backups(), func(path string) bool { return filepath.Ext(path) != ".gz" })
	}
	seen := archives()
	before := len(seen)
	if !until(30*time.Second, func() bool {
		for _, path := range archives() {
			if !slices.Contains(seen, path) {
				seen = append(seen, path)
			}
		}
		plain := len(s.backups()) - len(archives())
		return len(seen) >= before+2 || plain <= 1 // or there is no more to do
	}) {
		s.Fatal("nothing was compressed")
	}
	n := len(s.backups())
	return unless(n <= limit+1, "MaxBackups is %d, there are %d files when two more are compressed", limit, n)
}

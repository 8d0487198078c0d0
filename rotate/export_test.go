package rotate

import (
	"io"
	"time"
)

// WrapEngine puts what wrap returns between f and its live file.
func (f *File) WrapEngine(wrap func(io.Writer) io.Writer) {
	f.mu.Lock()
	defer f.unlock()
	engine := io.Writer(f.live.engine)
	if f.live.w != nil {
		engine = f.live.w
	}
	f.live.w = wrap(engine)
}

// CloseProbe makes all that needs the probe of the live file fail.
func (f *File) CloseProbe() {
	f.mu.Lock()
	defer f.mu.Unlock()
	_ = f.live.probe.Close()
}

// SetLink replaces os.Link.
func (f *File) SetLink(link func(oldname, newname string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.link = link
}

// ParseBackup is naming.parse for the backups of live.
func ParseBackup(live, name string) (plain string, ok bool) {
	p, ok := newNaming(live, new(Options)).parse(name)
	return p.plain, ok
}

// IsTemp is naming.isTemp for the temporary files of live.
func IsTemp(live, name string) bool {
	_, ok := newNaming(live, new(Options)).temp(name)
	return ok
}

// RebuildBackup parses name and returns the plain names for the same stamp: ours, lumberjack's, and timberjack's,
// which have the reason in front of the extension or behind it.
func RebuildBackup(live, name, reason string) []string {
	n := newNaming(live, new(Options))
	p, _ := n.parse(name)
	legacy := "-" + p.stamp.time.Format(legacyLayout)
	return []string{
		n.backup("", p.stamp), n.base + legacy + n.ext,
		n.base + legacy + "-" + reason + n.ext, live + legacy + "-" + reason,
	}
}

// Settle waits until OnError has been told everything.
func (f *File) Settle() {
	if busy := f.reporter.idle(); busy != nil {
		<-busy
	}
}

// WaitForRoom sets how long a Write on a full disk waits for other processes.
func (f *File) WaitForRoom(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.roomWait = d
}

// PutOffRotation has the next attempt to rotate wait, as after many that failed.
func (f *File) PutOffRotation(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rotating = backoff{delay: d, until: time.Now().Add(d)}
}

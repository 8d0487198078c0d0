package rotate

import (
	"io"
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

// RebuildBackup parses name and returns what our and lumberjack's plain name
// for the same stamp would be.
func RebuildBackup(live, name string) (ours, legacy string) {
	n := newNaming(live, new(Options))
	p, _ := n.parse(name)
	return n.backup("", p.stamp), n.base + "-" + p.stamp.time.Format(legacyLayout) + n.ext
}

// Settle waits until OnError has been told everything.
func (f *File) Settle() {
	if busy := f.reporter.idle(); busy != nil {
		<-busy
	}
}

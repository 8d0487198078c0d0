package clean

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/sluicelog/sluice/internal/logname"
)

// A Family is a log file and its backups, as package rotate names them.
type Family struct {
	Dir        string
	base, ext  string
	perProcess bool
}

// FamilyOf returns the family of the log file at path, or where a link there leads. With perProcess each process has its own log
// file, with its number in the name.
func FamilyOf(path string, perProcess bool) Family {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	name := filepath.Base(path)
	f := Family{Dir: filepath.Dir(path), ext: filepath.Ext(name), perProcess: perProcess}
	if f.base = strings.TrimSuffix(name, f.ext); f.base == "" { // a dot file has no extension
		f.base, f.ext = name, ""
	}
	return f
}

// IsLive reports whether name is that of a log file that is, or may be, in use.
func (f Family) IsLive(name string) bool {
	rest, ok := f.cut(name)
	return ok && rest == ""
}

// IsBackup reports whether name is that of a backup: neither that of the log file, nor of a backup of app-errors.log if this is
// app.log.
func (f Family) IsBackup(name string) bool {
	plain := strings.TrimSuffix(name, ".gz")
	if plain == name {
		plain = strings.TrimSuffix(name, ".zst")
	}
	if rest, ok := strings.CutPrefix(plain, f.base+f.ext+"-"); ok && f.ext != "" && !f.perProcess {
		if _, ok := logname.Timberjack(rest, time.UTC); ok {
			return true
		}
	}
	rest, ok := f.cut(plain)
	if !ok {
		return false
	}
	stamp, ok := strings.CutPrefix(rest, "-")
	if !ok {
		return false
	}
	_, _, ok = logname.Stamp(stamp, time.UTC)
	return ok
}

// Counts reports whether name is that of a backup that the retention of any one process counts. Those of a process whose log file is
// there are none: it looks after them itself.
func (f Family) Counts(name string) bool {
	if !f.IsBackup(name) {
		return false
	}
	if !f.perProcess {
		return true
	}
	process, _, _ := strings.Cut(strings.TrimPrefix(name, f.base), "-")
	_, err := os.Lstat(filepath.Join(f.Dir, f.base+process+f.ext))
	return err != nil
}

// process is the number of a process in a name.
var process = regexp.MustCompile(`^\.[1-9]\d{0,6}`)

// cut returns what a name has in front of the extension and behind all that the family has in common.
func (f Family) cut(name string) (rest string, ok bool) {
	if rest, ok = strings.CutPrefix(name, f.base); !ok {
		return "", false
	}
	if rest, ok = strings.CutSuffix(rest, f.ext); !ok || !f.perProcess {
		return rest, ok
	}
	pid := process.FindString(rest)
	return rest[len(pid):], pid != ""
}

package rotate

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/sluicelog/sluice/internal/logname"
)

const (
	stampLayout  = logname.Layout
	legacyLayout = logname.LumberjackLayout
	tempExt      = ".tmp"
	lockExt      = ".lock"
)

// naming knows how the backups of one log file are called, and recognises
// nothing but those: app.log has the backups app-<stamp>.log, and neither
// app.errors.log nor app-x.log is one.
//
// With a file for each process, the files of all processes are one family:
// app.1234.log with its backups app.1234-<stamp>.log, and those of other numbers.
type naming struct {
	live      string // app.log, or app.1234.log
	base, ext string // app and .log
	pid       string // 1234, empty if there is one file for all
	zone      *time.Location
}

func newNaming(name string, opts *Options) naming {
	ext := filepath.Ext(name)
	base := strings.TrimSuffix(name, ext)
	if base == "" { // a dot file has no extension
		base, ext = name, ""
	}
	n := naming{live: name, base: base, ext: ext, zone: time.UTC}
	if opts.LocalTime {
		n.zone = time.Local
	}
	if opts.PerProcess {
		n.pid = strconv.Itoa(os.Getpid())
		n.live = n.liveOf(n.pid)
	}
	return n
}

var errNoName = errors.New("there is no free name for the backup")

// maxName is the longest name of a file, in bytes, on the usual file systems.
const maxName = 255

// check fails if the live file has a name that its backups could not have.
func (n naming) check() error {
	if c := compressionOf(n.live); c != None {
		return fmt.Errorf("a log file's name cannot end in %s, backups do", c.ext())
	}
	longest := len(tempPattern(n.backup(n.pid, stamp{time.Now(), maxSequence})+Zstd.ext())) + len("4294967295")
	if longest > maxName {
		return fmt.Errorf("the name has %d bytes, %d more than there is room for with the time in a backup's name",
			len(n.live), longest-maxName)
	}
	return nil
}

// liveOf returns the name of the live file of the process pid.
func (n naming) liveOf(pid string) string {
	if pid == "" {
		return n.live
	}
	return n.base + "." + pid + n.ext
}

// stamp is what tells one backup from another: its time, and a number that is
// above zero only if the name without it was taken.
type stamp struct {
	time time.Time
	seq  int
}

// maxAhead is how far ahead of the clock the time in a name can be, when the clock
// was set back, before it is no time to go by.
const maxAhead = 24 * time.Hour

// absurd reports whether no backup can have been made at that time.
func (s stamp) absurd(now time.Time) bool { return s.time.Sub(now) > maxAhead }

func (s stamp) compare(other stamp) int {
	if c := s.time.Compare(other.time); c != 0 {
		return c
	}
	return s.seq - other.seq
}

// backup returns the plain name of the backup of pid's file with stamp s.
func (n naming) backup(pid string, s stamp) string {
	name := n.base
	if pid != "" {
		name += "." + pid
	}
	name += "-" + s.time.In(n.zone).Format(stampLayout)
	if s.seq > 0 {
		name += "-" + strconv.Itoa(s.seq)
	}
	return name + n.ext
}

// parsed is what the name of a backup says.
type parsed struct {
	plain string // without the extension of the compressed form
	form  Compression
	stamp stamp
	pid   string
}

// parse takes the name of a backup apart.
func (n naming) parse(name string) (p parsed, ok bool) {
	p.form = compressionOf(name)
	p.plain = strings.TrimSuffix(name, p.form.ext())
	// timberjack can be told to put its time behind the extension.
	if rest, ok := strings.CutPrefix(p.plain, n.live+"-"); ok && n.ext != "" && n.pid == "" {
		if p.stamp.time, ok = logname.Timberjack(rest, n.zone); ok {
			return p, true
		}
	}
	rest, ok := strings.CutPrefix(p.plain, n.base)
	if !ok {
		return parsed{}, false
	}
	if rest, ok = strings.CutSuffix(rest, n.ext); !ok {
		return parsed{}, false
	}
	if n.pid != "" {
		if p.pid, rest, ok = cutPID(rest); !ok {
			return parsed{}, false
		}
	}
	if rest, ok = strings.CutPrefix(rest, "-"); !ok {
		return parsed{}, false
	}
	if p.stamp.time, p.stamp.seq, ok = logname.Stamp(rest, n.zone); !ok {
		return parsed{}, false
	}
	return p, true
}

// cutPID splits ".1234-x" into 1234 and -x.
func cutPID(s string) (pid, rest string, ok bool) {
	s, ok = strings.CutPrefix(s, ".")
	rest = strings.TrimLeft(s, "0123456789")
	pid = s[:len(s)-len(rest)]
	return pid, rest, ok && pid != "" && pid[0] != '0' && len(pid) <= pidDigits
}

// process returns the number of the process whose live file is called name.
func (n naming) process(name string) (pid string, ok bool) {
	rest, ok := strings.CutPrefix(name, n.base)
	if !ok || n.pid == "" {
		return "", false
	}
	pid, rest, ok = cutPID(rest)
	return pid, ok && rest == n.ext
}

// claimant returns the number of the process whose lock file is called name.
func (n naming) claimant(name string) (pid string, ok bool) {
	name, dot := strings.CutPrefix(name, ".")
	name, lock := strings.CutSuffix(name, lockExt)
	pid, ok = n.process(name)
	return pid, ok && dot && lock
}

// tempPattern returns a pattern for os.CreateTemp for a file that will be
// renamed to name. It is hidden, and matches no glob for logs.
func tempPattern(name string) string { return "." + name + ".*" + tempExt }

// temp returns what the temporary file called name was made for: the live file
// of a process, or a compressed backup.
func (n naming) temp(name string) (pid string, ok bool) {
	rest, dot := strings.CutPrefix(name, ".")
	rest, tmp := strings.CutSuffix(rest, tempExt)
	if !dot || !tmp {
		return "", false
	}
	// Should lumberjack ever have moved a prepared file aside, it has put its
	// time in front of the extension.
	if at := len(rest) - len("-"+legacyLayout); at > 0 && rest[at] == '-' {
		if _, ok := logname.Time(legacyLayout, rest[at+1:]); ok {
			rest = rest[:at]
		}
	}
	at := strings.LastIndexByte(rest, '.')
	if at < 0 || rest[at+1:] == "" || strings.Trim(rest[at+1:], "0123456789") != "" {
		return "", false
	}
	target := rest[:at]
	if target == n.live {
		return n.pid, true
	}
	if pid, ok := n.process(target); ok {
		return pid, true
	}
	p, ok := n.parse(target)
	return p.pid, ok && p.form != None
}

// lockFile returns the hidden name of a file for a lock between processes.
func (n naming) lockFile(purpose string) string { return "." + n.live + purpose + lockExt }

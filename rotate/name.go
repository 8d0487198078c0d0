package rotate

import (
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const (
	stampLayout  = "20060102T150405.000000Z" // ours, always UTC
	legacyLayout = "2006-01-02T15-04-05.000" // lumberjack's, taken for UTC
	gzipExt      = ".gz"
	tempExt      = ".tmp"
)

// naming knows how the backups of one log file are called, and recognises
// nothing but those: app.log has the backups app-<stamp>.log, and neither
// app.errors.log nor app-x.log is one.
type naming struct {
	live      string // app.log
	base, ext string // app and .log
}

func newNaming(live string) naming {
	ext := filepath.Ext(live)
	base := strings.TrimSuffix(live, ext)
	if base == "" { // a dot file has no extension
		base, ext = live, ""
	}
	return naming{live: live, base: base, ext: ext}
}

// stamp is what tells one backup from another: its time, and a number that is
// above zero only if the name without it was taken.
type stamp struct {
	time time.Time
	seq  int
}

func (s stamp) compare(other stamp) int {
	if c := s.time.Compare(other.time); c != 0 {
		return c
	}
	return s.seq - other.seq
}

// backup returns the plain name of the backup with stamp s.
func (n naming) backup(s stamp) string {
	name := n.base + "-" + s.time.UTC().Format(stampLayout)
	if s.seq > 0 {
		name += "-" + strconv.Itoa(s.seq)
	}
	return name + n.ext
}

// parse takes the name of a backup apart: plain is the name without .gz.
func (n naming) parse(name string) (plain string, s stamp, ok bool) {
	plain = strings.TrimSuffix(name, gzipExt)
	rest, ok := strings.CutPrefix(plain, n.base+"-")
	if !ok {
		return "", stamp{}, false
	}
	rest, ok = strings.CutSuffix(rest, n.ext)
	if !ok {
		return "", stamp{}, false
	}
	if t, ok := parseTime(legacyLayout, rest); ok {
		return plain, stamp{time: t}, true
	}
	if len(rest) < len(stampLayout) {
		return "", stamp{}, false
	}
	t, ok := parseTime(stampLayout, rest[:len(stampLayout)])
	if !ok {
		return "", stamp{}, false
	}
	s = stamp{time: t}
	if seq := rest[len(stampLayout):]; seq != "" {
		// Only what backup writes is ours: no sign, no leading zero.
		s.seq, _ = strconv.Atoi(strings.TrimPrefix(seq, "-"))
		if s.seq < 1 || seq != "-"+strconv.Itoa(s.seq) {
			return "", stamp{}, false
		}
	}
	return plain, s, true
}

// parseTime accepts only what formatting with layout gives; time.Parse alone
// is more generous.
func parseTime(layout, s string) (time.Time, bool) {
	t, err := time.Parse(layout, s)
	return t, err == nil && t.Format(layout) == s
}

// tempPattern returns a pattern for os.CreateTemp for a file that will be
// renamed to name. It is hidden, and matches no glob for logs.
func tempPattern(name string) string { return "." + name + ".*" + tempExt }

// isTemp reports whether name was made from tempPattern for the live file or
// for a compressed backup of it.
func (n naming) isTemp(name string) bool {
	rest, dot := strings.CutPrefix(name, ".")
	rest, tmp := strings.CutSuffix(rest, tempExt)
	if !dot || !tmp {
		return false
	}
	// Should lumberjack ever have moved a prepared file aside, it has put its
	// time in front of the extension.
	if at := len(rest) - len("-"+legacyLayout); at > 0 && rest[at] == '-' {
		if _, ok := parseTime(legacyLayout, rest[at+1:]); ok {
			rest = rest[:at]
		}
	}
	at := strings.LastIndexByte(rest, '.')
	if at < 0 || rest[at+1:] == "" || strings.Trim(rest[at+1:], "0123456789") != "" {
		return false
	}
	target := rest[:at]
	if target == n.live {
		return true
	}
	_, _, ok := n.parse(target)
	return ok && strings.HasSuffix(target, gzipExt)
}

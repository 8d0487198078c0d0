package logname

import (
	"cmp"
	"path"
	"strconv"
	"strings"
	"time"
)

// Rotated is what the name of a rotated file says.
type Rotated struct {
	Live   string    // the log file that it was
	Plain  string    // its name without the ending of a compressed form
	Time   time.Time // zero if it has a number instead
	Seq    int       // tells apart what has the same time
	Number int       // the higher, the older
}

// Parse takes the name of a rotated file apart, whoever gave it: this module, lumberjack and timberjack,
// logrotate with numbers or dates, or one of the many that do it like these.
func Parse(name string) (Rotated, bool) {
	r := Rotated{Plain: plain(name)}
	if base, number, ok := cutLast(r.Plain, "."); ok && len(number) <= 4 {
		if n, err := strconv.Atoi(number); err == nil && n > 0 && strconv.Itoa(n) == number {
			r.Live, r.Number = base, n
			return r, true
		}
	}
	ext := path.Ext(r.Plain)
	for i, c := range r.Plain {
		if i == 0 || !strings.ContainsRune("-._", c) {
			continue
		}
		base, rest := r.Plain[:i], r.Plain[i+1:]
		if rest == "" || rest[0] < '0' || rest[0] > '9' { // all times begin with a digit
			continue
		}
		if middle, ok := strings.CutSuffix(rest, ext); ok && r.read(middle, c == '-') {
			r.Live = base + ext
			return r, true
		}
		if r.read(rest, c == '-') {
			r.Live = base
			return r, true
		}
	}
	return Rotated{}, false
}

// read reads the time in a name.
func (r *Rotated) read(s string, stamped bool) (ok bool) {
	if stamped {
		if r.Time, r.Seq, ok = Stamp(s, time.UTC); ok {
			return !r.Time.IsZero()
		}
	}
	// As logrotate is told to write it nearly always, or a logger of another language does.
	for _, layout := range []string{
		"20060102", "2006010215", "20060102-15", "20060102-150405", "20060102150405",
		"2006-01-02", "2006-01-02-15", "2006-01-02_15", "2006-01-02_15-04", "2006-01-02_15-04-05",
	} {
		if r.Time, ok = Time(layout, s); ok {
			return !r.Time.IsZero()
		}
	}
	if date, seconds, found := strings.Cut(s, "-"); found {
		n, err := strconv.ParseInt(seconds, 10, 64)
		if _, ok = Time("20060102", date); ok && err == nil && len(seconds) == len("1795302046") {
			r.Time = time.Unix(n, 0).UTC()
			return true
		}
	}
	r.Time = time.Time{}
	return false
}

// Compare orders the files of one log, the oldest first: those with a time, those with a number, and the log file
// itself, which is the zero Rotated.
func (r Rotated) Compare(other Rotated) int {
	return cmp.Or(
		cmp.Compare(r.rank(), other.rank()),
		r.Time.Compare(other.Time),
		cmp.Compare(r.Seq, other.Seq),
		cmp.Compare(other.Number, r.Number),
		strings.Compare(r.Plain, other.Plain),
	)
}

func (r Rotated) rank() int {
	switch {
	case !r.Time.IsZero():
		return 0
	case r.Number > 0:
		return 1
	}
	return 2
}

// IsLog reports whether name is that of a log file or of what rotations make of it: app.log, app.log.1,
// app.log-20260101.gz, but not app.logic.go. Hidden files are none.
func IsLog(name string) bool {
	if strings.HasPrefix(name, ".") {
		return false
	}
	name = plain(name)
	at := strings.LastIndex(name, ".log")
	if at < 0 {
		return false
	}
	suffix := name[at+len(".log"):]
	if suffix == "" || strings.ContainsRune(".-_", rune(suffix[0])) && strings.Trim(suffix, "0123456789.-_:+TZ") == "" {
		return true
	}
	r, ok := Parse(name)
	return ok && strings.HasSuffix(r.Live, ".log")
}

// plain returns a name without the ending of a compressed form.
func plain(name string) string {
	for _, ext := range []string{".gz", ".zst", ".bz2", ".xz"} {
		if s := strings.TrimSuffix(name, ext); s != "" {
			name = s
		}
	}
	return name
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i <= 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

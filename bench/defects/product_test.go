//go:build linux

package defects_test

import (
	"errors"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/DeRuina/timberjack"
	"gopkg.in/natefinch/lumberjack.v2"

	"github.com/sluicelog/sluice/rotate"
)

// A logFile is what all products have in common.
type logFile interface {
	io.WriteCloser
	Rotate() error
}

// settings are what a row asks for, in the words of lumberjack where it has them.
type settings struct {
	path      string
	megabytes int
	backups   int
	days      int
	local     bool
	gzip      bool

	daily     bool        // rotate at midnight
	minutes   bool        // rotate each minute
	processes bool        // others write to the file
	told      func(error) // is to hear of what goes wrong in the background
}

// A product is one of the columns of the table.
type product struct {
	name string
	open func(settings) (logFile, error)
	// stamp is the layout of the time in the names of backups, and what follows it.
	stamp string
	// leftover returns the name that a compression of backup that was killed
	// leaves, "" if it has none but the final one.
	leftover func(backup string) string
}

// errNoOption says that the scenario cannot be put to a product.
var errNoOption = errors.New("it has no such option")

const (
	jackStamp   = "2006-01-02T15-04-05.000"
	rotateStamp = "20060102T150405.000000Z"
)

func products() []product {
	hidden := func(backup string) string { return "." + backup + ".gz.123456.tmp" }
	return []product{
		{"lumberjack", openLumberjack, jackStamp, func(string) string { return "" }},
		{"timberjack", openTimberjack, jackStamp + "-size", func(backup string) string { return backup + ".gz.tmp" }},
		{"rotate", openRotate, rotateStamp, hidden},
		{"Wrap", openWrapped, jackStamp, hidden},
	}
}

// backup returns the name of a backup of app.log.
func (p product) backup(t time.Time) string { return "app-" + t.Format(p.stamp) + ".log" }

func openLumberjack(s settings) (logFile, error) {
	if s.daily || s.minutes {
		return nil, errNoOption
	}
	return jack(s), nil
}

func jack(s settings) *lumberjack.Logger {
	return &lumberjack.Logger{
		Filename: s.path, MaxSize: s.megabytes, MaxBackups: s.backups, MaxAge: s.days,
		LocalTime: s.local, Compress: s.gzip,
	}
}

func openTimberjack(s settings) (logFile, error) {
	l := &timberjack.Logger{
		Filename: s.path, MaxSize: s.megabytes, MaxBackups: s.backups, MaxAge: s.days,
		LocalTime: s.local,
	}
	if s.gzip {
		l.Compression = "gzip"
	}
	if s.minutes {
		for m := range 60 {
			l.RotateAtMinutes = append(l.RotateAtMinutes, m)
		}
	}
	if s.daily { // both ways, so that neither can be said to be the wrong one
		l.RotationInterval, l.RotateAt = 24*time.Hour, []string{"00:00"}
	}
	return l, nil
}

func openRotate(s settings) (logFile, error) {
	o := beyond(s)
	o.MaxSize, o.MaxBackups, o.MaxAge = int64(s.megabytes)*rotate.MiB, s.backups, time.Duration(s.days)*24*time.Hour
	o.LocalTime = s.local
	if s.gzip {
		o.Compress = rotate.Gzip
	}
	return opened(rotate.Open(s.path, o))
}

func openWrapped(s settings) (logFile, error) { return opened(rotate.Wrap(jack(s), beyond(s))) }

// beyond returns what lumberjack has no field for.
func beyond(s settings) *rotate.Options {
	o := &rotate.Options{MultiProcess: s.processes, OnError: s.told}
	switch {
	case s.daily:
		o.Schedule = "daily"
	case s.minutes:
		o.Schedule = "every 1m"
	}
	return o
}

// opened keeps a nil *rotate.File from being a logFile that is not nil.
func opened(f *rotate.File, err error) (logFile, error) {
	if err != nil {
		return nil, err
	}
	return f, nil
}

// isBackup reports whether a file is one that a rotation of app.log has left, in
// whatever form.
func isBackup(path string) bool {
	return strings.HasPrefix(filepath.Base(path), "app-") && !strings.HasSuffix(path, ".tmp")
}

package doctor

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/pipeline"
)

// none says that there is nothing to look at.
func (x *exam) none(a *answer) bool {
	if len(x.logs) == 0 {
		a.hand("log files", "the configuration has none", "look at what collects the output of the service")
		return true
	}
	return false
}

// appearing answers whether the log files are there, fresh, growing, and readable by machines.
func (x *exam) appearing(_ context.Context, a *answer) {
	if x.none(a) {
		return
	}
	for _, l := range x.logs {
		what := l.path
		switch {
		case l.err != nil:
			do := "look at it: run: ls -l " + word(l.path)
			if os.IsNotExist(l.err) {
				do = "start the service, and see whether it runs with this configuration and in this directory"
			}
			a.fail(l.name, what, l.err.Error(), do)
			continue
		case l.lines == 0 && l.size == 0:
			x.empty(l, what, a)
			continue
		}
		l.form(what, a)
		x.age(l, what, a)
		if x.wait > 0 {
			x.growing(l, what, a)
		}
	}
}

func (x *exam) empty(l *logfile, what string, a *answer) {
	switch {
	case l.sink.Type != pipeline.File:
		a.pass(l.name, what, "is there, and empty: nothing of the kind has been logged")
	case len(l.backups) > 0:
		a.pass(l.name, what, "is there, and empty: it was rotated a moment ago, or nothing has been logged since")
	default:
		a.warn(l.name, what, "is there, and empty: nothing has been logged yet", "have the service log something")
	}
}

// form says whether the lines are what they should be.
func (l *logfile) form(what string, a *answer) {
	read := "the last " + counted(l.lines, "line", "lines")
	if l.whole {
		read = counted(l.lines, "line", "lines")
	}
	var odd []string
	if l.broken > 0 {
		odd = append(odd, fmt.Sprintf("%d broken", l.broken))
	}
	if l.text > 0 {
		odd = append(odd, fmt.Sprintf("%d no JSON", l.text))
	}
	switch {
	case l.sink.Format == pipeline.Text:
		a.pass(l.name, what, read+" of text for people, which only they can check")
	case l.json == 0:
		a.fail(l.name, what, "none of "+read+" is JSON, which the configuration says they are",
			"see whether another program writes there, or the service runs with another configuration")
	case len(odd) > 0:
		a.warn(l.name, what, read+", of which "+strings.Join(odd, " and "),
			"see what they are: run: grep -nv '^{.*}$' "+word(l.path)+" | cat -v")
	default:
		a.pass(l.name, what, read+", all JSON")
	}
}

// age says whether the log is in use.
func (x *exam) age(l *logfile, what string, a *answer) {
	age := x.began.Sub(l.written)
	switch {
	case l.last.After(x.began.Add(5 * time.Minute)):
		a.warn(l.name, what, "has a line of "+l.last.UTC().Format(time.RFC3339)+", which is in the future",
			"see to the clock of the machine that wrote it: run: timedatectl")
	case l.sink.Type != pipeline.File || !l.takesAll():
		a.pass(l.name, what, "last written "+ago(age))
	case age > time.Duration(x.fresh):
		a.warn(l.name, what, fmt.Sprintf("last written %s, and --fresh is %v", ago(age), x.fresh),
			"see whether the service runs, and with this configuration")
	default:
		a.pass(l.name, what, "last written "+ago(age))
	}
}

// takesAll reports whether any record may be there.
func (l *logfile) takesAll() bool { return l.sink.Type == pipeline.File && l.level > -1<<31 }

func (x *exam) growing(l *logfile, what string, a *answer) {
	switch {
	case l.grown > 0:
		a.pass(l.name, what, fmt.Sprintf("has grown by %s in %v", humanize.IBytes(uint64(l.grown)), x.wait))
	case l.takesAll() && l.level < slog.LevelWarn:
		a.warn(l.name, what, fmt.Sprintf("has not grown in %v", x.wait), "see whether the service runs, or wait longer with --wait")
	default:
		a.pass(l.name, what, fmt.Sprintf("has not grown in %v, as it may at its level", x.wait))
	}
}

// levels answers whether what is logged has the levels that it should.
func (x *exam) levels(_ context.Context, a *answer) {
	if x.none(a) {
		return
	}
	for _, l := range x.logs {
		var sum, below, debug, errs int64
		for level, n := range l.levels {
			sum += n
			if level < l.level {
				below += n
			}
			if level < slog.LevelInfo {
				debug += n
			}
			if level >= slog.LevelError {
				errs += n
			}
		}
		what := "lines of " + l.path
		share := func(n int64) string { return fmt.Sprintf("%.3g%%", 100*float64(n)/float64(sum)) }
		switch {
		case sum == 0:
			continue // as the box above says
		case below > 0:
			a.warn(l.name, what, fmt.Sprintf("%s below %s, the level of the sink: %s", counted(below, "is", "are"), handler.LevelName(l.level), l.mix(share)),
				"see whether the service runs with this configuration, or its level was changed while it runs")
		case l.takesAll() && debug*10 > sum:
			a.warn(l.name, what, share(debug)+" are below INFO: "+l.mix(share), "in production, set level to INFO or above")
		case l.takesAll() && l.level < slog.LevelError && errs*10 > sum:
			a.warn(l.name, what, share(errs)+" are errors: "+l.mix(share), "see which: run: sluice stat --level error "+word(l.path))
		default:
			a.pass(l.name, what, l.mix(share))
		}
	}
}

// mix returns the shares of the levels, the highest first.
func (l *logfile) mix(share func(int64) string) string {
	var parts []string
	for _, level := range slices.Backward(slices.Sorted(maps.Keys(l.levels))) {
		if len(parts) == 6 {
			parts = append(parts, "…")
			break
		}
		parts = append(parts, handler.LevelName(level)+" "+share(l.levels[level]))
	}
	return strings.Join(parts, ", ")
}

// secrets answers whether something sensitive is in the logs.
func (x *exam) secrets(_ context.Context, a *answer) {
	if x.none(a) {
		return
	}
	for _, l := range x.logs {
		what := "content of " + l.path
		read := "its last " + x.tail.String()
		if l.whole {
			read = "it"
		}
		switch {
		case l.err != nil:
			a.hand(what, "not read", "see the first box of this list")
		case l.found == 0:
			a.pass(l.name, what, "no secret in "+read)
		default:
			a.fail(l.name, what, counted(l.found, "secret", "secrets")+" in "+read,
				"mask them where they are logged, remove the files, and change the secrets. All of them: run: sluice scan "+word(filepath.Dir(l.path)))
			for _, f := range l.secrets {
				at := l.path
				if l.whole {
					at = fmt.Sprintf("%s:%d", l.path, f.Line)
				}
				a.fail(l.name, at, cmp.Or(f.Rule, "too deep to look at")+": "+f.Excerpt, "")
			}
			if more := l.found - int64(len(l.secrets)); more > 0 {
				a.fail(l.name, l.path, fmt.Sprintf("and %s more", grouped(more)), "")
			}
		}
	}
}

// performance times a write, for what is needed nobody here knows.
func (x *exam) performance(_ context.Context, a *answer) {
	seen := make(map[string]bool)
	for _, l := range x.logs {
		dir := filepath.Dir(l.sink.Path)
		if seen[dir] {
			continue
		}
		seen[dir] = true
		what := "disk of " + dir
		took, err := x.probe(dir)
		switch {
		case err != nil:
			a.hand(what, "was not tried: "+cause(err).Error(), "")
		case took.sync > 100*time.Millisecond:
			a.warn("", what, took.String()+": it is slow", "whatever waits for it, such as an audit sink, does so for as long; see what else uses the disk")
		default:
			a.pass("", what, took.String())
		}
	}
	arg := "--env"
	if x.path != "" && !x.env {
		arg = word(x.path)
	}
	a.hand("requirements", "only you know them", "measure this configuration on this disk: run: sluice bench "+arg)
}

// times is how long the writes of a probe took.
type times struct {
	write, sync time.Duration
}

func (t times) String() string {
	return fmt.Sprintf("64 KiB are written in %v, and synced in %v", round(t.write), round(t.sync))
}

func round(d time.Duration) time.Duration {
	switch {
	case d > 10*time.Millisecond:
		return d.Round(time.Millisecond)
	case d > 10*time.Microsecond:
		return d.Round(time.Microsecond)
	}
	return d.Round(100 * time.Nanosecond)
}

// probe writes a hidden file, and removes it.
func probe(dir string) (t times, err error) {
	f, err := os.CreateTemp(dir, ".sluice-doctor-*")
	if err != nil {
		return t, err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // there is nothing else to be done
	defer f.Close()           //nolint:errcheck // nothing in it matters
	text := make([]byte, 64<<10)
	for range 3 { // the first one allocates
		start := time.Now()
		if _, err := f.WriteAt(text, 0); err != nil {
			return t, err
		}
		written := time.Now()
		if err := f.Sync(); err != nil {
			return t, err
		}
		t = times{written.Sub(start), time.Since(written)}
	}
	return t, nil
}

// ago returns an age for people.
func ago(d time.Duration) string {
	switch {
	case d < 5*time.Second:
		return "just now"
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s ago", d/time.Second)
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min ago", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", d/time.Hour)
	}
	return fmt.Sprintf("%d days ago", d/(24*time.Hour))
}

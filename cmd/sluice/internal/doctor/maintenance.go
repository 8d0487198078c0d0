package doctor

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/sluicelog/sluice/pipeline"
	"github.com/sluicelog/sluice/rotate"
)

// day is 24 hours.
const day = 24 * time.Hour

// analysis answers what the logs say themselves, and who looks at them.
func (x *exam) analysis(_ context.Context, a *answer) {
	if x.none(a) {
		return
	}
	most := x.logs[0] // the log that has most to say
	for _, l := range x.logs {
		if l.takesAll() && !most.takesAll() {
			most = l
		}
		var errs, sum int64
		for level, n := range l.levels {
			sum += n
			if level >= slog.LevelError {
				errs += n
			}
		}
		if sum > 0 && l.takesAll() {
			a.pass(l.name, "errors in "+l.path, fmt.Sprintf("%s in the %s that were read", counted(errs, "error", "errors"), counted(sum, "line", "lines")))
		}
	}
	a.hand("schedule", "timers and dashboards are out of sight",
		"have somebody look each day, and be told by cron or a timer: run: sluice stat --since '1 day' --fail 'errors > 100 per day' "+word(most.path))
}

// cleanup answers whether the backups are within the limits of their sinks, and whether there are old files that belong
// to none.
func (x *exam) cleanup(ctx context.Context, a *answer) {
	if x.none(a) {
		return
	}
	dirs := make(map[string]time.Duration) // the longest that a sink keeps there
	var order []string
	for _, l := range x.logs {
		dir := l.family.Dir
		if _, ok := dirs[dir]; !ok {
			order = append(order, dir)
		}
		keeps := &l.sink.Retention
		dirs[dir] = max(dirs[dir], keeps.MaxAge)
		what := "backups of " + l.sink.Path
		if *keeps == (pipeline.Retention{}) {
			continue // as the box about retention says
		}
		if l.err != nil && len(l.backups) == 0 {
			continue // as the box about log files says
		}
		report, err := rotate.Clean(ctx, dir, &rotate.CleanOptions{
			Match: l.family.Counts, MaxAge: keeps.MaxAge, MaxFiles: keeps.MaxBackups, MaxTotalSize: int64(keeps.MaxTotalSize),
			DryRun: true,
		})
		switch {
		case err != nil:
			a.warn(l.name, what, "were not looked at: "+harmless(err.Error()), "see what is said of the directory")
		case len(report.Removed) > 0:
			a.warn(l.name, what, fmt.Sprintf("%s, with %s, exceed %v; the oldest is of %s", counted(int64(len(report.Removed)), "file", "files"),
				humanize.IBytes(uint64(max(report.Freed, 0))), keeps, report.Removed[0].Time.UTC().Format(time.DateOnly)),
				x.cleanDo())
		default:
			a.pass(l.name, what, fmt.Sprintf("%s, within %v", counted(int64(len(l.backups)), "file", "files"), keeps))
		}
	}
	for _, dir := range order {
		x.strangers(ctx, dir, max(dirs[dir], 30*day), a)
	}
}

// cleanDo says what removes the backups.
func (x *exam) cleanDo() string {
	const do = "the service removes them at its start, its next rotation or within the hour"
	if x.path == "" {
		return do
	}
	return do + "; if it does not run any more: run: sluice clean --config " + word(x.path)
}

// strangers looks for old log files that belong to no sink, so that nobody removes them.
func (x *exam) strangers(ctx context.Context, dir string, age time.Duration, a *answer) {
	mixed := false // with old files of ours
	ours := func(b rotate.Backup) bool {
		name := filepath.Base(b.Path)
		own := slices.ContainsFunc(x.logs, func(l *logfile) bool {
			return l.family.Dir == dir && (l.family.IsLive(name) || l.family.IsBackup(name))
		})
		mixed = mixed || own
		return own
	}
	report, err := rotate.Clean(ctx, dir, &rotate.CleanOptions{MaxAge: age, Keep: ours, DryRun: true})
	if err != nil || len(report.Removed) == 0 {
		return // what is wrong with the directory is said elsewhere
	}
	do := "see what they are, and archive or remove them"
	if mixed {
		do += ", by a --pattern that is for nothing else"
	} else {
		do += fmt.Sprintf(": run: sluice clean --max-age '%v' %s", pipeline.Duration(age), word(dir))
	}
	a.warn("", "other logs in "+dir, fmt.Sprintf("%s, with %s, older than %v and of no sink, such as %s: nobody removes them",
		counted(int64(len(report.Removed)), "file", "files"), humanize.IBytes(uint64(max(report.Freed, 0))), pipeline.Duration(age), filepath.Base(report.Removed[0].Path)), do)
}

// pace is how fast the files of a sink grow on disk.
func (l *logfile) pace() (perDay float64, known bool) {
	var (
		from  time.Time
		bytes = l.size
	)
	switch {
	case l.err != nil:
		return 0, false
	case len(l.backups) > 0:
		from = l.backups[0].time
		for _, b := range l.backups[1:] {
			bytes += b.size
		}
	default:
		from = l.begins
	}
	end := l.written
	if !l.last.IsZero() && l.last.Before(end) {
		end = l.last // of a copy, the file is younger than what is in it
	}
	if from.IsZero() || end.Sub(from) < time.Hour {
		return 0, false
	}
	return float64(bytes) / (float64(end.Sub(from)) / float64(day)), true
}

// growth answers how long the space lasts.
func (x *exam) growth(_ context.Context, a *answer) {
	type disk struct {
		dir       string
		free      int64
		perDay    float64
		unbounded float64 // bytes a day of those without a limit in bytes
		grow      []string
		unknown   []string
	}
	var order []*disk
	disks := make(map[uint64]*disk)
	for _, l := range x.logs {
		dir := l.family.Dir
		v, err := x.volume(dir)
		if err != nil {
			continue // as its directory says
		}
		d := disks[v.ID]
		if d == nil {
			d = &disk{dir: dir, free: v.Free}
			disks[v.ID], order = d, append(order, d)
		}
		perDay, known := l.pace()
		if !known {
			d.unknown = append(d.unknown, l.name)
			continue
		}
		d.perDay += perDay
		d.grow = append(d.grow, fmt.Sprintf("%s %s", l.name, humanize.Bytes(uint64(perDay))))
		if l.sink.Retention.MaxTotalSize == 0 && l.sink.Retention.MaxBackups == 0 {
			d.unbounded += perDay
		}
	}
	for _, d := range order {
		what := "growth in " + d.dir
		if len(d.grow) == 0 {
			a.hand(what, "there is less than an hour of logs to tell from", "look again when there is a day")
			continue
		}
		left := float64(d.free) / max(d.perDay, 1)
		detail := fmt.Sprintf("%s a day (%s); the %s that are free take that for %s", humanize.Bytes(uint64(d.perDay)), strings.Join(d.grow, ", "),
			humanize.Bytes(uint64(max(d.free, 0))), days(left))
		if len(d.unknown) > 0 {
			detail += "; too little is known of " + strings.Join(d.unknown, ", ")
		}
		const do = "make room, or keep less: retention with a size, as in \"30 days, 5 GB\""
		switch unbounded := float64(d.free) / max(d.unbounded, 1); {
		case d.unbounded > 0 && unbounded < 2:
			a.fail("", what, detail, do)
		case d.unbounded > 0 && unbounded < 30:
			a.warn("", what, detail, do)
		default:
			a.pass("", what, detail)
		}
	}
}

// days returns a number of days for people.
func days(n float64) string {
	switch {
	case n > 3650 || math.IsNaN(n):
		return "more than ten years"
	case n > 730:
		return fmt.Sprintf("%.0f years", n/365)
	case n >= 2:
		return fmt.Sprintf("%.0f days", n)
	}
	return fmt.Sprintf("%.0f hours", n*24)
}

// retention answers what is kept in fact.
func (x *exam) retention(_ context.Context, a *answer) {
	if x.none(a) {
		return
	}
	for _, l := range x.logs {
		what := "kept of " + l.sink.Path
		if l.err != nil && len(l.backups) == 0 {
			continue // as the box about log files says
		}
		sum := l.size
		for _, b := range l.backups {
			sum += b.size
		}
		detail := fmt.Sprintf("%s in the log and %s", humanize.Bytes(uint64(max(sum, 0))), counted(int64(len(l.backups)), "backup", "backups"))
		from := l.begins
		if len(l.backups) > 0 {
			from = l.backups[0].time
			detail += ", the oldest rotated on " + from.UTC().Format(time.DateOnly)
		} else if !from.IsZero() {
			detail += ", from " + from.UTC().Format(time.DateOnly) + " on"
		}
		a.pass(l.name, what, detail)
	}
}

// configuration answers how old the configuration is.
func (x *exam) configuration(_ context.Context, a *answer) {
	const do = "after a change: sluice doctor, and then have the service reload it (docs/systemd.md, Reload) or start it again"
	if x.path == "" {
		a.hand("configuration", "is in variables, which a running service does not see change", "after a change: start the service again")
		return
	}
	info, err := os.Stat(x.path)
	if err != nil {
		a.warn("", "configuration "+x.path, "is gone: "+cause(err).Error(), "bring it back")
		return
	}
	a.hand("configuration "+x.path, "last changed "+ago(x.began.Sub(info.ModTime()))+"; whether the service has read it since is out of sight", do)
}

package clean

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/pipeline"
)

// options are the flags.
type options struct {
	maxAge       pipeline.Duration
	maxFiles     int
	maxTotalSize pipeline.Size
	pattern      string
	config       string
	yes, dryRun  bool
	json         bool
}

func (o *options) addFlags(c *cobra.Command) {
	f := c.Flags()
	f.TextVar(&o.maxAge, "max-age", o.maxAge, "remove what is older than this `duration`, such as 30d or \"2 weeks\"")
	f.IntVar(&o.maxFiles, "max-files", 0, "keep no more than this `number` of files, the newest")
	f.TextVar(&o.maxTotalSize, "max-total-size", o.maxTotalSize, "keep no more than this `size` of files, the newest, such as 10GB")
	for _, name := range []string{"max-age", "max-total-size"} {
		f.Lookup(name).DefValue = "" // zero is no limit, and not what one would give
	}
	f.StringVar(&o.pattern, "pattern", "", "only files whose names match this `pattern`, such as 'app*.log.gz' (default: log files and what rotations make of them)")
	f.StringVar(&o.config, "config", "", "take directories and limits from the retention of the files in this configuration `file`")
	f.BoolVarP(&o.yes, "yes", "y", false, "remove without asking")
	f.BoolVar(&o.dryRun, "dry-run", false, "only print what would be removed, and do not ask")
	f.BoolVarP(&o.json, "json", "j", false, "print one JSON object with the report, and do not ask")
}

// targets returns what the flags and arguments say is to be cleaned. The error has all that is wrong.
func (o *options) targets(args []string, f *pflag.FlagSet) ([]target, error) {
	var errs []error
	wrong := func(format string, values ...any) { errs = append(errs, fmt.Errorf(format, values...)) }
	if o.yes && o.dryRun {
		wrong("--yes and --dry-run: want one of them")
	}
	limited := false
	for _, limit := range []struct {
		flag string
		zero bool
		over bool
	}{
		{"max-age", o.maxAge == 0, o.maxAge > 0},
		{"max-files", o.maxFiles == 0, o.maxFiles > 0},
		{"max-total-size", o.maxTotalSize == 0, o.maxTotalSize > 0},
	} {
		if !f.Changed(limit.flag) {
			continue
		}
		limited = true
		if !limit.over {
			wrong("--%s is %s: want more than 0", limit.flag, f.Lookup(limit.flag).Value)
		}
	}
	switch _, err := path.Match(o.pattern, ""); {
	case err != nil:
		wrong("--pattern is %q: want one in which each [ has its ]", o.pattern)
	case strings.Contains(o.pattern, "/"):
		wrong("--pattern is %q: want a pattern for names, without a slash", o.pattern)
	case strings.HasPrefix(o.pattern, "."):
		wrong("--pattern is %q: want none for hidden files, which are never touched", o.pattern)
	}
	if o.config != "" {
		if limited || f.Changed("pattern") {
			wrong("--config says what goes: want no --max-age, --max-files, --max-total-size and --pattern beside it")
		}
		if len(args) > 0 {
			wrong("--config says which directories: want no argument %q beside it", args[0])
		}
	} else {
		if !limited {
			wrong("there is no limit: want --max-age, --max-files or --max-total-size, or --config")
		}
		if len(args) == 0 {
			wrong("there is no directory: want at least one, or --config")
		}
	}
	var targets []target
	if o.config != "" && len(errs) == 0 {
		cfg, err := pipeline.Load(o.config)
		if err != nil {
			wrong("--config: %w", err)
		} else if targets = configured(cfg); len(targets) == 0 {
			wrong("--config: %s: no file in it has a retention, so nothing would ever be removed", cli.Printable(o.config))
		}
	}
	var known []os.FileInfo
	for _, dir := range args {
		info, err := os.Stat(dir)
		switch {
		case errors.Is(err, os.ErrNotExist):
			wrong("%s: there is no such directory", cli.Printable(dir))
		case err == nil && !info.IsDir():
			wrong("%s: this is a file: want a directory", cli.Printable(dir))
		case err == nil && slices.ContainsFunc(known, func(other os.FileInfo) bool { return os.SameFile(other, info) }):
		default: // what cannot be read is said when it is
			known = append(known, info)
			targets = append(targets, target{
				dir: dir, pattern: o.pattern, maxAge: time.Duration(o.maxAge), maxFiles: o.maxFiles, maxTotalSize: int64(o.maxTotalSize),
			})
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, &cli.Exit{Code: cli.Usage, Err: err}
	}
	return targets, nil
}

// configured returns what the files of a configuration keep.
func configured(cfg pipeline.Config) []target {
	var targets []target
	for _, s := range cfg.Sinks {
		keep := s.Retention
		if s.Path == "" || keep == (pipeline.Retention{}) {
			continue
		}
		targets = append(targets, target{
			what: "backups of " + s.Path, dir: filepath.Dir(s.Path), pattern: backupsOf(filepath.Base(s.Path), s.PerProcess),
			maxAge: keep.MaxAge, maxFiles: keep.MaxBackups, maxTotalSize: int64(keep.MaxTotalSize),
		})
	}
	return targets
}

// backupsOf returns a pattern for the backups of a log file, and for nothing else: neither the file itself,
// which a retention does not count, nor those of app-errors.log beside those of app.log.
func backupsOf(name string, perProcess bool) string {
	ext := filepath.Ext(name)
	base := strings.TrimSuffix(name, ext)
	if base == "" {
		base, ext = name, ""
	}
	literal := strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace
	digits := func(n int) string { return strings.Repeat("[0-9]", n) }
	pattern := literal(base)
	if perProcess {
		pattern += ".[0-9]*"
	}
	return pattern + "-" + digits(8) + "T" + digits(6) + "." + digits(6) + `[Z+\-]*` + literal(ext) + "*"
}

package clean

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/pipeline"
)

// options are the flags.
type options struct {
	maxAge       cli.Duration
	maxFiles     int
	maxTotalSize pipeline.Size
	pattern      string
	config       string
	consent      cli.Consent
	json         bool
}

func (o *options) addFlags(c *cobra.Command) {
	f := c.Flags()
	f.SortFlags = false
	f.TextVar(&o.maxAge, "max-age", o.maxAge, "remove what is older than this `duration`, such as 30d or \"2 weeks\"")
	f.IntVar(&o.maxFiles, "max-files", 0, "keep no more than this `number` of files, the newest")
	f.TextVar(&o.maxTotalSize, "max-total-size", o.maxTotalSize, "keep no more than this `size` of files, the newest, such as 10GB")
	for _, name := range []string{"max-age", "max-total-size"} {
		f.Lookup(name).DefValue = "" // zero is no limit, and not what one would give
	}
	f.StringVar(&o.pattern, "pattern", "", "only files whose names match this `pattern`, such as 'app*.log.gz' (default: log files and what rotations make of them)")
	f.StringVar(&o.config, "config", "", "take directories and limits from the retention of the files in this configuration `file`")
	f.BoolVarP(&o.consent.Yes, "yes", "y", false, "remove without asking")
	f.BoolVar(&o.consent.DryRun, "dry-run", false, "only print what would be removed, and do not ask")
	f.BoolVarP(&o.json, "json", "j", false, "print one JSON object with the report, and do not ask")
}

// targets returns what the flags and arguments say is to be cleaned. The error has all that is wrong.
func (o *options) targets(args []string, f *pflag.FlagSet) ([]target, error) {
	errs := o.check(args, f)
	targets, wrong := o.directories(args)
	if o.config != "" && len(errs) == 0 {
		targets, wrong = o.configured()
	}
	if err := errors.Join(append(errs, wrong...)...); err != nil {
		return nil, &cli.ExitError{Code: cli.Usage, Err: err}
	}
	return targets, nil
}

// check returns what is wrong with the flags.
func (o *options) check(args []string, f *pflag.FlagSet) (errs []error) {
	wrong := func(format string, values ...any) { errs = append(errs, fmt.Errorf(format, values...)) }
	if o.consent.Yes && o.consent.DryRun {
		wrong("--yes and --dry-run: want one of them")
	}
	limited := false
	above := map[string]bool{"max-age": o.maxAge > 0, "max-files": o.maxFiles > 0, "max-total-size": o.maxTotalSize > 0}
	for _, flag := range slices.Sorted(maps.Keys(above)) {
		limited = limited || f.Changed(flag)
		if f.Changed(flag) && !above[flag] {
			wrong("--%s is %s: want more than 0", flag, f.Lookup(flag).Value)
		}
	}
	if err := cli.CheckPattern(o.pattern); err != nil {
		errs = append(errs, err)
	}
	if o.config == "" {
		if !limited {
			wrong("there is no limit: want --max-age, --max-files or --max-total-size, or --config")
		}
		if len(args) == 0 {
			wrong("there is no directory: want at least one, or --config")
		}
		return errs
	}
	if limited || f.Changed("pattern") {
		wrong("--config says what goes: want no --max-age, --max-files, --max-total-size and --pattern beside it")
	}
	if len(args) > 0 {
		wrong("--config says which directories: want no argument %q beside it", args[0])
	}
	return errs
}

// directories returns what is to be cleaned of the arguments, each directory once.
func (o *options) directories(args []string) (targets []target, errs []error) {
	var known []os.FileInfo
	for _, dir := range args {
		info, err := os.Stat(dir)
		switch {
		case errors.Is(err, os.ErrNotExist):
			errs = append(errs, fmt.Errorf("%s: there is no such directory", cli.Printable(dir)))
			continue
		case err == nil && !info.IsDir():
			errs = append(errs, fmt.Errorf("%s: this is a file: want a directory", cli.Printable(dir)))
			continue
		case err == nil && slices.ContainsFunc(known, func(other os.FileInfo) bool { return os.SameFile(other, info) }):
			continue
		case err == nil: // what cannot be read is said when it is
			known = append(known, info)
		}
		targets = append(targets, target{
			dir: dir, pattern: o.pattern, maxAge: time.Duration(o.maxAge), maxFiles: o.maxFiles, maxTotalSize: int64(o.maxTotalSize),
		})
	}
	return targets, errs
}

// configured returns what the files of the configuration keep.
func (o *options) configured() (targets []target, errs []error) {
	cfg, err := pipeline.Load(o.config)
	if err != nil {
		return nil, []error{fmt.Errorf("--config: %w", err)}
	}
	for i := range cfg.Sinks {
		s := &cfg.Sinks[i]
		keep := s.Retention
		if s.Path == "" || keep == (pipeline.Retention{}) {
			continue
		}
		family := FamilyOf(s.Path, s.PerProcess)
		targets = append(targets, target{
			dir: family.Dir, backupsOf: s.Path, match: family.Counts,
			maxAge: keep.MaxAge, maxFiles: keep.MaxBackups, maxTotalSize: int64(keep.MaxTotalSize),
		})
	}
	if len(targets) == 0 {
		return nil, []error{fmt.Errorf("--config: %s: no file in it has a retention, so nothing would ever be removed", cli.Printable(o.config))}
	}
	return targets, nil
}

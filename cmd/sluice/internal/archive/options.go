package archive

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/pipeline"
	"github.com/sluicelog/sluice/rotate"
)

// options are the flags.
type options struct {
	pattern      string
	minAge       cli.Duration
	compress     rotate.Compression
	level        int
	mode         pipeline.Mode
	removeSource bool
	consent      cli.Consent
	json         bool
}

func (o *options) addFlags(c *cobra.Command) {
	f := c.Flags()
	f.SortFlags = false
	f.StringVar(&o.pattern, "pattern", "", "only files whose names match this `pattern`, such as 'app*.log' (default: log files and what rotations make of them)")
	f.TextVar(&o.minAge, "min-age", o.minAge, "only files older than this `duration`, such as 1d or \"2 weeks\"")
	f.Lookup("min-age").DefValue = "" // any age
	f.TextVar(&o.compress, "compress", rotate.None, "compress what is plain by this `method`: gzip, zstd or none")
	f.IntVar(&o.level, "level", 0, "compress at this `level`: 1 to 9 for gzip, 1 to 22 for zstd (default: 1, the fastest)")
	f.TextVar(&o.mode, "mode", o.mode, "permission `bits` of the copies, such as 0640 (default: those of the files)")
	f.BoolVar(&o.removeSource, "remove-source", false, "remove each file when its copy is verified and on the storage device")
	f.BoolVarP(&o.consent.Yes, "yes", "y", false, "do it without asking")
	f.BoolVar(&o.consent.DryRun, "dry-run", false, "only print what would be done, and do not ask")
	f.BoolVarP(&o.json, "json", "j", false, "print one JSON object with the report, and do not ask")
	complete := cobra.FixedCompletions([]cobra.Completion{"gzip", "zstd", "none"}, cobra.ShellCompDirectiveNoFileComp)
	_ = c.RegisterFlagCompletionFunc("compress", complete) // fails only if there is no such flag
}

// check returns all that is wrong with the flags and arguments.
func (o *options) check(src, dst string, f *pflag.FlagSet) error {
	var errs []error
	wrong := func(format string, values ...any) { errs = append(errs, fmt.Errorf(format, values...)) }
	if err := cli.CheckPattern(o.pattern); err != nil {
		errs = append(errs, err)
	}
	if o.consent.Yes && o.consent.DryRun {
		wrong("--yes and --dry-run: want one of them")
	}
	if o.minAge < 0 {
		wrong("--min-age is %s: want 0 or more", o.minAge)
	}
	highest := map[rotate.Compression]int{rotate.Gzip: 9, rotate.Zstd: 22}[o.compress]
	switch {
	case !f.Changed("level"):
	case highest == 0:
		wrong("--level is %d: want none without --compress gzip or zstd", o.level)
	case o.level < 1 || o.level > highest:
		wrong("--level is %d: want 1 to %d for %s", o.level, highest, o.compress)
	}
	from, err := os.Stat(src)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		wrong("source %s: there is no such directory", cli.Printable(src))
	case err == nil && !from.IsDir():
		wrong("source %s: this is a file: want a directory", cli.Printable(src))
	}
	to, err := os.Stat(dst)
	switch {
	case dst == "":
		wrong("destination: want a directory, not nothing")
	case err == nil && !to.IsDir():
		wrong("destination %s: this is a file: want a directory", cli.Printable(dst))
	case err == nil && from != nil && os.SameFile(from, to):
		wrong("destination %s: this is the source: want another directory", cli.Printable(dst))
	}
	if err := errors.Join(errs...); err != nil {
		return &cli.ExitError{Code: cli.Usage, Err: err}
	}
	return nil
}

// archive returns the options of Archive.
func (o *options) archive() *rotate.ArchiveOptions {
	return &rotate.ArchiveOptions{
		Pattern: o.pattern, MinAge: time.Duration(o.minAge), Compress: o.compress, CompressLevel: o.level,
		FileMode: fs.FileMode(o.mode), RemoveSource: o.removeSource,
	}
}

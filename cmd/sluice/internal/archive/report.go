package archive

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/dustin/go-humanize"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/rotate"
)

// file is one that is in the archive, or would be.
type file struct {
	Source   string `json:"source"`
	Path     string `json:"path"`
	Size     int64  `json:"size"`
	Written  int64  `json:"written,omitempty"`
	Existing bool   `json:"existing,omitempty"`
	Removed  bool   `json:"removed,omitempty"`
}

// report is what is printed.
type report struct {
	Source      string   `json:"source"`
	Destination string   `json:"destination"`
	DryRun      bool     `json:"dry_run"`
	Copied      int      `json:"copied"` // files; in a dry run what would be
	Bytes       int64    `json:"bytes"`  // in them
	Written     int64    `json:"written"`
	Existing    int      `json:"existing"`
	Removed     int      `json:"removed"`
	Files       []file   `json:"files"` // oldest first
	InUse       []string `json:"in_use"`
	Errors      []string `json:"errors,omitempty"`

	command string
	known   int64           // bytes in the files that are in the archive already
	planned int             // what Copied was in the dry run
	said    map[string]bool // errors
}

// take takes what Archive has done.
func (r *report) take(ctx context.Context, done rotate.ArchiveReport, err error) {
	r.Copied, r.Bytes, r.Written, r.Existing, r.Removed, r.known = 0, 0, 0, 0, 0, 0
	r.Files, r.InUse, r.Errors = []file{}, append([]string{}, done.InUse...), nil
	for _, f := range done.Files {
		r.Files = append(r.Files, file(f))
		if f.Existing {
			r.Existing++
			r.known += f.Size
		} else {
			r.Copied++
			r.Bytes += f.Size
			r.Written += f.Written
		}
		if f.Removed {
			r.Removed++
		}
	}
	if err := errors.Unwrap(err); err != nil { // which is behind the name of the source
		r.fail(ctx, err)
	}
}

// fail notes what has gone wrong, other than the end of the context, one line each.
func (r *report) fail(ctx context.Context, err error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range joined.Unwrap() {
			r.fail(ctx, one)
		}
		return
	}
	if !errors.Is(err, context.Cause(ctx)) {
		r.Errors = append(r.Errors, fmt.Sprintf("%s: %v", r.Source, err))
	}
}

// failed reports whether anything has gone wrong.
func (r *report) failed() bool { return len(r.said) > 0 }

// warn prints errors, each once.
func (r *report) warn(w io.Writer) {
	for _, text := range r.Errors {
		if !r.said[text] {
			r.say(w, cli.Printable(text))
		}
		if r.said == nil {
			r.said = make(map[string]bool)
		}
		r.said[text] = true
	}
}

// say prints what is no result.
func (r *report) say(stderr io.Writer, text string) { fmt.Fprintf(stderr, "%s: %s\n", r.command, text) }

// work returns how many files there are to copy or to remove.
func (r *report) work() int { return r.Copied + r.Removed }

// question returns what there is to do as a question.
func (r *report) question() string {
	var parts []string
	if r.Copied > 0 {
		parts = append(parts, fmt.Sprintf("Copy %s, %s", files(r.Copied), size(r.Bytes)))
	}
	if r.Removed > 0 {
		parts = append(parts, fmt.Sprintf("remove %s of the source", files(r.Removed)))
	}
	text := strings.Join(parts, ", and ") + "?"
	return strings.ToUpper(text[:1]) + text[1:]
}

// print prints what would be done.
func (r *report) print(w io.Writer) error {
	buf := bufio.NewWriter(w)
	columns := tabwriter.NewWriter(buf, 0, 0, 2, ' ', 0)
	for _, f := range r.Files {
		how := "to "
		if f.Existing {
			how = "is there: "
		}
		fmt.Fprintf(columns, "%s\t%s\t%s%s\n", cli.Printable(f.Source), size(f.Size), how, cli.Printable(f.Path))
	}
	for _, path := range r.InUse {
		fmt.Fprintf(columns, "%s\t\tleft out, in use\n", cli.Printable(path))
	}
	_ = columns.Flush() // a failure comes back below
	plan := []string{"nothing to archive"}
	switch {
	case r.Copied > 0:
		plan[0] = fmt.Sprintf("would copy %s, %s", files(r.Copied), size(r.Bytes))
	case r.Existing > 0:
		plan[0] = "nothing to copy"
	}
	fmt.Fprintf(buf, "%s: %s\n", cli.Printable(r.Source), strings.Join(r.rest(plan, "would remove"), "; "))
	return buf.Flush()
}

// account prints what was done.
func (r *report) account(w io.Writer) error {
	var done []string
	if r.planned > 0 {
		copied := fmt.Sprintf("copied %s, %s", of(r.Copied, r.planned), size(r.Bytes))
		if r.Written > 0 && r.Written != r.Bytes {
			copied += " as " + size(r.Written)
		}
		if 0 < r.Written && r.Written < r.Bytes {
			copied += fmt.Sprintf(" (%.1f times less)", float64(r.Bytes)/float64(r.Written))
		}
		done = append(done, copied)
	}
	done = r.rest(done, "removed")
	if len(done) == 0 {
		done = []string{"nothing was done"}
	}
	_, err := fmt.Fprintln(w, strings.Join(done, "; "))
	return err
}

// of returns a number of files in words, and of how many if these are more.
func of(n, all int) string {
	if n >= all {
		return files(n)
	}
	return humanize.Comma(int64(n)) + " of " + files(all)
}

// rest adds in words what there is beside the copies.
func (r *report) rest(all []string, remove string) []string {
	if r.Existing > 0 {
		all = append(all, files(r.Existing)+" there already")
	}
	if len(r.InUse) > 0 {
		all = append(all, files(len(r.InUse))+" in use")
	}
	if r.Removed > 0 {
		all = append(all, remove+" "+files(r.Removed)+" of the source")
	}
	return all
}

// encode prints the report as JSON.
func (r *report) encode(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

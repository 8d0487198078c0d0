package clean

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
)

// state says what becomes of a file that exceeds a limit.
type state string

const (
	planned state = "would be removed"
	removed state = "removed"
	inUse   state = "in use"      // somebody has it open for writing
	kept    state = "not removed" // it has changed since the dry run, is in use or gone by now, or an error says why
)

// file is one that exceeds a limit.
type file struct {
	Path  string        `json:"path"`
	Size  int64         `json:"size"`
	Time  time.Time     `json:"time"` // in its name, or of the last write
	Age   time.Duration `json:"-"`
	Why   []string      `json:"why"`
	State state         `json:"state"`

	info os.FileInfo // when it was listed
}

// directory is what was found in a directory, and what became of it.
type directory struct {
	Directory string   `json:"directory"`
	BackupsOf string   `json:"backups_of,omitempty"` // the log file, of --config
	Pattern   string   `json:"pattern,omitempty"`
	Files     int      `json:"files"` // that count
	Size      int64    `json:"size"`
	Exceeding []*file  `json:"exceeding"` // oldest first
	Errors    []string `json:"errors,omitempty"`

	freed int64 // of what is removed, or would be
}

// report is what is printed.
type report struct {
	DryRun      bool         `json:"dry_run"`
	Removed     int          `json:"removed"` // files; in a dry run what would be
	Freed       int64        `json:"freed"`
	Directories []*directory `json:"directories"`

	command string
	planned int             // what Removed was in the dry run
	said    map[string]bool // errors
}

// count counts what is removed, or would be.
func (r *report) count() {
	r.Removed, r.Freed = 0, 0
	for _, d := range r.Directories {
		n, _ := d.count(planned, removed)
		r.Removed += n
		r.Freed += d.freed
	}
}

// count counts the files in one of the states.
func (d *directory) count(states ...state) (n int, size int64) {
	for _, f := range d.Exceeding {
		for _, s := range states {
			if f.State == s {
				n++
				size += f.Size
			}
		}
	}
	return n, size
}

// failed reports whether anything has gone wrong.
func (r *report) failed() bool { return len(r.said) > 0 }

// warn prints errors, each once.
func (r *report) warn(w io.Writer) {
	for _, d := range r.Directories {
		for _, text := range d.Errors {
			if !r.said[text] {
				r.say(w, cli.Printable(text))
			}
			if r.said == nil {
				r.said = make(map[string]bool)
			}
			r.said[text] = true
		}
	}
}

// say prints what is no result.
func (r *report) say(stderr io.Writer, text string) { fmt.Fprintf(stderr, "%s: %s\n", r.command, text) }

// print prints what would be removed.
func (r *report) print(w io.Writer) error {
	buf := bufio.NewWriter(w)
	for _, d := range r.Directories {
		columns := tabwriter.NewWriter(buf, 0, 0, 2, ' ', 0)
		for _, f := range d.Exceeding {
			why := strings.Join(f.Why, ", ")
			if f.State == inUse {
				why = "stays, in use: " + why
			}
			fmt.Fprintf(columns, "%s\t%s\t%s\t%s\n", cli.Printable(f.Path), humanize.IBytes(bytes(f.Size)), age(f.Age), why)
		}
		_ = columns.Flush() // a failure comes back below
		what := d.Directory
		if d.BackupsOf != "" {
			what = "backups of " + d.BackupsOf
		}
		fmt.Fprintf(buf, "%s: %s\n", cli.Printable(what), d.summary())
	}
	if len(r.Directories) > 1 {
		fmt.Fprintf(buf, "together: would remove %s, %s\n", files(r.Removed), humanize.IBytes(bytes(r.Freed)))
	}
	return buf.Flush()
}

// summary returns in words what would be removed.
func (d *directory) summary() string {
	all := files(d.Files) + ", " + humanize.IBytes(bytes(d.Size))
	going, size := d.count(planned)
	busy, _ := d.count(inUse)
	text := fmt.Sprintf("would remove %s of %s, %s of %s", humanize.Comma(int64(going)), files(d.Files), humanize.IBytes(bytes(size)), humanize.IBytes(bytes(d.Size)))
	switch {
	case going == 0 && busy > 0:
		text = all + ": nothing to remove"
	case going == 0:
		return all + ": nothing to remove, all is within the limits"
	}
	if d.freed < size {
		text += fmt.Sprintf("; this frees %s, the rest has other names too (hard links)", humanize.IBytes(bytes(d.freed)))
	}
	if busy > 0 {
		text += fmt.Sprintf("; %d in use", busy)
	}
	return text
}

// account prints what was removed, and of what was to be, what was not. If the removal was interrupted, that is most of it, and
// not listed.
func (r *report) account(w io.Writer, interrupted bool) error {
	buf := bufio.NewWriter(w)
	for _, d := range r.Directories {
		for _, f := range d.Exceeding {
			if f.State == kept && !interrupted {
				fmt.Fprintf(buf, "%s: not removed\n", cli.Printable(f.Path))
			}
		}
	}
	count := files(r.Removed)
	if r.Removed < r.planned {
		count = humanize.Comma(int64(r.Removed)) + " of " + files(r.planned)
	}
	fmt.Fprintf(buf, "removed %s, %s\n", count, humanize.IBytes(bytes(r.Freed)))
	return buf.Flush()
}

// begin prints the beginning of a JSON object: what is planned.
func (r *report) begin(w io.Writer) error {
	_, err := fmt.Fprintf(w, "{\n  \"planned\": %s,", r.encoded("  "))
	return err
}

// end prints the report as JSON; if the object has begun, the rest of it.
func (r *report) end(w io.Writer, begun bool) error {
	text := r.encoded("")
	if begun {
		text = strings.TrimPrefix(text, "{")
	}
	_, err := io.WriteString(w, text+"\n")
	return err
}

func (r *report) encoded(prefix string) string {
	b := new(strings.Builder)
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	e.SetIndent(prefix, "  ")
	_ = e.Encode(r) // nothing in it can fail
	return strings.TrimSuffix(b.String(), "\n")
}

// age returns an age in words.
func age(d time.Duration) string {
	units := []struct {
		name string
		size time.Duration
	}{{"day", 24 * time.Hour}, {"hour", time.Hour}, {"minute", time.Minute}}
	for _, u := range units {
		if n := d / u.size; n >= 2 || n == 1 && u.size == time.Minute {
			return humanize.Comma(int64(n)) + " " + u.name + plural(int64(n))
		}
	}
	return "just now"
}

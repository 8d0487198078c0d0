package replay

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
)

// ending says how a replay has ended.
type ending int

const (
	completed   ending = iota
	interrupted        // by the user
	gaveUp             // as the receiver takes nothing
	failed             // to read, or to keep what is refused
)

const (
	// maxReasons is how many different reasons of the receiver are shown.
	maxReasons = 5
	// maxSamples is how many events a dry run shows.
	maxSamples = 3
)

// A reason is what the receiver said to some events.
type reason struct {
	Text   string `json:"text"`
	Events uint64 `json:"events"`
}

// account is what has become of all that was read.
type account struct {
	dry         bool
	read        uint64
	delivered   uint64
	filtered    uint64
	text        uint64
	broken      uint64
	firstBroken string
	open        uint64 // lines without a newline yet
	lastOpen    string
	refused     uint64
	reasons     []reason
	notSent     uint64
	resent      uint64
	bytes       int64 // of the events
	samples     []string

	turnedAway  uint64 // read, but not taken by the shipper, which has ended
	refusedLast uint64 // left in the shipper, and refused

	to        string
	acks      bool
	files     int      // that could not be read, or not to the end
	lost      uint64   // events of a spool
	left      string   // what is left in the sources
	before    []string // what of the sources was sent by another run
	what      string   // that is read
	state     string
	kept      string // the file of what was refused or broken
	keptLines bool   // lines of files are in it, too
	took      time.Duration
	ended     ending
	reason    error
	goOn      string // the command line to go on with
	resumes   bool   // which does, as what was acked is known
	probes    []string
	unproven  bool // a receiver cannot be reached
}

// add counts a line of a unit.
func (a *account) add(u *unit, i int) {
	l := &u.lines[i]
	a.read++
	switch l.fate {
	case isEvent:
		a.bytes += int64(l.end - l.start)
	case filtered:
		a.filtered++
	case isText:
		a.text++
	case broken:
		if a.broken++; a.firstBroken == "" {
			a.firstBroken = where(u, i)
		}
	case open:
		a.open++
		a.lastOpen = where(u, i)
	}
}

// where says where a line stands.
func where(u *unit, i int) string {
	switch {
	case u.file == nil:
		return "in the spool"
	case u.lines[i].number == 0:
		return cli.Printable(u.file.name)
	}
	return cli.Printable(u.file.name) + ":" + strconv.FormatInt(u.lines[i].number, 10)
}

// refuse counts an event that the receiver has refused.
func (a *account) refuse(why error) {
	a.refused++
	text := refusal(why)
	for i := range a.reasons {
		if a.reasons[i].Text == text {
			a.reasons[i].Events++
			return
		}
	}
	if len(a.reasons) < maxReasons {
		a.reasons = append(a.reasons, reason{text, 1})
	}
}

// refusal returns what the receiver said.
func refusal(why error) string {
	if why == nil {
		return "no reason"
	}
	if list, ok := why.(interface{ Unwrap() []error }); ok { // that of the shipper, which says who besides why
		if errs := list.Unwrap(); len(errs) > 1 {
			why = errs[1]
		}
	}
	return harmless(withoutPrefix(why).Error())
}

// about adds what the sources and the options say.
func (a *account) about(r *replay) {
	a.to, a.acks = r.dest.name, r.dest.acks
	var (
		left          []string
		lines, events bool
	)
	for _, s := range r.sources {
		files, lost := s.failures()
		a.files += files
		a.lost += lost
		switch s := s.(type) {
		case *spooled:
			events = true
			if n := s.left(); n > 0 {
				left = append(left, fmt.Sprintf("%s events in %s", humanize.Comma(int64(n)), cli.Printable(s.dir))) //nolint:gosec // a number of events
			}
		case *logFiles:
			lines = true
			a.before = append(a.before, s.sentBefore()...)
		}
	}
	a.left = strings.Join(left, ", ")
	switch {
	case !events:
		a.what = "line"
	case !lines:
		a.what = "event"
	default:
		a.what = "line or event"
	}
	if a.resumes = events && !lines; r.places != nil {
		a.state, a.resumes = r.places.path, true
	}
	a.kept = r.rejects.kept()
	a.keptLines = !lines || r.rejects.forLines
}

// exitCode returns what the process is to end with.
func (a *account) exitCode() int {
	switch {
	case a.ended == interrupted:
		return cli.Interrupted
	case a.ended != completed, a.files > 0, a.broken > 0, a.lost > 0, a.unproven:
		return cli.Partial
	case a.refused > 0:
		return cli.No
	}
	return cli.OK
}

// print prints the account.
func (a *account) print(w io.Writer, asJSON bool) error {
	if asJSON {
		return a.printJSON(w)
	}
	var b strings.Builder
	if len(a.before) > 0 {
		fmt.Fprintf(&b, "sent before: %s\n", english.OxfordWordSeries(a.before, "and"))
	}
	fmt.Fprintf(&b, "%s read", count(a.read, a.what))
	if !a.dry && a.delivered > 0 && a.took > 0 {
		fmt.Fprintf(&b, " in %s, %s events a second", spent(a.took), comma(uint64(float64(a.delivered)/a.took.Seconds())))
	}
	b.WriteString("\n")
	row := func(n uint64, name, more string) {
		if n > 0 {
			fmt.Fprintf(&b, "%s\n", strings.TrimRight(fmt.Sprintf("%12s  %-9s %s", comma(n), name, more), " "))
		}
	}
	sent, more := "acked", "by "+a.to
	switch {
	case a.dry && a.bytes > 0:
		sent, more = "to send", fmt.Sprintf("to %s, %s", a.to, humanize.Bytes(uint64(a.bytes)))
	case a.dry:
		sent, more = "to send", "to "+a.to
	case !a.acks:
		sent, more = "sent", "taken by the kernel for "+a.to+", where nothing is acked"
	}
	fmt.Fprintf(&b, "%12s  %-9s %s\n", comma(a.delivered), sent, harmless(more))
	kept := ""
	if a.kept != "" {
		kept = "kept in " + cli.Printable(a.kept)
	}
	row(a.refused, "refused", kept)
	if !a.keptLines {
		kept = ""
	}
	row(a.filtered, "filtered", "")
	row(a.text, "text", "no JSON: --text sends such lines")
	row(a.broken, "broken", strings.Join(nonEmpty("the first is "+a.firstBroken, kept), "; "))
	row(a.open, "open", a.lastOpen+" has no newline yet: left for the next run")
	row(a.notSent, "not sent", "")
	for _, r := range a.reasons {
		fmt.Fprintf(&b, "refused %s: %s\n", count(r.Events, "time"), r.Text)
	}
	if a.resent > 0 {
		fmt.Fprintf(&b, "%s sent again, which the receiver may have twice\n", count(a.resent, "event"))
	}
	if a.lost > 0 {
		fmt.Fprintf(&b, "%s of the spool damaged and lost\n", count(a.lost, "event"))
	}
	if a.files > 0 {
		fmt.Fprintf(&b, "%s could not be read, or not to the end\n", english.Plural(a.files, "file", ""))
	}
	for _, s := range a.samples {
		fmt.Fprintf(&b, "  %s\n", s)
	}
	for _, p := range a.probes {
		fmt.Fprintf(&b, "%s\n", p)
	}
	a.printEnd(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

// printEnd says how it ended, if it was not as it should.
func (a *account) printEnd(b *strings.Builder) {
	switch a.ended {
	case completed:
		return
	case interrupted:
		b.WriteString("interrupted")
	case gaveUp, failed:
		b.WriteString(harmless(a.reason.Error()))
	}
	if a.left != "" {
		fmt.Fprintf(b, "; left: %s", a.left)
	}
	b.WriteString("\n")
	switch {
	case a.goOn == "":
	case a.resumes:
		fmt.Fprintf(b, "to go on: %s\n", a.goOn)
	default:
		fmt.Fprintf(b, "to send all of it again: %s\n", a.goOn)
	}
}

// printJSON prints the account as one line of JSON.
func (a *account) printJSON(w io.Writer) error {
	ends := map[ending]string{completed: "completed", interrupted: "interrupted", gaveUp: "gave up", failed: "failed"}
	out := struct {
		To         string   `json:"to"`
		Acks       bool     `json:"acks"`
		DryRun     bool     `json:"dry_run,omitempty"`
		End        string   `json:"end"`
		Reason     string   `json:"reason,omitempty"`
		Read       uint64   `json:"read"`
		Sent       uint64   `json:"sent"`
		Refused    uint64   `json:"refused"`
		Filtered   uint64   `json:"filtered"`
		Text       uint64   `json:"text"`
		Broken     uint64   `json:"broken"`
		Open       uint64   `json:"open"`
		NotSent    uint64   `json:"not_sent"`
		Resent     uint64   `json:"resent"`
		Lost       uint64   `json:"lost"`
		Unreadable int      `json:"unreadable_files"`
		Bytes      int64    `json:"bytes"`
		Seconds    float64  `json:"seconds"`
		Reasons    []reason `json:"reasons,omitempty"`
		Rejects    string   `json:"rejects,omitempty"`
		State      string   `json:"state,omitempty"`
		Left       string   `json:"left,omitempty"`
		GoOn       string   `json:"go_on,omitempty"`
	}{
		a.to, a.acks, a.dry, ends[a.ended], "", a.read, a.delivered, a.refused, a.filtered, a.text, a.broken, a.open, a.notSent, a.resent, a.lost,
		a.files, a.bytes, a.took.Seconds(), a.reasons, a.kept, a.state, a.left, a.goOn,
	}
	if a.reason != nil {
		out.Reason = a.reason.Error()
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	if err := e.Encode(out); err != nil {
		return errors.Join(err)
	}
	return nil
}

func nonEmpty(all ...string) (some []string) {
	for _, s := range all {
		if s != "" {
			some = append(some, s)
		}
	}
	return some
}

// count returns a number of things that are called so.
func count(n uint64, what string) string {
	if n != 1 {
		what = english.PluralWord(2, what, "")
		what = strings.ReplaceAll(what, "line or events", "lines and events")
	}
	return comma(n) + " " + what
}

func comma(n uint64) string { return humanize.Comma(int64(n)) } //nolint:gosec // a number of events

// spent returns a duration in three digits or so.
func spent(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(10 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// harmless returns a text from outside so that it does nothing to a terminal: what does not print becomes an escape
// sequence of JSON, so that JSON stays what it is.
func harmless(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r != utf8.RuneError && strconv.IsPrint(r):
			b.WriteRune(r)
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

package view

import (
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/dustin/go-humanize"
)

// An account is what was not as it should be.
type account struct {
	command string
	quiet   bool

	broken int64
	first  string // where the first broken line is
	notes  []string

	mu sync.Mutex // readers report from goroutines of their own
	w  io.Writer
}

// failure says what cannot be read.
func (a *account) failure(err error) { a.say(err.Error()) }

func (a *account) say(text string) {
	if a.quiet {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	_, _ = fmt.Fprintf(a.w, "%s: %s\n", a.command, text) // there is nobody to tell
}

// add adds the broken lines of a block.
func (a *account) add(b *block) {
	if b.broken > 0 && a.broken == 0 {
		a.first = b.firstBroken
	}
	a.broken += b.broken
}

// note adds something to be said at the end.
func (a *account) note(text string) { a.notes = append(a.notes, text) }

// report says in one line what was not as it should be, and returns whether something could not be read.
func (a *account) report(logs logs) (failed bool) {
	var cut int64
	for _, r := range logs {
		stats := r.Stats()
		cut += stats.Cut
		failed = failed || stats.Failed > 0
	}
	var texts []string
	if a.broken > 0 {
		texts = append(texts, fmt.Sprintf("%s (%s first)", lines(a.broken, "broken line"), a.first))
	}
	if cut > 0 {
		texts = append(texts, lines(cut, "line")+" cut at 1 MiB")
	}
	if texts = append(texts, a.notes...); len(texts) > 0 {
		a.say(strings.Join(texts, ", "))
	}
	return failed
}

// lines returns a count of things, as in "1,000 broken lines".
func lines(n int64, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return humanize.Comma(n) + " " + thing
}

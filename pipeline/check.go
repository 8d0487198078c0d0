package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/sluicelog/sluice/internal/panics"
)

// Status is how well something is that [Config.Check] has looked at.
type Status int

// The statuses.
const (
	Pass Status = iota // as it should be
	Warn               // works, or could not be found out, and wants to be looked at
	Fail               // does not work
)

// String returns "pass", "warn" or "fail".
func (s Status) String() string { return words{"pass", "warn", "fail"}.of("Status", int(s)) }

// MarshalText returns what String does.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Finding is what [Config.Check] has found out about one thing. Its texts are one
// printable line each, whatever the names of files and the answers of peers are, and
// hold no secret.
type Finding struct {
	Status Status `json:"status"`
	Sink   string `json:"sink,omitempty"` // the name of the sink, empty for what concerns them all
	What   string `json:"what"`           // what was looked at, such as "directory /var/log/app"
	Detail string `json:"detail"`         // what was found
	Do     string `json:"do,omitempty"`   // what to do about it; empty if nothing is to be done
}

// String returns the finding as one line for people.
func (f Finding) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-4v  ", f.Status)
	if f.Sink != "" {
		b.WriteString(printable(f.Sink) + ": ")
	}
	b.WriteString(printable(f.What) + ": " + printable(f.Detail))
	if f.Do != "" {
		b.WriteString(" -> " + printable(f.Do))
	}
	return b.String()
}

const (
	checkLimit = 5 * time.Second        // for all that is looked at, at the same time
	checkGrace = 500 * time.Millisecond // beyond its end, for those that say what they waited for
)

// Check looks over this machine for what cfg needs to work here in production, and
// says what is missing in words one can act on: the configuration itself and the
// variables LOG_*, the directories and files of the sinks, with their owners and modes,
// the space that rotation and retention leave, the console, whether each Logstash can
// be reached and until when certificates last, redaction, monitoring, and the clock. It
// returns the findings about the whole first, and then those of the sinks in their
// order; there is at least one for everything it has looked at.
//
// It is what Open would meet, and more: it opens no sink and makes no file or directory
// that stays. In each directory it tries a hidden file for a moment, see rotate.Probe;
// to a Logstash it connects, and sends no event, see logstash.Probe. What it says holds
// for the user that it runs as, so run it as the one that the program runs as.
//
// Everything is looked at at the same time. What takes more than five seconds, or is
// not done when ctx is, is a [Warn] that says so. Each look has a goroutine of its own,
// that ends by then at the latest, but for one that waits for a disk or a file server:
// the operating system holds it until that answers.
func (cfg Config) Check(ctx context.Context) []Finding {
	c := checker{
		environ: os.Environ(), stdout: os.Stdout, stderr: os.Stderr,
		logrotate: "/etc/logrotate.d", container: inContainer, limit: checkLimit,
	}
	return c.check(ctx, cfg)
}

// checker is one call of Check, and what it takes from the machine.
type checker struct {
	environ        []string
	stdout, stderr *os.File
	logrotate      string                                // the directory of its configuration
	container      func(getenv func(string) string) bool // whether this is one
	limit          time.Duration

	cfg   Config // complete, as far as it can be
	wrong bool   // with mistakes, each of which is a finding
}

func (c *checker) getenv(name string) string {
	for _, v := range c.environ {
		if key, value, ok := strings.Cut(v, "="); ok && key == name {
			return value
		}
	}
	return ""
}

// report is what a look has found.
type report struct {
	findings []Finding
	needs    []need // of space, by file system
}

func (r *report) add(status Status, what, detail, do string) {
	r.findings = append(r.findings, Finding{Status: status, What: what, Detail: detail, Do: do})
}

func (r *report) pass(what, detail string)     { r.add(Pass, what, detail, "") }
func (r *report) warn(what, detail, do string) { r.add(Warn, what, detail, do) }
func (r *report) fail(what, detail, do string) { r.add(Fail, what, detail, do) }

// look is something to look at.
type look struct {
	sink string
	what string // for the finding that there was no time
	at   func(ctx context.Context, r *report)
}

func (c *checker) check(ctx context.Context, cfg Config) []Finding {
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := context.WithTimeout(ctx, c.limit)
	defer cancel()

	c.cfg = cfg
	first := look{what: "configuration", at: func(_ context.Context, r *report) { c.configuration(cfg, r) }}
	// It is asked first, because what to look at follows from it. Should it hang, it
	// is left alone with a checker of its own.
	own := *c
	first.at = func(_ context.Context, r *report) { own.configuration(cfg, r) }
	begin := collect(ctx, []look{first})[0]
	if !begin.late {
		c.cfg, c.wrong = own.cfg, own.wrong
	}
	general, sinks := c.general(), c.sinks()
	outcomes := collect(ctx, append(general, sinks...))

	var needs []need
	for _, o := range outcomes {
		needs = append(needs, o.needs...)
	}
	// Last, when what was tried takes no space any more.
	space := collect(ctx, []look{{"", "space", func(_ context.Context, r *report) { c.space(needs, r) }}})[0]
	all := begin.findings
	for i, o := range outcomes {
		if i == len(general) {
			all = append(all, space.findings...)
		}
		all = append(all, o.findings...)
	}
	for i, f := range all {
		all[i] = Finding{f.Status, printable(f.Sink), printable(f.What), printable(f.Detail), printable(f.Do)}
	}
	return all
}

// outcome is the report of a look.
type outcome struct {
	report
	late bool // there was no time for it
}

// collect looks at everything at the same time, and returns when all is seen, or
// soon after ctx is done.
func collect(ctx context.Context, looks []look) []outcome {
	late := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(checkGrace, func() { close(late) }) })
	defer stop()
	results := make([]chan report, len(looks))
	for i, l := range looks {
		results[i] = make(chan report, 1)
		go func() { results[i] <- l.take(ctx) }()
	}
	outcomes := make([]outcome, len(looks))
	for i, l := range looks {
		o := &outcomes[i]
		select {
		case o.report = <-results[i]:
		case <-late:
			select {
			case o.report = <-results[i]: // it is done, only its turn was late
			default:
				o.late = true
				o.warn(l.what, reason(ctx), "see whether a file server, a disk or a name server hangs")
			}
		}
		for j := range o.findings {
			o.findings[j].Sink = l.sink
		}
	}
	return outcomes
}

// reason says why there is no more time.
func reason(ctx context.Context) string {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return "did not answer in time, and was given up"
	}
	return "was not seen in time: the check was cancelled"
}

// take looks, and outlives code of the caller that panics: levels, dialers, writers.
func (l look) take(ctx context.Context) (r report) {
	defer func() {
		if v := recover(); v != nil {
			r.warn(l.what, "could not be looked at: "+panics.Text(v), "mend what panics")
		}
	}()
	l.at(ctx, &r)
	return r
}

// sinks returns what is to be looked at for each sink.
func (c *checker) sinks() []look {
	var looks []look
	seen := make(map[string]bool) // directories
	for i := range c.cfg.Sinks {
		s := &c.cfg.Sinks[i]
		add := func(what string, at func(context.Context, *report)) {
			looks = append(looks, look{s.Name, what, at})
		}
		add("level", func(_ context.Context, r *report) { c.level(s, r) })
		switch s.Type {
		case Console:
			add("console", func(_ context.Context, r *report) { c.console(s, r) })
		case File, Errors, Audit:
			if s.Path != "" {
				add("directory "+s.Path, c.directoryOnce(seen, s))
				add("file "+s.Path, func(_ context.Context, r *report) { c.file(s, r) })
			}
			add("rotation", func(_ context.Context, r *report) { c.rotation(s, r) })
		case Logstash:
			if s.Addr != "" {
				add("receivers", func(ctx context.Context, r *report) { c.receivers(ctx, s, r) })
			}
			add("spool", func(_ context.Context, r *report) { c.spool(s, r) })
		default: // functions and handlers are code
		}
	}
	return looks
}

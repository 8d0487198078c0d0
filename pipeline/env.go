package pipeline

import (
	"encoding"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/sluicelog/sluice/logstash"
)

// FromEnv returns the Config that environment variables describe, as getenv,
// for example os.Getenv, returns them. One that is empty is not set.
//
//	LOG_LEVEL               minimum level of sinks without one of their own; WARNING if not set, beside LOG_CONFIG what that says
//	LOG_FORMAT              json, text, logstash or ecs, of the console and the files; json if not set
//	LOG_SOURCE              whether the file and line of the log call are added; false if not set
//	LOG_SERVICE             the field service.name of the formats logstash and ecs
//	LOG_CONSOLE             minimum level of the console; LOG_LEVEL if not set, none with off
//	LOG_FILE                path of a log file
//	LOG_ERRORS_FILE         path of a log file for level ERROR and above
//	LOG_AUDIT_FILE          path of a log file for records with the tag "security", each synced to disk
//	LOG_ROTATION            when the files are rotated, as Rotation reads it; at 100 MiB if not set
//	LOG_RETENTION           which backups of the files are kept, as Retention reads it, but for the audit file,
//	                        of which all are; all if not set
//	LOG_BUFFER_SIZE         buffer before LOG_FILE, in bytes or with a unit as in 64KiB;
//	                        0 writes each line at once; 65536 if not set
//	LOG_FLUSH_INTERVAL      greatest age of a buffered line, in milliseconds or with a unit as in 5s;
//	                        0 hands lines over as soon as possible; 5000 if not set
//	LOG_MAX_BUFFERED_LINES  most lines in that buffer; 0 and not set mean that only its size counts
//	LOG_LOGSTASH            address of a Logstash to ship to, as for logstash.Dial; for one of Kafka or Redis
//	                        the program adds the Scheme to Dial of the sink
//	LOG_SPOOL_DIR           directory for events that do not fit in memory while that is away
//	LOG_SENSITIVE_MASK      whether secrets are masked; true if not set
//	LOG_VOLUME_INTERVAL     how often a record says how much was logged, as LOG_FLUSH_INTERVAL has it, from 1s; never if not set
//	LOG_HEALTH_INTERVAL     how often a record says how the sinks are doing; never if not set
//	LOG_CONFIG              path of a file for Load
//
// With LOG_CONFIG the file says it all, but for the variables that are about no
// sink, which change what it says: LOG_LEVEL, LOG_SENSITIVE_MASK,
// LOG_VOLUME_INTERVAL and LOG_HEALTH_INTERVAL. The others beside it are errors. The
// level is INFO if neither says one, as in any Config. A mask that is switched off
// leaves nothing of what the file says about it.
//
// Events, of the formats logstash and ecs, get an id; see logstash.Options.EventID.
// Levels have the names of handler.ParseLevel. Switches are true, yes, on, 1, false,
// no, off or 0. Whatever the interval, lines at ERROR and above are written before
// the log call returns. A variable about something that is not set otherwise, such as
// LOG_ROTATION without a file, changes nothing, but is checked. The error, if any,
// names each variable that is wrong, its value and what is allowed; of an address it
// shows no password.
func FromEnv(getenv func(string) string) (Config, error) {
	e := &env{getenv: getenv}
	cfg := Config{Level: At(slog.LevelWarn)}
	if path := e.path("LOG_CONFIG"); path != "" {
		cfg = e.load(path)
	} else {
		cfg.Sinks = e.sinks()
	}
	e.text("LOG_LEVEL", &cfg.Level)
	if off := !e.bool("LOG_SENSITIVE_MASK", !cfg.Redaction.Off); off != cfg.Redaction.Off {
		cfg.Redaction = Redaction{Off: off}
	}
	e.interval("LOG_VOLUME_INTERVAL", leastInterval, &cfg.VolumeInterval)
	e.interval("LOG_HEALTH_INTERVAL", leastInterval, &cfg.HealthInterval)
	if err := errors.Join(e.errs...); err != nil {
		return Config{}, err
	}
	return cfg, nil
}

// UnknownEnv says of each variable in environ, for example os.Environ(), whose name
// begins with LOG_ and that [FromEnv] does not read, that it does not, and which
// one was probably meant. The values are not shown.
func UnknownEnv(environ []string) []string {
	names := slices.Concat(envOfSinks, envOfAll)
	for i := range names {
		names[i] = strings.TrimPrefix(names[i], "LOG_") // which is never wrong
	}
	var unknown []string
	for _, variable := range environ {
		name, _, _ := strings.Cut(variable, "=")
		prefix, rest, _ := strings.Cut(name, "_")
		if !strings.EqualFold(prefix, "LOG") || rest == "" || prefix == "LOG" && slices.Contains(names, rest) {
			continue
		}
		says := clean(name) + " is not read by anything here"
		if near := nearest(rest, names); near != "" {
			says += ": did you mean LOG_" + near + "?"
		}
		unknown = append(unknown, says)
	}
	return unknown
}

// The variables that describe sinks, and the others.
//
//nolint:gochecknoglobals // never written
var (
	envOfSinks = []string{
		"LOG_FORMAT", "LOG_SOURCE", "LOG_SERVICE", "LOG_CONSOLE", "LOG_FILE", "LOG_ERRORS_FILE", "LOG_AUDIT_FILE",
		"LOG_ROTATION", "LOG_RETENTION", "LOG_BUFFER_SIZE", "LOG_FLUSH_INTERVAL", "LOG_MAX_BUFFERED_LINES",
		"LOG_LOGSTASH", "LOG_SPOOL_DIR",
	}
	envOfAll = []string{"LOG_LEVEL", "LOG_SENSITIVE_MASK", "LOG_VOLUME_INTERVAL", "LOG_HEALTH_INTERVAL", "LOG_CONFIG"}
)

// env reads variables and collects what is wrong with them.
type env struct {
	getenv func(string) string
	errs   []error
}

// load returns the Config of a file, beside which no variable may describe sinks.
func (e *env) load(path string) Config {
	for _, name := range envOfSinks {
		if e.getenv(name) != "" {
			e.errs = append(e.errs, fmt.Errorf("pipeline: %s is set, and so is LOG_CONFIG, whose file says which sinks there are: want one of them", name))
		}
	}
	cfg, err := Load(path)
	if err != nil {
		e.errs = append(e.errs, fmt.Errorf("pipeline: LOG_CONFIG is %s: %w", quote(path), err))
	}
	return cfg
}

// sinks returns those that the variables describe.
func (e *env) sinks() []Sink {
	var all []Sink
	var each Sink // what all have
	e.text("LOG_FORMAT", &each.Format)
	each.AddSource = e.bool("LOG_SOURCE", false)
	service := e.plain("LOG_SERVICE", "a name")
	if each.Format == EventFormat || each.Format == ECS {
		each.Service, each.EventID = service, true
	}

	console := each
	console.Name = "console"
	e.text("LOG_CONSOLE", &console.Level)
	if console.Level.IsZero() || console.Level.Level() != math.MaxInt { // off
		all = append(all, console)
	}

	e.text("LOG_ROTATION", &each.Rotation)
	file := each
	e.text("LOG_RETENTION", &file.Retention)
	buffered := e.buffered(file)
	add := func(name string, kind Type, s Sink) {
		if path := e.path(name); path != "" {
			s.Type, s.Name, s.Path = kind, name, path
			all = append(all, s)
		}
	}
	add("LOG_FILE", File, buffered)
	add("LOG_ERRORS_FILE", Errors, file)
	add("LOG_AUDIT_FILE", Audit, each)

	spool := e.path("LOG_SPOOL_DIR")
	if addr := e.address("LOG_LOGSTASH"); addr != "" {
		shipper := Sink{
			Type: Logstash, Name: "LOG_LOGSTASH", Addr: addr, SpoolDir: spool,
			Service: service, EventID: true, AddSource: each.AddSource, Format: EventFormat,
		}
		if each.Format == ECS {
			shipper.Format = ECS
		}
		all = append(all, shipper)
	}
	if len(all) == 0 && len(e.errs) == 0 {
		e.errs = append(e.errs, fmt.Errorf("pipeline: LOG_CONSOLE is %s, and there is no other sink: want a level, or one of "+
			"LOG_FILE, LOG_ERRORS_FILE, LOG_AUDIT_FILE and LOG_LOGSTASH", quote(e.getenv("LOG_CONSOLE"))))
	}
	if len(e.errs) == 0 {
		e.check(all)
	}
	return all
}

// check notes what is wrong with the sinks, by the names of the variables.
func (e *env) check(sinks []Sink) {
	var m mistakes
	checked := slices.Clone(sinks)
	for i := range checked {
		if checked[i].Type == Logstash {
			checked[i].Dial.Schemes = brokers()
		}
	}
	Config{Sinks: checked}.completed(&m, false)
	var said []string // of several sinks
	for _, one := range m.all {
		says := variableOf(one.field, sinks[one.index].Name) + " " + strings.ReplaceAll(one.err.Error(), both("Rotation"), "LOG_ROTATION")
		if !slices.Contains(said, says) {
			said = append(said, says)
			e.errs = append(e.errs, errors.New("pipeline: "+says))
		}
	}
}

// variableOf returns the variable that has set a field of a sink, which is called by
// that of its path or address.
func variableOf(field, sink string) string {
	switch field, _, _ = strings.Cut(field, "."); field {
	case "Rotation":
		return "LOG_ROTATION"
	case "Retention":
		return "LOG_RETENTION"
	case "SpoolDir":
		return "LOG_SPOOL_DIR"
	}
	return sink
}

// buffered returns a file with the buffer that the variables describe.
func (e *env) buffered(file Sink) Sink {
	size, interval, lines := 64*KiB, Duration(5*time.Second), 0
	const most = GiB
	if e.text("LOG_BUFFER_SIZE", &size) && size > most {
		e.wrong("LOG_BUFFER_SIZE", sizes.want+", from 0 to "+most.String())
	}
	if e.interval("LOG_FLUSH_INTERVAL", 0, &interval); interval == 0 {
		interval = -1 // asyncbuf's word for it
	}
	if s := e.getenv("LOG_MAX_BUFFERED_LINES"); s != "" {
		n, err := strconv.ParseUint(s, 10, 31)
		if lines = int(n); err != nil {
			e.wrong("LOG_MAX_BUFFERED_LINES", "a number of lines, as in 10000, 0 for no limit")
		}
	}
	if size > 0 {
		file.Async, file.BufferSize, file.FlushInterval, file.MaxBufferedLines = true, size, interval, lines
	}
	return file
}

const commentHint = " (a comment behind a value is removed by a shell only)"

// wrong notes that the value of a variable is not what is wanted.
func (e *env) wrong(name, want string) {
	e.wrongText(name, &textError{text: e.getenv(name), want: want})
}

func (e *env) wrongText(name string, wrong *textError) {
	value, hint := e.getenv(name), ""
	switch n := len(value); {
	case strings.Contains(value, "#"):
		hint = commentHint
	case n > 1 && value[0] == value[n-1] && strings.ContainsAny(value[:1], `"'`):
		hint = " (quotes around a value are removed by a shell only)"
	case strings.TrimSpace(value) != value:
		hint = " (there are blanks around it)"
	}
	shown := textError{text: value, want: wrong.want, near: wrong.near}
	if hint != "" {
		shown.near = ""
	}
	e.errs = append(e.errs, errors.New("pipeline: "+shown.at(name)+hint))
}

// text sets v to the value of a variable, if it is set and right, and reports
// whether it did.
func (e *env) text(name string, v encoding.TextUnmarshaler) bool {
	s := e.getenv(name)
	if s == "" {
		return false
	}
	err := v.UnmarshalText([]byte(s))
	if err != nil {
		e.wrongText(name, asTextError(err, s, nil))
	}
	return err == nil
}

func (e *env) interval(name string, least Duration, d *Duration) {
	const most = Duration(24 * time.Hour)
	unset := *d
	if e.text(name, d) && (*d != 0 && *d < least || *d < 0 || *d > most || strings.HasPrefix(e.getenv(name), "-")) {
		want := ", from 0 to 24h"
		if least > 0 {
			want = ", 0 for never, or from " + least.String() + " to 24h"
		}
		e.wrong(name, durations.want+want)
		*d = unset
	}
}

func (e *env) bool(name string, unset bool) bool {
	s := e.getenv(name)
	switch strings.ToLower(s) {
	case "":
		return unset
	case "true", "yes", "on", "1":
		return true
	case "false", "no", "off", "0":
		return false
	}
	near := nearest(s, []string{"true", "yes", "on", "false", "no", "off"})
	e.wrongText(name, &textError{want: "true, yes, on, 1, false, no, off or 0", near: near})
	return unset
}

func (e *env) path(name string) string {
	what := "the path of a file"
	if name == "LOG_SPOOL_DIR" {
		what = "the path of a directory"
	}
	return e.plain(name, what)
}

// plain returns text that has nothing around it, on one line.
func (e *env) plain(name, what string) string {
	s := e.getenv(name)
	quoted := strings.HasPrefix(s, `"`) || strings.HasPrefix(s, "'")
	if strings.TrimSpace(s) != s || quoted || strings.Contains(s, " #") || strings.ContainsFunc(s, unicode.IsControl) {
		e.wrong(name, what+", without blanks, quotes or a comment around it")
		return ""
	}
	return s
}

// address checks an address the one way that cannot disagree with Dial.
func (e *env) address(name string) string {
	s := e.getenv(name)
	if s == "" {
		return ""
	}
	if err := checkAddr(s, logstash.DialOptions{Schemes: brokers()}); err != nil {
		hint := ""
		if strings.Contains(s, " #") {
			hint = commentHint
		}
		e.errs = append(e.errs, fmt.Errorf("pipeline: %s: %w%s", name, err, hint)) // which names s, but no password in it
		return ""
	}
	return s
}

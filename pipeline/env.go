package pipeline

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/dustin/go-humanize"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/logstash"
)

// FromEnv returns the Config that environment variables describe, as getenv,
// for example os.Getenv, returns them. One that is empty is not set.
//
//	LOG_LEVEL           minimum level, by the names of handler.ParseLevel; WARNING if not set
//	LOG_FORMAT          json or text, of the console and the file; json if not set
//	LOG_FILE            path of a log file in addition to the console
//	LOG_BUFFER_SIZE     buffer before the file, in bytes or with a unit as in 64KiB;
//	                    0 writes each line at once; 65536 if not set
//	LOG_FLUSH_INTERVAL  greatest age of a buffered line, in milliseconds or with a unit as in 5s;
//	                    0 hands lines over as soon as possible; 5000 if not set
//	LOG_SENSITIVE_MASK  whether secrets are masked: true, yes, on, 1, false, no, off or 0;
//	                    true if not set
//	LOG_LOGSTASH        address of a Logstash to ship to, as for logstash.Dial
//
// Whatever the interval, lines at ERROR and above are written before the log
// call returns. The error, if any, names each variable that is wrong, its value
// and what is allowed.
func FromEnv(getenv func(string) string) (Config, error) {
	e := env{getenv: getenv}
	cfg := Config{Level: At(e.level("LOG_LEVEL", slog.LevelWarn)), Redaction: Redaction{Off: !e.bool("LOG_SENSITIVE_MASK", true)}}
	format := e.format("LOG_FORMAT")
	size := e.size("LOG_BUFFER_SIZE", 64<<10)
	interval := e.interval("LOG_FLUSH_INTERVAL", 5*time.Second)

	cfg.Sinks = append(cfg.Sinks, Sink{Type: Console, Name: "console", Format: format})
	if path := e.path("LOG_FILE"); path != "" {
		s := Sink{Type: File, Name: "LOG_FILE", Path: path, Format: format}
		if size > 0 {
			s.Buffer = &asyncbuf.WriterOptions{Size: size, FlushInterval: interval}
		}
		cfg.Sinks = append(cfg.Sinks, s)
	}
	if addr := e.address("LOG_LOGSTASH"); addr != "" {
		cfg.Sinks = append(cfg.Sinks, Sink{Type: Logstash, Name: "LOG_LOGSTASH", Addr: addr})
	}
	if err := errors.Join(e.errs...); err != nil {
		return Config{}, err
	}
	return cfg, nil
}

// env reads variables and collects what is wrong with them.
type env struct {
	getenv func(string) string
	errs   []error
}

func (e *env) wrong(name, value, want string) {
	err := fmt.Errorf("pipeline: %s is %q: want %s", name, value, want)
	if strings.Contains(value, "#") {
		err = fmt.Errorf("%w (a comment behind a value is removed by a shell only)", err)
	}
	e.errs = append(e.errs, err)
}

func (e *env) level(name string, unset slog.Level) slog.Level {
	s := e.getenv(name)
	if s == "" {
		return unset
	}
	level, err := handler.ParseLevel(s)
	if err != nil {
		e.wrong(name, s, strings.TrimPrefix(err.Error()[strings.LastIndex(err.Error(), "want "):], "want "))
	}
	return level
}

func (e *env) format(name string) Format {
	var f Format
	s := e.getenv(name)
	if s != "" && (f.UnmarshalText([]byte(s)) != nil || f == EventFormat) {
		e.wrong(name, s, "json or text")
	}
	return f
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
	e.wrong(name, s, "true, yes, on, 1, false, no, off or 0")
	return unset
}

func (e *env) size(name string, unset int64) int64 {
	const most = 1 << 30
	s := e.getenv(name)
	if s == "" {
		return unset
	}
	n, err := humanize.ParseBytes(s)
	if err != nil || n > most || strings.ContainsAny(s, ",. \t\r\n") { // humanize skips commas and rounds
		e.wrong(name, s, "bytes, as in 65536 or 64KiB, from 0 to 1GiB")
		return unset
	}
	return int64(n)
}

// interval returns a negative duration for 0, which is asyncbuf's word for it.
func (e *env) interval(name string, unset time.Duration) time.Duration {
	const most = 24 * time.Hour
	s := e.getenv(name)
	if s == "" {
		return unset
	}
	d, err := time.ParseDuration(s)
	if millis, numErr := strconv.ParseInt(s, 10, 64); numErr == nil && millis < math.MaxInt64/int64(time.Millisecond) {
		d, err = time.Duration(millis)*time.Millisecond, nil
	}
	switch {
	case err != nil || d < 0 || d > most || strings.HasPrefix(s, "-"):
		e.wrong(name, s, "milliseconds, as in 5000, or a duration, as in 5s, from 0 to 24h")
		return unset
	case d == 0:
		return -1
	}
	return d
}

func (e *env) path(name string) string {
	s := e.getenv(name)
	if strings.TrimSpace(s) != s || strings.Contains(s, " #") || strings.ContainsFunc(s, unicode.IsControl) {
		e.wrong(name, s, "the path of a file, without blanks around it")
	}
	return s
}

// address checks an address the one way that cannot disagree with Dial.
func (e *env) address(name string) string {
	s := e.getenv(name)
	if s == "" {
		return ""
	}
	shipper, err := logstash.Dial(s, nil)
	if err != nil {
		e.errs = append(e.errs, fmt.Errorf("pipeline: %s: %w", name, err)) // which names s, but no password in it
		return ""
	}
	if err := shipper.Close(); err != nil {
		e.errs = append(e.errs, fmt.Errorf("pipeline: %s: %w", name, err))
	}
	return s
}

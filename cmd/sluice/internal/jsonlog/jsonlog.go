// Package jsonlog reads lines of JSON logs, whoever wrote them: log/slog, sluice, zap,
// zerolog, logrus, pino, Logstash events, ECS and what looks like one of these. It also knows the keys of
// GELF, Google Cloud, journald, hclog, structlog and Python's logging, Serilog and .NET, log4j2, Rust's tracing,
// MongoDB and PostgreSQL, and what Docker, Kubernetes and syslog put around or before a line.
package jsonlog

import (
	"errors"
	"log/slog"
	"time"
)

// ErrNotJSON is the error of Parse for a line without an object: text, or nothing.
var ErrNotJSON = errors.New("not JSON")

// ErrBroken is the error of Parse for a line with an object that is cut off or not valid.
var ErrBroken = errors.New("broken JSON")

// Make says which library's form a line has.
type Make int

// The forms that are told apart.
const (
	Other Make = iota
	Slog       // log/slog and sluice's JSON
	Zap
	Zerolog
	Logrus
	Pino // and bunyan
	Logstash
	ECS
)

// String returns the name of the library, or "other".
func (m Make) String() string {
	return [...]string{"other", "slog", "zap", "zerolog", "logrus", "pino", "logstash", "ecs"}[m]
}

// Role says what a member of a line is.
type Role int

// The roles of members. All that have none are attrs.
const (
	Attr Role = iota
	Time
	Level
	Message
	Logger
	Source
	Tags
	Stack // of an error or a goroutine
	Meta  // what the form demands and nobody reads, such as @version
)

// A Member is a member of the object of a line.
type Member struct {
	Key   []byte // unescaped
	Value []byte // JSON, as it stands in the line
	Role  Role
}

// A Line is what a Parser has found in a line. It is valid until the Parser's next call, and as long as
// the text is. Of members with the same key the first counts, everywhere.
type Line struct {
	Text     []byte // the line, without its newline; that of the program where Docker or journald has wrapped it in one of its own
	Prefix   []byte // the text before the object, as container runtimes and journals put one there; in journald's JSON, who wrote it
	Make     Make
	Time     time.Time // zero if there is none; in UTC, or with the line's own offset
	Level    slog.Level
	HasLevel bool
	Message  []byte   // unescaped, nil if there is none
	Members  []Member // all, in the order of the line

	logger, tags, stack []byte // JSON, nil if there is none
	outer               field  // of the object in which something has a role
	outerAt             int    // its index
	inner               fields // what has a role in it
	place               *place // nil if there is none
}

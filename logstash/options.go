package logstash

import (
	"context"
	"log/slog"
	"time"

	"github.com/sluicelog/sluice/internal/errtrace"
	"github.com/sluicelog/sluice/internal/jsonenc"
)

// Options are options for a [Handler]. A zero Options consists entirely of
// default values.
type Options struct {
	// Level is the minimum level, asked for each record. Nil means
	// slog.LevelInfo.
	Level slog.Leveler

	// Profile is the set of names and places of the event's own fields. The zero
	// value is V1.
	Profile Profile

	// Names are other names for single fields. Empty ones keep those of the
	// Profile.
	Names FieldNames

	// LevelName returns what the field with the level says. It is called by the goroutine
	// that logs, once for most levels, and has to return the same each time; one that
	// panics costs the name. Nil means the names TRACE, DEBUG, INFO, NOTICE, SUCCESS,
	// WARN, ERROR, FAIL, CRITICAL and FATAL, and those as INFO+1 for levels between them.
	// slog.Level.String has the names of log/slog.
	LevelName func(slog.Level) string

	// AddSource adds the function, file and line of the call. False leaves them out.
	AddSource bool

	// LoggerName is the name of the logger. Empty leaves it out. A string attr with
	// the key "logger" or "logger_name" outside of groups takes its place, unless it
	// is empty.
	LoggerName string

	// Host is the field host.name. Empty means what os.Hostname says.
	Host string

	// Service is the field service, an object. The zero value leaves it out.
	Service Service

	// Type is the field type, by which many pipelines of Logstash branch. Empty
	// leaves it out.
	Type string

	// Tags are the first of the field tags, before those of the attrs. Nil means none.
	Tags []string

	// LevelTag returns a tag for the level of a record, or "" for none. Nil adds
	// none. It is called by the goroutine that logs.
	LevelTag func(slog.Level) string

	// Fields are attrs for every event. They stand outside of the object that Attrs
	// names and of every group. An attr with the same key takes the place of one. Nil means none.
	Fields []slog.Attr

	// Metadata are members of the field @metadata of every event, which Logstash's
	// pipeline can see and its outputs do not write. Nil means none.
	Metadata []slog.Attr

	// Attrs is the name of an object that holds all attrs, but for those that the
	// event's own fields show: tags, the logger, an error, members of @metadata. Empty
	// is none: they stand beside these. The name "labels" makes them ECS labels:
	// those in groups stand there as well, the names of the groups before their
	// own, joined by "_", which dots, asterisks and backslashes also become, and
	// what is no string, number or boolean becomes a string.
	Attrs string

	// Collisions is what becomes of an attr outside of groups whose key is a name
	// that means something else to Logstash, see [Handler]. The zero value is
	// RenameCollisions.
	Collisions Collisions

	// Integers is which integers are written as strings. The zero value is
	// LongIntegers.
	Integers Integers

	// EventID adds an id to every event, as a UUID of version 7 (RFC 9562), and the
	// same as [@metadata][_id]. With document_id => "%{[@metadata][_id]}" in the
	// elasticsearch output, an event that is sent twice is one document. All senders
	// to that output have to set it: it is the same text for all events without one.
	// False adds none.
	EventID bool

	// Sequence adds a number to every event, from 1 up, which derived handlers
	// share. False adds none.
	Sequence bool

	// Trace returns the ids of the trace and the span that a context belongs to, or
	// "" for none. Nil adds none. It is called with the context of every record by
	// the goroutine that logs.
	Trace func(context.Context) (traceID, spanID string)

	// StackDepth is the most frames of each stack trace. 0 means 50, less than 0 no
	// stack traces. An error has one if it or an error that it wraps has a method
	// for it, as the errors of github.com/pkg/errors and its like have.
	StackDepth int

	// StackRootFirst writes the stack trace of the innermost error first. False writes
	// it last.
	StackRootFirst bool

	// StackHash adds a hash of each stack trace, eight hexadecimal digits, that is
	// the same for the same fault: it depends on the types of the errors and on the
	// functions, not on messages and lines. False adds none.
	StackHash bool

	// StackLevel is the level from which on an event gets the stack trace of the call,
	// unless it shows that of an error. Nil means none gets it. It needs a Handler that is
	// called by the goroutine that logs.
	StackLevel slog.Leveler

	// TimePrecision is a unit of which times are cut to a multiple, such as
	// time.Millisecond, which is what a date in Elasticsearch keeps. They then have
	// as many digits of a second as it has. 0 and less keeps the nanoseconds, and
	// leaves out trailing zeros.
	TimePrecision time.Duration

	// NonFiniteStrings writes NaN and infinite numbers as strings. False writes null,
	// since Elasticsearch rejects an event with a string in a field of numbers.
	NonFiniteStrings bool

	// MaxFieldBytes bounds keys and strings. A longer one is cut, between two
	// characters, and ends in a mark: "…(+123 bytes)". An array, an object that is not
	// a group, or a number that was encoded by a Marshaler becomes such a string.
	// Other numbers, and times, are not bounded. 0 and less is no bound.
	MaxFieldBytes int

	// MaxEventBytes bounds the event with its newline. In a longer one the longest
	// strings are cut; if that is not enough, the largest arrays and objects lose
	// what is at their ends, and last the attrs at the end are left out. It gets a
	// field "truncated" with the length that it had at first, without the newline. 0
	// means 1 MiB, less than 0 no bound, and fewer than 1024 mean 1024.
	MaxEventBytes int

	// OnError is called with each error that Handle returns, by the goroutine
	// that logs, outside the handler's lock. Nil means that errors are only
	// counted. It must not log to the same handler.
	OnError func(error)
}

// Profile is the set of names and places of the event's own fields. What is none
// of these values is V1.
type Profile int

const (
	// V1 has the names of logstash-logback-encoder, beside each other.
	V1 Profile = iota

	// ECS has those of the Elastic Common Schema 8 as objects in each other, as
	// Logstash and Elasticsearch want them.
	ECS

	// ECSDotted has those of ECS 8 beside each other with dots in their names, as
	// the ECS logging libraries write them for Filebeat, which has to be told
	// expand_keys: true. Logstash would keep the dots.
	ECSDotted
)

// FieldNames are names for the event's own fields. Empty is the Profile's name, "-"
// leaves the field out. A name of your own stands beside the others, not in an
// object, and is written as it is: it must not be that of another field, or of an
// object such as host.
type FieldNames struct {
	Timestamp    string // @timestamp
	Version      string // @version in V1
	Message      string // message
	Level        string // level; log.level
	LevelValue   string // level_value in V1
	Logger       string // logger_name; log.logger
	CallerMethod string // caller_method_name; log.origin.function
	CallerFile   string // caller_file_name; log.origin.file.name
	CallerLine   string // caller_line_number; log.origin.file.line
	Host         string // host.name
	Type         string // type
	Tags         string // tags
	Sequence     string // sequence; event.sequence
	ID           string // uuid; event.id
	TraceID      string // trace_id; trace.id
	SpanID       string // span_id; span.id
	StackTrace   string // stack_trace; error.stack_trace
	StackHash    string // stack_hash; error.stack_hash
	ECSVersion   string // ecs.version in ECS
	Dataset      string // event.dataset in ECS
}

// Service names the service that logs, in the fields service.name,
// service.version, service.environment and service.node.name, each of which is left
// out if it is empty. In ECS, event.dataset is "<name>.log".
type Service struct{ Name, Version, Environment, Node string }

// Collisions is what becomes of an attr whose key means something else. A WithGroup of
// the name of a field of the event's own is renamed in any case. What is none of
// these values is RenameCollisions.
type Collisions int

const (
	// RenameCollisions puts "attr_" before the key, in place of an "@" or "_" that
	// it begins with, and makes its dots underscores. Of that and another attr that
	// is called so the last one is written.
	RenameCollisions Collisions = iota

	// NestCollisions puts the attr into the object labels.
	NestCollisions

	// DropCollisions leaves the attr out.
	DropCollisions
)

// Integers is which integers are written as strings, because what reads the event
// takes them for something else. What is none of these values is LongIntegers.
type Integers int

const (
	// LongIntegers are those that a long of 64 bits holds, as Elasticsearch has
	// it. Others are strings.
	LongIntegers Integers = iota

	// SafeIntegers are those up to 2^53, which JavaScript, and Kibana with it, can
	// tell apart. Others are strings.
	SafeIntegers

	// AllIntegers are numbers, however long.
	AllIntegers
)

const (
	defaultStackDepth    = 50
	defaultMaxEventBytes = 1 << 20
	minEventBytes        = 1 << 10
)

// rules returns what the options mean to the encoder.
func (o *Options) rules() jsonenc.Rules {
	r := jsonenc.Rules{
		Duplicates:    jsonenc.LastWins,
		Names:         true,
		Integers:      jsonenc.LongIntegers,
		NullNonFinite: !o.NonFiniteStrings,
		MaxNesting:    maxNesting / 5, // in as many groups as there may be around it
		MaxNumber:     maxNumber,
		MaxField:      o.MaxFieldBytes,
		TimePrecision: o.TimePrecision,
	}
	switch o.Integers {
	case SafeIntegers:
		r.Integers = jsonenc.SafeIntegers
	case AllIntegers:
		r.Integers = jsonenc.AllIntegers
	case LongIntegers:
	}
	switch {
	case o.MaxEventBytes == 0:
		r.MaxLine = defaultMaxEventBytes
	case o.MaxEventBytes > 0:
		r.MaxLine = max(o.MaxEventBytes, minEventBytes)
	}
	return r
}

func (o *Options) stacks() errtrace.Style {
	depth := o.StackDepth
	if depth == 0 {
		depth = defaultStackDepth
	}
	return errtrace.Style{Depth: depth, RootFirst: o.StackRootFirst, Hash: o.StackHash}
}

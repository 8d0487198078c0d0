package pipeline

import (
	"context"
	"io"
	"log/slog"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/fanout"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/monitor"
	"github.com/sluicelog/sluice/redact"
	"github.com/sluicelog/sluice/rotate"
)

// Config describes a pipeline. A zero Config is one with a single console sink
// that prints JSON at level INFO and above to standard output, with secrets
// masked.
//
// Fields with a name in a tag can be written in JSON, see [Parse], and decoded by
// libraries for YAML, TOML and the like. The others are for programs only.
type Config struct {
	// Level is the minimum level of every sink that has none of its own. The zero
	// Level means INFO.
	Level Level `json:"level,omitzero" yaml:"level,omitempty" toml:"level,omitempty"`

	// Sinks are where records go, 1000 at most. None means a console sink.
	Sinks []Sink `json:"sinks,omitempty" yaml:"sinks,omitempty" toml:"sinks,omitempty"`

	// Redaction says which secrets are masked. The zero value means those of the
	// default rules.
	Redaction Redaction `json:"redaction,omitzero" yaml:"redaction,omitempty" toml:"redaction,omitempty"`

	// VolumeInterval is how often a record says how much was logged; see
	// monitor.Handler.LogVolume. Zero means never, the least is a second.
	VolumeInterval Duration `json:"volume_interval,omitzero" yaml:"volume_interval,omitempty" toml:"volume_interval,omitempty"`

	// HealthInterval is how often a record says how the process and its sinks are
	// doing; see monitor.Handler.LogHealth. Zero means never, the least is a second.
	HealthInterval Duration `json:"health_interval,omitzero" yaml:"health_interval,omitempty" toml:"health_interval,omitempty"`

	// NoFallback leaves a record that a sink fails to take to the other sinks
	// alone. Without it, such records are also printed to Fallback, a few a
	// second, and the others are counted there.
	NoFallback bool `json:"no_fallback,omitempty" yaml:"no_fallback,omitempty" toml:"no_fallback,omitempty"`

	// Fallback is where records are printed that a sink fails to take. Nil means
	// os.Stderr.
	Fallback io.Writer `json:"-" yaml:"-" toml:"-"`

	// Redact are options of redaction that no text can say. What Redaction says is
	// added. Its OnError is called in addition to OnError.
	Redact redact.Options `json:"-" yaml:"-" toml:"-"`

	// Monitor are the options of the pipeline's monitor. Its Sinks are the
	// pipeline's.
	Monitor monitor.Options `json:"-" yaml:"-" toml:"-"`

	// OnError is called with the failures of the stages, once for each, by the
	// stage that met it; files and shippers report the first of a run and its
	// end. The error names the sink. Records that a full queue drops are no
	// failure and only counted. It may be called by several goroutines at once.
	// It must not log to the pipeline, nor flush it, reload it or shut it down. Nil
	// means that failures are only counted; see [Pipeline.Stats].
	OnError func(error) `json:"-" yaml:"-" toml:"-"`
}

// Redaction is what text can say about masking secrets. See redact.Options for
// the meaning of the fields.
type Redaction struct {
	// Off leaves secrets as they are.
	Off       bool     `json:"off,omitempty" yaml:"off,omitempty" toml:"off,omitempty"`
	Keys      []string `json:"keys,omitempty" yaml:"keys,omitempty" toml:"keys,omitempty"`
	AllowKeys []string `json:"allow_keys,omitempty" yaml:"allow_keys,omitempty" toml:"allow_keys,omitempty"`
	Enable    []string `json:"enable,omitempty" yaml:"enable,omitempty" toml:"enable,omitempty"`
	Disable   []string `json:"disable,omitempty" yaml:"disable,omitempty" toml:"disable,omitempty"`
	Mask      string   `json:"mask,omitempty" yaml:"mask,omitempty" toml:"mask,omitempty"`
}

// Sink describes one place where records go.
type Sink struct {
	// Type says what the sink is. The zero value is Console.
	Type Type `json:"type" yaml:"type" toml:"type"`

	// Name is what errors, Stats and the monitor call the sink. Empty means its
	// place in Config, such as "sinks[1]". Names are unique: Reload knows a sink by
	// its name.
	Name string `json:"name,omitempty" yaml:"name,omitempty" toml:"name,omitempty"`

	// Level is the sink's minimum level, whatever Config.Level is. The zero Level
	// means Config.Level, ERROR for an Errors sink, and all levels for a sink with a
	// Match that sets more than MaxLevel. An Audit sink always takes all levels.
	Level Level `json:"level,omitzero" yaml:"level,omitempty" toml:"level,omitempty"`

	// Match leaves the sink only some records. The zero value means all, and for an
	// Audit sink those with the tag "security", if it sets no more than MaxLevel.
	Match Match `json:"match,omitzero" yaml:"match,omitempty" toml:"match,omitempty"`

	// Sampling leaves the sink only so many records. The zero value means all. An
	// Audit sink takes none.
	Sampling Sampling `json:"sampling,omitzero" yaml:"sampling,omitempty" toml:"sampling,omitempty"`

	// Format is how lines are written. The zero value is JSON. A Logstash sink
	// takes EventFormat, its default, and ECS.
	Format Format `json:"format,omitempty" yaml:"format,omitempty" toml:"format,omitempty"`

	// AddSource adds the file and line of the log call.
	AddSource bool `json:"add_source,omitempty" yaml:"add_source,omitempty" toml:"add_source,omitempty"`

	// Stderr makes a Console sink print to os.Stderr, not to os.Stdout.
	Stderr bool `json:"stderr,omitempty" yaml:"stderr,omitempty" toml:"stderr,omitempty"`

	// NoColor leaves the lines of Text without colors, which they otherwise have on
	// a terminal.
	NoColor bool `json:"no_color,omitempty" yaml:"no_color,omitempty" toml:"no_color,omitempty"`

	// Path is the file of a File, Errors or Audit sink, which needs one.
	Path string `json:"path,omitempty" yaml:"path,omitempty" toml:"path,omitempty"`

	// Rotation says when a file is rotated. The zero value means at 100 MiB.
	Rotation Rotation `json:"rotation,omitzero" yaml:"rotation,omitempty" toml:"rotation,omitempty"`

	// Retention says which backups of a file are kept. The zero value means all.
	Retention Retention `json:"retention,omitzero" yaml:"retention,omitempty" toml:"retention,omitempty"`

	// Compress is what backups of a file are compressed with: none, gzip or zstd.
	Compress rotate.Compression `json:"compress,omitzero" yaml:"compress,omitempty" toml:"compress,omitempty"`

	// FileMode and DirMode are the permission bits of files and directories that
	// are made, such as 0640. Zero means those of rotate.Options, and 0600 for the
	// file of an Audit sink, which can have 0640 at most: for a group that reads it.
	FileMode Mode `json:"file_mode,omitzero" yaml:"file_mode,omitempty" toml:"file_mode,omitempty"`
	DirMode  Mode `json:"dir_mode,omitzero" yaml:"dir_mode,omitempty" toml:"dir_mode,omitempty"`

	// PerProcess gives each process a file of its own, MultiProcess lets several
	// write to one; see rotate.Options.
	PerProcess   bool `json:"per_process,omitempty" yaml:"per_process,omitempty" toml:"per_process,omitempty"`
	MultiProcess bool `json:"multi_process,omitempty" yaml:"multi_process,omitempty" toml:"multi_process,omitempty"`

	// Async puts a buffer before a Console, File or Errors sink: lines are written
	// in batches by a goroutine. Without it, each line is written before Handle
	// returns.
	Async bool `json:"async,omitempty" yaml:"async,omitempty" toml:"async,omitempty"`

	// BufferSize, FlushInterval, MaxBufferedLines and Policy are those of the
	// buffer, and are errors without Async; see asyncbuf.WriterOptions, whose Size
	// and MaxLines the first and the third are. In Go a FlushInterval is
	// Duration(time.Second), or -1 for as soon as possible.
	BufferSize       Size            `json:"buffer_size,omitzero" yaml:"buffer_size,omitempty" toml:"buffer_size,omitempty"`
	FlushInterval    Duration        `json:"flush_interval,omitzero" yaml:"flush_interval,omitempty" toml:"flush_interval,omitempty"`
	MaxBufferedLines int             `json:"max_buffered_lines,omitempty" yaml:"max_buffered_lines,omitempty" toml:"max_buffered_lines,omitempty"`
	Policy           asyncbuf.Policy `json:"policy,omitzero" yaml:"policy,omitempty" toml:"policy,omitempty"`

	// Addr is the address of a Logstash sink, which needs one; see logstash.Dial. One of
	// Kafka or Redis needs Dial.Schemes as well.
	Addr string `json:"addr,omitempty" yaml:"addr,omitempty" toml:"addr,omitempty"`

	// CAFile, CertFile and KeyFile are the files of TLS; see logstash.DialOptions.
	CAFile   string `json:"ca_file,omitempty" yaml:"ca_file,omitempty" toml:"ca_file,omitempty"`
	CertFile string `json:"cert_file,omitempty" yaml:"cert_file,omitempty" toml:"cert_file,omitempty"`
	KeyFile  string `json:"key_file,omitempty" yaml:"key_file,omitempty" toml:"key_file,omitempty"`

	// SpoolDir is where a Logstash sink keeps events that do not fit in memory, up to
	// SpoolMaxSize; see logstash.DialOptions. Empty means that it keeps none.
	SpoolDir     string `json:"spool_dir,omitempty" yaml:"spool_dir,omitempty" toml:"spool_dir,omitempty"`
	SpoolMaxSize Size   `json:"spool_max_size,omitzero" yaml:"spool_max_size,omitempty" toml:"spool_max_size,omitempty"`

	// Service, EventType and Tags are fields of every event of the formats logstash
	// and ecs: service.name, type and tags. EventID adds an id, by which an event
	// that is sent twice becomes one document. See logstash.Options.
	Service   string   `json:"service,omitempty" yaml:"service,omitempty" toml:"service,omitempty"`
	EventType string   `json:"event_type,omitempty" yaml:"event_type,omitempty" toml:"event_type,omitempty"`
	Tags      []string `json:"tags,omitempty" yaml:"tags,omitempty" toml:"tags,omitempty"`
	EventID   bool     `json:"event_id,omitempty" yaml:"event_id,omitempty" toml:"event_id,omitempty"`

	// Writer is where a Console sink prints. Nil means os.Stdout, or os.Stderr.
	// Whoever opened it closes it.
	Writer io.Writer `json:"-" yaml:"-" toml:"-"`

	// Rotate are options of a file that no text can say. A setting that Rotation
	// or another field above has made as well is an error. With a buffer a batch of
	// lines is one write, and may be larger than MaxSize. Its OnError is called in
	// addition to Config.OnError.
	Rotate rotate.Options `json:"-" yaml:"-" toml:"-"`

	// Buffer, if not nil, puts a buffer with these options before the sink, like
	// Async, beside which it is an error. Its OnError is called in addition to
	// Config.OnError.
	Buffer *asyncbuf.WriterOptions `json:"-" yaml:"-" toml:"-"`

	// Dial says how a Logstash sink ships, beyond what the fields above say. Its
	// OnError is called in addition to Config.OnError.
	Dial logstash.DialOptions `json:"-" yaml:"-" toml:"-"`

	// Func is called with the records of a Func sink, which needs it. They hold
	// what With and WithGroup have bound. See handler.Func.
	Func func(ctx context.Context, r slog.Record) error `json:"-" yaml:"-" toml:"-"`

	// Handler is given the records of a Handler sink, which needs it. Whoever made it
	// closes it. The handler of slog.Default, as it is at the start of a program, must
	// not be a sink of what is given to slog.SetDefault: it would log to itself.
	Handler slog.Handler `json:"-" yaml:"-" toml:"-"`
}

// Match says which records a sink gets: those for which every field that is set
// holds.
type Match struct {
	// Tag is a tag that the record carries; see fanout.HasTag.
	Tag string `json:"tag,omitempty" yaml:"tag,omitempty" toml:"tag,omitempty"`

	// Packages are the packages of which one has logged; see fanout.InPackage.
	Packages []string `json:"packages,omitempty" yaml:"packages,omitempty" toml:"packages,omitempty"`

	// Attrs are values that attrs have, by their paths, with dots between the
	// names of groups; see fanout.AttrIs.
	Attrs map[string]any `json:"attrs,omitempty" yaml:"attrs,omitempty" toml:"attrs,omitempty"`

	// Message is a regular expression for messages.
	Message string `json:"message,omitempty" yaml:"message,omitempty" toml:"message,omitempty"`

	// MaxLevel is the highest level. The zero Level means none.
	MaxLevel Level `json:"max_level,omitzero" yaml:"max_level,omitempty" toml:"max_level,omitempty"`

	// Func is any other condition. Nil means none.
	Func fanout.Match `json:"-" yaml:"-" toml:"-"`
}

// Sampling says how many records a sink gets; see handler.SampleOptions, whose
// fields these are. Here none is below zero. Records at ERROR and above are never left
// out.
type Sampling struct {
	First      int      `json:"first,omitempty" yaml:"first,omitempty" toml:"first,omitempty"`
	Thereafter int      `json:"thereafter,omitempty" yaml:"thereafter,omitempty" toml:"thereafter,omitempty"`
	Interval   Duration `json:"interval,omitzero" yaml:"interval,omitempty" toml:"interval,omitempty"`
	Rate       float64  `json:"rate,omitempty" yaml:"rate,omitempty" toml:"rate,omitempty"`
}

// Type says what a [Sink] is.
type Type int

// The types of sinks.
const (
	Console  Type = iota // lines on standard output or another writer
	File                 // lines in a file that is rotated
	Errors               // the same, from level ERROR on
	Audit                // the same, of records with the tag "security", each synced before Handle returns
	Logstash             // events to Logstash
	Func                 // a function of the program
	Handler              // any other handler
)

// Format says how lines are written.
type Format int

// The formats.
const (
	JSON        Format = iota // as log/slog's JSON; see handler.JSONHandler
	Text                      // for people; see handler.ConsoleHandler; in files with the date, and never in color
	EventFormat               // events for Logstash, in a file that Filebeat tails; see logstash.Handler
	ECS                       // the same, with the names of the Elastic Common Schema
)

package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"net"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/rotate"
)

// minInt is below every level, on 32 bits too.
const minInt = -1 << 31

// leastInterval is that of the records of our own.
const leastInterval = Duration(time.Second)

// auditTag is that of the records for an Audit sink.
const auditTag = "security"

// mostSinks and mostMistakes bound what a Config that is wrong can cost.
const (
	mostSinks    = 1000
	mostMistakes = 20
)

// complete returns a copy of cfg with its defaults filled in, and a joined error
// for each field that is missing, wrong, or contradicts another one. The copy is
// complete in any case, and shares nothing with cfg that the user may change.
func (cfg Config) complete() (Config, error) {
	var m mistakes
	cfg = cfg.completed(&m, false)
	return cfg, m.join("pipeline: ")
}

// completed is complete, and notes the mistakes: of a Config that is only text those
// that nothing can mend which the program adds, and no file is opened.
func (cfg Config) completed(m *mistakes, text bool) Config {
	if len(cfg.Sinks) > mostSinks {
		m.add("sinks", "Sinks are %d: want %d at most", len(cfg.Sinks), mostSinks)
		cfg.Sinks = cfg.Sinks[:mostSinks]
	}
	cfg = cfg.clone()
	if len(cfg.Sinks) == 0 {
		cfg.Sinks = []Sink{{Name: "console"}}
	}
	if isNil(cfg.Level.leveler) {
		m.add("level", "Level holds a nil pointer: want one that points to something")
		cfg.Level = Level{}
	}
	if cfg.Level.IsZero() {
		cfg.Level = At(slog.LevelInfo)
	}
	for i := range cfg.Sinks {
		c := sinkCheck{Sink: &cfg.Sinks[i], index: i, mistakes: m, text: text}
		c.check() // before the defaults are there, which are not the user's
		c.complete(cfg.Level)
	}
	checkShared(cfg.Sinks, m)
	cfg.checkRedaction(m)
	for _, f := range []struct {
		place, name string
		value       Duration
	}{{"volume_interval", "VolumeInterval", cfg.VolumeInterval}, {"health_interval", "HealthInterval", cfg.HealthInterval}} {
		if f.value != 0 && f.value < leastInterval {
			m.add(f.place, "%s is %v: want 0 for never, or %v and more; a number alone is milliseconds", f.name, f.value, leastInterval)
		}
	}
	return cfg
}

// clone returns a copy of what slices, maps and pointers hold.
func (cfg Config) clone() Config {
	cfg.Sinks = slices.Clone(cfg.Sinks)
	for i := range cfg.Sinks {
		s := &cfg.Sinks[i]
		s.Tags = slices.Clone(s.Tags)
		s.Match.Packages = slices.Clone(s.Match.Packages)
		s.Match.Attrs = maps.Clone(s.Match.Attrs)
		s.Dial.Header = s.Dial.Header.Clone()
		if s.Buffer != nil {
			s.Buffer = new(*s.Buffer)
		}
	}
	for _, texts := range []*[]string{
		&cfg.Redaction.Keys, &cfg.Redaction.AllowKeys, &cfg.Redaction.Enable, &cfg.Redaction.Disable,
		&cfg.Redact.Keys, &cfg.Redact.AllowKeys, &cfg.Redact.Enable, &cfg.Redact.Disable,
	} {
		*texts = slices.Clone(*texts)
	}
	cfg.Redact.Rules = slices.Clone(cfg.Redact.Rules)
	for i := range cfg.Redact.Rules {
		cfg.Redact.Rules[i].Keys = slices.Clone(cfg.Redact.Rules[i].Keys)
	}
	return cfg
}

// mistake is what is wrong at one place.
type mistake struct {
	place string // as in JSON
	sink  string // the name of a sink that has one
	field string // as in Go; of a sink's
	index int    // of a sink
	err   error
}

func (m *mistake) Error() string {
	says := m.err.Error()
	if m.field != "" {
		says = m.field + " " + says
	}
	return m.place + m.sink + ": " + says
}

func (m *mistake) Unwrap() error { return m.err }

// mistakes are what is wrong with a Config: the first ones, and how many more.
type mistakes struct {
	all  []*mistake
	more int
}

func (m *mistakes) add(place, format string, args ...any) {
	m.note(&mistake{place: place, err: fmt.Errorf(format, args...)})
}

func (m *mistakes) note(one *mistake) {
	if len(m.all) == mostMistakes {
		m.more++
		return
	}
	m.all = append(m.all, one)
}

// join returns them as one error, whose lines begin with a prefix.
func (m *mistakes) join(prefix string) error {
	errs := make([]error, 0, len(m.all)+1)
	for _, one := range m.all {
		errs = append(errs, fmt.Errorf("%s%w", prefix, one))
	}
	return errors.Join(andMore(errs, prefix, m.more)...)
}

// andMore adds how many mistakes there are beyond those that are named.
func andMore(errs []error, prefix string, more int) []error {
	if more == 0 {
		return errs
	}
	return append(errs, fmt.Errorf("%sand %d more", prefix, more))
}

// sinkCheck is the check of one sink.
type sinkCheck struct {
	*Sink
	*mistakes
	index int
	text  bool // it is from a file: what no text can say, and other files, are not there yet
}

// wrong notes a mistake of a field, which is called by its name in Go, and by its
// path in JSON where it has one.
func (c *sinkCheck) wrong(field, format string, args ...any) {
	c.note(&mistake{sinkField(c.index, field), named(c.Sink, c.index), field, c.index, fmt.Errorf(format, args...)})
}

// sinkField returns the place of a field of a sink, that of the sink if JSON has no
// name for it.
func sinkField(i int, field string) string {
	if path := jsonPath(reflect.TypeFor[Sink](), field); path != "" {
		return sinkPlace(i) + "." + path
	}
	return sinkPlace(i)
}

// jsonPath returns the name that a field has in JSON, "" for none.
func jsonPath(t reflect.Type, field string) string {
	first, rest, nested := strings.Cut(field, ".")
	f, found := t.FieldByName(first)
	if !found {
		return ""
	}
	name := fieldName(f)
	if !nested || name == "" || f.Type.Kind() != reflect.Struct {
		return name
	}
	if inner := jsonPath(f.Type, rest); inner != "" {
		return name + "." + inner
	}
	return name // a field of a text type
}

// both returns the names of a field in Go and JSON, for the words of an error.
func both(field string) string {
	if path := jsonPath(reflect.TypeFor[Sink](), field); path != "" {
		return field + " (" + path + ")"
	}
	return field
}

// complete fills in what is not set.
func (c *sinkCheck) complete(level Level) {
	s := c.Sink
	if s.Name == "" {
		s.Name = sinkPlace(c.index)
	}
	matches := s.Match
	matches.MaxLevel = Level{}
	if s.Type == Audit && matches.isZero() {
		s.Match.Tag = auditTag
	}
	if s.Type == Logstash && s.Format == JSON {
		s.Format = EventFormat
	}
	if !s.Level.IsZero() && !isNil(s.Level.leveler) {
		return
	}
	switch {
	case s.Type == Errors:
		s.Level = At(slog.LevelError)
	case s.Type == Audit, !matches.isZero():
		s.Level = At(slog.Level(minInt))
	default:
		s.Level = level
	}
}

func (m Match) isZero() bool { return reflect.ValueOf(m).IsZero() }

// isFile reports whether sinks of the type write to a file.
func (t Type) isFile() bool { return t == File || t == Errors || t == Audit }

// takes reports whether sinks of the type have a field.
func (t Type) takes(field string) bool {
	switch field {
	case "Type", "Name", "Level", "Match":
		return true
	case "Sampling":
		return t != Audit
	case "Format", "AddSource", "Service", "EventType", "Tags", "EventID":
		return t != Func && t != Handler
	case "Stderr", "NoColor", "Writer":
		return t == Console
	case "Path", "Rotation", "Retention", "Compress", "FileMode", "DirMode", "PerProcess", "MultiProcess", "Rotate":
		return t.isFile()
	case "Async", "BufferSize", "FlushInterval", "MaxBufferedLines", "Policy", "Buffer":
		return t == Console || t == File || t == Errors
	case "Addr", "CAFile", "CertFile", "KeyFile", "SpoolDir", "SpoolMaxSize", "Dial":
		return t == Logstash
	case "Func":
		return t == Func
	case "Handler":
		return t == Handler
	}
	return false
}

// check notes what is wrong with the sink by itself.
func (c *sinkCheck) check() {
	if c.Type < Console || c.Type > Handler {
		c.wrong("Type", "is %v: want %s", c.Type, strings.Join(typeNames, ", "))
		return // what else it may have nobody knows
	}
	c.checkFields()
	c.checkLevels()
	c.checkFormat()
	if c.Type.isFile() {
		c.checkFile()
	}
	if c.Type.takes("Buffer") {
		c.checkBuffer()
	}
	if c.Type == Logstash {
		c.checkShipper()
	}
	c.checkSampling()
	for _, f := range []struct{ field, value string }{{"Name", c.Name}, {"Path", c.Path}, {"SpoolDir", c.SpoolDir}, {"Service", c.Service}} {
		if strings.ContainsFunc(f.value, unicode.IsControl) {
			c.wrong(f.field, "is %q: want no control characters", f.value)
		}
	}
}

func (c *sinkCheck) checkSampling() {
	s := &c.Sampling
	for _, f := range []struct {
		field string
		value int
	}{{"Sampling.First", s.First}, {"Sampling.Thereafter", s.Thereafter}} {
		if f.value < 0 {
			c.wrong(f.field, "is %d: want 0 or more", f.value)
		}
	}
	if s.Interval < 0 {
		c.wrong("Sampling.Interval", "is %v: want 0 for a second, or more", s.Interval)
	}
	if s.Rate < 0 || math.IsNaN(s.Rate) || math.IsInf(s.Rate, 0) {
		c.wrong("Sampling.Rate", "is %v: want records a second, 0 for no limit", s.Rate)
	}
}

// checkFields notes a field that is missing, or that another type of sink has.
func (c *sinkCheck) checkFields() {
	v := reflect.ValueOf(*c.Sink)
	for i := range v.NumField() {
		field := v.Type().Field(i).Name
		if v.Field(i).IsZero() || c.Type.takes(field) {
			continue
		}
		var types []string
		for t := Console; t <= Handler; t++ {
			if t.takes(field) {
				types = append(types, t.String())
			}
		}
		c.wrong(field, "is set, which %s sink does not take, only %s", article(c.Type), strings.Join(types, ", "))
	}
	for _, needed := range []struct {
		field string
		of    bool
		empty bool
		what  string
	}{
		{"Path", c.Type.isFile(), strings.TrimSpace(c.Path) == "", "needs the path of a file"},
		{"Addr", c.Type == Logstash, c.Addr == "", "needs an address such as beats://host:5044"},
		{"Func", c.Type == Func && !c.text, c.Func == nil, "needs one, which only the program can set"},
		{"Handler", c.Type == Handler && !c.text, c.Handler == nil, "needs one, which only the program can set"},
	} {
		if needed.of && needed.empty {
			c.wrong(needed.field, "is empty: %s sink %s", article(c.Type), needed.what)
		}
	}
	for _, held := range []struct {
		field string
		value any
	}{{"Level", c.Level.leveler}, {"Writer", c.Writer}, {"Handler", c.Handler}, {"Match.MaxLevel", c.Match.MaxLevel.leveler}} {
		if isNil(held.value) {
			c.wrong(held.field, "holds a nil pointer: want nothing, or one that points to something")
		}
	}
}

// article returns the name of a type, behind its article.
func article(t Type) string {
	if t == Errors || t == Audit {
		return "an " + t.String()
	}
	return "a " + t.String()
}

// isNil reports whether an interface holds a nil pointer, which is not nil and
// would panic when it is used.
func isNil(v any) bool {
	r := reflect.ValueOf(v)
	return r.Kind() == reflect.Pointer && r.IsNil()
}

func (c *sinkCheck) checkLevels() {
	m := &c.Match
	if _, err := regexp.Compile(m.Message); err != nil {
		c.wrong("Match.Message", "is %s, which is no regular expression: %w", quote(m.Message), err)
	}
	if slices.Contains(m.Packages, "") {
		c.wrong("Match.Packages", "has an empty name: want the path of a package, such as github.com/acme/db")
	}
	if _, empty := m.Attrs[""]; empty {
		c.wrong("Match.Attrs", "has an empty name: want the path of an attr, such as http.method")
	}
	for _, path := range slices.Sorted(maps.Keys(m.Attrs)) {
		if reflect.ValueOf(m.Attrs[path]).Kind() == reflect.Func {
			c.wrong("Match.Attrs", "has a function for %s, which equals nothing: want a value, or a condition as %s", quote(path), "Match.Func")
		}
	}
	least, fixed := c.Level.leveler.(slog.Level)
	if all := fixed && least <= slog.Level(minInt); c.Type == Audit && !c.Level.IsZero() && !all {
		c.wrong("Level", "is %v: an audit sink takes all levels; want none, and a %s for what it is to take", c.Level, both("Match"))
	}
	most, alsoFixed := m.MaxLevel.leveler.(slog.Level)
	if c.Type == Errors && c.Level.IsZero() {
		least, fixed = slog.LevelError, true
	}
	if fixed && alsoFixed && most < least {
		c.wrong("Match.MaxLevel", "is %v, below the Level (level) %v: no record would pass", m.MaxLevel, At(least))
	}
}

func (c *sinkCheck) checkFormat() {
	switch {
	case c.Format < JSON || c.Format > ECS:
		c.wrong("Format", "is %v: want %s", c.Format, strings.Join(formatNames, ", "))
		return
	case c.Type == Logstash && c.Format == Text:
		c.wrong("Format", "is text: a logstash sink takes logstash and ecs")
		return
	case c.Type == Logstash || c.Format == EventFormat || c.Format == ECS || !c.Type.takes("Format"):
		return
	}
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"Service", c.Service != ""},
		{"EventType", c.EventType != ""},
		{"Tags", len(c.Tags) > 0},
		{"EventID", c.EventID},
	} {
		if f.set {
			c.wrong(f.name, "is set, which the format %v does not have: want the Format (format) logstash or ecs", c.Format)
		}
	}
}

// twice notes two fields that set the same.
func (c *sinkCheck) twice(field, same string, set, sameSet bool) {
	if set && sameSet {
		c.wrong(field, "is set, and so is %s: want one of them", same)
	}
}

func (c *sinkCheck) checkFile() {
	r := &c.Rotate
	c.twice("Rotation.MaxSize", "Rotate.MaxSize", c.Rotation.MaxSize != 0, r.MaxSize != 0)
	c.twice("Rotation.Schedule", "Rotate.Schedule", c.Rotation.Schedule != "", r.Schedule != "")
	c.twice("Retention.MaxAge", "Rotate.MaxAge", c.Retention.MaxAge != 0, r.MaxAge != 0)
	c.twice("Retention.MaxBackups", "Rotate.MaxBackups", c.Retention.MaxBackups != 0, r.MaxBackups != 0)
	c.twice("Retention.MaxTotalSize", "Rotate.MaxTotalSize", c.Retention.MaxTotalSize != 0, r.MaxTotalSize != 0)
	c.twice("Compress", "Rotate.Compress", c.Compress != rotate.None, r.Compress != rotate.None)
	c.twice("FileMode", "Rotate.FileMode", c.FileMode != 0, r.FileMode != 0)
	c.twice("DirMode", "Rotate.DirMode", c.DirMode != 0, r.DirMode != 0)
	c.twice("PerProcess", "Rotate.PerProcess", c.PerProcess, r.PerProcess)
	c.twice("MultiProcess", "Rotate.MultiProcess", c.MultiProcess, r.MultiProcess)

	opts := c.fileOptions()
	if _, err := opts.Next(time.Now()); err != nil {
		c.wrong(c.optionField(err.Error()), "is refused: %w", err)
		return
	}
	if mode := Mode(opts.FileMode); c.Type == Audit && mode&^0o640 != 0 {
		field := "FileMode"
		if c.FileMode == 0 {
			field = "Rotate.FileMode"
		}
		c.wrong(field, "is %v, more than the file of an audit sink may have: want 0600, or 0640 for a group that reads it", mode)
	}
	if opts.Schedule == "" && opts.MaxSize < 0 && (opts.MaxAge > 0 || opts.MaxBackups > 0 || opts.MaxTotalSize > 0) {
		c.wrong("Retention", "is set, but the file is never rotated: want a %s, or no limit", both("Rotation"))
	}
	size := opts.MaxSize
	if size == 0 {
		size = 100 * rotate.MiB
	}
	if opts.MaxTotalSize > 0 && size > opts.MaxTotalSize {
		c.wrong("Retention.MaxTotalSize", "is %v, less than the %v of one file: no backup would be kept; want more, or a smaller %s",
			Size(opts.MaxTotalSize), Size(size), both("Rotation"))
	}
}

// optionField returns the field of a sink that an error of rotate is about.
func (c *sinkCheck) optionField(message string) string {
	for _, f := range []struct {
		option, field string
		set           bool
	}{
		{"Schedule", "Rotation", c.Rotation.Schedule != ""},
		{"MaxBackups", "Retention", c.Retention.MaxBackups != 0},
		{"MaxAge", "Retention", c.Retention.MaxAge != 0},
		{"MaxTotalSize", "Retention", c.Retention.MaxTotalSize != 0},
		{"Compress ", "Compress", c.Compress != rotate.None},
		{"FileMode", "FileMode", c.FileMode != 0},
		{"DirMode", "DirMode", c.DirMode != 0},
		{"MultiProcess", "MultiProcess", c.MultiProcess},
	} {
		if f.set && strings.Contains(message, f.option) {
			return f.field
		}
	}
	return "Rotate"
}

func (c *sinkCheck) checkBuffer() {
	own := []struct {
		field string
		set   bool
	}{
		{"BufferSize", c.BufferSize != 0},
		{"FlushInterval", c.FlushInterval != 0},
		{"MaxBufferedLines", c.MaxBufferedLines != 0},
		{"Policy", c.Policy != asyncbuf.Block},
	}
	c.twice("Async", "Buffer", c.Async, c.Buffer != nil)
	for _, f := range own {
		switch {
		case c.Buffer != nil:
			c.twice(f.field, "Buffer", f.set, true)
		case f.set && !c.Async:
			c.wrong(f.field, "is set without %s, so there is no buffer: want both, or neither", both("Async"))
		}
	}
	const most = 1 << 30
	if c.BufferSize < 0 || c.BufferSize > most {
		c.wrong("BufferSize", "is %d: want 1 byte to 1 GiB, 0 for the default", c.BufferSize)
	}
	if c.FlushInterval < -1 { // -1 is asyncbuf's word for as soon as possible
		c.wrong("FlushInterval", "is %v: want 0 for the default, or more", c.FlushInterval)
	}
	if c.MaxBufferedLines < 0 {
		c.wrong("MaxBufferedLines", "is %d: want 0 for no limit, or more", c.MaxBufferedLines)
	}
	const want = "is %v: want block, drop_newest or drop_oldest"
	if c.Policy < asyncbuf.Block || c.Policy > asyncbuf.DropOldest {
		c.wrong("Policy", want, c.Policy)
	}
	if b := c.Buffer; b != nil && (b.Policy < asyncbuf.Block || b.Policy > asyncbuf.DropOldest) {
		c.wrong("Buffer.Policy", want, b.Policy)
	}
}

func (c *sinkCheck) checkShipper() {
	before := len(c.all) + c.more
	d := &c.Dial
	c.twice("CAFile", "Dial.CAFile", c.CAFile != "", d.CAFile != "")
	c.twice("CertFile", "Dial.CertFile", c.CertFile != "", d.CertFile != "")
	c.twice("KeyFile", "Dial.KeyFile", c.KeyFile != "", d.KeyFile != "")
	c.twice("SpoolDir", "Dial.SpoolDir", c.SpoolDir != "", d.SpoolDir != "")
	c.twice("SpoolMaxSize", "Dial.SpoolMaxBytes", c.SpoolMaxSize != 0, d.SpoolMaxBytes != 0)
	if c.SpoolMaxSize != 0 && c.SpoolDir == "" && d.SpoolDir == "" {
		c.wrong("SpoolMaxSize", "is set without a %s, so there is no spool: want both, or neither", both("SpoolDir"))
	}
	scheme, _, _ := strings.Cut(c.Addr, "://")
	if scheme = strings.ToLower(scheme); inTheClear(scheme) {
		want := "want none"
		if secure := withTLS(scheme); secure != "" {
			want = fmt.Sprintf("want %s %s, or none", both("Addr"), secure)
		}
		for _, f := range []struct{ field, value string }{{"CAFile", c.CAFile}, {"CertFile", c.CertFile}, {"KeyFile", c.KeyFile}} {
			if f.value != "" {
				c.wrong(f.field, "is set, but %s:// has no TLS: %s", scheme, want)
			}
		}
	}
	if c.Addr == "" || len(c.all)+c.more > before {
		return // Probe would say so again
	}
	opts := c.dialOptions()
	if c.text {
		opts.CAFile, opts.CertFile, opts.KeyFile = "", "", ""
		opts.Schemes = brokers()
	}
	for _, err := range flatten(checkAddr(c.Addr, opts)) {
		c.refused(err) // which names the address, but no password in it
	}
}

// refused notes what logstash.Dial says, in the words of the sink where that is
// about a field of its own.
func (c *sinkCheck) refused(err error) {
	_, option, found := strings.Cut(err.Error(), "logstash: DialOptions.")
	if !found {
		c.wrong("Addr", "is refused: %w", err)
		return
	}
	for _, f := range []struct {
		option, field string
		set           bool
	}{
		{"SpoolMaxBytes", "SpoolMaxSize", c.SpoolMaxSize != 0},
		{"CAFile", "CAFile", c.CAFile != ""},
		{"CertFile", "CertFile", c.CertFile != ""},
		{"KeyFile", "KeyFile", c.KeyFile != ""},
	} {
		says, about := strings.CutPrefix(option, f.option)
		if !f.set || !about {
			continue
		}
		if says = "is" + says; strings.HasPrefix(says, "is:") {
			says = "is refused" + strings.TrimPrefix(says, "is")
		}
		if c.Dial.MaxEventBytes == 0 { // which the user has not heard of
			says = strings.ReplaceAll(says, "MaxEventBytes", "the largest event")
		}
		c.wrong(f.field, "%w", &reworded{says, err})
		return
	}
	c.wrong("Dial", "is refused: %w", err)
}

// reworded is an error in other words.
type reworded struct {
	says string
	err  error
}

func (r *reworded) Error() string { return r.says }
func (r *reworded) Unwrap() error { return r.err }

// brokers are the schemes that a text may name. A program that reads it adds those of
// packages logstash/kafka and logstash/redis, which send.
func brokers() []logstash.Scheme {
	open := func(to logstash.Remote) (logstash.Transport, error) {
		if to.Path == "" && strings.HasPrefix(to.Addr, "redis") {
			return nil, fmt.Errorf("%s has no key: want %[1]s/key", to.Addr)
		}
		return unopened{}, nil
	}
	return []logstash.Scheme{{Name: "kafka", Port: "9092", Open: open}, {Name: "redis", Port: "6379", Open: open}}
}

// unopened is a Transport that is there to be closed.
type unopened struct{ logstash.Transport }

func (unopened) Close() error { return nil }

// checkAddr reports what logstash.Dial would not take, and opens no connection.
func checkAddr(addr string, opts logstash.DialOptions) error {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	opts.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) { return nil, ctx.Err() }
	_, err := logstash.Probe(ctx, addr, &opts)
	return err
}

// checkRedaction notes what is wrong with what is to be masked.
func (cfg *Config) checkRedaction(m *mistakes) {
	own := &cfg.Redaction
	if own.Off {
		rest := *own
		rest.Off = false
		if !reflect.ValueOf(rest).IsZero() || !reflect.ValueOf(cfg.Redact).IsZero() {
			m.add("redaction.off", "Redaction.Off is set, and so are other fields of Redaction or Redact, which mean nothing then: want one or the other")
		}
		return
	}
	if own.Mask != "" && cfg.Redact.Mask != "" {
		m.add("redaction.mask", "Redaction.Mask is set, and so is Redact.Mask: want one of them")
	}
	opts := cfg.redactOptions()
	for _, err := range flatten(opts.Validate()) {
		place, rest := cfg.redactField(err.Error())
		m.add(place, "%s", rest)
	}
}

// flatten returns the errors that are joined in err.
func flatten(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	switch {
	case err == nil:
		return nil
	case !ok:
		return []error{err}
	}
	var all []error
	for _, err := range joined.Unwrap() {
		all = append(all, flatten(err)...)
	}
	return all
}

// redactField returns where in the Config the option is that an error of redact
// is about, and what it says.
func (cfg *Config) redactField(message string) (place, rest string) {
	message = strings.TrimPrefix(message, "redact: ")
	option := strings.TrimPrefix(message, "Options.")
	end := strings.IndexAny(option, "[:. ")
	if option == message || end < 0 {
		return "Redact", message
	}
	field, rest := option[:end], option[end:]
	own := reflect.ValueOf(cfg.Redaction).FieldByName(field)
	if !own.IsValid() || own.IsZero() {
		return "Redact", field + rest
	}
	path := "redaction." + jsonPath(reflect.TypeFor[Redaction](), field)
	if own.Kind() != reflect.Slice {
		return path, "Redaction." + field + rest
	}
	number, after, found := strings.Cut(strings.TrimPrefix(rest, "["), "]")
	i, err := strconv.Atoi(number)
	switch {
	case !found || err != nil:
		return path, "Redaction." + field + rest
	case i >= own.Len(): // those of Redact come behind
		return "Redact", fmt.Sprintf("%s[%d]%s", field, i-own.Len(), after)
	}
	return fmt.Sprintf("%s[%d]", path, i), fmt.Sprintf("Redaction.%s[%d]%s", field, i, after)
}

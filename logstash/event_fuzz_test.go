package logstash_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
)

// FuzzEvent has any record, under any options, be one event that Logstash,
// Elasticsearch and Filebeat take as it is.
func FuzzEvent(f *testing.F) {
	for seed := range uint64(48) {
		f.Add(seed, "@metadata", "tags", []byte(`{"a":1,"a":{"":1e999,"\ud800":12345678901234567890}}`))
		f.Add(seed, "host", "a[0]..b.", []byte(`{"x":`))
		f.Add(seed, "error", "\xff\x00\n", []byte("[\"\xed\xa0\x80\",\n{}]"))
	}
	f.Fuzz(func(t *testing.T, seed uint64, key, value string, raw []byte) {
		r := &hostile{Random: testlog.NewRandom(seed), texts: []string{key, value}, raw: raw}
		r.Hostile = true
		opts := r.options()
		var buf testlog.Buffer
		h := r.derive(logstash.NewHandler(&buf, opts))
		rec := r.Record()
		if r.IntN(2) == 0 {
			rec.Message = r.text()
		}
		rec.AddAttrs(r.attrs(r.IntN(6))...)
		for range 2 { // the second one after whatever the first has left behind
			buf.Reset()
			if err := testlog.Log(rec, h); err != nil {
				t.Fatal(err)
			}
			if n := len(buf.Writes()); n != 1 {
				t.Fatalf("%d writes, want 1", n)
			}
			if _, err := parseEvent(buf.Bytes(), opts); err != nil {
				shown := *opts
				shown.Fields, shown.Metadata = nil, nil // which may contain themselves
				t.Fatalf("%v\noptions %+v\nevent %.4000s", err, shown, buf.Bytes())
			}
		}
	})
}

// hostile makes records and options that look for trouble.
type hostile struct {
	*testlog.Random

	texts []string
	raw   []byte
}

func (r *hostile) text() string {
	switch r.IntN(8) {
	case 0:
		return strings.Repeat(r.Text()+"x", 1+r.IntN(300))
	case 1, 2:
		return r.Text()
	default:
		return r.texts[r.IntN(len(r.texts))]
	}
}

func (r *hostile) key() string {
	keys := []string{
		"@timestamp", "@version", "@metadata", "_id", "_source", "agent", "caller_file_name", "ecs", "ecs.version", "err", "error",
		"error.message", "event", "event.id", "file", "host", "host.name", "http", "input", "labels", "level", "level_value", "log",
		"log.level", "log.logger", "logger", "logger_name", "message", "sequence", "service", "span", "stack_trace", "tags", "trace",
		"trace.id", "truncated", "type", "url", "user", "user_agent", "uuid", "attr_host", "attr_level",
		"a[0]", "[", ".a", "a.", "a..b", ".", " ", "\t", "\u00a0", "", "a\xff", "a\xfe", "name", "id", "origin", "k", "attrs",
	}
	if r.IntN(6) == 0 {
		return r.text()
	}
	return keys[r.IntN(len(keys))]
}

func (r *hostile) attrs(n int) []slog.Attr {
	attrs := r.Attrs(n)
	for i := range attrs {
		if r.IntN(4) > 0 {
			attrs[i].Key = r.key()
		}
		if r.IntN(2) == 0 {
			attrs[i].Value = r.value(0)
		}
	}
	return attrs
}

func (r *hostile) value(depth int) slog.Value {
	switch r.IntN(18) {
	case 0, 1:
		if depth < 3 {
			members := make([]slog.Attr, r.IntN(5))
			for i := range members {
				members[i] = slog.Attr{Key: r.key(), Value: r.value(depth + 1)}
			}
			return slog.GroupValue(members...)
		}
		return slog.IntValue(depth)
	case 2:
		return slog.AnyValue(json.RawMessage(r.raw))
	case 3:
		return slog.AnyValue(map[string]any{r.key(): json.RawMessage(r.raw), r.text(): uint64(math.MaxUint64), r.key(): math.Pi})
	case 4:
		return slog.AnyValue(&tracedError{text: r.text(), pcs: here()})
	case 5:
		return slog.AnyValue(fmt.Errorf("outer: %w", &tracedError{text: r.text(), pcs: here()}))
	case 6:
		return slog.AnyValue(errors.New(r.text()))
	case 7:
		return slog.AnyValue([]any{r.text(), 7, nil, json.RawMessage(r.raw), map[string]int{r.text(): 1}, errors.New(r.text())})
	case 8:
		return slog.AnyValue(valuer{r.value(depth + 1)})
	case 9:
		cyclic := map[string]any{}
		cyclic["c"] = cyclic
		return slog.AnyValue(cyclic)
	case 10:
		cyclic := make([]slog.Attr, 2)
		cyclic[0] = slog.Attr{Key: r.key(), Value: slog.GroupValue(cyclic...)}
		cyclic[1] = slog.String(r.key(), r.text())
		return slog.GroupValue(cyclic...)
	case 11:
		many := make([]slog.Attr, r.IntN(300))
		for i := range many {
			many[i] = slog.String(r.key()+strconv.Itoa(i), r.text())
		}
		return slog.GroupValue(many...)
	case 12:
		return slog.AnyValue(nil)
	case 13:
		return slog.AnyValue(point{1, 2})
	case 14:
		return slog.AnyValue([]string{r.text(), r.text()})
	case 15:
		return slog.AnyValue(json.Number(r.text()))
	default:
		return slog.StringValue(r.text())
	}
}

func (r *hostile) derive(h slog.Handler) slog.Handler {
	for range r.IntN(5) {
		if r.IntN(2) == 0 {
			h = h.WithGroup(r.key())
		} else {
			h = h.WithAttrs(r.attrs(1 + r.IntN(3)))
		}
	}
	return h
}

// options returns random ones. What is said of the program itself is short: a bound
// for the event's length cannot be kept without it.
func (r *hostile) options() *logstash.Options {
	flag := func() bool { return r.IntN(3) == 0 }
	short := func() string { return []string{"", "x", "a.b", "\xff\"", "web 1"}[r.IntN(5)] }
	o := &logstash.Options{
		Profile: logstash.Profile(r.IntN(4) - 1), AddSource: flag(), LoggerName: short(), Host: short(), Type: short(),
		Service: logstash.Service{Name: short(), Version: short(), Environment: short(), Node: short()},
		Attrs:   []string{"", "", "", "labels", "attrs", "a[b]"}[r.IntN(6)],
		EventID: flag(), Sequence: flag(), StackRootFirst: flag(), StackHash: flag(), NonFiniteStrings: flag(),
		Collisions: logstash.Collisions(r.IntN(4) - 1), Integers: logstash.Integers(r.IntN(4) - 1),
		StackDepth:    []int{0, 0, -1, 1, 3}[r.IntN(5)],
		TimePrecision: []time.Duration{0, time.Millisecond, time.Second, 7, -1}[r.IntN(5)],
		MaxFieldBytes: []int{0, 0, 0, -1, 1, 16, 200}[r.IntN(7)],
		MaxEventBytes: []int{0, 0, -1, 1, 2000, 5000, 20_000}[r.IntN(7)],
	}
	if flag() {
		o.Tags = []string{short(), short()}
	}
	if flag() {
		o.Fields = r.attrs(r.IntN(3))
	}
	if flag() {
		o.Metadata = r.attrs(r.IntN(3))
	}
	if flag() {
		o.StackLevel = slog.LevelInfo
	}
	if flag() {
		tag := short()
		o.LevelTag = func(l slog.Level) string {
			if l < 0 {
				panic("no tag")
			}
			return tag
		}
	}
	if flag() {
		traceID, spanID := short(), short()
		o.Trace = func(context.Context) (string, string) { return traceID, spanID }
	}
	names := []*string{
		&o.Names.Timestamp, &o.Names.Version, &o.Names.Message, &o.Names.Level, &o.Names.LevelValue, &o.Names.Logger,
		&o.Names.CallerMethod, &o.Names.CallerFile, &o.Names.CallerLine, &o.Names.Host, &o.Names.Type, &o.Names.Tags,
		&o.Names.Sequence, &o.Names.ID, &o.Names.TraceID, &o.Names.SpanID, &o.Names.StackTrace, &o.Names.StackHash,
		&o.Names.ECSVersion, &o.Names.Dataset,
	}
	for i, name := range names {
		switch r.IntN(12) {
		case 0:
			*name = "-"
		case 1:
			*name = "own" + strconv.Itoa(i)
		}
	}
	return o
}

// eventError returns what is wrong with a line that holds an event.
func eventError(line []byte, o *logstash.Options) error {
	_, err := parseEvent(line, o)
	return err
}

// parseEvent returns the event that a line holds, in which numbers are json.Number, or
// what is wrong with it.
func parseEvent(line []byte, o *logstash.Options) (event map[string]any, err error) {
	limit := o.MaxEventBytes
	switch {
	case limit == 0:
		limit = 1 << 20
	case limit < 0:
		limit = math.MaxInt
	default:
		limit = max(limit, 1024)
	}
	if len(line) > limit {
		return nil, fmt.Errorf("%d bytes, limit %d", len(line), limit)
	}
	if bytes.IndexByte(line, '\n') != len(line)-1 {
		return nil, errors.New("not one line")
	}
	if err := logstash.CheckEvent(line, limit); err != nil {
		return nil, err
	}
	if i := loneSurrogate(line); i >= 0 {
		return nil, fmt.Errorf("half of a surrogate pair at %d", i)
	}
	d := strictDecoder{json.NewDecoder(bytes.NewReader(line)), o.Integers == logstash.AllIntegers}
	d.UseNumber()
	v, err := d.value()
	if err != nil {
		return nil, err
	}
	event, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("no object")
	}
	return event, memberError(event)
}

// memberError returns which member of an event would have it rejected, or be read as
// something else.
func memberError(event map[string]any) error {
	if v, has := event["@timestamp"]; has {
		text, _ := v.(string)
		if _, err := time.Parse(time.RFC3339Nano, text); err != nil || !strings.HasSuffix(text, "Z") {
			return fmt.Errorf("@timestamp is %v", v)
		}
	}
	if v, has := event["tags"]; has {
		list, ok := v.([]any)
		for _, tag := range list {
			_, text := tag.(string)
			ok = ok && text
		}
		if !ok {
			return fmt.Errorf("tags is %v", v)
		}
	}
	if v, has := event["@metadata"]; has {
		if _, ok := v.(map[string]any); !ok {
			return fmt.Errorf("@metadata is %v", v)
		}
	}
	for name := range strings.FieldsSeq("agent ecs error event host http input log url user_agent") {
		if v := event[name]; v != nil {
			if _, ok := v.(map[string]any); !ok {
				return fmt.Errorf("%s is %v", name, v)
			}
		}
	}
	for name := range strings.FieldsSeq("_id _index _source _type _routing _field_names _ignored _doc_count _size _tier _seq_no _version") {
		if _, has := event[name]; has {
			return fmt.Errorf("has %s", name)
		}
	}
	return nil
}

// A strictDecoder decodes one value, and fails with names and numbers that cannot
// pass.
type strictDecoder struct {
	*json.Decoder

	allIntegers bool
}

func (d *strictDecoder) value() (any, error) {
	tok, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch tok {
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := d.value()
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = d.Token()
		return list, err
	case json.Delim('{'):
		return d.object()
	}
	if n, ok := tok.(json.Number); ok && !d.allIntegers && !strings.ContainsAny(string(n), ".eE") {
		if _, err := strconv.ParseInt(string(n), 10, 64); err != nil {
			return nil, fmt.Errorf("integer %s", n)
		}
	}
	return tok, nil
}

func (d *strictDecoder) object() (map[string]any, error) {
	m := map[string]any{}
	for d.More() {
		tok, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, ok := tok.(string)
		switch _, twice := m[name]; {
		case !ok || strings.TrimSpace(name) == "" || strings.ContainsAny(name, "[]"),
			strings.HasPrefix(name, "."), strings.HasSuffix(name, "."), strings.Contains(name, ".."):
			return nil, fmt.Errorf("name %q", name)
		case twice:
			return nil, fmt.Errorf("name %q twice", name)
		}
		if m[name], err = d.value(); err != nil {
			return nil, fmt.Errorf("in %.80q: %w", name, err)
		}
	}
	_, err := d.Token()
	return m, err
}

// loneSurrogate returns where half of a surrogate pair stands in valid JSON, or -1.
func loneSurrogate(text []byte) int {
	half := func(i int, low bool) bool {
		if i+6 > len(text) || text[i] != '\\' || text[i+1] != 'u' || text[i+2]|0x20 != 'd' {
			return false
		}
		c := text[i+3] | 0x20
		if low {
			return 'c' <= c && c <= 'f'
		}
		return c == '8' || c == '9' || c == 'a' || c == 'b'
	}
	for i := 0; i < len(text); i++ {
		switch {
		case half(i, false) && half(i+6, true):
			i += 11
		case half(i, false), half(i, true):
			return i
		case text[i] == '\\':
			i++
		}
	}
	return -1
}

func TestEventErrorNoticesWhatCannotPass(t *testing.T) {
	t.Parallel()
	for _, event := range []string{
		`{"a":1,"a":2}`, `{"a":{"b":1,"\u0062":2}}`, `{"a[":1}`, `{"x":[{"]":1}]}`, `{"":1}`, `{" ":1}`, `{".a":1}`, `{"a.":1}`, `{"a..b":1}`,
		`{"a":"\ud800"}`, `{"a":"\udc00\ud800"}`, `{"a":9223372036854775808}`, `{"@timestamp":1}`, `{"@timestamp":"2026-11-22T00:00:00+01:00"}`,
		`{"tags":"x"}`, `{"tags":["a",1]}`, `{"@metadata":null}`, `{"host":"x"}`, `{"error":[]}`, `{"_id":1}`, `[]`, `{"a":1`, `{"a":"` + "\xff" + `"}`,
		`{"a":"` + strings.Repeat("x", 2000) + `"}`, "{\"a\":\n1}",
	} {
		if eventError([]byte(event+"\n"), &logstash.Options{MaxEventBytes: 2000}) == nil {
			t.Errorf("nothing wrong with %.80s", event)
		}
	}
	good := `{"@timestamp":"2026-11-22T00:00:00.5Z","tags":["a"],"@metadata":{},"host":null,"a":{"a":-9223372036854775808},"s":"\ud83d\ude00\\ud800"}`
	if err := eventError([]byte(good+"\n"), &logstash.Options{}); err != nil {
		t.Error(err)
	}
}

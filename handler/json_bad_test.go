package handler_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/internal/testlog"
)

type (
	failing      struct{ err error }
	panicking    struct{ with any }
	panickyError struct{}
	panickyText  struct{}
	failingText  struct{}
	badKey       struct{}
	pointerError struct{ text string }
	pointerJSON  struct{ text string }
	chain        struct{ Next any }
	panicValuer  struct{}
	selfValuer   struct{}
	nilValuer    struct{ v slog.Value }
	countValuer  int
)

func (f failing) MarshalJSON() ([]byte, error)      { return []byte("1"), f.err }
func (p panicking) MarshalJSON() ([]byte, error)    { panic(p.with) }
func (panickyError) Error() string                  { panic("in Error") }
func (panickyText) MarshalText() ([]byte, error)    { panic("in MarshalText") }
func (failingText) MarshalText() ([]byte, error)    { return nil, errors.New("no text") }
func (badKey) MarshalText() ([]byte, error)         { return nil, errors.New("no key") }
func (e *pointerError) Error() string               { return e.text }
func (p *pointerJSON) MarshalJSON() ([]byte, error) { return json.Marshal(p.text) }
func (panicValuer) LogValue() slog.Value            { panic("in LogValue") }
func (selfValuer) LogValue() slog.Value             { return slog.AnyValue(selfValuer{}) }
func (n *nilValuer) LogValue() slog.Value           { return n.v }
func (c countValuer) LogValue() slog.Value          { return slog.AnyValue(c + 1) }

// hugeText returns 10 MB, or less when each byte takes long.
func hugeText() string {
	n := 1 << 20
	if testlog.Race {
		n /= 8
	}
	return strings.Repeat("0123456789", n)
}

// Each is a value that cannot be encoded as it is. It costs a placeholder, and
// nothing else of the record.
func TestJSONHandlerBadValues(t *testing.T) {
	t.Parallel()
	cycle := &chain{}
	cycle.Next = cycle
	cyclicMap := map[string]any{}
	cyclicMap["again"] = cyclicMap
	cyclicSlice := make([]any, 1)
	cyclicSlice[0] = cyclicSlice
	huge := hugeText()
	deepArray := strings.Repeat("[", 9000) + strings.Repeat("]", 9000)
	pkg := "handler_test."
	tests := []struct {
		name  string
		value any
		want  string // its text, or how that begins if it ends in an ellipsis
	}{
		{"a Marshaler that fails", failing{errors.New("no")}, `"!ERROR:json: error calling MarshalJSON for type ` + pkg + `failing: no"`},
		{"a Marshaler that fails with a panicking error", failing{panickyError{}}, `"!ERROR:%!v(PANIC=Error method: in Error)"`},
		{"a Marshaler that panics", panicking{"no"}, `"!PANIC: no"`},
		{"a Marshaler that panics with an error", panicking{errors.New("err\n\xff")}, `"!PANIC: err\n\ufffd"`},
		{"a Marshaler that panics with what panics", panicking{panickyError{}}, `"!PANIC: %!v(PANIC=Error method: in Error)"`},
		{"a Marshaler that panics with nil", panicking{nil}, `"!PANIC: panic called with nil argument…`},
		{"a Marshaler of no JSON", marshaler(`{"a":`), `"!ERROR:json: error calling MarshalJSON for type ` + pkg + `marshaler: unexpected end of JSON input"`},
		{"a Marshaler of nothing", marshaler(``), `"!ERROR:json: error calling MarshalJSON for type ` + pkg + `marshaler: unexpected end of JSON input"`},
		{"a Marshaler of two values", marshaler(`1 2`), `"!ERROR:json: error calling MarshalJSON for type ` + pkg + `marshaler: invalid character '2' after top-level value"`},
		{"a Marshaler that ends the line", marshaler("1}\n{"), `"!ERROR:json: error calling MarshalJSON for type ` + pkg + `marshaler: invalid character '}' after top-level value"`},
		{"a Marshaler of newlines between tokens", marshaler("{\n\"a\":\r\n1}\n"), `{"a":1}`},
		{"a Marshaler of a newline in a string", marshaler("\"a\nb\""), `"!ERROR:json: error calling MarshalJSON for type ` + pkg + `marshaler: invalid character '\\n' in string literal"`},
		{"a Marshaler of invalid UTF-8", marshaler("{\"a\":\"\xfe\"}"), `{"a":"\ufffd"}`},
		{"a Marshaler in a slice", []any{1, panicking{"no"}}, `"!PANIC: no"`},
		{"a Marshaler in a struct", chain{failing{errors.New("no")}}, `"!ERROR:json: error calling MarshalJSON for type ` + pkg + `failing: no"`},
		{"a nil Marshaler", (*pointerJSON)(nil), `null`},
		{"a nil Marshaler in a struct", chain{(*pointerJSON)(nil)}, `{"Next":null}`},
		{"text that panics", panickyText{}, `"!PANIC: in MarshalText"`},
		{"text that fails", failingText{}, `"!ERROR:json: error calling MarshalText for type ` + pkg + `failingText: no text"`},
		{"a key that fails", map[badKey]int{{}: 1}, `"!ERROR:json: encoding error for type \"map[` + pkg + `badKey]int\": \"no key\""`},
		{"a map without text keys", map[bool]int{true: 1}, `"!ERROR:json: unsupported type: map[bool]int"`},
		{"a channel", make(chan int), `"!ERROR:json: unsupported type: chan int"`},
		{"a function", func() {}, `"!ERROR:json: unsupported type: func()"`},
		{"a complex number", 1i, `"!ERROR:json: unsupported type: complex128"`},
		{"a channel in a map", map[string]any{"a": 1, "b": make(chan int)}, `"!ERROR:json: unsupported type: chan int"`},
		{"a cyclic pointer", cycle, `"!ERROR:json: unsupported value: encountered a cycle via *` + pkg + `chain"`},
		{"a cyclic map", cyclicMap, `"!ERROR:json: unsupported value: encountered a cycle via map[string]interface {}"`},
		{"a cyclic slice", cyclicSlice, `"!ERROR:json: unsupported value: encountered a cycle via []interface {}"`},
		{"NaN", math.NaN(), `"!ERROR:json: unsupported value: NaN"`},
		{"infinity in a slice", []float64{1, math.Inf(1)}, `"!ERROR:json: unsupported value: +Inf"`},
		{"no number", json.Number("1e"), `"!ERROR:json: invalid number literal \"1e\""`},
		{"no raw JSON", json.RawMessage(`{no}`), `"!ERROR:json: error calling MarshalJSON for type json.RawMessage: invalid character 'n' looking for beginning of object key string"`},
		{"no raw JSON of no bytes", json.RawMessage{}, `"!ERROR:json: error calling MarshalJSON for type json.RawMessage: unexpected end of JSON input"`},
		{"raw JSON that is too deep", json.RawMessage(strings.Repeat("[", 1<<20)), `"!ERROR:json: error calling MarshalJSON for type json.RawMessage: invalid character '[' exceeded max depth"`},
		{"deep raw JSON", json.RawMessage(deepArray), deepArray},
		{"a huge string", huge, `"` + huge + `"`},
		{"a huge error", errors.New(huge), `"` + huge + `"`},
		{"an error that panics", panickyError{}, `"!PANIC: in Error"`},
		{"an error with a nil pointer", (*pointerError)(nil), `"<nil>"`},
		{"an error around a nil pointer", fmt.Errorf("wrapped: %w", (*pointerError)(nil)), `"wrapped: <nil>"`},
		{"a nil error", error(nil), `null`},
		{"an error of invalid UTF-8", errors.New("a\xffb\n\x00\"\u2028"), `"a\ufffdb\n\u0000\"\u2028"`},
		{"a string of invalid UTF-8", "\xed\xa0\x80\xff", `"\ufffd\ufffd\ufffd\ufffd"`},
		{"a time beyond 9999", time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC), `"!ERROR:time.Time year outside of range [0,9999]"`},
		{"a time in a zone of a month", time.Unix(0, 0).In(time.FixedZone("", 1000*3600)), `"1970-02-11T16:00:00+1000:00"`},
		{"a LogValuer that panics", panicValuer{}, `"LogValue panicked\n…`},
		{"a LogValuer with a nil pointer", (*nilValuer)(nil), `"LogValue panicked\n…`},
		{"a LogValuer of itself", selfValuer{}, `"LogValue called too many times…`},
		{"a LogValuer of others for ever", countValuer(0), `"LogValue called too many times…`},
		{"a LogValuer of what panics", &nilValuer{slog.AnyValue(panicking{"no"})}, `"!PANIC: no"`},
		{"a nil Source", (*slog.Source)(nil), ``},
		{"an empty group", slog.GroupValue(slog.Group("x")), ``},
	}
	options := map[string]handler.JSONOptions{
		"":            {},
		"LastWins":    {Duplicates: handler.LastWins},
		"ReplaceAttr": {HandlerOptions: slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr { return a }}},
	}
	for _, tt := range tests {
		for name, opts := range options {
			t.Run(tt.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				bad := slog.Any("bad", tt.value)
				before, behind := slog.String("before", "b"), slog.Group("behind", "k", 1)
				want := `"before":"b","bad":` + tt.want + `,"behind":{"k":1}}`
				if tt.want == "" {
					want = `"before":"b","behind":{"k":1}}`
				}
				var buf testlog.Buffer
				h := opts.NewHandler(&buf)
				badLine(t, &buf, h, `{"level":"INFO","msg":"m",`+want, before, bad, behind)
				badLine(t, &buf, h.WithAttrs([]slog.Attr{before, bad}), `{"level":"INFO","msg":"m",`+want, behind)
				badLine(t, &buf, h.WithGroup("g"), `{"level":"INFO","msg":"m","g":{`+want+`}`, before, bad, behind)
				badLine(t, &buf, h, `{"level":"INFO","msg":"m","g":{`+want+`}`, slog.Attr{Key: "g", Value: slog.GroupValue(before, bad, behind)})
				badLine(t, &buf, h, `{"level":"INFO","msg":"m","a":1,"b":"2"}`, slog.Int("a", 1), slog.String("b", "2"))
			})
		}
	}
}

// badLine logs a record and compares the line to want, in which an ellipsis stands
// for anything.
func badLine(t *testing.T, buf *testlog.Buffer, h slog.Handler, want string, attrs ...slog.Attr) {
	t.Helper()
	buf.Reset()
	rec := slog.NewRecord(time.Time{}, slog.LevelInfo, "m", 0)
	rec.AddAttrs(attrs...)
	if err := h.Handle(t.Context(), rec); err != nil {
		t.Error(err)
	}
	got := onlyLine(t, buf)
	if start, end, ok := strings.Cut(want, "…"); ok && strings.HasPrefix(got, start) && strings.HasSuffix(got, end) {
		return
	}
	if got != want {
		from := max(0, commonPrefix(want, got)-100)
		t.Errorf("mismatch from byte %d (-want +got):\n%s", from, cmp.Diff(excerpt(want, from), excerpt(got, from)))
	}
}

func commonPrefix(a, b string) (n int) {
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// excerpt keeps a diff of huge lines readable.
func excerpt(s string, from int) string { return s[from:min(len(s), from+500)] }

func TestJSONHandlerBadKeys(t *testing.T) {
	t.Parallel()
	keys := map[string]string{
		`a"b\`: `"a\"b\\"`, "\n": `"\n"`, "\x00\x1b[31m\r": `"\u0000\u001b[31m\r"`, "\xff": `"\ufffd"`, "a\xffb": `"a\ufffdb"`,
		"\u2028": `"\u2028"`, "\xe2\x80": `"\ufffd\ufffd"`, "\ufffd": `"` + "\ufffd" + `"`, "😀": `"😀"`, "[a].b.": `"[a].b."`,
		" ": `" "`, `","x":"`: `"\",\"x\":\""`, `\u0041`: `"\\u0041"`,
	}
	long := hugeText()[:100<<10]
	keys[long] = `"` + long + `"`
	options := []handler.JSONOptions{
		{},
		{HandlerOptions: slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr { return a }}},
	}
	for _, opts := range options {
		for key, k := range keys {
			t.Run(fmt.Sprintf("%.20q %t", key, opts.ReplaceAttr != nil), func(t *testing.T) {
				t.Parallel()
				var buf testlog.Buffer
				h := opts.NewHandler(&buf)
				const head = `{"level":"INFO","msg":"m",`
				badLine(t, &buf, h, head+k+`:1,"b":2}`, slog.Int(key, 1), slog.Int("b", 2))
				badLine(t, &buf, h.WithAttrs([]slog.Attr{slog.Int(key, 1)}), head+k+`:1,"b":2}`, slog.Int("b", 2))
				badLine(t, &buf, h.WithGroup(key), head+k+`:{`+k+`:1,"b":2}}`, slog.Int(key, 1), slog.Int("b", 2))
				badLine(t, &buf, h.WithGroup(key).WithGroup(key).WithAttrs([]slog.Attr{slog.Int("a", 1)}),
					head+k+`:{`+k+`:{"a":1,"b":2}}}`, slog.Int("b", 2))
				badLine(t, &buf, h, head+k+`:{`+k+`:1},"b":2}`, slog.Group(key, slog.Int(key, 1)), slog.Int("b", 2))
			})
		}
	}
}

// Under a policy a bad key is rewritten, and what it stands for is not.
func TestJSONHandlerBadKeysUnderAPolicy(t *testing.T) {
	t.Parallel()
	for _, key := range []string{`a"b\`, "\n", "\xff", "a\xffb", "\u2028", "\xe2\x80", "", "[a].b.", `\u0041`, `","x":"`} {
		for _, policy := range []handler.Duplicates{handler.LastWins, handler.FirstWins, handler.RenameDuplicates} {
			line := oneLine(t, handler.JSONOptions{Duplicates: policy}, func(h slog.Handler) slog.Handler {
				return h.WithAttrs([]slog.Attr{slog.Int(key+"1", 1)}).WithGroup(key + "2")
			}, slog.Int(key+"3", 3), slog.Group(key+"4", key+"5", 5))
			got, err := parseMembers(line)
			if err != nil {
				t.Fatal(err)
			}
			k := string([]rune(key)) // with U+FFFD for each bad byte
			want := []member{{"level", "INFO"}, {"msg", "m"}, {k + "1", json.Number("1")}, {k + "2", []member{
				{k + "3", json.Number("3")}, {k + "4", []member{{k + "5", json.Number("5")}}},
			}}}
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(member{})); diff != "" {
				t.Errorf("%q, policy %d: mismatch (-want +got):\n%s", key, policy, diff)
			}
		}
	}
}

func TestJSONHandlerBadMessages(t *testing.T) {
	t.Parallel()
	for msg, want := range map[string]string{
		"":                    `""`,
		"two\nlines\r\n":      `"two\nlines\r\n"`,
		`"} {"msg":"forged"`:  `"\"} {\"msg\":\"forged\""`,
		"\x00\x1b[31m\x1f":    `"\u0000\u001b[31m\u001f"`,
		"a\xffb\xed\xa0\x80":  `"a\ufffdb\ufffd\ufffd\ufffd"`,
		"\u2028\u2029\ufffd😀": `"\u2028\u2029` + "\ufffd😀" + `"`,
	} {
		rec := slog.NewRecord(time.Time{}, slog.LevelInfo, msg, 0)
		rec.AddAttrs(slog.Int("k", 1))
		for _, policy := range []handler.Duplicates{handler.KeepDuplicates, handler.LastWins} {
			got := recordLine(t, handler.JSONOptions{Duplicates: policy}, nil, rec)
			if diff := cmp.Diff(`{"level":"INFO","msg":`+want+`,"k":1}`, got); diff != "" {
				t.Errorf("%q: mismatch (-want +got):\n%s", msg, diff)
			}
		}
	}
}

// groupValuer is a group that contains itself as often as it says.
type groupValuer int

func (g groupValuer) LogValue() slog.Value {
	members := []slog.Attr{slog.Int("n", int(g))}
	for i := range int(g) {
		members = append(members, slog.Any(fmt.Sprint("g", i), g))
	}
	return slog.GroupValue(members...)
}

// No further group is written after one without an end, but all else is.
func TestJSONHandlerGroupsWithoutAnEnd(t *testing.T) {
	t.Parallel()
	widths := []groupValuer{1, 2, 100}
	if testlog.Race {
		widths = widths[:2] // for each needs seconds
	}
	for _, width := range widths {
		for _, policy := range []handler.Duplicates{handler.KeepDuplicates, handler.FirstWins} {
			var buf testlog.Buffer
			h := handler.JSONOptions{Duplicates: policy}.NewHandler(&buf)
			rec := slog.NewRecord(time.Time{}, slog.LevelInfo, "m", 0)
			rec.AddAttrs(slog.String("before", "b"), slog.Any("endless", width), slog.Any("list", []int{1}),
				slog.Group("lost", "k", 1), slog.String("behind", "b"))
			if err := h.Handle(t.Context(), rec); err != nil {
				t.Error(err)
			}
			line := onlyLine(t, &buf)
			start := `{"level":"INFO","msg":"m","before":"b","endless":{"n":` + strconv.Itoa(int(width)) + `,"g0":{`
			end := `},"list":[1],"lost":"!ERROR:group too deep or too large","behind":"b"}`
			if !strings.HasPrefix(line, start) || !strings.HasSuffix(line, end) {
				t.Errorf("width %d: got %.200s … %s", width, line, line[max(0, len(line)-200):])
			}
			if len(line) > 4<<20 {
				t.Errorf("width %d: a line of %d bytes", width, len(line))
			}
			badLine(t, &buf, h, `{"level":"INFO","msg":"m","g":{"k":1}}`, slog.Group("g", "k", 1))
		}
	}
}

// logsItself logs to the handler by which it is encoded.
type logsItself struct{ logger *slog.Logger }

func (l logsItself) MarshalJSON() ([]byte, error) {
	l.logger.Info("inner", "a", 1, slog.Group("g", "b", 2))
	return []byte(`{"c":3}`), nil
}

func (l logsItself) LogValue() slog.Value {
	l.logger.Info("inner", "a", 1, slog.Group("g", "b", 2))
	return slog.StringValue("valuer")
}

// A value or a hook that logs while it is encoded gets a line of its own.
func TestJSONHandlerValuesThatLog(t *testing.T) {
	t.Parallel()
	for _, policy := range []handler.Duplicates{handler.KeepDuplicates, handler.LastWins} {
		var buf testlog.Buffer
		opts := handler.JSONOptions{Duplicates: policy}
		var logger *slog.Logger
		opts.ReplaceAttr = func(groups []string, a slog.Attr) slog.Attr {
			switch {
			case len(groups) == 0 && a.Key == slog.TimeKey:
				return slog.Attr{}
			case a.Key == "hook":
				logger.Info("inner", "a", 1, slog.Group("g", "b", 2))
			}
			return a
		}
		logger = slog.New(opts.NewHandler(&buf))
		type justMarshals struct{ json.Marshaler }
		logger.WithGroup("outer").Info("m", "x", 1, "valuer", logsItself{logger}, "marshaler", justMarshals{logsItself{logger}},
			slog.Group("g", "hook", "h"), "y", 2)
		const inner = `{"level":"INFO","msg":"inner","a":1,"g":{"b":2}}`
		want := []string{
			inner, inner, inner,
			`{"level":"INFO","msg":"m","outer":{"x":1,"valuer":"valuer","marshaler":{"c":3},"g":{"hook":"h"},"y":2}}`,
		}
		lines, rest := buf.Lines()
		if diff := cmp.Diff(want, lines); diff != "" || rest != "" {
			t.Errorf("rest %q, mismatch (-want +got):\n%s", rest, diff)
		}
	}
}

// What ReplaceAttr returns is as bad as what it is given can be.
func TestJSONHandlerBadReplaceAttr(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		to   func(a slog.Attr) slog.Attr
		want string
	}{
		{"panics", func(slog.Attr) slog.Attr { panic("no") }, `"k":"!PANIC: no"`},
		{"panics with a newline", func(slog.Attr) slog.Attr { panic("no\n") }, `"k":"!PANIC: no\n"`},
		{"returns a value that panics", func(slog.Attr) slog.Attr { return slog.Any("k", panicking{"no"}) }, `"k":"!PANIC: no"`},
		{"returns a bad key", func(slog.Attr) slog.Attr { return slog.Int("\xff\n\"", 1) }, `"\ufffd\n\"":1`},
		{"returns a LogValuer of itself", func(slog.Attr) slog.Attr { return slog.Any("k", selfValuer{}) }, `"k":"LogValue called too many times…`},
		{"returns a group", func(a slog.Attr) slog.Attr { return slog.Group("k", slog.Any("in", 1), slog.Any("f", func() {})) }, `"k":{"in":1,"f":"!ERROR:json: unsupported type: func()"}`},
		{"returns the name of another", func(slog.Attr) slog.Attr { return slog.Int("", 1) }, `"":1`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var buf testlog.Buffer
			opts := handler.JSONOptions{}
			opts.ReplaceAttr = func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == "k" {
					return tt.to(a)
				}
				return a
			}
			h := opts.NewHandler(&buf)
			badLine(t, &buf, h, `{"level":"INFO","msg":"m","a":1,`+tt.want+`,"b":2}`, slog.Int("a", 1), slog.String("k", "v"), slog.Int("b", 2))
			badLine(t, &buf, h.WithGroup("g").WithAttrs([]slog.Attr{slog.String("k", "v")}),
				`{"level":"INFO","msg":"m","g":{`+tt.want+`,"b":2}}`, slog.Int("b", 2))
		})
	}
}

// Records of every kind of trouble, through one pool, beside good ones.
func TestJSONHandlerBadValuesConcurrentSafe(t *testing.T) {
	t.Parallel()
	bad := []any{panicking{"no"}, func() {}, marshaler("{"), selfValuer{}, (*pointerError)(nil), groupValuer(1), json.RawMessage(`{"a":1,"a":2}`)}
	kinds := []handler.JSONOptions{{}, {Duplicates: handler.LastWins}, {MaxLineBytes: 1024, MaxFieldBytes: 50}}
	done := make(chan []string)
	for worker := range 4 {
		go func() {
			var failed []string
			for i := range 200 {
				var buf testlog.Buffer
				h := kinds[(worker+i)%len(kinds)].NewHandler(&buf).WithGroup("g")
				rec := slog.NewRecord(time.Time{}, slog.LevelInfo, "m", 0)
				rec.AddAttrs(slog.Any("bad", bad[i%len(bad)]))
				_ = h.Handle(t.Context(), rec)
				rec = slog.NewRecord(time.Time{}, slog.LevelInfo, "m", 0)
				rec.AddAttrs(slog.Int("worker", worker), slog.Int("i", i))
				_ = h.Handle(t.Context(), rec)
				lines, _ := buf.Lines()
				want := fmt.Sprintf(`{"level":"INFO","msg":"m","g":{"worker":%d,"i":%d}}`, worker, i)
				if len(lines) != 2 || !json.Valid([]byte(lines[0])) || lines[1] != want {
					failed = append(failed, fmt.Sprintf("%.500q", lines))
				}
			}
			done <- failed
		}()
	}
	for range 4 {
		if failed := <-done; len(failed) > 0 {
			t.Errorf("%d times not the lines of one worker, first %s", len(failed), slices.Min(failed))
		}
	}
}

// A writer that ends its goroutine, as one that calls t.FailNow does, has not
// written its line.
func TestAWriterThatEndsItsGoroutineIsCounted(t *testing.T) {
	t.Parallel()
	ends, size := true, 0
	h := handler.NewJSONHandler(writerFunc(func(p []byte) (int, error) {
		if ends {
			runtime.Goexit()
		}
		size = len(p)
		return len(p), nil
	}), nil)
	done := make(chan struct{})
	go func() {
		defer close(done)
		slog.New(h).Info("m")
	}()
	<-done
	ends = false
	slog.New(h).Info("m")
	if diff := cmp.Diff(handler.Stats{Accepted: 2, Written: 1, Dropped: 1, WrittenBytes: uint64(size)}, h.Stats()); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// Objects that become one are in each other 8000 times: each is looked at once.
func TestObjectsThatBecomeOneInEachOther(t *testing.T) {
	t.Parallel()
	const depth = 8000
	text := json.RawMessage(strings.Repeat(`{"a":{},"a":`, depth) + "1" + strings.Repeat("}", depth))
	var buf bytes.Buffer
	slog.New(handler.JSONOptions{Duplicates: handler.LastWins}.NewHandler(&buf)).Info("m", "k", text)
	if want := `"k":` + strings.Repeat(`{"a":`, depth) + "1" + strings.Repeat("}", depth+1) + "\n"; !strings.HasSuffix(buf.String(), want) {
		t.Errorf("got %.200s", buf.String())
	}
}

func TestObjectsWithTheSameNamesNeedNoSecondPass(t *testing.T) {
	if testlog.Race {
		t.Skip("the race detector allocates")
	}
	type row struct{ ID, Name, Kind, State, Zone string }
	rows := make([]row, 20)
	allocs := func(d handler.Duplicates) float64 {
		logger := slog.New(handler.JSONOptions{Duplicates: d}.NewHandler(io.Discard))
		return testing.AllocsPerRun(100, func() { logger.LogAttrs(t.Context(), slog.LevelInfo, "m", slog.Any("rows", rows)) })
	}
	if keep, last := allocs(handler.KeepDuplicates), allocs(handler.LastWins); last > keep {
		t.Errorf("%v allocations, %v without a policy", last, keep)
	}
}

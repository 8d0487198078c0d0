package redact_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/slogtest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/handler/handlertest"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/redact"
)

// noTime leaves out what the tests do not look at.
func noTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey) {
		return slog.Attr{}
	}
	return a
}

// logged returns a function that logs a message and returns what has become of it.
func logged(t *testing.T, opts *redact.Options) func(msg string) string {
	t.Helper()
	var buf bytes.Buffer
	h := redact.NewHandler(slog.NewJSONHandler(&buf, &slog.HandlerOptions{ReplaceAttr: noTime}), opts)
	return func(msg string) string {
		buf.Reset()
		if err := h.Handle(t.Context(), slog.NewRecord(time.Time{}, 0, msg, 0)); err != nil {
			t.Fatal(err)
		}
		var line struct{ Msg string }
		if err := json.Unmarshal(buf.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		return line.Msg
	}
}

// line returns what is printed of attrs, as JSON or as text.
func line(t *testing.T, asText bool, opts *redact.Options, derive func(slog.Handler) slog.Handler, attrs ...slog.Attr) string {
	t.Helper()
	var buf bytes.Buffer
	ho := &slog.HandlerOptions{ReplaceAttr: noTime}
	var next slog.Handler = slog.NewJSONHandler(&buf, ho)
	if asText {
		next = slog.NewTextHandler(&buf, ho)
	}
	var h slog.Handler = redact.NewHandler(next, opts)
	if derive != nil {
		h = derive(h)
	}
	r := slog.NewRecord(time.Time{}, 0, "m", 0)
	r.AddAttrs(attrs...)
	if err := h.Handle(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	s := strings.TrimSuffix(buf.String(), "\n")
	if asText {
		return strings.TrimPrefix(strings.TrimPrefix(s, "msg=m"), " ")
	}
	s = "{" + strings.TrimPrefix(strings.TrimPrefix(s, `{"msg":"m"`), ",")
	if !json.Valid([]byte(s)) {
		t.Errorf("invalid JSON: %s", s)
	}
	return s
}

func TestConformance(t *testing.T) {
	t.Parallel()
	handlertest.Run(t, func(w io.Writer, opts *slog.HandlerOptions) slog.Handler {
		return redact.NewHandler(handler.NewJSONHandler(w, opts), nil)
	}, handlertest.ParseJSON)
}

func TestSlogtest(t *testing.T) {
	t.Parallel()
	var buf bytes.Buffer
	slogtest.Run(t, func(*testing.T) slog.Handler {
		buf.Reset()
		return redact.NewHandler(slog.NewJSONHandler(&buf, nil), nil)
	}, func(t *testing.T) map[string]any {
		t.Helper()
		parsed, err := handlertest.ParseJSON(buf.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	})
}

// What has no secret in it stays the very value that it was.
func TestCleanValuesStayAsTheyAre(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("x", 3600)
	lock := &struct {
		mu sync.Mutex
		N  int
	}{N: 1}
	m := map[string]any{"a": nil, "b": []any{1, nil}}
	err := fmt.Errorf("w: %w", io.EOF)
	for _, v := range []any{
		netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("fe80::1%eth0"), net.ParseIP("192.0.2.7"), big.NewInt(1 << 60),
		time.Date(2026, 1, 2, 3, 4, 5, 6, zone),
		struct{ T time.Time }{time.Now().In(zone)},
		map[int]string{1: "a"},
		m,
		[]any{nil, 1},
		lock, time.Second, err,
		[]error{err},
		user{Name: "bob"},
		&user{Name: "bob"}, json.RawMessage(`{"a": 1}`), json.RawMessage(`{`),
		[]byte{0, 1, 2},
		[16]byte{1},
		&url.URL{Scheme: "https", Host: "h"},
		stringer{"x"},
		slog.LevelWarn, true, 1.5, "text", 1i,
		http.Header{"Accept": {"a"}},
		(*user)(nil), []string(nil), map[string]string(nil), &slog.Source{File: "f"},
		quietKey{"k"},
	} {
		var got slog.Value
		h := redact.NewHandler(capture{&got}, nil)
		r := slog.NewRecord(time.Time{}, 0, "m", 0)
		r.AddAttrs(slog.Any("v", v))
		if err := h.Handle(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		want := slog.AnyValue(v)
		if reflect.TypeOf(got.Any()) != reflect.TypeOf(want.Any()) || !reflect.DeepEqual(got.Any(), want.Any()) {
			t.Errorf("%T %v has become %T %v", v, v, got.Any(), got.Any())
		}
		if k := reflect.ValueOf(v).Kind(); k == reflect.Pointer && got.Any() != v {
			t.Errorf("%T: not the same pointer", v)
		}
		if got := h.Stats(); !cmp.Equal(got, redact.Stats{Accepted: 1}) {
			t.Errorf("%T: stats %+v", v, got)
		}
	}
	if !lock.mu.TryLock() {
		t.Error("locked")
	}
}

// capture keeps the value of the first attr.
type capture struct{ v *slog.Value }

func (capture) Enabled(context.Context, slog.Level) bool { return true }
func (c capture) WithAttrs([]slog.Attr) slog.Handler     { return c }
func (c capture) WithGroup(string) slog.Handler          { return c }
func (c capture) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		*c.v = a.Value
		return false
	})
	return nil
}

type nilError struct{ Token string }

func (*nilError) Error() string { return "nil" }

type typedError struct{ typ, stack string }

func (*typedError) Error() string        { return "plain" }
func (e *typedError) ErrorType() string  { return e.typ }
func (e *typedError) Stacktrace() string { return e.stack }

// What handlers print of an error besides its text.
func TestTypesAndStacksOfErrors(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"type":                    &typedError{"password=hunter2", ""},
		"stack":                   &typedError{"", "password=hunter2\n\tat f (/f.go:1)"},
		"type of a cause":         fmt.Errorf("x: %w", &typedError{"password=hunter2", ""}),
		"stack of one of several": errors.Join(io.EOF, &typedError{"", "password=hunter2\n"}),
		"text and type":           fmt.Errorf("token=hunter2: %w", &typedError{"password=hunter2", ""}),
	} {
		var buf testlog.Buffer
		h := handler.NewErrorStack(handler.NewJSONHandler(&buf, nil), nil)
		slog.New(redact.NewHandler(h, nil)).Info("m", "e", err)
		if line := buf.String(); strings.Contains(line, "hunter2") {
			t.Errorf("%s: the secret is in %s", name, line)
		}
	}
	var got slog.Value
	clean := &typedError{"timeout", "f (/f.go:1)"}
	slog.New(redact.NewHandler(capture{&got}, nil)).Info("m", "e", clean)
	if same, ok := got.Any().(*typedError); !ok || same != clean {
		t.Errorf("an error without a secret becomes %T", got.Any())
	}
}

// A masked error is still an error, and errors.Is knows it.
func TestMaskedErrorsStayErrors(t *testing.T) {
	t.Parallel()
	var got slog.Value
	h := redact.NewHandler(capture{&got}, nil)
	slog.New(h).Info("m", "e", fmt.Errorf("read password=hunter2: %w", io.EOF))
	err, ok := got.Any().(error)
	if !ok || err.Error() != "read password=[REDACTED] EOF" || !errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %T %v", got.Any(), got.Any())
	}
	if e, ok := err.(interface{ ErrorType() string }); !ok || e.ErrorType() != "*errors.errorString" {
		t.Errorf("%T does not say that io.EOF is at the end of its chain", err)
	}
	slog.New(h).Info("m", "e", errors.Join(errors.New("x"), (*nilError)(nil)))
	if err, ok := got.Any().(error); !ok || err.Error() != "x\nnil" {
		t.Errorf("got %T %v", got.Any(), got.Any())
	}
	var inner tokenError
	slog.New(h).Info("m", "e", fmt.Errorf("token=x: %w", tokenError{"hunter2"}))
	if err, ok := got.Any().(error); !ok || errors.As(err, &inner) || errors.Unwrap(err) != nil {
		t.Errorf("the error with the secret can be reached from %T %v", got.Any(), got.Any())
	}
}

func TestTheCallersValuesAreNotWritten(t *testing.T) {
	t.Parallel()
	build := func() []slog.Attr {
		return []slog.Attr{
			slog.Any("m", map[string]any{"password": "x", "n": []any{map[string]string{"token": "t"}}}),
			slog.Any("s", []string{"password=x", "y"}), slog.Any("u", &user{"bob", "x"}), slog.Any("b", []byte("password=x")),
			slog.Group("g", slog.Attr{}, slog.String("password", "x"), slog.Group("h", slog.String("token", "t"))),
			slog.Any("h", http.Header{"Cookie": {"a"}}), slog.Any("r", json.RawMessage(`{"password":"x"}`)),
		}
	}
	attrs := build()
	h := redact.NewHandler(slog.DiscardHandler, nil).WithAttrs(attrs)
	r := slog.NewRecord(time.Time{}, 0, "password=x", 0)
	r.AddAttrs(attrs...)
	if err := h.Handle(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(build(), attrs) {
		t.Errorf("%v has become %v", build(), attrs)
	}
	var after []slog.Attr
	r.Attrs(func(a slog.Attr) bool {
		after = append(after, a)
		return true
	})
	if !reflect.DeepEqual(build(), after) || r.Message != "password=x" {
		t.Errorf("the record has become %v", after)
	}
}

type panicker struct{}

func (panicker) MarshalJSON() ([]byte, error) { panic("password=hunter2") }

type panicError struct{}

func (panicError) Error() string { panic("hunter2") }

func TestWhatCannotBeLookedAtIsMasked(t *testing.T) {
	t.Parallel()
	deep := any("hunter2")
	for range 200 {
		deep = []any{deep}
	}
	wide := make([]string, 1<<17)
	numbered := map[string]int{}
	for i := range wide {
		numbered[strconv.Itoa(i)] = i
	}
	full := make([]*node, 12)
	for i := range full {
		full[i] = new(node)
	}
	for i, n := range full {
		n.A, n.B, n.C, n.D = full[(i+1)%12], full[(i+3)%12], full[(i+5)%12], full[(i+7)%12]
	}
	self := []slog.Attr{slog.Int("n", 1), {}}
	self[1] = slog.Attr{Key: "g", Value: slog.GroupValue(self...)}
	loop := map[string]any{}
	loop["loop"] = loop
	for _, tt := range []struct {
		name string
		v    any
		want string
	}{
		{"panicking MarshalJSON", panicker{}, "panic"},
		{"panicking Error", panicError{}, "panic"},
		{"panicking in a list", []any{1, panicker{}}, "panic"},
		{"deep", deep, "too deep"},
		{"wide", wide, "too deep"},
		{"wide map", numbered, "too deep"},
		{"four pointers", full[0], "too deep"},
		{"map in itself", loop, "too deep"},
		{"group in itself", slog.GroupValue(self...), "too deep"},
		{"panicking LogValue", panicValuer{}, "panic"},
		{"panicking LogValue under a key that is a secret", slog.GroupValue(slog.Any("ghp_"+strings.Repeat("hunter2", 6), panicValuer{})), "panic"},
		{"panicking LogValue in a list", []any{panicValuer{}}, "panic"},
		{"panicking LogValue in a group", slog.GroupValue(slog.Any("x", panicValuer{})), "panic"},
		{"panicking String", struct{ fmt.Stringer }{}, "panic"},
		{"LogValue that never ends", endlessValuer{}, "too deep"},
		{"LogValue that never ends in a list", []any{endlessValuer{}}, "too deep"},
		{"many errors", errors.Join(append(make([]error, 0, 1100), manyErrors(1100)...)...), "too deep"},
		{"deep chain of errors", chainOf(1100), "too deep"},
		{"much behind a method", bigSecret{make([]any, 1<<17), "hunter2"}, "too deep"},
		{"deep behind a method", bigSecret{[]any{deep}, "hunter2"}, "too deep"},
		{"deep JSON", strings.Repeat(`{"a":`, 200) + `{"name":"password","value":"hunter2"}` + strings.Repeat("}", 200), "too deep"},
		{"deep JSON in a text", "x " + strings.Repeat("[", 20_000) + `{"name":"password","value":"hunter2"}` + strings.Repeat("]", 20_000) + " y", "too deep"},
		{"JSON that is never closed", strings.Repeat(`[{"a":`, 99) + strings.Repeat(`{"a":[[[[[[[[[[[[[1]]]]]]]]]]]]]},`, 3000) + `{"name":"password","value":"hunter2"}`, "too deep"},
		{"list in itself behind fmt", selfList(), "too deep"},
		{"under a key that is a secret", map[string]any{"ghp_" + strings.Repeat("hunter2", 6): panicker{}}, "panic"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got []error
			h := redact.NewHandler(slog.NewTextHandler(io.Discard, nil), &redact.Options{OnError: func(err error) {
				got = append(got, err)
				panic("a hook may do anything")
			}})
			var buf testlog.Buffer
			out := redact.NewHandler(handler.NewJSONHandler(&buf, nil), nil)
			for _, l := range []*slog.Logger{slog.New(h), slog.New(out)} {
				l.Error("m", "before", 1, "v", tt.v, "after", 2)
			}
			s := buf.String()
			for _, want := range []string{"[REDACTED: " + tt.want + "]", `"before":1`, `"after":2`} {
				if !strings.Contains(s, want) {
					t.Errorf("%s is not in %.300s", want, s)
				}
			}
			if strings.Contains(s, "hunter2") {
				t.Errorf("the secret is in %.300s", s)
			}
			if st := out.Stats(); st.Failures == 0 || st.Redacted < st.Failures || st.Accepted != 1 {
				t.Errorf("stats %+v", st)
			}
			if fails := h.Stats().Failures; fails == 0 || uint64(len(got)) != min(fails, 8) {
				t.Errorf("%d errors reported, stats %+v", len(got), h.Stats())
			}
			for _, err := range got {
				if !strings.HasPrefix(err.Error(), `redact: value at ["v"`) || strings.Contains(err.Error(), "hunter2") {
					t.Errorf("error %v, want the place without the value", err)
				}
			}
		})
	}
}

type panicValuer struct{}

func (panicValuer) LogValue() slog.Value { panic("hunter2") }

type endlessValuer struct{}

func (endlessValuer) LogValue() slog.Value { return slog.AnyValue(endlessValuer{}) }

// bigSecret prints the last of its fields.
type bigSecret struct {
	Items    []any
	Password string
}

func (b bigSecret) String() string { return "big " + b.Password }

func manyErrors(n int) []error {
	errs := make([]error, n)
	for i := range errs {
		errs[i] = errors.New("x")
	}
	errs[n-1] = tokenError{"hunter2"}
	return errs
}

func chainOf(n int) error {
	err := error(tokenError{"hunter2"})
	for range n {
		err = fmt.Errorf("w: %w", err)
	}
	return err
}

type recursive []recursive

func selfList() recursive {
	list := make(recursive, 1)
	list[0] = list
	return list
}

// Siblings at every depth, with attrs that they share, logging side by side.
func TestHandlerConcurrentSafe(t *testing.T) {
	t.Parallel()
	var buf testlog.Buffer
	shared := []slog.Attr{
		slog.Any("u", &user{"bob", "hunter2"}),
		slog.Group("g", slog.String("token", "hunter2"), slog.Any("m", map[string]any{"pwd": "hunter2"})),
	}
	root := redact.NewHandler(handler.NewJSONHandler(&buf, nil), &redact.Options{Keys: []string{"who.pet"}})
	var parent slog.Handler = root
	var wg sync.WaitGroup
	const depths, records = 6, 20
	for depth := range depths {
		for _, who := range []string{"alice", "bob"} {
			wg.Go(func() {
				h := parent.WithGroup(who).WithAttrs(shared).WithGroup("who")
				for range records {
					slog.New(h).Info("from "+who, "u", shared[0].Value.Any(), "pet", "hunter2", "who", who)
				}
			})
		}
		wg.Wait()
		parent = parent.WithGroup(fmt.Sprint("g", depth)).WithAttrs(shared)
	}
	lines, _ := buf.Lines()
	for _, l := range lines {
		var m struct{ Msg string }
		if err := json.Unmarshal([]byte(l), &m); err != nil {
			t.Fatal(err)
		}
		who, other := "alice", "bob"
		if strings.HasSuffix(m.Msg, "bob") {
			who, other = other, who
		}
		if strings.Contains(l, "hunter2") || !strings.Contains(l, `"`+who+`":{`) || strings.Contains(l, `"`+other+`":{`) {
			t.Errorf("logged by %s: %s", who, l)
		}
	}
	if want, got := uint64(2*depths*records), root.Stats().Accepted; len(lines) != int(want) || got != want {
		t.Errorf("%d lines, %d accepted, want %d", len(lines), got, want)
	}
}

func TestHandlerKeepsTheContract(t *testing.T) {
	t.Parallel()
	inner := slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelWarn})
	h := redact.NewHandler(inner, nil)
	if h.Unwrap() != slog.Handler(inner) {
		t.Error("Unwrap is not the next handler")
	}
	if h.Enabled(t.Context(), slog.LevelInfo) || !h.Enabled(t.Context(), slog.LevelWarn) {
		t.Error("the next handler is not asked")
	}
	for _, same := range []slog.Handler{h.WithGroup(""), h.WithAttrs(nil), h.WithAttrs([]slog.Attr{{}, slog.Group("g")})} {
		if same != slog.Handler(h) {
			t.Error("nothing makes another handler")
		}
	}
	defer func() {
		if p := recover(); p != "redact: NewHandler: nil next handler" {
			t.Errorf("a nil handler panics with %v", p)
		}
	}()
	redact.NewHandler(nil, nil)
}

func TestTheErrorOfTheNextHandlerIsReturned(t *testing.T) {
	t.Parallel()
	w := &testlog.FaultWriter{W: io.Discard}
	w.Fail(testlog.ErrInjected)
	h := redact.NewHandler(slog.NewJSONHandler(w, nil), nil)
	for _, msg := range []string{"clean", "password=hunter2"} {
		if err := h.Handle(t.Context(), slog.NewRecord(time.Now(), 0, msg, 0)); !errors.Is(err, testlog.ErrInjected) {
			t.Errorf("%s: error %v", msg, err)
		}
	}
	if got, want := h.Stats(), (redact.Stats{Accepted: 2, Redacted: 1, ByRule: map[string]uint64{"password": 1}}); !cmp.Equal(got, want) {
		t.Errorf("stats %+v, want %+v", got, want)
	}
}

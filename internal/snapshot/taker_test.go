package snapshot_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe" // for strings over a buffer, as programs have them

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/attrs"
	"github.com/sluicelog/sluice/internal/snapshot"
	"github.com/sluicelog/sluice/internal/testlog"
)

// taken returns what a snapshot has of a value.
func taken(v any) any {
	var taker snapshot.Taker
	r, _ := taker.Record(record(slog.Any("k", v)))
	return first(r).Any()
}

func attrsOf(r slog.Record) (list []slog.Attr) {
	r.Attrs(func(a slog.Attr) bool {
		list = append(list, a)
		return true
	})
	return list
}

func TestTakerKeepsTheRecord(t *testing.T) {
	t.Parallel()
	var taker snapshot.Taker
	for _, list := range [][]slog.Attr{nil, fiveScalars(), append(fiveScalars(), fiveScalars()...), {slog.Any("k", tags())}} {
		r := slog.NewRecord(time.Unix(1, 2), slog.LevelWarn+1, "message", 42)
		for _, a := range list {
			r.AddAttrs(a) // which makes room for more than one
		}
		got, _ := taker.Record(r)
		if !got.Time.Equal(r.Time) || got.Level != r.Level || got.Message != r.Message || got.PC != r.PC {
			t.Errorf("record %+v, want %+v", got, r)
		}
		if diff := cmp.Diff(fmt.Sprint(attrsOf(r)), fmt.Sprint(attrsOf(got))); diff != "" {
			t.Errorf("mismatch (-want +got):\n%s", diff)
		}
		// What one of them appends the other does not see.
		got.AddAttrs(slog.Int("mine", 1))
		r.AddAttrs(slog.Int("yours", 1))
		if last := attrsOf(got)[len(list)]; last.Key != "mine" {
			t.Errorf("%d attrs: the copy has %s", len(list), last)
		}
		if n := r.NumAttrs(); n != len(list)+1 { // log/slog adds one where it finds another's
			t.Errorf("the original has %v", attrsOf(r)[len(list):])
		}
	}
}

func TestTakerSizes(t *testing.T) {
	t.Parallel()
	var taker snapshot.Taker
	group := slog.Group("g", "a", "bc")
	tests := []struct {
		name  string
		attrs []slog.Attr
		want  int64 // at least, without the message
		most  int64
	}{
		{"nothing", nil, 0, 0},
		{"strings", []slog.Attr{slog.String("key", "value")}, 8, 8},
		{"numbers", []slog.Attr{slog.Int("key", 1), slog.Any("e", nil)}, 4, 4},
		{"beyond the fifth", append(fiveScalars(), slog.Int("k", 1), slog.Int("l", 1)), 38 + 82, 38 + 82},
		{"a group", []slog.Attr{group}, 1 + 40 + 3, 1 + 40 + 3},
		{"bytes", []slog.Attr{slog.Any("k", make([]byte, 1000))}, 1001, 1001},
		{"nested bytes", []slog.Attr{slog.Any("k", map[string]any{"a": []any{make([]byte, 1000)}})}, 1001, 1200},
		{"a slice of structs", []slog.Attr{slog.Any("k", make([]exported, 10))}, 700, 2000},
		{"what is rendered", []slog.Attr{slog.Any("k", &hidden{strings.Repeat("x", 1000), tags()})}, 4000, 6000},
		{"an error", []slog.Attr{slog.Any("k", &mutableError{make([]byte, 1000)})}, 1000, 6000},
	}
	for _, tt := range tests {
		_, got := taker.Record(record(tt.attrs...))
		if got -= int64(len("request done")); got < tt.want || got > tt.most {
			t.Errorf("%s: %d bytes, want %d to %d", tt.name, got, tt.want, tt.most)
		}
	}
}

func TestTakerSharesWhatNobodyChanges(t *testing.T) {
	t.Parallel()
	wrapped := fmt.Errorf("a: %w", fmt.Errorf("b: %w, %w", io.EOF, errors.Join(fs.ErrClosed, syscall.ENOENT)))
	for _, err := range []error{io.EOF, wrapped, fmt.Errorf("%d", 1), errors.Join(io.EOF), syscall.ENOENT} {
		if got := taken(err); got != any(err) {
			t.Errorf("%T became %T", err, got)
		}
	}
}

func TestTakerKeepsTypes(t *testing.T) {
	t.Parallel()
	u, _ := url.Parse("https://u:p@example.com")
	for _, v := range []any{
		u, &exported{Tags: tags()},
		exported{Tags: tags()},
		[]exported{{}},
		map[string]exported{"a": {}},
		[]error{io.EOF},
		&pointStringr{"n"},
		multiError{&mutableError{}},
		&fieldError{Err: &mutableError{}},
		&fs.PathError{Err: syscall.ENOENT},
		[]*exported{nil, {}},
		map[any]any{1: tags()},
		&slog.Source{Line: 1},
		new(plain{}), &emptyError{}, new(any(1)), new(map[string][]string),
		[2][]string{},
		[]jsonLike{{}},
		named(new(1)),
	} {
		got := taken(v)
		if want, got := fmt.Sprintf("%T", v), fmt.Sprintf("%T", got); want != got {
			t.Errorf("%s became %s", want, got)
		}
	}
}

type (
	jsonLike map[string][]any
	named    *int
)

func TestTakerErrors(t *testing.T) {
	t.Parallel()
	path := &fs.PathError{Op: "open", Path: "p", Err: syscall.ENOENT}
	sentinel := &codeError{7}
	mutable := &mutableError{[]byte("m")}
	err := fmt.Errorf("a: %w", errors.Join(path, fmt.Errorf("b: %w", sentinel), &fieldError{"op", mutable, nil}))
	got, ok := taken(err).(error)
	if !ok {
		t.Fatalf("%T is no error", taken(err))
	}
	path.Path, sentinel.code = "x", 8
	if got.Error() != "a: open p: "+syscall.ENOENT.Error()+"\nb: code 7\nop: m []" {
		t.Errorf("error %q", got)
	}
	asPath, ok := errors.AsType[*fs.PathError](got)
	if !ok || asPath.Path != "p" || asPath == path {
		t.Errorf("errors.As found %+v", asPath)
	}
	if _, ok := errors.AsType[*fieldError](got); !ok {
		t.Error("errors.As found no *fieldError")
	}
	for _, target := range []error{err, sentinel, mutable, fs.ErrNotExist, syscall.ENOENT} {
		if !errors.Is(got, target) {
			t.Errorf("it is not %T any more", target)
		}
	}
	for _, target := range []error{io.EOF, &codeError{7}, uncomparable{}, nil} {
		if errors.Is(got, target) {
			t.Errorf("it is %v", target)
		}
	}
	// One whose parts cannot be compared is no reason to panic.
	if other, _ := taken(uncomparable{}).(error); errors.Is(other, uncomparable{}) {
		t.Error("what cannot be compared is equal")
	}
	if holds, _ := taken(anyError{[]int{1}}).(error); errors.Is(holds, anyError{[]int{1}}) {
		t.Error("what cannot be compared is equal")
	}
	if got := snapshot.TypeName(got); got != "*fmt.wrapError" {
		t.Errorf("type %s", got)
	}
}

type emptyError struct{}

func (*emptyError) Error() string { return "empty" }

type anyError struct{ v any }

func (e anyError) Error() string { return fmt.Sprint(e.v) }

// loopError wraps itself.
type loopError struct{ text []byte }

func (e *loopError) Error() string { return string(e.text) }
func (e *loopError) Unwrap() error { return e }

// forkError wraps itself twice.
type forkError struct{ text []byte }

func (e *forkError) Error() string   { return string(e.text) }
func (e *forkError) Unwrap() []error { return []error{e, nil, e} }

// selfError holds itself where it is copied.
type selfError struct{ A, B error }

func (e *selfError) Error() string { return "self" }

func TestTakerBounds(t *testing.T) {
	t.Parallel()
	self := &selfError{}
	self.A, self.B = self, self
	deep := error(&mutableError{[]byte("m")})
	for range 1000 {
		deep = fmt.Errorf("w: %w", deep)
	}
	wide := make(map[string]any)
	for i := range 100_000 {
		wide[strconv.Itoa(i)] = i
	}
	fork := &tree{}
	fork.Parent, fork.Kids = fork, []*tree{fork, fork}
	for _, v := range []any{&loopError{[]byte("l")}, &forkError{[]byte("f")}, self, deep, fork} {
		got := taken(v) // which comes to an end
		err, ok := v.(error)
		if frozen, same := got.(error); ok && (!same || frozen.Error() != err.Error()) {
			t.Errorf("%T: %.100q, want %.100q", v, got, err)
		}
	}
	around := fmt.Errorf("%w %w", io.EOF, io.EOF)
	around.(interface{ Unwrap() []error }).Unwrap()[0] = around
	if got, ok := taken(around).(error); !ok || got.Error() != "EOF EOF" {
		t.Errorf("an error around itself became %v", got)
	}
	nested := []any{1}
	for range 200 {
		nested = []any{nested}
	}
	if _, ok := taken(nested).([]any); ok {
		t.Error("200 lists in each other are copied")
	}
	got := fmt.Sprint(taken(wide))
	if got != snapshot.TooLarge {
		t.Errorf("100,000 values became %.100q", got)
	}
	group := make([]slog.Attr, 1)
	group[0] = slog.Attr{Key: "g", Value: slog.GroupValue(group...)}
	var buf bytes.Buffer
	var taker snapshot.Taker
	r, _ := taker.Record(record(group...))
	if err := slog.NewTextHandler(&buf, nil).Handle(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(buf.String(), attrs.TooLarge) {
		t.Errorf("a group in itself: %.100s", buf.String())
	}
}

type panicValuer struct{}

func (panicValuer) LogValue() slog.Value { panic("LogValue") }

type loopValuer struct{}

func (l loopValuer) LogValue() slog.Value { return slog.AnyValue(l) }

func TestTakerResolvesOnce(t *testing.T) {
	t.Parallel()
	calls := 0
	var taker snapshot.Taker
	r, _ := taker.Record(record(slog.Any("n", countValuer{&calls}), slog.Group("g", "n", countValuer{&calls})))
	if calls != 2 {
		t.Errorf("%d calls for two values", calls)
	}
	if got := fmt.Sprint(attrsOf(r)); got != "[n=1 g=[n=2]]" {
		t.Errorf("attrs %s", got)
	}
	if got := fmt.Sprint(taken(panicValuer{})); !strings.HasPrefix(got, "LogValue panicked") {
		t.Errorf("a panic became %.100q", got)
	}
	if got := fmt.Sprint(taken(loopValuer{})); !strings.Contains(got, "too many times") {
		t.Errorf("a loop became %.100q", got)
	}
}

type countValuer struct{ n *int }

func (c countValuer) LogValue() slog.Value {
	*c.n++
	return slog.IntValue(*c.n)
}

// What log/slog would take out of a record or a group is there for the handler
// as it would have been.
func TestTakerKeepsEmptyAttrs(t *testing.T) {
	t.Parallel()
	var taker snapshot.Taker
	empty := valuer{slog.GroupValue()}
	r, _ := taker.Record(record(slog.Attr{}, slog.Any("e", empty), slog.Group("g", slog.Attr{}, slog.Any("e", empty))))
	if r.NumAttrs() != 3 {
		t.Errorf("attrs %v", attrsOf(r))
	}
	if members := attrsOf(r)[2].Value.Group(); len(members) != 2 {
		t.Errorf("members %v", members)
	}
	if got := attrsOf(r)[1].Value.Resolve(); got.Kind() != slog.KindGroup || len(got.Group()) != 0 {
		t.Errorf("a group of nothing became %v", got)
	}
	if got := taker.Attrs([]slog.Attr{{}, slog.Group("g")}); len(got) != 2 || !got[0].Equal(slog.Attr{}) {
		t.Errorf("bound attrs %v", got)
	}
}

func TestTakerClonesStrings(t *testing.T) {
	t.Parallel()
	buffer := []byte("GET /path HTTP")
	str := func() string { return unsafe.String(&buffer[0], len(buffer)) }
	type key string
	makers := map[string]func(s string) any{
		"a string":             func(s string) any { return s },
		"a named string":       func(s string) any { return key(s) },
		"[]string":             func(s string) any { return []string{s} },
		"[]any":                func(s string) any { return []any{s, key(s)} },
		"a map":                func(s string) any { return map[string]string{s: s} },
		"map[string]any":       func(s string) any { return map[string]any{s: s} },
		"a map of named":       func(s string) any { return map[key]key{key(s): key(s)} },
		"a map of any":         func(s string) any { return map[any]any{s: 1, key(s): 2} },
		"a map of structs":     func(s string) any { return map[exportedKey]int{{s}: 1} },
		"*string":              func(s string) any { return &s },
		"a struct":             func(s string) any { return exported{Name: s} },
		"a struct that hides":  func(s string) any { return plain{Name: s} },
		"hidden":               func(s string) any { return hidden{name: s} },
		"an array":             func(s string) any { return [1]string{s} },
		"errors.New":           func(s string) any { return errors.New(s) },
		"wrapped errors.New":   func(s string) any { return fmt.Errorf("x: %w", errors.New(s)) },
		"*fs.PathError":        func(s string) any { return &fs.PathError{Op: s, Path: s, Err: errors.New(s)} },
		"*url.URL":             func(s string) any { return &url.URL{Host: s, User: url.UserPassword(s, s)} },
		"a user":               func(s string) any { return url.User(s) },
		"a LogValuer":          func(s string) any { return valuer{slog.StringValue(s)} },
		"a group":              func(s string) any { return slog.GroupValue(slog.String(s, s)) },
		"a value in a struct":  func(s string) any { return &attrHolder{V: slog.StringValue(s), A: slog.String(s, s)} },
		"a group in a struct":  func(s string) any { return &attrHolder{V: slog.GroupValue(slog.String(s, s))} },
		"a level, for measure": func(string) any { return slog.LevelInfo },
	}
	for name, create := range makers {
		copy(buffer, "GET /path HTTP")
		r := slog.NewRecord(time.Time{}, 0, str(), 0)
		r.AddAttrs(slog.Any(str(), create(str())))
		want := prints(t, r, false)
		taker := snapshot.Taker{CloneStrings: true}
		got, _ := taker.Record(r)
		copy(buffer, "PUT /other HTT")
		if diff := cmp.Diff(want, prints(t, got, false)); diff != "" {
			t.Errorf("%s: mismatch (-want +got):\n%s", name, diff)
		}
	}
	var taker snapshot.Taker
	copy(buffer, "GET /path HTTP")
	got, _ := taker.Record(slog.NewRecord(time.Time{}, 0, str(), 0))
	copy(buffer, "PUT /other HTT")
	if got.Message == "GET /path HTTP" {
		t.Error("the buffer shows no difference: this test proves nothing")
	}
}

type exportedKey struct{ S string }

func TestFrozenPadding(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"%v|", "%9v|", "%-9v|", "%9s|", "%-9s|", "%1v|"} {
		want := fmt.Sprintf(format, &mutableError{[]byte("é")})
		if got := fmt.Sprintf(format, taken(&mutableError{[]byte("é")})); got != want {
			t.Errorf("%s: %q, want %q", format, got, want)
		}
	}
}

// A copy prints the same while the original changes; the race detector sees
// whether they share anything.
func TestTakerRace(t *testing.T) {
	t.Parallel()
	for _, tt := range specimens() {
		v, change := tt.make()
		var taker snapshot.Taker
		r, _ := taker.Record(record(slog.Any("k", v)))
		bound := taker.Attrs([]slog.Attr{slog.Any("k", v)})
		changed := make(chan struct{})
		go func() {
			defer close(changed)
			change()
		}()
		prints(t, r, tt.cyclic)
		prints(t, record(bound...), tt.cyclic)
		<-changed
	}
}

// locked is a value as programs have them that print JSON: all may be changed by
// somebody who has the lock.
type locked struct {
	Name  string
	marks map[string]int
	mu    [1]sync.Mutex
}

func (l *locked) MarshalJSON() ([]byte, error) {
	l.mu[0].Lock()
	defer l.mu[0].Unlock()
	return json.Marshal(map[string]any{"name": l.Name, "marks": len(l.marks)})
}

func TestTakerDoesNotLookBehindALock(t *testing.T) {
	t.Parallel()
	l := &locked{Name: "n", marks: map[string]int{}}
	change := func(i int) {
		l.mu[0].Lock()
		defer l.mu[0].Unlock()
		l.marks["x"] = i
	}
	change(0)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for i := range 10_000 {
			change(i)
		}
	}()
	const want = `{"marks":1,"name":"n"}`
	for range 300 {
		v := taken(l)
		if got, err := json.Marshal(v); err != nil || string(got) != want {
			t.Fatalf("JSON %s, %v", got, err)
		}
		if got := fmt.Sprintf("%+v", v); got != want {
			t.Fatalf("text %s", got)
		}
	}
	<-ended
}

func TestTakerConcurrentSafe(t *testing.T) {
	t.Parallel()
	var taker snapshot.Taker
	done := make(chan struct{})
	for range 4 {
		go func() {
			defer func() { done <- struct{}{} }()
			for _, tt := range specimens() {
				v, change := tt.make()
				r, _ := taker.Record(record(slog.Any("k", v)))
				change()
				prints(t, r, tt.cyclic)
			}
		}()
	}
	for range 4 {
		<-done
	}
}

func TestTakerAllocs(t *testing.T) {
	if testlog.Race {
		t.Skip("the race detector allocates")
	}
	var taker snapshot.Taker
	tests := []struct {
		name  string
		attrs []slog.Attr
		most  float64
	}{
		{"5 scalars", fiveScalars(), 0},
		{"10 scalars", append(fiveScalars(), fiveScalars()...), 0},
		{"errors.New", []slog.Attr{slog.Any("err", io.EOF)}, 0},
		{"errors wrapped", []slog.Attr{slog.Any("err", fmt.Errorf("a: %w", errors.Join(io.EOF, io.EOF)))}, 0},
		{"a plain struct", []slog.Attr{slog.Any("k", plain{})}, 0},
		{"a nil pointer", []slog.Attr{slog.Any("k", (*exported)(nil))}, 0},
		{"a group", []slog.Attr{slog.Group("g", "a", 1, "b", "c")}, 1},
		{"a group in a group", []slog.Attr{slog.Group("g", slog.Group("h", "b", "c"))}, 2},
		{"a LogValuer", []slog.Attr{slog.Any("k", valuer{slog.IntValue(1)})}, 0},
		{"[]byte", []slog.Attr{slog.Any("k", []byte("abc"))}, 2},
		{"[]string", []slog.Attr{slog.Any("k", tags())}, 2},
		{"*int", []slog.Attr{slog.Any("k", new(int))}, 1},
		{"*fs.PathError", []slog.Attr{slog.Any("k", &fs.PathError{Op: "open", Path: "/", Err: fs.ErrExist})}, 2},
	}
	for _, tt := range tests {
		r := record(tt.attrs...)
		if n := testing.AllocsPerRun(100, func() { keep(taker.Record(r)) }); n > tt.most {
			t.Errorf("%s: %v allocations, want %v", tt.name, n, tt.most)
		}
	}
}

func TestTakerCountsStringsWhereverTheyAre(t *testing.T) {
	t.Parallel()
	type body struct{ Body string }
	type name string
	long := strings.Repeat("x", 1<<16)
	for what, v := range map[string]any{
		"an error": errors.New(long), "a wrapped error": fmt.Errorf("a: %w", errors.New(long)),
		"joined errors": errors.Join(errors.New("a"), errors.New(long)),
		"a struct":      body{long}, "a pointer": &body{long}, "a slice of structs": []body{{"a"}, {long}},
		"an array": [2]body{{"a"}, {long}}, "a map of structs": map[string]body{"k": {long}}, "a key": map[name]int{name(long): 1},
		"a header": http.Header{"K": {long}}, "a named string": name(long), "a slog.Value": struct{ V slog.Value }{slog.StringValue(long)},
		"bytes": []byte(long), "any": []any{long}, "a path error": &fs.PathError{Op: "open", Path: long, Err: fs.ErrNotExist},
	} {
		for _, clones := range []bool{false, true} {
			taker := snapshot.Taker{CloneStrings: clones}
			if _, size := taker.Record(record(slog.Any("k", v))); size < 1<<16 || size > 10<<16 {
				t.Errorf("%s, CloneStrings %v: %d bytes for a string of %d", what, clones, size, len(long))
			}
		}
	}
}

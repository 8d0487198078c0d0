package errtrace

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"log/slog"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/testlog"
)

type (
	base struct {
		message string
		cause   error
	}
	countersError struct {
		base
		pcs []uintptr
	}
	framesError struct {
		base
		frames []runtime.Frame
	}
	stringError struct {
		base
		text string
	}
)

// The method sets that the libraries' errors have.
type (
	pkgError  countersError // pkg/errors, cockroachdb/errors, emperror.dev/errors
	pkgStack  []pkgFrame
	pkgFrame  uintptr
	goError   countersError // go-errors/errors
	erisError countersError // rotisserie/eris
	pcsError  countersError
	oopsError framesError // samber/oops
	trError   struct {    // ztrue/tracerr
		base
		frames []trFrame
	}
	trFrame struct {
		Func string
		Line int
		Path string
		Name string
	}
	jujuError struct { // juju/errors
		base
		lines []string
	}
	byteError struct {
		base
		text []byte
	}
	textError stringError
	someError stringError
	bothError stringError
	blobError stringError
	joinError []error
)

func (e base) Error() string {
	if e.cause == nil {
		return e.message
	}
	return e.message + e.cause.Error()
}
func (e base) Unwrap() error { return e.cause }

func (e *pkgError) StackTrace() pkgStack {
	s := make(pkgStack, len(e.pcs))
	for i, pc := range e.pcs {
		s[i] = pkgFrame(pc)
	}
	return s
}
func (e *goError) Callers() []uintptr             { return e.pcs }
func (e *goError) Stack() []byte                  { return []byte("not this one\n") }
func (e *erisError) StackFrames() []uintptr       { return e.pcs }
func (e *oopsError) StackFrames() []runtime.Frame { return e.frames }
func (e *oopsError) Stacktrace() string           { return "not this one\n" }
func (e *trError) StackTrace() []trFrame          { return e.frames }
func (e *jujuError) StackTrace() []string         { return e.lines }
func (e *textError) StackTrace() string           { return e.text }
func (e *byteError) Stack() []byte                { return e.text }
func (e *someError) Stack() string                { return e.text }
func (e *bothError) StackTrace(bool) []uintptr    { return callers() }
func (e *bothError) Stack() []byte                { return []byte(e.text) }
func (e *blobError) Stacktrace() string           { return e.text }
func (e *pcsError) Stack() []uintptr              { return e.pcs }
func (e joinError) Error() string                 { return errors.Join(e...).Error() }
func (e joinError) Unwrap() []error               { return e }

func callers() []uintptr {
	pcs := make([]uintptr, 100)
	return pcs[:runtime.Callers(2, pcs)]
}

// framesAt returns frames with the given lines, of functions named a, b and so on.
func framesAt(lines ...int) []runtime.Frame {
	var frames []runtime.Frame
	for i, line := range lines {
		name := string(rune('a' + len(lines) - 1 - i))
		frames = append(frames, runtime.Frame{Function: "app." + name, File: name + ".go", Line: line})
	}
	return frames
}

func traced(message string, cause error, lines ...int) error {
	return &oopsError{base{message, cause}, framesAt(lines...)}
}

func TestStackOfEveryCarrier(t *testing.T) {
	t.Parallel()
	b := base{message: "boom"}
	pcs := callers()
	place := func(prefix, sep string) []string {
		var lines []string
		for frames, more := runtime.CallersFrames(pcs), true; more; {
			var f runtime.Frame
			f, more = frames.Next()
			lines = append(lines, fmt.Sprintf("%s%s%s%s:%d", prefix, f.Function, sep, f.File, f.Line))
		}
		return lines
	}
	var frames []runtime.Frame
	var trFrames []trFrame
	for it, more := runtime.CallersFrames(pcs), true; more; {
		var f runtime.Frame
		f, more = it.Next()
		frames = append(frames, f)
		trFrames = append(trFrames, trFrame{f.Function, f.Line, f.File, "not this one"})
	}
	pairs := strings.Join(place("", "(0x1, {0x2, 0x3})\n\t"), " +0x1d\n") + " +0x1d\n"
	const (
		header = "goroutine 7 [running]:\nruntime/debug.Stack()\n\t/go/src/runtime/debug/stack.go:26 +0x5e\n"
		want   = "\tat github.com/sluicelog/sluice/internal/errtrace.TestStackOfEveryCarrier (/errtrace/errtrace_test.go:N)\n" +
			"\tat testing.tRunner (/testing/testing.go:N)"
	)
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"StackTrace with a slice of uintptrs of its own", &pkgError{b, pcs}, want},
		{"Callers", &goError{b, pcs}, want},
		{"StackFrames with program counters", &erisError{b, pcs}, want},
		{"Stack with program counters", &pcsError{b, pcs}, want},
		{"StackFrames with frames", &oopsError{b, frames}, want},
		{"StackTrace with structs of its own", &trError{b, trFrames}, want},
		{"StackTrace with text", &textError{b, pairs}, want},
		{"Stack with the bytes of debug.Stack", &byteError{b, []byte(header + pairs)}, want},
		{"StackTrace with an argument, and Stack", &bothError{b, pairs}, want},
		{"Stack with text", &someError{b, pairs}, want},
		{"StackTrace with lines", &jujuError{b, []string{"app/a.go:1: boom", "app/b.go:2: "}}, "\tat app/a.go:1: boom\n\tat app/b.go:2"},
		{"Stacktrace with text of its own", &blobError{b, "  --- at a.go:1 f()\n  --- at b.go:2 g()"}, "\tat a.go:1 f()\n\tat b.go:2 g()"},
		{"text like Java's", &textError{b, "\tat app.F(F.java:1)\n\n\tat app.G(G.java:2)\n"}, "\tat app.F(F.java:1)\n\tat app.G(G.java:2)"},
		{
			"text with more than frames", &textError{b, "panic: x\nmain.(*T[...]).f(...)\n\t/a.go:1\ncreated by main.g in goroutine 1\n\t/b.go:2 +0x1\n" +
				"runtime/debug.Stack()\n\t/c.go:3\n"},
			"\tat panic: x\n\tat main.(*T[...]).f (/a.go:1)\n\tat created by main.g (/b.go:2)\n\tat runtime/debug.Stack (/c.go:3)",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			want := fmt.Sprintf("%T: boom\n%s", tt.err, tt.want)
			text, _ := Style{}.OfError(tt.err)
			if diff := cmp.Diff(want, normal(text)); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
			if text, _ := (Style{}).OfError(fmt.Errorf("a: %w", errors.Join(io.EOF, tt.err))); !strings.HasSuffix(normal(text), "Caused by (2 of 2): "+want) {
				t.Errorf("wrapped twice it is not in %s", text)
			}
		})
	}
}

// normal replaces what depends on the machine.
func normal(text string) string {
	text = regexp.MustCompile(`\(.*?(/(errtrace|testing)/\w+\.go):\d+\)`).ReplaceAllString(text, "($1:N)")
	return text
}

func TestStackFormat(t *testing.T) {
	t.Parallel()
	query := func(cause error) error { return traced("load: ", cause, 41, 12, 1) }
	tests := []struct {
		name      string
		err       error
		depth     int
		want      string
		rootFirst string
	}{
		{
			name: "common frames are left out", err: query(fmt.Errorf("user 7: %w", traced("refused", nil, 8, 17, 12, 1))),
			want: `
*errtrace.oopsError: load: user 7: refused
	at app.c (c.go:41)
	at app.b (b.go:12)
	at app.a (a.go:1)
Caused by: *fmt.wrapError: user 7: refused
Caused by: *errtrace.oopsError: refused
	at app.d (d.go:8)
	at app.c (c.go:17)
	... 2 common frames omitted`,
			rootFirst: `
*errtrace.oopsError: refused
	at app.d (d.go:8)
	at app.c (c.go:17)
	at app.b (b.go:12)
	at app.a (a.go:1)
Wrapped by: *fmt.wrapError: user 7: refused
Wrapped by: *errtrace.oopsError: load: user 7: refused
	at app.c (c.go:41)
	... 2 common frames omitted`,
		},
		{
			name: "depth", depth: 2, err: query(traced("refused", nil, 4, 5, 6, 7, 12, 1)),
			want: `
*errtrace.oopsError: load: refused
	at app.c (c.go:41)
	at app.b (b.go:12)
	... 1 more
Caused by: *errtrace.oopsError: refused
	at app.f (f.go:4)
	at app.e (e.go:5)
	... 2 more
	... 2 common frames omitted`,
			rootFirst: `
*errtrace.oopsError: refused
	at app.f (f.go:4)
	at app.e (e.go:5)
	... 4 more
Wrapped by: *errtrace.oopsError: load: refused
	at app.c (c.go:41)
	... 2 common frames omitted`,
		},
		{
			name: "depth of text", depth: 1, err: &textError{base{message: "x"}, "f()\n\ta.go:1\ng()\n\ta.go:2\nh()\n\ta.go:3\n"},
			want: `
*errtrace.textError: x
	at f (a.go:1)
	... 2 more`,
			rootFirst: `
*errtrace.textError: x
	at f (a.go:1)
	... 2 more`,
		},
		{
			name: "one that only adds the trace", err: traced("", &fs.PathError{Op: "open", Path: "p", Err: fs.ErrNotExist}, 1),
			want: `
*fs.PathError: open p: file does not exist
	at app.a (a.go:1)
Caused by: *errors.errorString: file does not exist`,
			rootFirst: `
*errors.errorString: file does not exist
Wrapped by: *fs.PathError: open p: file does not exist
	at app.a (a.go:1)`,
		},
		{
			name: "one that adds nothing", err: errors.Join(fmt.Errorf("%w", traced("x", nil, 1))),
			want: `
*errtrace.oopsError: x
	at app.a (a.go:1)`,
			rootFirst: `
*errtrace.oopsError: x
	at app.a (a.go:1)`,
		},
		{
			name: "two traces and one message", err: traced("", traced("x", nil, 1), 2),
			want: `
*errtrace.oopsError: x
	at app.a (a.go:2)
Caused by: *errtrace.oopsError: x
	at app.a (a.go:1)`,
			rootFirst: `
*errtrace.oopsError: x
	at app.a (a.go:1)
Wrapped by: *errtrace.oopsError: x
	at app.a (a.go:2)`,
		},
		{
			name: "branches", err: joinError{traced("a: ", io.EOF, 2, 1), nil, joinError{io.ErrClosedPipe, traced("c", nil, 3, 1)}},
			want: `
errtrace.joinError: a: EOF io: read/write on closed pipe c
Caused by (1 of 2): *errtrace.oopsError: a: EOF
	at app.b (b.go:2)
	at app.a (a.go:1)
Caused by: *errors.errorString: EOF
Caused by (2 of 2): errtrace.joinError: io: read/write on closed pipe c
Caused by (1 of 2): *errors.errorString: io: read/write on closed pipe
Caused by (2 of 2): *errtrace.oopsError: c
	at app.b (b.go:3)
	at app.a (a.go:1)`,
			rootFirst: `
Branch (1 of 2): *errors.errorString: EOF
Wrapped by: *errtrace.oopsError: a: EOF
	at app.b (b.go:2)
	at app.a (a.go:1)
Branch (1 of 2): *errors.errorString: io: read/write on closed pipe
Branch (2 of 2): *errtrace.oopsError: c
	at app.b (b.go:3)
	at app.a (a.go:1)
Wrapped by: errtrace.joinError: io: read/write on closed pipe c
Wrapped by: errtrace.joinError: a: EOF io: read/write on closed pipe c`,
		},
		{
			name: "no place, no message, no function",
			err:  &oopsError{frames: []runtime.Frame{{Function: "f"}, {File: "x.go", Line: 1}, {}, {Function: "g", File: "x.s"}}},
			want: `
*errtrace.oopsError
	at f
	at x.go:1
	at g (x.s)`,
			rootFirst: `
*errtrace.oopsError
	at f
	at x.go:1
	at g (x.s)`,
		},
		{
			name: "the runtime's frames",
			err: &oopsError{base{message: "x"}, []runtime.Frame{
				{Function: "runtime.main"}, {Function: "main.main"}, {Function: "runtime.main"}, {Function: "runtime.goexit"},
			}},
			want: `
*errtrace.oopsError: x
	at runtime.main
	at main.main`,
			rootFirst: `
*errtrace.oopsError: x
	at runtime.main
	at main.main`,
		},
		{
			name: "forged lines",
			err: &oopsError{
				base{message: "x\n\tat evil\r\u2028\u0085\x1b[2J\xff"},
				[]runtime.Frame{{Function: "f\n\tat evil", File: "a\nb.go", Line: 1}},
			},
			want:      "\n*errtrace.oopsError: x  at evil    [2J\ufffd\n\tat f  at evil (a b.go:1)",
			rootFirst: "\n*errtrace.oopsError: x  at evil    [2J\ufffd\n\tat f  at evil (a b.go:1)",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			text, hash := Style{Depth: tt.depth}.OfError(tt.err)
			if diff := cmp.Diff(tt.want, "\n"+text); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
			if hash != "" {
				t.Errorf("hash %q, which nobody asked for", hash)
			}
			text, _ = Style{Depth: tt.depth, RootFirst: true}.OfError(tt.err)
			if diff := cmp.Diff(tt.rootFirst, "\n"+text); diff != "" {
				t.Errorf("root first: mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

func TestStackOfErrorsWithoutOne(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		err  error
	}{
		{"nil", nil},
		{"the standard library's", fmt.Errorf("a: %w, %w", &fs.PathError{Op: "open", Path: "p", Err: fs.ErrNotExist}, io.EOF)},
		{"an empty trace", &pkgError{base: base{message: "x"}}},
		{"nil text", &byteError{}},
		{"no frames", &oopsError{frames: []runtime.Frame{{}, {Line: 3}}}},
		{"only the runtime's frames", &oopsError{frames: []runtime.Frame{{Function: "runtime.goexit"}}}},
		{"program counters of nothing", &erisError{pcs: []uintptr{0, 1, ^uintptr(0)}}},
		{"a stack that is not of calls", &someError{text: "production"}},
		{"a nil pointer", (*pkgError)(nil)},
		{"a nil pointer in a chain", fmt.Errorf("a: %w", &base{message: "b: ", cause: fakeError{StackErr: nil}})},
		{"StackTrace takes an argument", argError{}},
		{"StackTrace is something else", numError{}},
		{"StackTrace is nil", anyError{}},
		{"StackTrace is of no known kind", kindError{}},
		{"Unwrap never ends", loopError{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if text, hash := (Style{Hash: true}).OfError(tt.err); text != "" || hash != "" {
				t.Errorf("OfError = %q, %q, want nothing", text, hash)
			}
		})
	}
}

type (
	stackErr   interface{ StackTrace() []uintptr }
	fakeError  struct{ StackErr stackErr }
	argError   struct{}
	numError   struct{}
	anyError   struct{}
	kindError  struct{}
	loopError  struct{ stackErr }
	rudeError  struct{}
	typedError struct{ typ string }
	selfError  struct{ frames []runtime.Frame }
	wideError  struct{ frames []runtime.Frame }
	hugeError  struct{ n int }
)

func (e fakeError) Error() string                 { return "fake" }
func (e fakeError) StackTrace() []uintptr         { return e.StackErr.StackTrace() } // panics
func (argError) StackTrace(bool) []uintptr        { return callers() }
func (argError) Error() string                    { return "arg" }
func (numError) Error() string                    { return "num" }
func (numError) StackTrace() int                  { return 7 }
func (anyError) Error() string                    { return "any" }
func (anyError) StackTrace() any                  { return nil }
func (kindError) Error() string                   { return "kind" }
func (kindError) StackTrace() []float64           { return []float64{1} }
func (e loopError) Error() string                 { return "loop" }
func (e loopError) Unwrap() error                 { return e }
func (typedError) Error() string                  { return "typed" }
func (e typedError) ErrorType() string            { return e.typ }
func (typedError) StackFrames() []runtime.Frame   { return framesAt(1) }
func (rudeError) Error() string                   { panic("rude") }
func (rudeError) Unwrap() error                   { panic("rude") }
func (rudeError) StackFrames() []runtime.Frame    { return framesAt(1) }
func (e *selfError) Error() string                { return "self" }
func (e *selfError) Unwrap() error                { return e }
func (e *selfError) StackFrames() []runtime.Frame { return e.frames }
func (e *wideError) Error() string                { return "wide" }
func (e *wideError) Unwrap() []error              { return []error{e, nil, e, traced("x", nil, 1), e} }
func (e *wideError) StackFrames() []runtime.Frame { return e.frames }
func (e *hugeError) Error() string                { return strings.Repeat("ä", e.n) }
func (e *hugeError) StackTrace() string {
	return strings.Repeat("é", e.n) + strings.Repeat("\nx", e.n)
}

func TestStackOfHostileErrors(t *testing.T) {
	t.Parallel()
	million := slices.Repeat(callers()[1:2], 1_000_000) // testing.tRunner, whose line is short
	long := strings.Repeat("y", 200)
	frames := slices.Repeat(framesAt(1), 1_000_000)
	wide := make(joinError, 100_000)
	for i := range wide {
		wide[i] = io.EOF
	}
	wide[0] = traced("x", nil, 1)
	tests := []struct {
		name string
		err  error
		want []string
	}{
		{"every method panics", rudeError{}, []string{"errtrace.rudeError: !PANIC: rude\n\tat app.a (a.go:1)"}},
		{"a nil pointer beside a trace", joinError{(*base)(nil), traced("x", nil, 1)}, []string{"(1 of 2): *errtrace.base: <nil>\n", "app.a"}},
		{"a method of a nil interface beside a trace", joinError{fakeError{}, traced("x", nil, 1)}, []string{"(1 of 2): errtrace.fakeError: fake\n", "app.a"}},
		{"a type of several lines", typedError{"x\n\tat forged (/x.go:1)"}, []string{"x  at forged (/x.go:1): typed\n\tat app.a (a.go:1)"}},
		{"types without end", slices.Repeat(joinError{typedError{strings.Repeat("x", 1<<20)}}, 64), []string{"xx...: typed\n\tat app.a (a.go:1)"}},
		{"it wraps itself", &selfError{framesAt(1)}, []string{"*errtrace.selfError: self\n\tat app.a (a.go:1)\nCaused by: ", "..."}},
		{"it wraps itself, many times over", &wideError{framesAt(3, 2, 1)}, []string{"Caused by (1 of 4): ", "Caused by: ..."}},
		{"many branches", wide, []string{"(1 of 100000): *errtrace.oopsError: x\n\tat app.a (a.go:1)", "(63 of 100000): *errors.errorString: EOF", "..."}},
		{"a million program counters", &goError{base{message: "x"}, million}, []string{"... 999488 more"}},
		{
			"traces that were cut have no known end", &goError{base{"y: ", &goError{base{message: "x"}, million}}, million},
			[]string{"... 999488 more\nCaused by: *errtrace.goError: x\n\tat "},
		},
		{
			"text is cut between lines", &textError{text: strings.Repeat("f("+long+")\n\t/a.go:1\n", 1000)},
			[]string{"\tat f (/a.go:1)\n\t... more"},
		},
		{"many frames", &wideError{frames}, []string{"... 999488 more"}},
		{"10 MB of text on one line and 10 MB of lines", &hugeError{5_000_000}, []string{": ää", "\tat éé", "\n\t... more"}},
		{"64 kB of lines", &textError{text: strings.Repeat("x\n", 32<<10)}, []string{"\tat x\n", "\t... more"}},
		{"10 MB of lines", &textError{text: strings.Repeat("x\n", 5<<20)}, []string{"\tat x\n", "\t... more"}},
		{"one line of 10 MB", &jujuError{lines: []string{"x" + strings.Repeat("é", 5<<20)}}, []string{"\tat xéé", "é..."}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, rootFirst := range []bool{false, true} {
				text, hash := Style{RootFirst: rootFirst, Hash: true}.OfError(tt.err)
				if len(text) > maxTraceText+maxErrors*2*maxTraceLine || len(hash) != 8 {
					t.Errorf("rootFirst %v: %d bytes of text, hash %q", rootFirst, len(text), hash)
				}
				for _, want := range tt.want {
					if !rootFirst && !strings.Contains(text, want) {
						t.Errorf("no %q in %.3000s", want, text)
					}
				}
				for line := range strings.SplitSeq(text, "\n") {
					if len(line) > 3*maxTraceLine {
						t.Errorf("a line of %d bytes", len(line))
					}
				}
			}
		})
	}
}

func TestStackHash(t *testing.T) {
	t.Parallel()
	hashOf := func(s Style, err error) string {
		s.Hash = true
		_, hash := s.OfError(err)
		return hash
	}
	fault := func(message string, cause error) error { return &goError{base{message, cause}, callers()} }
	viaOther := func() error { return fault("x", nil) }
	want := hashOf(Style{}, fault("x: ", io.EOF))
	if !regexp.MustCompile(`^[0-9a-f]{8}$`).MatchString(want) {
		t.Fatalf("hash %q", want)
	}
	text := func(arg, line, more string) error {
		return &textError{text: "main.f(" + arg + ")\n\t/src/a.go:" + line + " +0x1\ncreated by main.g in goroutine " + line + "\n\ta.go:1\nb.go:" + line + ": " + more}
	}
	tests := []struct {
		name  string
		a, b  string
		equal bool
	}{
		{"another message and line", want, hashOf(Style{}, fault("yyy: ", io.ErrUnexpectedEOF)), true},
		{"another way of writing", want, hashOf(Style{Depth: 1, RootFirst: true}, fault("x: ", io.EOF)), true},
		{"another call path", want, hashOf(Style{}, func() error { return fault("x: ", io.EOF) }()), false},
		{"another type below", want, hashOf(Style{}, fault("x: ", fs.ErrNotExist)), true},
		{"another type of cause", want, hashOf(Style{}, fault("x: ", &fs.PathError{Err: io.EOF})), false},
		{"no cause", want, hashOf(Style{}, fault("x", nil)), false},
		{"another path below", hashOf(Style{}, fault("x: ", fault("x", nil))), hashOf(Style{}, fault("x: ", viaOther())), false},
		{"another type with the frames", want, hashOf(Style{}, &erisError{base{"x: ", io.EOF}, callers()}), false},
		{"text with other arguments and lines", hashOf(Style{}, text("0x1", "1", "m")), hashOf(Style{}, text("0x2", "2", "n")), true},
		{
			"text with other messages", hashOf(Style{}, &jujuError{lines: []string{"dial tcp 1:80", "app.F:1: x"}}),
			hashOf(Style{}, &jujuError{lines: []string{"EOF", "app.F:22: dial tcp 2:80", "", ":"}}), true,
		},
		{"other lines of text", hashOf(Style{}, &jujuError{lines: []string{"a.go:1: x"}}), hashOf(Style{}, &jujuError{lines: []string{"b.go:1: x"}}), false},
	}
	for _, tt := range tests {
		if (tt.a == tt.b) != tt.equal {
			t.Errorf("%s: hashes %s and %s, want equal: %v", tt.name, tt.a, tt.b, tt.equal)
		}
	}
	// The same bytes as hash/fnv has them.
	h := fnv.New32a()
	_, _ = io.WriteString(h, "*errors.errorString\napp.b\napp.a\n")
	if got, want := hashOf(Style{}, traced("", errors.New("x"), 2, 1)), fmt.Sprintf("%08x", h.Sum32()); got != want {
		t.Errorf("hash %s, want %s", got, want)
	}
	// The value itself is part of what users keep: it must not change with a release.
	if got := hashOf(Style{}, traced("x", io.EOF, 2, 1)); got != "d2f03d0f" {
		t.Errorf("hash %s", got)
	}
}

// callHandler is a handler that asks for the stack of each record.
type callHandler struct {
	Style

	text, sum  string
	handedOver bool
}

func (*callHandler) Enabled(context.Context, slog.Level) bool { return true }
func (h *callHandler) WithAttrs([]slog.Attr) slog.Handler     { return h }
func (h *callHandler) WithGroup(string) slog.Handler          { return h }
func (h *callHandler) Handle(_ context.Context, r slog.Record) error {
	if !h.handedOver {
		h.text, h.sum = h.OfCall(r.PC)
		return nil
	}
	var wg sync.WaitGroup
	wg.Go(func() { h.text, h.sum = h.OfCall(r.PC) })
	wg.Wait()
	return nil
}

func TestStackOfCall(t *testing.T) {
	t.Parallel()
	outer := func(log func(string, ...any)) { log("hello") }
	const want = `	at github.com/sluicelog/sluice/internal/errtrace.TestStackOfCall.func1 (/errtrace/errtrace_test.go:N)
	at github.com/sluicelog/sluice/internal/errtrace.TestStackOfCall (/errtrace/errtrace_test.go:N)
	at testing.tRunner (/testing/testing.go:N)`
	h := &callHandler{Style: Style{Hash: true}}
	logger := slog.New(h)
	outer(logger.Info)
	if diff := cmp.Diff(want, normal(h.text)); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	if len(h.sum) != 8 {
		t.Errorf("hash %q", h.sum)
	}
	hash := h.sum
	h.Depth = 1
	outer(logger.Warn)
	if lines := strings.Split(h.text, "\n"); len(lines) != 2 || lines[1] != "\t... 2 more" {
		t.Errorf("depth 1: %q", h.text)
	}
	if h.sum != hash {
		t.Errorf("the hash changed from %s to %s with the level and the depth", hash, h.sum)
	}
	logger.Info("hello")
	if h.sum == hash {
		t.Errorf("two call paths with the hash %s", hash)
	}
	h.handedOver = true
	outer(logger.Info)
	if h.text != "" || h.sum != "" {
		t.Errorf("on another goroutine: %q, %q", h.text, h.sum)
	}
	if text, hash := h.OfCall(0); text != "" || hash != "" {
		t.Errorf("no program counter: %q, %q", text, hash)
	}
}

func TestStackOfDeepCall(t *testing.T) {
	t.Parallel()
	h := &callHandler{Style: Style{Depth: 3}}
	var dive func(int)
	dive = func(n int) {
		if n > 0 {
			dive(n - 1)
			return
		}
		slog.New(h).Info("hello")
	}
	dive(2 * maxFrames)
	lines := strings.Split(h.text, "\n")
	if len(lines) != 4 || lines[3] != "\t... more" {
		t.Errorf("text %q", h.text)
	}
}

func TestStackCarriesNothingAllocs(t *testing.T) {
	if testlog.Race {
		t.Skip("the race detector allocates")
	}
	s := Style{Depth: 50, Hash: true}
	for _, err := range []error{
		errors.New("x"),
		fmt.Errorf("a: %w, %w", &fs.PathError{Op: "open", Path: "p", Err: fs.ErrNotExist}, io.EOF),
	} {
		if n := testing.AllocsPerRun(100, func() { s.OfError(err) }); n > 0 {
			t.Errorf("%T: %v allocations", err, n)
		}
	}
}

func BenchmarkStackOfError(b *testing.B) {
	s := Style{Depth: 50, Hash: true}
	for _, bb := range []struct {
		name string
		err  error
	}{
		{"none", errors.New("x")},
		{"none in a chain of three", fmt.Errorf("a: %w", &fs.PathError{Op: "open", Path: "p", Err: fs.ErrNotExist})},
		{"two of ten frames", traced("x", fmt.Errorf("a: %w", traced("y", nil, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1)), 9, 9, 7, 6, 5, 4, 3, 2, 1, 1)},
		{"two of program counters", &pkgError{base{"x", &pkgError{base{"y", nil}, callers()}}, callers()}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.OfError(bb.err)
			}
		})
	}
}

// What errors.As costs on the same chain says what the machine can do.
func BenchmarkErrorsAs(b *testing.B) {
	err := fmt.Errorf("a: %w", &fs.PathError{Op: "open", Path: "p", Err: fs.ErrNotExist})
	b.ReportAllocs()
	for b.Loop() {
		var as *oopsError
		errors.As(err, &as)
	}
}

func BenchmarkStackOfCall(b *testing.B) {
	s := Style{Depth: 50, Hash: true}
	b.Run("debug.Stack", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			debug.Stack()
		}
	})
	b.Run("OfCall", func(b *testing.B) {
		b.ReportAllocs()
		h := &callHandler{Style: s}
		logger := slog.New(h)
		for b.Loop() {
			logger.Info("hello")
		}
		if h.text == "" {
			b.Fatal("no stack")
		}
	})
}

func TestTypeName(t *testing.T) {
	t.Parallel()
	refused := &fs.PathError{Op: "dial", Err: io.EOF}
	for name, tt := range map[string]struct {
		err  error
		want string
	}{
		"alone":                              {io.EOF, "*errors.errorString"},
		"the end of a chain":                 {fmt.Errorf("a: %w", &fs.PathError{Err: &jujuError{}}), "*errtrace.jujuError"},
		"one that is joined":                 {fmt.Errorf("a: %w", errors.Join(nil, &jujuError{})), "*errtrace.jujuError"},
		"several":                            {errors.Join(io.EOF, refused), "*errors.joinError"},
		"several that are wrapped":           {&fs.PathError{Err: fmt.Errorf("a: %w", errors.Join(io.EOF, refused))}, "*fs.PathError"},
		"several under a type of their own":  {&fs.PathError{Err: joinError{io.EOF, refused}}, "errtrace.joinError"},
		"several that are wrapped with text": {fmt.Errorf("a: %w", errors.Join(io.EOF, refused)), "*errors.joinError"},
		"it wraps itself":                    {&selfError{}, "*errtrace.selfError"},
		"a method panics":                    {fmt.Errorf("a: %w", rudeError{}), "errtrace.rudeError"},
		"several lines":                      {typedError{"x\n\ty"}, "x  y"},
		"a type without end":                 {typedError{strings.Repeat("x", 1<<20)}, strings.Repeat("x", maxTraceLine) + "..."},
	} {
		if got := TypeName(tt.err); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

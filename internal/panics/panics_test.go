package panics_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/panics"
)

type (
	rude      struct{ with any } // its methods panic
	rudeText  struct{ with any }
	rudeForm  struct{ with any }
	again     struct{} // and again
	nilError  struct{ text string }
	word      string
	formatted int
)

func (r rude) Error() string               { panic(r.with) }
func (r rudeText) String() string          { panic(r.with) }
func (r rudeForm) Format(fmt.State, rune)  { panic(r.with) }
func (again) Error() string                { panic(again{}) }
func (e *nilError) Error() string          { return e.text }
func (formatted) Format(fmt.State, rune)   { panic(endless()) }
func (formatted) GoString() (never string) { panic(endless()) }

// endless returns a map that contains itself.
func endless() map[string]any {
	m := map[string]any{}
	m["self"] = m
	return m
}

// With fmt each of these ends the program, or panics.
func TestTextOfWhatHasNoEnd(t *testing.T) {
	t.Parallel()
	m := endless()
	const typ = "(map[string]interface {})"
	for _, tt := range []struct {
		name  string
		value any
		want  string
	}{
		{"a map", m, typ},
		{"a list", []any{m}, "([]interface {})"},
		{"a struct", struct{ M any }{m}, "(struct { M interface {} })"},
		{"a pointer", &m, "(*map[string]interface {})"},
		{"a reflect.Value", reflect.ValueOf(m), "<map[string]interface {} Value>"},
		{"a slog.Value", slog.AnyValue(m), "(slog.Value)"},
		{"a slog.Attr", slog.Any("k", m), "(slog.Attr)"},
		{"an error", rude{m}, "%!v(PANIC=Error method: " + typ + ")"},
		{"a Stringer", rudeText{m}, "%!v(PANIC=String method: " + typ + ")"},
		{"an error of an error", rude{rude{m}}, "%!v(PANIC=Error method: %!v(PANIC=Error method: " + typ + "))"},
		{"an error of an error of an error", rude{rude{rude{m}}}, "%!v(PANIC=Error method: %!v(PANIC=Error method: (panics_test.rude)))"},
		{"an error for ever", again{}, "%!v(PANIC=Error method: %!v(PANIC=Error method: (panics_test.again)))"},
		{"a Formatter", formatted(1), "(panics_test.formatted)"},
	} {
		if got := panics.Text(tt.value); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestTextAsFmt(t *testing.T) {
	t.Parallel()
	for _, v := range []any{
		nil, "words\n", word("word"), true, 7, int8(-7), uint64(7), uintptr(7), 1.5, 1i, time.Minute, slog.LevelWarn,
		io.EOF, fmt.Errorf("%w: %w", io.EOF, io.ErrClosedPipe), errors.Join(io.EOF), (*nilError)(nil),
		rude{"no"},
		rudeText{io.EOF},
	} {
		if got, want := panics.Text(v), fmt.Sprint(v); got != want {
			t.Errorf("%T: %q, want %q", v, got, want)
		}
	}
}

func TestTextIsCut(t *testing.T) {
	t.Parallel()
	huge := strings.Repeat("€", 1<<20)
	for _, v := range []any{huge, word(huge), errors.New(huge), rude{huge}} {
		got := panics.Text(v)
		if len(got) > 17<<10 || !strings.HasSuffix(got, "€...") || !strings.Contains(got, "€€€") {
			t.Errorf("%T: %d bytes that end in %q", v, len(got), got[max(0, len(got)-8):])
		}
	}
}

func TestSprintfAsFmt(t *testing.T) {
	t.Parallel()
	for _, v := range []any{
		"words", 7,
		[]int{1},
		io.EOF, &nilError{"x"}, (*nilError)(nil), time.Minute,
		rude{"no"},
		rudeText{io.EOF},
		rudeForm{1},
		slog.Int("k", 1), slog.IntValue(1), reflect.ValueOf(time.Minute), reflect.ValueOf(rude{"no"}),
		reflect.Value{},
		struct{ A any }{io.EOF},
	} {
		for _, format := range []string{"%v", "%+v", "%s", "!ERROR:%v"} {
			if got, want := panics.Sprintf(format, v), fmt.Sprintf(format, v); got != want {
				t.Errorf("%s of %T: %q, want %q", format, v, got, want)
			}
		}
	}
}

func TestSprintfOfWhatHasNoEnd(t *testing.T) {
	t.Parallel()
	for value, method := range map[any]string{
		&rude{endless()}: "Error", &rudeText{endless()}: "String", &rudeForm{endless()}: "Format", formatted(1): "Format",
	} {
		want := "%!v(PANIC=" + method + " method: (map[string]interface {}))"
		if got := panics.Sprintf("%+v", value); got != want {
			t.Errorf("%T: %s, want %s", value, got, want)
		}
		if got := panics.Sprintf("%v", reflect.ValueOf(value)); got != want {
			t.Errorf("a reflect.Value of %T: %s, want %s", value, got, want)
		}
	}
}

func TestOf(t *testing.T) {
	t.Parallel()
	for _, v := range []any{rude{7}, rudeText{7}, rudeForm{7}} {
		if got := panics.Of(v); got != 7 {
			t.Errorf("%T panics with %v, want 7", v, got)
		}
	}
	for _, v := range []any{nil, 1, "words", io.EOF, time.Minute, endless()} {
		if got := panics.Of(v); got != nil {
			t.Errorf("%T panics with %v", v, got)
		}
	}
}

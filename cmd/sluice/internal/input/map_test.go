package input_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/cmd/sluice/internal/input"
)

func TestMapKeepsOrder(t *testing.T) {
	want := lines(50_000)
	r, err := input.Open(nil, &input.Options{Stdin: bytes.NewReader(want)})
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	states, err := input.Map(t.Context(), r, func() *int { return new(int) },
		func(n *int, c *input.Chunk) []byte {
			for range c.Lines() {
				*n++
			}
			return c.Data
		},
		func(b []byte) error { got.Write(b); return nil })
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, n := range states {
		total += *n
	}
	if diff := cmp.Diff(50_000, total); diff != "" {
		t.Errorf("lines mismatch (-want +got):\n%s", diff)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Error("what was read differs")
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// open opens text as standard input.
func open(t *testing.T, text []byte) *input.Reader {
	t.Helper()
	r, err := input.Open(nil, &input.Options{Stdin: bytes.NewReader(text)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func none() int { return 0 }

func TestMapOfNothing(t *testing.T) {
	r := open(t, nil)
	states, err := input.Map(t.Context(), r, func() int { return 7 },
		func(int, *input.Chunk) int { t.Error("work was called"); return 0 },
		func(int) error { t.Error("emit was called"); return nil })
	if diff := cmp.Diff([]int{7}, states); diff != "" || err != nil {
		t.Errorf("error %v, states mismatch (-want +got):\n%s", err, diff)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// However Map ends, it leaves no goroutine, and the Reader can be closed.
func TestMapEnds(t *testing.T) {
	failed := errors.New("the output is full")
	for name, tt := range map[string]struct {
		work func(n int64, cancel func())
		emit func(n int64, cancel func()) error
		want error
	}{
		"emit fails at once":      {nil, func(int64, func()) error { return failed }, failed},
		"emit fails later":        {nil, func(n int64, _ func()) error { return map[bool]error{true: failed}[n == 5] }, failed},
		"cancelled in work":       {func(n int64, cancel func()) { cancelAt(n, 1, cancel) }, nil, context.Canceled},
		"cancelled in later work": {func(n int64, cancel func()) { cancelAt(n, 6, cancel) }, nil, context.Canceled},
		"cancelled in emit":       {nil, func(n int64, cancel func()) error { cancelAt(n, 3, cancel); return nil }, context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			text := bytes.Repeat(lines(5000), 12)
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				r := open(t, text)
				var worked, emitted atomic.Int64
				_, err := input.Map(ctx, r, none, func(int, *input.Chunk) int {
					if n := worked.Add(1); tt.work != nil {
						tt.work(n, cancel)
					}
					return 0
				}, func(int) error {
					if n := emitted.Add(1); tt.emit != nil {
						return tt.emit(n, cancel)
					}
					return nil
				})
				if !errors.Is(err, tt.want) {
					t.Errorf("error %v, want %v", err, tt.want)
				}
				if n := emitted.Load(); n > 8 {
					t.Errorf("%d results after the end", n)
				}
				if err := r.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func cancelAt(n, at int64, cancel func()) {
	if n == at {
		cancel()
	}
}

func TestMapCancelledBefore(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := open(t, []byte("a\n"))
	_, err := input.Map(ctx, r, none, func(int, *input.Chunk) int { t.Error("work was called"); return 0 }, func(int) error { return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// Nobody writes to standard input, and the context ends.
func TestMapCancelledWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		out, in := io.Pipe()
		r, err := input.Open([]string{"-"}, &input.Options{Stdin: out})
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			if _, err := in.Write([]byte("a\nb")); err != nil {
				t.Error(err)
			}
		}()
		var got []string
		_, err = input.Map(ctx, r, none, func(_ int, c *input.Chunk) string { return string(c.Data) },
			func(s string) error { got = append(got, s); cancel(); return nil })
		if diff := cmp.Diff([]string{"a\n"}, got); diff != "" || !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, mismatch (-want +got):\n%s", err, diff)
		}
		if err := errors.Join(r.Close(), in.Close()); err != nil {
			t.Error(err)
		}
	})
}

func TestMapPanics(t *testing.T) {
	for name, tt := range map[string]struct {
		work func()
		want string
	}{
		"panic":  {func() { panic("no such level") }, "no such level\n\ngoroutine"},
		"Goexit": {runtime.Goexit, "work has called runtime.Goexit"},
	} {
		t.Run(name, func(t *testing.T) {
			text := lines(20_000)
			synctest.Test(t, func(t *testing.T) {
				r := open(t, text)
				defer func() {
					if v := fmt.Sprint(recover()); !strings.HasPrefix(v, tt.want) {
						t.Errorf("panic %q, want %q", v, tt.want)
					}
					if err := r.Close(); err != nil {
						t.Error(err)
					}
				}()
				_, err := input.Map(t.Context(), r, none, func(int, *input.Chunk) int { tt.work(); return 0 }, func(int) error { return nil })
				t.Errorf("Map returned %v", err)
			})
		})
	}
}

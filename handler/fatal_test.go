package handler_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice/handler"
)

// fatalCase is in the environment of a child process that calls Fatal.
const fatalCase = "SLUICE_FATAL_CASE"

type fatalHandler struct {
	slog.Handler
	handle, flush func() error
}

func (h fatalHandler) Handle(ctx context.Context, r slog.Record) error {
	if h.handle != nil {
		if err := h.handle(); err != nil {
			return err
		}
	}
	return h.Handler.Handle(ctx, r)
}

func (h fatalHandler) Flush(context.Context) error {
	if h.flush != nil {
		return h.flush()
	}
	return nil
}

// fatalDisabled is enabled for nothing, and does not look at that in Handle.
type fatalDisabled struct{ heedful }

func (fatalDisabled) Enabled(context.Context, slog.Level) bool { return false }

// fatalCases are what a child process does, and what it writes then.
func fatalCases() map[string]struct {
	do     func(ctx context.Context, h slog.Handler)
	stdout []string // that are in it; none means that it is empty
	stderr string   // that is in it; empty means that it is
} {
	type fatal = struct {
		do     func(ctx context.Context, h slog.Handler)
		stdout []string
		stderr string
	}
	_, _, here, _ := runtime.Caller(0)
	log := func(ctx context.Context, h slog.Handler) {
		defer fmt.Println("deferred functions do not run")
		handler.Fatal(ctx, slog.New(h), "the end", "k", 1)
	}
	line := []string{`level=ERROR+8`, `msg="the end" k=1`}
	return map[string]fatal{
		"logs and exits": {do: log, stdout: append(line, "fatal_test.go:"+strconv.Itoa(here+3)+" ")},
		"a nil logger": {do: func(ctx context.Context, h slog.Handler) {
			slog.SetDefault(slog.New(h))
			handler.Fatal(ctx, nil, "the end", "k", 1)
		}, stdout: line},
		"a nil context": {do: func(_ context.Context, h slog.Handler) {
			var none context.Context
			handler.Fatal(none, slog.New(h), "the end", "k", 1)
		}, stdout: line},
		"a canceled context": {do: func(ctx context.Context, h slog.Handler) {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			log(ctx, heedful{h})
		}, stdout: append(line, "flushed: <nil>")},
		"a deadline that has passed": {do: func(ctx context.Context, h slog.Handler) {
			ctx, cancel := context.WithDeadline(ctx, time.Now().Add(-time.Hour))
			defer cancel()
			log(ctx, heedful{h})
		}, stdout: append(line, "flushed: <nil>")},
		"flushes what is buffered": {do: func(ctx context.Context, _ slog.Handler) {
			log(ctx, handler.NewGate(handler.NewJSONHandler(&fatalBuffer{to: os.Stdout}, nil), nil))
		}, stdout: []string{`"level":"ERROR+8"`, `"msg":"the end","k":1`}},
		"a level that is not enabled": {do: func(ctx context.Context, h slog.Handler) {
			log(ctx, fatalDisabled{heedful{h}})
		}, stdout: []string{"flushed: <nil>"}},
		"an error of a handler": {do: func(ctx context.Context, h slog.Handler) {
			log(ctx, fatalHandler{Handler: heedful{h}, handle: func() error { return errors.New("disk full") }})
		}, stderr: `handler: Fatal: handle "the end": disk full`},
		"a message that is several lines": {do: func(ctx context.Context, h slog.Handler) {
			handler.Fatal(ctx, slog.New(fatalHandler{Handler: h, handle: func() error { return errors.New("no") }}), "the\nend")
		}, stderr: `handler: Fatal: handle "the\nend": no`},
		"a logger without a handler": {do: func(ctx context.Context, _ slog.Handler) {
			handler.Fatal(ctx, &slog.Logger{}, "the end")
		}, stderr: `handler: Fatal: handle "the end": panic: runtime error: invalid memory address or nil pointer dereference`},
		"an error of a flush": {do: func(ctx context.Context, h slog.Handler) {
			log(ctx, fatalHandler{Handler: h, flush: func() error { return errors.New("disk full") }})
		}, stdout: line, stderr: "handler: Fatal: flush: disk full"},
		"a handler that panics": {do: func(ctx context.Context, h slog.Handler) {
			log(ctx, fatalHandler{Handler: h, handle: func() error { panic("no") }, flush: func() error { fmt.Println("flushed"); return nil }})
		}, stdout: []string{"flushed"}, stderr: `handler: Fatal: handle "the end": panic: no`},
		"a flush that panics": {do: func(ctx context.Context, h slog.Handler) {
			log(ctx, fatalHandler{Handler: h, flush: func() error { panic("no") }})
		}, stdout: line, stderr: "handler: Fatal: flush: panic: no"},
		"a handler that ends the goroutine": {do: func(ctx context.Context, h slog.Handler) {
			log(ctx, fatalHandler{Handler: heedful{h}, handle: func() error { runtime.Goexit(); return nil }, flush: func() error { fmt.Println("flushed"); return nil }})
		}, stdout: []string{"flushed"}, stderr: `handler: Fatal: handle "the end": the handler did not return`},
		"a flush that ends the goroutine": {do: func(ctx context.Context, h slog.Handler) {
			log(ctx, fatalHandler{Handler: h, flush: func() error { runtime.Goexit(); return nil }})
		}, stdout: line, stderr: "handler: Fatal: flush: the handler did not return"},
		"a handler that does not return": {do: func(ctx context.Context, h slog.Handler) {
			ctx, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
			defer cancel()
			log(ctx, fatalHandler{Handler: h, handle: func() error { select {} }})
		}, stderr: `handler: Fatal: a handler did not return in time, of "the end"`},
		"a flush that does not return": {do: func(ctx context.Context, h slog.Handler) {
			ctx, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
			defer cancel()
			log(ctx, fatalHandler{Handler: h, flush: func() error { select {} }})
		}, stdout: line, stderr: `handler: Fatal: a handler did not return in time, of "the end"`},
	}
}

// heedful flushes as its context allows.
type heedful struct{ slog.Handler }

func (heedful) Flush(ctx context.Context) error {
	deadline, ok := ctx.Deadline()
	if left := time.Until(deadline); !ok || left < 3*time.Second || left > 5*time.Second {
		fmt.Println("the flush has", left, ok)
	}
	fmt.Println("flushed:", ctx.Err())
	return nil
}

// fatalBuffer holds what is written until it is flushed.
type fatalBuffer struct {
	bytes.Buffer
	to io.Writer
}

func (b *fatalBuffer) Flush() error {
	_, err := b.WriteTo(b.to)
	return err
}

func TestFatal(t *testing.T) {
	if name := os.Getenv(fatalCase); name != "" {
		fatalCases()[name].do(context.Background(), slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{AddSource: true}))
		fmt.Println("it has returned")
		os.Exit(0)
	}
	t.Parallel()
	for name, tt := range fatalCases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestFatal$")
			cmd.Env = append(os.Environ(), fatalCase+"="+name)
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			err := cmd.Run()
			if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 1 {
				t.Errorf("got %v, want status 1", err)
			}
			for _, want := range tt.stdout {
				if !strings.Contains(stdout.String(), want) {
					t.Errorf("standard output lacks %q", want)
				}
			}
			if len(tt.stdout) == 0 && stdout.Len() > 0 {
				t.Errorf("standard output has more")
			}
			for _, bad := range []string{"deferred", "returned", "the flush has"} {
				if strings.Contains(stdout.String(), bad) {
					t.Errorf("standard output has %q", bad)
				}
			}
			if got := strings.TrimSpace(stderr.String()); got != tt.stderr {
				t.Errorf("standard error: %q, want %q", got, tt.stderr)
			}
			if t.Failed() {
				t.Logf("standard output: %s", &stdout)
			}
		})
	}
}

// TestFatalWhereNobodyReads has a pipe for standard error that is full.
func TestFatalWhereNobodyReads(t *testing.T) {
	if os.Getenv(fatalCase) != "" {
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel()
		handler.Fatal(ctx, slog.New(slog.NewTextHandler(os.Stderr, nil)), strings.Repeat("x", 10<<20))
		return // with status 0
	}
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestFatalWhereNobodyReads$")
	cmd.Env = append(os.Environ(), fatalCase+"=here")
	cmd.Stderr = w
	err = cmd.Run()
	if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("got %v, want status 1", err)
	}
}

package rotate_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/slogtest"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/rotate"
)

func jsonEncoder(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) }

func TestHandlerConformsToSlogtest(t *testing.T) {
	var path string
	slogtest.Run(t, func(t *testing.T) slog.Handler {
		path = filepath.Join(t.TempDir(), "app.log")
		return rotate.NewHandler(mustOpen(t, path, nil), jsonEncoder)
	}, func(t *testing.T) map[string]any {
		var record map[string]any
		if err := json.Unmarshal([]byte(read(t, path)), &record); err != nil {
			t.Fatal(err)
		}
		return record
	})
}

func TestHandlerSurvivesWith(t *testing.T) {
	f := mustOpen(t, filepath.Join(t.TempDir(), "app.log"), nil)
	h := rotate.NewHandler(f, jsonEncoder)
	if h.WithAttrs(nil) != h || h.WithGroup("") != h {
		t.Error("WithAttrs(nil) or WithGroup(\"\") is another handler")
	}
	for name, derived := range map[string]slog.Handler{
		"WithAttrs": h.WithAttrs([]slog.Attr{slog.Int("a", 1)}),
		"WithGroup": h.WithGroup("g"),
	} {
		d, ok := derived.(*rotate.Handler)
		if !ok {
			t.Fatalf("%s returns a %T", name, derived)
		}
		if _, ok := d.Unwrap().(*slog.JSONHandler); !ok {
			t.Errorf("%s unwraps to a %T", name, d.Unwrap())
		}
		if err := d.Flush(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestHandlerReturnsTheFilesError(t *testing.T) {
	f := mustOpen(t, filepath.Join(t.TempDir(), "app.log"), nil)
	h := rotate.NewHandler(f, jsonEncoder)
	mustClose(t, f)
	if err := h.Handle(t.Context(), slog.Record{}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Handle = %v, want os.ErrClosed", err)
	}
	if err := h.Flush(t.Context()); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Flush = %v, want os.ErrClosed", err)
	}
}

func TestNewHandlerPanicsOnNil(t *testing.T) {
	f := mustOpen(t, filepath.Join(t.TempDir(), "app.log"), nil)
	for want, call := range map[string]func(){
		"rotate: NewHandler: nil file":            func() { rotate.NewHandler(nil, jsonEncoder) },
		"rotate: NewHandler: nil encode":          func() { rotate.NewHandler(f, nil) },
		"rotate: NewHandler: encode returned nil": func() { rotate.NewHandler(f, func(io.Writer) slog.Handler { return nil }) },
	} {
		func() {
			defer func() {
				if diff := cmp.Diff(any(want), recover()); diff != "" {
					t.Errorf("panic mismatch (-want +got):\n%s", diff)
				}
			}()
			call()
		}()
	}
}

func TestHandlerLogsTheSameBytesAsItsEncoder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	encode := func(w io.Writer) slog.Handler {
		return slog.NewTextHandler(w, &slog.HandlerOptions{ReplaceAttr: withoutTime, Level: slog.LevelWarn})
	}
	var want bytes.Buffer
	for _, h := range []slog.Handler{rotate.NewHandler(mustOpen(t, path, nil), encode), encode(&want)} {
		logger := slog.New(h).With("a", 1).WithGroup("g").With("b", 2)
		logger.Info("not enabled")
		logger.Warn("enabled", "c", 3)
	}
	if diff := cmp.Diff(want.String(), read(t, path)); diff != "" {
		t.Errorf("output mismatch (-want +got):\n%s", diff)
	}
}

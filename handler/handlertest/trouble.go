package handlertest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/internal/testlog"
)

// troubleRules: what goes wrong is over when it is over, and what a value or a
// caller does meanwhile does no harm.
func troubleRules() []rule[subject] {
	return []rule[subject]{
		{"a writer that failed for a while gets what is logged afterwards", func(s subject) error {
			return s.recovers(func(w *testlog.FaultWriter, on bool) {
				if w.Fail(nil); on {
					w.Fail(errInjected)
				}
			})
		}},
		{"a writer that panicked for a while gets what is logged afterwards", func(s subject) error {
			return s.recovers(func(w *testlog.FaultWriter, on bool) {
				if w.Panic(nil); on {
					w.Panic(errInjected)
				}
			})
		}},
		{"a value that logs does not lock the handler up", func(s subject) error {
			for _, through := range []func(*nested) any{
				func(n *nested) any { return nestedValuer{n} },
				func(n *nested) any { return nestedError{n} },
				func(n *nested) any { return nestedMarshaler{n} },
			} {
				lines, err := s.lines(nil, func(h slog.Handler) error {
					v := through(&nested{h})
					return soon(func() error { return h.Handle(context.Background(), record(slog.LevelInfo, "m", slog.Any("v", v))) })
				})
				outer := 0
				for _, m := range lines {
					if m["msg"] == "m" {
						outer++
					}
				}
				if err != nil || outer != 1 {
					return all(err, fmt.Errorf("%d lines for one record with a %T", outer, through(nil)))
				}
			}
			return nil
		}},
		{"a value that is changed after Handle prints as it was", func(s subject) error {
			values, list := map[string]any{"before": 1}, []string{"before"}
			lines, err := s.lines(nil, func(h slog.Handler) error {
				r := record(slog.LevelInfo, "m", slog.Any("m", values), slog.Group("g", slog.Any("l", list)))
				err := h.Handle(context.Background(), r)
				values["after"] = 2
				delete(values, "before")
				list[0] = "after"
				return err
			})
			if err := exactly(1, lines, err); err != nil {
				return err
			}
			return all(holds(lines[0], "before", "m"), holds(lines[0], "before", "g", "l"))
		}},
		{"Flush writes only what was logged", func(s subject) error {
			lines, err := s.lines(nil, func(h slog.Handler) error {
				ctx := context.Background()
				return errors.Join(handler.Flush(ctx, h), h.Handle(ctx, record(slog.LevelInfo, "m")), handler.Flush(ctx, h),
					handler.Flush(ctx, h))
			})
			return exactly(1, lines, err)
		}},
	}
}

// recovers logs while the writer is in trouble, and afterwards. What is logged
// meanwhile may be lost or come late.
func (s subject) recovers(trouble func(w *testlog.FaultWriter, on bool)) error {
	var buf testlog.Buffer
	w := &testlog.FaultWriter{W: &buf}
	h, ctx := s.new(w, nil), context.Background()
	log := func(msg string) error {
		return soon(func() error {
			_ = caught(func() error { return h.Handle(ctx, record(slog.LevelInfo, msg)) }) // it may say what it likes
			_ = handler.Flush(ctx, h)
			return nil
		})
	}
	trouble(w, true)
	for range 10 {
		if err := log("meanwhile"); err != nil {
			return err
		}
	}
	trouble(w, false)
	if err := log("afterwards"); err != nil {
		return err
	}
	lines, err := s.read(&buf)
	if err != nil {
		return err
	}
	for _, m := range lines {
		if m["msg"] == "afterwards" {
			return nil
		}
	}
	return fmt.Errorf("what is logged afterwards is lost: %v", lines)
}

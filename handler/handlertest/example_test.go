package handlertest_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/handler/handlertest"
)

func ExampleCheck() {
	for _, v := range handlertest.Check(func(w io.Writer, opts *slog.HandlerOptions) slog.Handler {
		return slog.NewJSONHandler(w, opts)
	}, handlertest.ParseJSON) {
		fmt.Println("slog:", v.Rule)
	}
	fmt.Println("sluice:", handlertest.Check(func(w io.Writer, opts *slog.HandlerOptions) slog.Handler {
		return handler.NewJSONHandler(w, opts)
	}, handlertest.ParseJSON))
	// Output:
	// slog: a group of empty attrs prints nothing, and the next attr is whole
	// slog: a group that ReplaceAttr empties prints nothing, and the next attr is whole
	// slog: WithGroup of an empty name returns the receiver
	// slog: WithAttrs of no attrs returns the receiver
	// slog: a year beyond 9999 costs a placeholder, not the record
	// sluice: []
}

// counting is a wrapper with a usual mistake: what it embeds has WithAttrs and
// WithGroup, which return a handler that no longer counts.
type counting struct {
	slog.Handler
	records int
}

func (c *counting) Handle(ctx context.Context, r slog.Record) error {
	c.records++
	return c.Handler.Handle(ctx, r)
}

func ExampleCheckWrapper() {
	for _, v := range handlertest.CheckWrapper(func(next slog.Handler) slog.Handler {
		return &counting{Handler: next}
	}) {
		fmt.Println(v.Rule)
	}
	// Output:
	// With and WithGroup keep the wrapper
	// Unwrap leads to the next handler
}

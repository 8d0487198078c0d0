package fanout_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/sluicelog/sluice/fanout"
	"github.com/sluicelog/sluice/handler"
)

// printer returns a handler that prints records behind a name.
func printer(name string) slog.Handler {
	return slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		switch a.Key {
		case slog.TimeKey:
			return slog.String("to", name)
		case slog.LevelKey:
			return slog.Attr{}
		}
		return a
	}})
}

func ExampleNewHandler() {
	logger := slog.New(fanout.NewHandler(nil,
		printer("all"),
		handler.NewGate(printer("errors"), &handler.GateOptions{Level: slog.LevelError}),
		fanout.When(fanout.HasTag("security"), printer("audit")),
	))
	logger.Info("user login", "tags", []string{"security"})
	logger.Error("disk full")
	// Output:
	// to=all msg="user login" tags=[security]
	// to=audit msg="user login" tags=[security]
	// to=all msg="disk full"
	// to=errors msg="disk full"
}

func ExampleNewFailover() {
	broken := &faulty{Handler: printer("primary"), err: errors.New("no space left on device")}
	f := fanout.NewFailover(&fanout.Options{OnError: func(err error) { fmt.Println(err) }}, broken, printer("standby"))
	logger := slog.New(f)
	logger.Info("one")
	broken.err = nil
	logger.Info("two")
	fmt.Printf("%+v\n", f.Stats())
	// Output:
	// fanout: handler 1: no space left on device
	// to=standby msg=one
	// to=primary msg=two
	// [{Accepted:2 Written:1 Dropped:1} {Accepted:1 Written:1 Dropped:0}]
}

func ExampleWhen() {
	type tenant struct{}
	internal := func(ctx context.Context, _ slog.Record, _ fanout.Bound) bool {
		return ctx.Value(tenant{}) == "internal"
	}
	logger := slog.New(fanout.When(internal, printer("internal")))
	logger.InfoContext(context.WithValue(context.Background(), tenant{}, "internal"), "one")
	logger.InfoContext(context.Background(), "two")
	// Output:
	// to=internal msg=one
}

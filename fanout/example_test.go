package fanout_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"syscall"
	"time"

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

func ExampleNewHandler_hook() {
	failed := 0
	count := handler.NewFunc(func(context.Context, slog.Record) error { failed++; return nil }, nil)
	logger := slog.New(fanout.NewHandler(nil,
		printer("all"),
		fanout.When(fanout.LevelIn(slog.LevelError, nil), count),
	))
	logger.Info("started")
	logger.Error("disk full")
	fmt.Println(failed, "error")
	// Output:
	// to=all msg=started
	// to=all msg="disk full"
	// 1 error
}

func ExampleNewFailover() {
	broken := &faulty{Handler: printer("primary"), err: errors.New("no space left on device")}
	f := fanout.NewFailover(&fanout.Options{OnError: func(err error) { fmt.Println(err) }}, broken, printer("standby"))
	logger := slog.New(f)
	logger.Info("one")
	broken.err = nil
	logger.Info("two")
	for _, s := range f.Stats() {
		fmt.Println(s.Written, "written,", s.Dropped, "dropped,", s.State)
	}
	// Output:
	// to=standby msg=one
	// fanout: handler 1: no space left on device
	// to=primary msg=two
	// 1 written, 1 dropped, up
	// 1 written, 0 dropped, up
}

func ExampleNewFailover_spread() {
	logger := slog.New(fanout.NewFailover(&fanout.Options{Spread: true}, printer("a"), printer("b"), printer("c")))
	for i := range 4 {
		logger.Info("m", "i", i)
	}
	// Output:
	// to=a msg=m i=0
	// to=b msg=m i=1
	// to=c msg=m i=2
	// to=a msg=m i=3
}

func ExampleHealth() {
	broken := &faulty{Handler: printer("primary"), err: errors.New("connection refused")}
	opts := &fanout.Options{
		MaxFailures: 2,
		CoolDown:    time.Nanosecond, // so that the next record is tried already
		OnState:     func(h fanout.Health) { fmt.Println(h.Name, "is", h.State, h.Err) },
	}
	logger := slog.New(fanout.NewFailover(opts, fanout.Named("primary", broken), printer("standby")))
	logger.Info("one")
	logger.Info("two")
	broken.err = nil
	logger.Info("three")
	// Output:
	// to=standby msg=one
	// to=standby msg=two
	// primary is down connection refused
	// to=primary msg=three
	// primary is up <nil>
}

func ExampleNewFirstMatch() {
	logger := slog.New(fanout.NewFirstMatch(nil,
		fanout.When(fanout.AttrIs("probe", true), slog.DiscardHandler),
		fanout.When(fanout.HasTag("security"), printer("audit")),
		printer("rest"),
	))
	logger.Info("GET /healthz", "probe", true)
	logger.Warn("login failed", "tags", "security")
	logger.Info("GET /")
	// Output:
	// to=audit msg="login failed" tags=security
	// to=rest msg="GET /"
}

func ExampleNamed() {
	full := &faulty{Handler: printer("audit"), err: syscall.ENOSPC}
	opts := &fanout.Options{OnError: func(err error) {
		if e, ok := errors.AsType[*fanout.Error](err); ok && e.Name == "audit" {
			fmt.Println("alarm:", err)
		}
	}}
	h := fanout.NewHandler(opts, printer("console"), fanout.Named("audit", full))
	slog.New(h).Warn("login failed")
	for _, s := range h.Stats() {
		fmt.Printf("%q: %d written, %d dropped\n", s.Name, s.Written, s.Dropped)
	}
	// Output:
	// to=console msg="login failed"
	// alarm: fanout: handler 2 "audit": no space left on device
	// "": 1 written, 0 dropped
	// "audit": 0 written, 1 dropped
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

// only returns a logger for what matches.
func only(match fanout.Match) *slog.Logger { return slog.New(fanout.When(match, printer("branch"))) }

func ExampleAnd() {
	logger := only(fanout.And(fanout.HasTag("security"), fanout.LevelIn(slog.LevelWarn, nil)))
	logger.Info("login", "tags", "security")
	logger.Warn("login failed", "tags", "security")
	// Output:
	// to=branch msg="login failed" tags=security
}

func ExampleOr() {
	logger := only(fanout.Or(fanout.HasAttr("err"), fanout.LevelIn(slog.LevelError, nil)))
	logger.Info("retrying", "err", "timeout")
	logger.Info("done")
	logger.Error("given up")
	// Output:
	// to=branch msg=retrying err=timeout
	// to=branch msg="given up"
}

func ExampleNot() {
	logger := only(fanout.Not(fanout.MessageContains("healthz")))
	logger.Info("GET /healthz")
	logger.Info("GET /")
	// Output:
	// to=branch msg="GET /"
}

func ExampleLevelIn() {
	logger := only(fanout.LevelIn(slog.LevelInfo, slog.LevelWarn))
	logger.Info("started")
	logger.Warn("slow")
	logger.Error("failed")
	// Output:
	// to=branch msg=started
	// to=branch msg=slow
}

func ExampleLevelIs() {
	logger := only(fanout.LevelIs(slog.LevelInfo, slog.LevelError))
	logger.Info("started")
	logger.Warn("slow")
	logger.Error("failed")
	// Output:
	// to=branch msg=started
	// to=branch msg=failed
}

func ExampleMessageIs() {
	logger := only(fanout.MessageIs("login", "logout"))
	logger.Info("login")
	logger.Info("login failed")
	// Output:
	// to=branch msg=login
}

func ExampleMessageContains() {
	logger := only(fanout.MessageContains("login"))
	logger.Info("login failed")
	logger.Info("logout")
	// Output:
	// to=branch msg="login failed"
}

func ExampleMessageMatches() {
	logger := only(fanout.MessageMatches(regexp.MustCompile(`^GET /api/v\d+/`)))
	logger.Info("GET /api/v2/users")
	logger.Info("GET /index.html")
	// Output:
	// to=branch msg="GET /api/v2/users"
}

func ExampleHasAttr() {
	logger := only(fanout.HasAttr("user.id"))
	logger.Info("one", slog.Group("user", "id", 1))
	logger.WithGroup("user").With("id", 2).Info("two")
	logger.Info("three", "user", "id")
	// Output:
	// to=branch msg=one user.id=1
	// to=branch msg=two user.id=2
}

func ExampleAttrIs() {
	logger := only(fanout.And(fanout.AttrIs("env", "production"), fanout.AttrIs("status", 500))).With("env", "production")
	logger.Info("one", "status", 500)
	logger.Info("two", "status", int64(500))
	logger.Info("three", "status", "500")
	// Output:
	// to=branch msg=one env=production status=500
	// to=branch msg=two env=production status=500
}

func ExampleAttrKindIs() {
	logger := only(fanout.AttrKindIs("took", slog.KindDuration))
	logger.Info("one", "took", time.Second)
	logger.Info("two", "took", 1000)
	// Output:
	// to=branch msg=one took=1s
}

func ExampleAttrFunc() {
	isTimeout := func(v slog.Value) bool {
		err, ok := v.Any().(error)
		return ok && errors.Is(err, context.DeadlineExceeded)
	}
	logger := only(fanout.AttrFunc("err", isTimeout))
	logger.Error("one", "err", fmt.Errorf("dial: %w", context.DeadlineExceeded))
	logger.Error("two", "err", errors.New("refused"))
	// Output:
	// to=branch msg=one err="dial: context deadline exceeded"
}

func ExampleHasTag() {
	logger := only(fanout.HasTag("security"))
	logger.Warn("one", "tags", []string{"login", "security"})
	logger.With("tags", "security").Warn("two")
	logger.Warn("three", "tags", "login")
	// Output:
	// to=branch msg=one tags="[login security]"
	// to=branch msg=two tags=security
}

func ExampleInPackage() {
	logger := only(fanout.InPackage("github.com/sluicelog/sluice"))
	logger.Info("from here")
	// Output:
	// to=branch msg="from here"
}

func ExampleInFunction() {
	logger := only(fanout.InFunction("*.ExampleIn*"))
	logger.Info("from here")
	func() { logger.Info("from a func in here") }()
	// Output:
	// to=branch msg="from here"
	// to=branch msg="from a func in here"
}

func ExampleContextIs() {
	type tenant struct{}
	logger := only(fanout.ContextIs(tenant{}, "acme"))
	logger.InfoContext(context.WithValue(context.Background(), tenant{}, "acme"), "one")
	logger.Info("two")
	// Output:
	// to=branch msg=one
}

func ExampleContextFunc() {
	hasDeadline := func(ctx context.Context) bool {
		_, ok := ctx.Deadline()
		return ok
	}
	logger := only(fanout.ContextFunc(hasDeadline))
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	logger.InfoContext(ctx, "one")
	logger.Info("two")
	// Output:
	// to=branch msg=one
}

package thirdparty_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	slogmulti "github.com/samber/slog-multi"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/fanout"
	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/redact"
)

// TestSlogMulti puts handlers of slog-multi around ours and ours around its, in which
// all lines must be as they are without it.
func TestSlogMulti(t *testing.T) {
	testlog.CheckGoroutines(t)
	pass := slogmulti.NewHandleInlineMiddleware(
		func(ctx context.Context, r slog.Record, next func(context.Context, slog.Record) error) error {
			return next(ctx, r)
		})
	ours := func(next slog.Handler) slog.Handler {
		return redact.NewHandler(handler.NewGate(fanout.NewHandler(nil, next), nil), nil)
	}
	broken := handler.NewJSONHandler(failing{}, nil)
	for name, build := range map[string]func(sink slog.Handler) slog.Handler{
		"ours alone":             ours,
		"its Fanout around ours": func(sink slog.Handler) slog.Handler { return slogmulti.Fanout(slog.DiscardHandler, ours(sink)) },
		"its Pipe around ours":   func(sink slog.Handler) slog.Handler { return slogmulti.Pipe(pass).Handler(ours(sink)) },
		"ours in its Pipe":       func(sink slog.Handler) slog.Handler { return slogmulti.Pipe(pass, ours).Handler(sink) },
		"its Router around ours": func(sink slog.Handler) slog.Handler {
			return slogmulti.Router().Add(ours(sink), slogmulti.LevelIsNot(slog.LevelDebug)).
				Add(ours(broken), slogmulti.LevelIs(slog.LevelDebug)).Handler()
		},
		"its FirstMatch around ours": func(sink slog.Handler) slog.Handler {
			return slogmulti.Router().Add(broken, slogmulti.LevelIs(slog.LevelDebug)).Add(ours(sink)).FirstMatch().Handler()
		},
		"its Failover around ours": func(sink slog.Handler) slog.Handler { return slogmulti.Failover()(broken, ours(sink)) },
		"its Recover around ours": func(sink slog.Handler) slog.Handler {
			return slogmulti.Pipe(slogmulti.RecoverHandlerError(func(context.Context, slog.Record, error) {})).Handler(ours(sink))
		},
		"its Pool around ours":   func(sink slog.Handler) slog.Handler { return slogmulti.Pool()(ours(sink)) },
		"ours around its Fanout": func(sink slog.Handler) slog.Handler { return ours(slogmulti.Fanout(slog.DiscardHandler, sink)) },
		"ours around its Failover": func(sink slog.Handler) slog.Handler {
			return ours(slogmulti.Failover()(broken, sink))
		},
		"our failover around its Pipe": func(sink slog.Handler) slog.Handler {
			return ours(fanout.NewFailover(nil, slogmulti.Pipe(pass).Handler(broken), slogmulti.Pipe(pass).Handler(sink)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			var lines testlog.Buffer
			options := handler.JSONOptions{}
			options.AddSource = true
			buffer := asyncbuf.NewWriter(&lines, nil)
			talk(t.Context(), build(options.NewHandler(buffer)))
			if err := buffer.Close(); err != nil {
				t.Error(err)
			}
			compare(t, talked, plain(whole(t, "lines", &lines)))
		})
	}
}

// failing is a writer that does not write.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("disk on fire") }

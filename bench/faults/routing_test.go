package faults_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	slogmulti "github.com/samber/slog-multi"

	"github.com/sluicelog/sluice/fanout"
	"github.com/sluicelog/sluice/handler"
)

// matching makes a handler that passes on what has an attr with a value.
type matching func(key string, value any, to slog.Handler) slog.Handler

func samberMatching(key string, value any, to slog.Handler) slog.Handler {
	return slogmulti.Router().Add(to, slogmulti.AttrValueIs(key, value)).Handler()
}

func ourMatching(key string, value any, to slog.Handler) slog.Handler {
	return fanout.When(fanout.AttrIs(key, value), to)
}

// misses logs one attr, which is the one that is asked for.
func misses(build matching, key string, asked any, logged ...any) scenario {
	return func(*testing.T) verdict {
		s := newSink()
		slog.New(build(key, asked, s)).Info("m", logged...)
		return unless(s.String() != "", "prints %q", s.printed())
	}
}

// matchesHalf asks for two attrs of which the record has one, twice.
func matchesHalf(build func(to slog.Handler) slog.Handler) scenario {
	return func(*testing.T) verdict {
		s := newSink()
		slog.New(build(s)).Info("m", "a", "1", "a", "1")
		return unless(s.String() == "", "prints %q", s.printed())
	}
}

func samberBoth(to slog.Handler) slog.Handler {
	return slogmulti.Router().Add(to, slogmulti.AttrValueIs("a", "1", "b", "2")).Handler()
}

func ourBoth(to slog.Handler) slog.Handler {
	return fanout.When(fanout.And(fanout.AttrIs("a", "1"), fanout.AttrIs("b", "2")), to)
}

// losesBehindRecover has a handler that panics behind what recovers, before one
// that is to take over.
func losesBehindRecover(build func(failing, standby slog.Handler) slog.Handler) scenario {
	return func(*testing.T) verdict {
		s := newSink()
		slog.New(build(failing{s, true}, s)).Info("m")
		return unless(s.String() != "", "the second handler prints %q", s.printed())
	}
}

func samberRecovering(first, second slog.Handler) slog.Handler {
	guard := slogmulti.RecoverHandlerError(func(context.Context, slog.Record, error) {})
	return slogmulti.Failover()(guard(first), second)
}

func ourRecovering(first, second slog.Handler) slog.Handler {
	return fanout.NewFailover(nil, handler.NewRecover(first, nil), second)
}

// losesStage makes two handlers of what is to stand before them.
func losesStage(build func(first, second slog.Handler) (a, b slog.Handler)) scenario {
	return func(*testing.T) verdict {
		first, second := newSink(), newSink()
		a, b := build(first, second)
		slog.New(a).Info("m", "password", "hunter2")
		slog.New(b).Info("m", "password", "hunter2")
		return unless(!strings.Contains(first.String()+second.String(), "hunter2"), "the second one prints %s", second.printed())
	}
}

func samberStages(first, second slog.Handler) (a, b slog.Handler) {
	stages := slogmulti.Pipe(masking)
	return stages.Handler(first), stages.Handler(second)
}

func ourStages(first, second slog.Handler) (a, b slog.Handler) {
	return masking(first), masking(second)
}

func masking(next slog.Handler) slog.Handler {
	return handler.NewRename(next, &handler.RenameOptions{Replace: func(_ []string, a slog.Attr) slog.Attr {
		return slog.String(a.Key, "***")
	}})
}

// samberSwaps and ourSwaps add a handler to a common beginning, twice.
func samberSwaps(*testing.T) verdict {
	alice, bob := newSink(), newSink()
	common := slogmulti.Router().Add(newSink()).Add(newSink()).Add(newSink())
	first := common.Add(alice)
	_ = common.Add(bob)
	return swapped(first.Handler(), alice, bob)
}

func ourSwaps(*testing.T) verdict {
	alice, bob := newSink(), newSink()
	common := append(make([]slog.Handler, 0, 4), newSink(), newSink(), newSink())
	first := fanout.NewHandler(nil, append(common, alice)...)
	_ = fanout.NewHandler(nil, append(common, bob)...)
	return swapped(first, alice, bob)
}

func swapped(h slog.Handler, alice, bob sink) verdict {
	slog.New(h).Info("m")
	return unless(alice.String() != "" && bob.String() == "", "alice gets %q, bob %q", alice.printed(), bob.printed())
}

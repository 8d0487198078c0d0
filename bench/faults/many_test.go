package faults_test

import (
	"log/slog"
	"strings"
	"testing"
)

// several makes one handler of several.
type several func(...slog.Handler) slog.Handler

func sharesSlice(build several) scenario {
	return func(*testing.T) verdict {
		second := newSink()
		slog.New(build(vandal{failing{newSink(), false}}, second)).With("password", "x").Info("m")
		return unless(!strings.Contains(second.String(), "vandalised"), "the second handler prints %s", second.printed())
	}
}

func letsPanicThrough(build several) scenario {
	return func(*testing.T) verdict {
		s := newSink()
		slog.New(build(failing{s, true}, s)).Info("m")
		return unless(true, "the call returns")
	}
}

func skipsAfterPanic(build several) scenario {
	return func(*testing.T) verdict {
		s := newSink()
		func() {
			defer func() { _ = recover() }()
			slog.New(build(failing{s, true}, s)).Info("m")
		}()
		return unless(s.String() != "", "the second handler prints %q", s.printed())
	}
}

func breaksForNil(build several) scenario {
	return func(*testing.T) verdict {
		s := newSink()
		slog.New(build(nil, s)).Info("m")
		return unless(s.String() != "", "the other handler prints %s", s.printed())
	}
}

func opensNamelessGroup(build several) scenario {
	return func(*testing.T) verdict {
		first, second := newSink(), newSink()
		h := build(first, second).WithGroup("")
		slog.New(h).Info("m", "k", "v")
		return unless(!strings.Contains(second.String(), `"":`), "prints %s", second.printed())
	}
}

func failsInSilence(build func(report func(error), h ...slog.Handler) slog.Handler) scenario {
	return func(*testing.T) verdict {
		s := newSink()
		told := 0
		slog.New(build(func(error) { told++ }, failing{s, false}, s)).Info("m")
		return unless(told == 1, "told of %d failures", told)
	}
}

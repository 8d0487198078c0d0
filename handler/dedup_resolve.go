package handler

import (
	"log/slog"

	"github.com/sluicelog/sluice/internal/attrs"
)

// resolveRecord resolves all LogValuers in r. It changes nothing that r shares.
func resolveRecord(r *slog.Record) {
	var budget attrs.Budget
	out := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		out.AddAttrs(slog.Attr{Key: a.Key, Value: resolveValue(a.Value, &budget)})
		return true
	})
	*r = out
}

// resolveAttrs returns attrs with all LogValuers resolved. It does not change them.
func resolveAttrs(as []slog.Attr) []slog.Attr {
	var find, budget attrs.Budget
	for _, a := range as {
		if hasLogValuer(a.Value, &find) {
			return resolveEach(as, &budget)
		}
	}
	return as
}

func resolveEach(as []slog.Attr, budget *attrs.Budget) []slog.Attr {
	out := make([]slog.Attr, len(as))
	for i, a := range as {
		out[i] = slog.Attr{Key: a.Key, Value: resolveValue(a.Value, budget)}
	}
	return out
}

// hasLogValuer reports whether v is a LogValuer, or a group with one in it.
func hasLogValuer(v slog.Value, budget *attrs.Budget) bool {
	switch v.Kind() {
	case slog.KindLogValuer:
		return true
	case slog.KindGroup:
		members := v.Group()
		if !budget.Enter(members) {
			return false
		}
		defer budget.Leave()
		for _, m := range members {
			if hasLogValuer(m.Value, budget) {
				return true
			}
		}
	default:
	}
	return false
}

// resolveValue leaves what is too deep or too large as it is, for the handler
// behind.
func resolveValue(v slog.Value, budget *attrs.Budget) slog.Value {
	v = v.Resolve()
	if v.Kind() != slog.KindGroup || !budget.Enter(v.Group()) {
		return v
	}
	defer budget.Leave()
	return slog.GroupValue(resolveEach(v.Group(), budget)...)
}

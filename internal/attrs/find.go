package attrs

import "log/slog"

// Any reports whether f is true of a or, if that is a group or becomes one, of an
// attr in it at any depth. What f is given is resolved.
func Any(a slog.Attr, f func(slog.Attr) bool) bool {
	var budget Budget
	return find(a, f, &budget)
}

func find(a slog.Attr, f func(slog.Attr) bool, budget *Budget) bool {
	a.Value = a.Value.Resolve()
	if a.Value.Kind() != slog.KindGroup {
		return f(a)
	}
	members := a.Value.Group()
	if !budget.Enter(members) {
		return false
	}
	defer budget.Leave()
	for _, m := range members {
		if find(m, f, budget) {
			return true
		}
	}
	return false
}

package attrs

import "log/slog"

// Resolve returns a with every LogValuer in it resolved, without what is empty
// inside. It reports whether that differs from a, and whether anything is left.
// The budget is that of the record. Nothing of the caller's is changed.
func Resolve(a slog.Attr, budget *Budget) (out slog.Attr, changed, keep bool) {
	if a.Value.Kind() == slog.KindLogValuer {
		a.Value, changed = a.Value.Resolve(), true
	}
	if a.Value.Kind() != slog.KindGroup {
		return a, changed, !Empty(a)
	}
	members := a.Value.Group()
	if !budget.Enter(members) {
		a.Value = slog.StringValue(TooLarge)
		return a, true, true
	}
	defer budget.Leave()
	clean, differs := resolve(members, budget)
	if differs {
		a.Value, changed = slog.GroupValue(clean...), true
	}
	return a, changed, len(clean) > 0
}

// ResolveAll is Resolve for what is bound with WithAttrs. The slice that it
// returns is the caller's own.
func ResolveAll(attrs []slog.Attr) []slog.Attr {
	var budget Budget
	clean, differs := resolve(attrs, &budget)
	if !differs {
		clean = append([]slog.Attr(nil), attrs...)
	}
	return clean
}

func resolve(attrs []slog.Attr, budget *Budget) (out []slog.Attr, differs bool) {
	for i, a := range attrs {
		b, changed, keep := Resolve(a, budget)
		if (changed || !keep) && !differs {
			differs = true
			out = append(make([]slog.Attr, 0, len(attrs)), attrs[:i]...)
		}
		if differs && keep {
			out = append(out, b)
		}
	}
	if !differs {
		return attrs, false
	}
	return out, true
}

// ResolveRecord returns r with every LogValuer in it resolved, without what is
// empty. A record in which there is neither is returned as it is.
func ResolveRecord(r slog.Record) slog.Record {
	flat := true
	r.Attrs(func(a slog.Attr) bool {
		k := a.Value.Kind()
		flat = k != slog.KindGroup && k != slog.KindLogValuer && a.Key != ""
		return flat
	})
	if flat {
		return r
	}
	return resolveRecord(r)
}

func resolveRecord(r slog.Record) slog.Record {
	var (
		room    [16]slog.Attr
		budget  Budget
		i       int
		differs bool
		list    = room[:0]
	)
	r.Attrs(func(a slog.Attr) bool {
		b, changed, keep := Resolve(a, &budget)
		if (changed || !keep) && !differs {
			differs = true
			list = First(r, i, list)
		}
		if differs && keep {
			list = append(list, b)
		}
		i++
		return true
	})
	if !differs {
		return r
	}
	clean := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	clean.AddAttrs(list...)
	return clean
}

// First appends the first n attrs of r to list.
func First(r slog.Record, n int, list []slog.Attr) []slog.Attr {
	if n == 0 {
		return list
	}
	r.Attrs(func(a slog.Attr) bool {
		list = append(list, a)
		n--
		return n > 0
	})
	return list
}

// Empty reports whether a is the zero Attr, which prints nothing.
func Empty(a slog.Attr) bool {
	return a.Key == "" && a.Value.Kind() == slog.KindAny && a.Value.Any() == nil
}

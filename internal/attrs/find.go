package attrs

import "log/slog"

// Limits on what Any looks at, which only groups that contain themselves pass.
const (
	maxDepth = 128
	maxNodes = 1 << 16
)

// Any reports whether f is true of a or, if that is a group, of an attr in it at
// any depth.
func Any(a slog.Attr, f func(slog.Attr) bool) bool {
	nodes := 0
	return find(a, f, 0, &nodes)
}

func find(a slog.Attr, f func(slog.Attr) bool, depth int, nodes *int) bool {
	if a.Value.Kind() != slog.KindGroup {
		return f(a)
	}
	members := a.Value.Group()
	if depth >= maxDepth {
		*nodes = maxNodes // it contains itself, most likely: no further group is worth a look
	}
	if *nodes += len(members); *nodes > maxNodes {
		return false
	}
	for _, m := range members {
		if find(m, f, depth+1, nodes) {
			return true
		}
	}
	return false
}

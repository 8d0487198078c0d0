package attrs

import (
	"log/slog"

	"github.com/sluicelog/sluice/internal/panics"
)

// Replace returns what a ReplaceAttr of slog.HandlerOptions makes of a, resolved.
// One that panics costs the value, not the record.
func Replace(f func([]string, slog.Attr) slog.Attr, groups []string, a slog.Attr) (out slog.Attr) {
	defer func() {
		if r := recover(); r != nil {
			out = slog.String(a.Key, "!PANIC: "+panics.Text(r))
		}
	}()
	out = f(groups, a)
	out.Value = out.Value.Resolve()
	return out
}

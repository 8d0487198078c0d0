package pipeline

import (
	"log/slog"
	"slices"

	"github.com/sluicelog/sluice/internal/attrs"
	"github.com/sluicelog/sluice/internal/snapshot"
	"github.com/sluicelog/sluice/redact"
)

// A frost keeps attrs as they are at the time of With for the generations to come:
// the program may change what they refer to. What is no plain text or number is
// masked before it is copied, as its type, by which a rule may know it, can get
// lost.
type frost struct {
	redactor *redact.Redactor // nil with Redaction.Off
	taker    *snapshot.Taker
}

// attrs returns bound attrs for the generation in force, and for those to come. What
// a slog.LogValuer says is the same in both.
func (f frost) attrs(groups []string, bound []slog.Attr) (now, later []slog.Attr) {
	now = slices.Clone(bound)
	plain := true
	for i, a := range now {
		switch a.Value.Kind() {
		case slog.KindAny, slog.KindLogValuer, slog.KindGroup:
			plain = false
			if f.redactor != nil {
				now[i] = f.redactor.ReplaceAttr(groups, a)
			}
		default:
		}
	}
	if plain {
		return now, now
	}
	if f.redactor == nil { // which resolves them
		now = attrs.ResolveAll(now)
	}
	return now, f.taker.Attrs(now)
}

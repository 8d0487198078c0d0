package pipeline

import (
	"log/slog"

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

func (f frost) attrs(groups []string, attrs []slog.Attr) []slog.Attr {
	kept := make([]slog.Attr, len(attrs))
	plain := true
	for i, a := range attrs {
		switch a.Value.Kind() {
		case slog.KindAny, slog.KindLogValuer, slog.KindGroup:
			plain = false
			if f.redactor != nil {
				a = f.redactor.ReplaceAttr(groups, a)
			}
		default:
		}
		kept[i] = a
	}
	if plain {
		return kept
	}
	return f.taker.Attrs(kept)
}

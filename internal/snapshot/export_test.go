package snapshot

import "log/slog"

// Record returns what Freeze makes of a copy of r.
func (t *Taker) Record(r slog.Record) (slog.Record, int64) {
	size := t.Freeze(&r)
	return r, size
}

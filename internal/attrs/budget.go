package attrs

import "log/slog"

// TooLarge is printed in the place of a group for which there is no Budget.
const TooLarge = "!ERROR:group too deep or too large"

// The limits of a Budget. They are far above what a program logs on purpose.
const (
	maxDepth = 128
	maxNodes = 1 << 16
)

// A Budget bounds what the groups of one record may hold, so that a group which
// contains itself, maybe more than once, comes to an end. The zero Budget is
// full.
type Budget struct{ depth, nodes int }

// Enter reports whether there is room for a group's attrs. If so, the caller
// calls Leave after them.
func (b *Budget) Enter(attrs []slog.Attr) bool {
	if b.depth >= maxDepth {
		b.nodes = maxNodes // no further group of this record is worth a look
	}
	if b.nodes += len(attrs); b.nodes > maxNodes {
		return false
	}
	b.depth++
	return true
}

// Room reports whether Enter would succeed.
func (b *Budget) Room(attrs []slog.Attr) bool {
	return b.depth < maxDepth && b.nodes+len(attrs) <= maxNodes
}

// Leave ends what Enter began.
func (b *Budget) Leave() { b.depth-- }

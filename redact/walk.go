package redact

import (
	"log/slog"
	"reflect"
)

// Limits on one attr, which only what contains itself passes, or what nobody
// would read. They are those of the encoders of sluice.
const (
	maxDepth = 100
	maxNodes = 1 << 16
)

// maxReports is how many failures of one record are reported. All are counted.
const maxReports = 8

// A walk goes through the attrs of one record, or of one call of WithAttrs. What
// has no secret in it is left as it is; of the rest a masked copy is made.
type walk struct {
	shared *shared
	path   []string // the groups and keys, masked, around what is looked at
	inside int      // the rule that a group around is sensitive by, or none
	hits   []hit    // what has been masked
	failed []error  // the first reasons for what could not be looked at
	memo   *memo
	deep   bool        // more than the texts of a record has been looked at
	traced bool        // hits have paths, whether there is a hook or not
	last   string      // the last text that was clean: what an error prints is often its field
	out    []slog.Attr // of a record with a secret

	// For the attr that is looked at.
	depth   int
	unseen  bool              // fmt prints none of this, but a method of what is around
	nodes   int               // values that are printed
	behind  int               // values that are behind a method that prints
	guarded bool              // in a struct with a lock: what is not exported is not read
	hidden  int               // how many such methods the walk is behind
	blind   bool              // not all behind a method has been looked at
	secrets []secret          // texts under sensitive keys behind such a method
	looked  map[look]struct{} // what has been looked at behind the first such method
	over    bool              // too many nodes
	open    []ref             // pointers, maps and slices that the walk is in
}

func newWalk(s *shared) *walk {
	return &walk{shared: s, inside: none, looked: map[look]struct{}{}, memo: new(memo)}
}

// maxPooled is how much of what a walk has needed is kept for the next one.
const maxPooled = 1 << 10

// reset makes the walk what it was, without what the caller may let go of.
func (w *walk) reset() {
	clear(w.path[:cap(w.path)])
	clear(w.secrets)
	clear(w.out)
	clear(w.hits)
	clear(w.looked)
	if cap(w.hits) > maxPooled {
		w.hits = nil
	}
	if cap(w.secrets) > maxPooled {
		w.secrets = nil
	}
	*w = walk{
		shared: w.shared, inside: none, path: w.path[:0], open: w.open[:0], secrets: w.secrets[:0], out: w.out[:0], hits: w.hits[:0],
		looked: w.looked, memo: w.memo,
	}
}

// A ref is a value that may contain itself.
type ref struct {
	p   uintptr
	len int
	t   reflect.Type
}

func (w *walk) push(key string) { w.path = append(w.path, key) }

func (w *walk) pop() { w.path = w.path[:len(w.path)-1] }

// enter begins a value that holds others. If it returns false there are too
// many, or they are too deep.
func (w *walk) enter() bool {
	if !w.count() || w.depth >= maxDepth {
		return false
	}
	w.depth++
	return true
}

func (w *walk) leave() { w.depth-- }

// count counts a value. If it returns false there are too many.
func (w *walk) count() bool {
	n := &w.nodes
	if w.hidden > 0 {
		n = &w.behind
	}
	*n++
	if *n > maxNodes {
		w.over = true
		w.blind = w.blind || w.hidden > 0
	}
	return !w.over
}

package handler

import (
	"encoding/binary"
	"hash/maphash"
	"log/slog"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluicelog/sluice/internal/attrs"
)

// An identity is what makes the attrs that With and WithGroup have bound identical
// to others, in bytes: those of an identifier. It is immutable.
type identity struct {
	bytes  []byte
	path   []byte // the groups that are open, each with a dot behind it
	groups int    // how many these are
	none   bool   // there is none: something cannot be compared

	ignored bool // the group that is open, with all in it
}

// An identifier tells what is identical. It remembers what it learned of types.
type identifier struct {
	seeds  [2]maphash.Seed
	ignore map[string]struct{}
	types  sync.Map // of *typeFacts, by reflect.Type
	last   atomic.Uint64
	pool   sync.Pool // of *scribe
}

func newIdentifier(ignore []string) *identifier {
	id := &identifier{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}}
	for _, path := range ignore {
		if id.ignore == nil {
			id.ignore = make(map[string]struct{})
		}
		id.ignore[path] = struct{}{}
	}
	return id
}

// hashText returns the hash of a key.
func (id *identifier) hashText(key string) [2]uint64 {
	return [2]uint64{maphash.String(id.seeds[0], key), maphash.String(id.seeds[1], key)}
}

// A comparison says whether a hash could be told.
type comparison int

const (
	compared     comparison = iota
	unresolved              // there is a LogValuer
	incomparable            // something cannot be compared
)

// hash returns the hash of r with what is bound.
func (id *identifier) hash(bound *identity, r *slog.Record) (hash [2]uint64, known comparison) {
	if bound.none {
		return hash, incomparable
	}
	s := id.scribe(bound)
	defer id.done(s)
	ok := true
	r.Attrs(func(a slog.Attr) bool {
		ok = bound.ignored || s.attr(a)
		return ok
	})
	for range bound.groups {
		s.buf = append(s.buf, tagEnd)
	}
	s.number(tagLevel, uint64(r.Level)) //nolint:gosec // any bits will do
	switch {
	case s.unresolved:
		return hash, unresolved
	case !ok || !s.text(tagString, r.Message):
		return hash, incomparable
	}
	return [2]uint64{maphash.Bytes(id.seeds[0], s.buf), maphash.Bytes(id.seeds[1], s.buf)}, compared
}

// withGroup returns bound with a group.
func (id *identifier) withGroup(bound *identity, name string) identity {
	out := *bound
	if out.ignored {
		return out
	}
	out.path = append(slices.Clip(out.path), name...)
	if _, out.ignored = id.ignore[string(out.path)]; out.ignored {
		return out
	}
	out.path = append(out.path, '.')
	out.bytes = appendText(append(slices.Clip(out.bytes), tagGroup), name)
	out.groups++
	return out
}

// withAttrs returns bound with attrs, which are resolved.
func (id *identifier) withAttrs(bound *identity, as []slog.Attr) identity {
	out := *bound
	if out.none || out.ignored {
		return out
	}
	s := id.scribe(bound)
	defer id.done(s)
	for _, a := range as {
		if !s.attr(a) {
			return identity{none: true}
		}
	}
	out.bytes = append([]byte(nil), s.buf...)
	return out
}

func (id *identifier) scribe(bound *identity) *scribe {
	s, _ := id.pool.Get().(*scribe)
	if s == nil {
		s = &scribe{id: id}
	}
	s.buf, s.path = append(s.buf[:0], bound.bytes...), s.path[:0]
	s.nodes, s.budget, s.unresolved = 0, attrs.Budget{}, false
	if id.ignore != nil {
		s.path = append(s.path, bound.path...)
	}
	return s
}

func (id *identifier) done(s *scribe) {
	if cap(s.buf) <= maxIdentity {
		id.pool.Put(s)
	}
}

// A scribe writes down what makes attrs identical. Different attrs never come to the
// same bytes: each thing has a tag, and tells its length or has an end. What is not
// ok cannot be compared.
type scribe struct {
	id     *identifier
	buf    []byte
	path   []byte
	nodes  int // of values, so far
	budget attrs.Budget

	unresolved bool // not ok because of a LogValuer
}

// What may be compared is bounded: that costs the time of who logs.
const (
	maxIdentity = 16 << 10 // bytes
	maxNodes    = 1 << 12
	maxNesting  = 32
)

const (
	tagEnd byte = iota
	tagGroup
	tagAttr
	tagLevel
	tagString
	tagInt
	tagUint
	tagFloat
	tagBool
	tagDuration
	tagTime
	tagNil
	tagError
	tagData
	tagPrinted
)

func (s *scribe) attr(a slog.Attr) bool {
	if s.id.ignore == nil {
		return s.plainAttr(a)
	}
	n := len(s.path)
	s.path = append(s.path, a.Key...)
	_, ignored := s.id.ignore[string(s.path)]
	ok := ignored || s.plainAttr(a)
	s.path = s.path[:n]
	return ok
}

func (s *scribe) plainAttr(a slog.Attr) bool {
	if a.Value.Kind() == slog.KindGroup {
		return s.group(a)
	}
	if len(s.buf)+len(a.Key) > maxIdentity {
		return false
	}
	s.buf = appendText(append(s.buf, tagAttr), a.Key)
	return s.value(a.Value)
}

func (s *scribe) group(a slog.Attr) bool {
	members := a.Value.Group()
	if len(s.buf)+len(a.Key) > maxIdentity || !s.budget.Enter(members) {
		return false
	}
	defer s.budget.Leave()
	if a.Key != "" { // otherwise its members stand for themselves
		s.buf = appendText(append(s.buf, tagGroup), a.Key)
		if s.id.ignore != nil {
			s.path = append(s.path, '.')
		}
	}
	for _, m := range members {
		if !s.attr(m) {
			return false
		}
	}
	if a.Key != "" {
		s.buf = append(s.buf, tagEnd)
	}
	return true
}

func (s *scribe) value(v slog.Value) bool {
	switch v.Kind() {
	case slog.KindString:
		return s.text(tagString, v.String())
	case slog.KindInt64:
		s.number(tagInt, uint64(v.Int64())) //nolint:gosec // any bits will do
	case slog.KindUint64:
		s.number(tagUint, v.Uint64())
	case slog.KindFloat64:
		s.number(tagFloat, math.Float64bits(v.Float64()))
	case slog.KindBool:
		s.number(tagBool, truth(v.Bool()))
	case slog.KindDuration:
		s.number(tagDuration, uint64(v.Duration())) //nolint:gosec // any bits will do
	case slog.KindTime:
		s.time(v.Time())
	case slog.KindAny:
		return s.any(v.Any())
	case slog.KindLogValuer:
		s.unresolved = true
		return false
	default: // a group has no place here
		return false
	}
	return len(s.buf) <= maxIdentity
}

func (s *scribe) number(tag byte, n uint64) {
	s.buf = binary.LittleEndian.AppendUint64(append(s.buf, tag), n)
}

func (s *scribe) text(tag byte, text string) bool {
	if len(s.buf)+len(text) > maxIdentity {
		return false
	}
	s.buf = appendText(append(s.buf, tag), text)
	return true
}

func (s *scribe) time(t time.Time) {
	_, offset := t.Zone()
	s.number(tagTime, uint64(t.Unix()))                                  //nolint:gosec // any bits will do
	s.number(tagTime, uint64(t.Nanosecond())|uint64(uint32(offset))<<32) //nolint:gosec // the same
}

func appendText(b []byte, text string) []byte {
	if n := len(text); n < 0x80 { // as in the general case, but quicker
		b = append(b, byte(n))
	} else {
		b = binary.AppendUvarint(b, uint64(n))
	}
	return append(b, text...)
}

func truth(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

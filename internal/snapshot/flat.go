package snapshot

import (
	"encoding/json"
	"strings"
	"time"
)

// flat copies a value of the types that are logged most, without reflection,
// and returns its size. Those that share their strings are not for CloneStrings.
func (t *Taker) flat(a any) (out any, size int, ok bool) {
	switch a := a.(type) {
	case nil, bool, int, int64, float64, time.Duration, time.Time:
		return a, 0, true
	case string:
		return t.string(a), len(a), true
	case []byte:
		return copyOf(a), len(a), true
	case json.RawMessage:
		return copyOf(a), len(a), true
	case []string:
		out, size := t.strings(a)
		return out, size, true
	case []int:
		return copyOf(a), 8 * len(a), true
	case []int64:
		return copyOf(a), 8 * len(a), true
	case []float64:
		return copyOf(a), 8 * len(a), true
	case []time.Duration:
		return copyOf(a), 8 * len(a), true
	case map[string]string:
		out, size := t.stringMap(a)
		return out, size, true
	case *bool:
		return pointerTo(a), 1, true
	case *string:
		if a == nil {
			return (*string)(nil), 0, true
		}
		s := t.string(*a)
		return &s, 16 + len(s), true
	case *int:
		return pointerTo(a), 8, true
	case *int64:
		return pointerTo(a), 8, true
	case *float64:
		return pointerTo(a), 8, true
	case *time.Duration:
		return pointerTo(a), 8, true
	case *time.Time:
		return pointerTo(a), 24, true
	}
	return nil, 0, false
}

// string returns s, or a copy of it if the Taker clones strings.
func (t *Taker) string(s string) string {
	if t.CloneStrings {
		return strings.Clone(s)
	}
	return s
}

func (t *Taker) strings(list []string) (out []string, size int) {
	out = copyOf(list)
	for i, s := range out {
		size += 16 + len(s)
		out[i] = t.string(s)
	}
	return out, size
}

func (t *Taker) stringMap(m map[string]string) (out map[string]string, size int) {
	if m == nil {
		return nil, 0
	}
	out = make(map[string]string, len(m))
	for key, s := range m {
		size += 32 + len(key) + len(s)
		out[t.string(key)] = t.string(s)
	}
	return out, size
}

// copyOf returns a copy with no spare capacity. Nil stays nil.
func copyOf[S ~[]E, E any](s S) S {
	if s == nil {
		return nil
	}
	out := make(S, len(s))
	copy(out, s)
	return out
}

func pointerTo[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

package redact

// A memo knows keys and short texts that a walk has looked at before: most of a
// record are the same ones each time. It is only for what is the same wherever it
// stands.
type memo struct {
	keys  [memoSize]knownKey
	texts [memoSize]shortText // without a secret in them
}

const memoSize = 64

// A knownKey is a key without a secret in its own text, and the rule by which what
// has it is sensitive, or none.
type knownKey struct {
	key  shortText
	rule int
}

// A shortText is a copy of a text, which keeps nothing of the caller's from being
// freed.
type shortText struct {
	size  uint8
	bytes [maxKnown]byte
}

// maxKnown is the length of the longest text that a memo has.
const maxKnown = 48

func (t *shortText) is(s string) bool { return int(t.size) == len(s) && string(t.bytes[:t.size]) == s }

func (t *shortText) set(s string) { t.size = uint8(copy(t.bytes[:], s)) } //nolint:gosec // at most maxKnown

// slot says where in a memo s has its place; ok is false if it has none.
func slot(s string) (i int, ok bool) {
	if s == "" || len(s) > maxKnown {
		return 0, false
	}
	return (len(s)*7 + int(s[0]) + int(s[len(s)/2])<<1 + int(s[len(s)-1])<<2) % memoSize, true
}

// knownKey returns the rule for a key, if it is known.
func (w *walk) knownKey(key string) (rule int, known bool) {
	i, ok := slot(key)
	if !ok {
		return none, false
	}
	k := &w.memo.keys[i]
	return k.rule, k.key.is(key)
}

func (w *walk) knowKey(key string, rule int) {
	if i, ok := slot(key); ok && w.shared.anywhere {
		w.memo.keys[i].key.set(key)
		w.memo.keys[i].rule = rule
	}
}

// knownText returns the place of s among the texts that are known to be clean, nil
// if it has none, and whether it is there.
func (w *walk) knownText(s string) (place *shortText, known bool) {
	i, ok := slot(s)
	if !ok {
		return nil, false
	}
	place = &w.memo.texts[i]
	known = place.is(s)
	return place, known
}

// knowText notes that s is clean. Its place is what knownText has returned.
func (w *walk) knowText(place *shortText, s string) {
	if place != nil && w.shared.anywhere {
		place.set(s)
	}
}

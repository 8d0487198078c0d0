package redact

// A memo knows keys and short texts that a walk has looked at before: most of a
// record are the same ones each time. It is only for what is the same wherever it
// stands.
type memo struct {
	keys  [64]knownKey
	texts [64]string // without a secret in them
}

// A knownKey is a key without a secret in its own text, and the rule by which what
// has it is sensitive, or none.
type knownKey struct {
	key  string
	rule int
}

// maxKnown is the length of the longest text that a memo keeps, so that it keeps
// nothing large from being freed.
const maxKnown = 64

// slot says where in a memo s has its place.
func slot(s string) int {
	return (len(s)*7 + int(s[0]) + int(s[len(s)/2])<<1 + int(s[len(s)-1])<<2) % 64
}

// knownKey returns the rule for a key, if it is known.
func (w *walk) knownKey(key string) (rule int, ok bool) {
	if key == "" || len(key) > maxKnown {
		return none, false
	}
	k := &w.memo.keys[slot(key)]
	return k.rule, k.key == key
}

func (w *walk) knowKey(key string, rule int) {
	if key != "" && len(key) <= maxKnown && w.shared.anywhere {
		w.memo.keys[slot(key)] = knownKey{key, rule}
	}
}

// knownText reports whether s is known to be clean.
func (w *walk) knownText(s string) bool {
	return s != "" && len(s) <= maxKnown && w.memo.texts[slot(s)] == s
}

func (w *walk) knowText(s string) {
	if s != "" && len(s) <= maxKnown && w.shared.anywhere {
		w.memo.texts[slot(s)] = s
	}
}

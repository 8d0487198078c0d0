package redact

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"strings"
)

// wholeJSON masks the secrets in s if it is a JSON value with brackets or quotes
// around it.
func (w *walk) wholeJSON(s string) (out string, changed, ok bool) {
	start := skipSpace(s, 0)
	if start == len(s) || strings.IndexByte(`{["`, s[start]) < 0 {
		return s, false, false
	}
	j := jsonScan{s: s, i: start}
	switch {
	case j.value() && skipSpace(s, j.i) == len(s):
		t := jsonText{w: w, s: s}
		t.value(start)
		out, changed = t.result()
		return out, changed, true
	case j.deep:
		return w.tooDeep(), true, true
	default:
		return s, false, false
	}
}

// embedded finds the JSON objects and arrays in a text and returns an edit for
// each, also for those without a secret: no rule is to cut into them.
func (w *walk) embedded(s string) []edit {
	const again = 32 // how often a byte may be looked at, on the average
	var edits []edit
	budget := again*len(s) + 64<<10
	for i := 0; i < len(s); i++ {
		if s[i] != '{' && s[i] != '[' {
			continue
		}
		j := jsonScan{s: s, i: i}
		ok := j.value()
		switch {
		case ok:
			t := jsonText{w: w, s: s[i:j.i]}
			t.value(0)
			out, _ := t.result()
			edits = append(edits, edit{span: span{i, j.i}, text: out})
		case j.deep:
			j.i = i + max(1, blockEnd(s[i:]))
			edits = append(edits, w.tooDeepIn(span{i, j.i}))
		default:
			if budget -= j.i - i; budget < 0 {
				return append(edits, w.tooDeepIn(span{i, len(s)}))
			}
			continue
		}
		i = j.i - 1
	}
	return edits
}

// tooDeepIn is the edit for a part of a text that cannot be looked at.
func (w *walk) tooDeepIn(part span) edit { return edit{span: part, text: w.tooDeep()} }

// A jsonText masks the secrets in a valid JSON value, and leaves every other
// byte as it is.
type jsonText struct {
	w    *walk
	s    string
	out  []byte
	done int // how much of s is in out
}

// replace puts a JSON string of text in the place of a span.
func (t *jsonText) replace(start, end int, text string) {
	t.cut(start, end)
	t.out = append(t.out, quoteJSON(text)...)
}

// cut leaves out a span.
func (t *jsonText) cut(start, end int) {
	t.out = append(t.out, t.s[t.done:start]...)
	t.done = end
}

func (t *jsonText) result() (string, bool) {
	if t.done == 0 {
		return t.s, false
	}
	return string(append(t.out, t.s[t.done:]...)), true
}

// value masks the secrets in the value that begins at i, and returns its end.
func (t *jsonText) value(i int) int {
	switch t.s[i] {
	case '{':
		return t.members(i)
	case '[':
		return t.elements(i)
	case '"':
		end := jsonStringEnd(t.s, i)
		if text, changed := t.w.text(unquoteJSON(t.s[i:end])); changed {
			t.replace(i, end, text)
		}
		return end
	default:
		end := scalarEnd(t.s, i)
		if text, changed := t.w.text(t.s[i:end]); changed {
			t.replace(i, end, text)
		}
		return end
	}
}

func (t *jsonText) elements(i int) int {
	rule := t.w.listRule()
	before := ""
	for i = skipSpace(t.s, i+1); t.s[i] != ']'; {
		var end int
		switch {
		case rule != none:
			end = t.skip(i)
			if t.shows(i, end, rule) {
				out, _ := t.hide(rule, i, end)
				t.replace(i, end, out)
			}
		case t.s[i] == '"':
			end = jsonStringEnd(t.s, i)
			text := unquoteJSON(t.s[i:end])
			left, changed := t.w.text(text)
			if masked, ok := t.w.argument(before, left); ok {
				left, changed = masked, true
			}
			if changed {
				t.replace(i, end, left)
			}
			before = text
		default:
			end = t.value(i)
		}
		i = t.next(end)
	}
	return i + 1
}

func (t *jsonText) members(i int) int {
	named, kept, last := none, false, i+1
	for i = skipSpace(t.s, i+1); t.s[i] != '}'; {
		start, keyEnd := i, jsonStringEnd(t.s, i)
		key := unquoteJSON(t.s[i:keyEnd])
		i = skipSpace(t.s, skipSpace(t.s, keyEnd)+1)
		if name, ok := t.named(key, i); ok {
			named = name
		}
		rule := t.rule(key, i)
		if rule == none && isValue(key) {
			if rule = named; rule == none {
				rule = t.namedBehind(i)
			}
		}
		masked, changed := t.w.name(key)
		end, out, removed := 0, "", false
		if rule != none {
			if end = t.skip(i); t.shows(i, end, rule) && !isCountText(key, t.s[i:end]) {
				t.w.push(masked)
				out, removed = t.hide(rule, i, end)
				t.w.pop()
			}
		}
		switch {
		case removed && kept: // with the comma before it
			t.cut(last, end)
		case removed: // with the one behind it
			t.cut(start, t.next(end))
		default:
			kept = true
			if changed {
				t.replace(start, keyEnd, masked)
			}
			if out != "" {
				t.replace(i, end, out)
			}
			if rule == none {
				t.w.push(masked)
				end = t.value(i)
				t.w.pop()
			}
		}
		last, i = end, t.next(end)
	}
	return i + 1
}

// next returns where the next member or element begins, or the closing bracket is.
func (t *jsonText) next(end int) int {
	i := skipSpace(t.s, end)
	if t.s[i] == ',' {
		i = skipSpace(t.s, i+1)
	}
	return i
}

// hide masks the value of a member.
func (t *jsonText) hide(rule, start, end int) (out string, removed bool) {
	hasText := t.s[start] != '{' && t.s[start] != '['
	return t.w.hide(rule, unquoteJSON(t.s[start:end]), hasText)
}

// named returns the rule by which the text at s[i] is a sensitive name, or none, if
// key says that it is a name.
func (t *jsonText) named(key string, i int) (rule int, ok bool) {
	if t.s[i] != '"' || !isName(key) {
		return none, false
	}
	return t.w.sensitive(unquoteJSON(t.s[i:jsonStringEnd(t.s, i)])), true
}

// namedBehind is named for the members behind the value at s[i].
func (t *jsonText) namedBehind(i int) int {
	for i = t.next(t.skip(i)); t.s[i] != '}'; i = t.next(t.skip(i)) {
		end := jsonStringEnd(t.s, i)
		key := unquoteJSON(t.s[i:end])
		i = skipSpace(t.s, skipSpace(t.s, end)+1)
		if rule, ok := t.named(key, i); ok {
			return rule
		}
	}
	return none
}

// rule returns the rule by which a member is sensitive whose value begins at i.
func (t *jsonText) rule(key string, i int) int {
	if len(t.w.shared.matching) == 0 {
		return t.w.sensitive(key)
	}
	return t.w.sensitiveValue(key, slog.StringValue(unquoteJSON(t.s[i:t.skip(i)])))
}

// shows reports whether a value shows anything that is not masked yet.
func (t *jsonText) shows(start, end, rule int) bool {
	raw := t.s[start:end]
	return !isNothing(raw) && raw != `""` && !t.w.hides(rule, unquoteJSON(raw)) && !t.w.hidesAll(rule, raw)
}

// hidesAll reports whether JSON is an object or an array of masks: what is made of
// a group with a sensitive name.
func (w *walk) hidesAll(rule int, raw string) bool {
	if raw == "" || raw[0] != '{' && raw[0] != '[' || !strings.Contains(raw, w.shared.mask) {
		return false
	}
	var v any
	return json.Unmarshal([]byte(raw), &v) == nil && w.hidesLeaves(rule, v)
}

func (w *walk) hidesLeaves(rule int, v any) bool {
	shows := func(v any) bool { return !w.hidesLeaves(rule, v) }
	switch v := v.(type) {
	case map[string]any:
		return !slices.ContainsFunc(slices.Collect(maps.Values(v)), shows)
	case []any:
		return !slices.ContainsFunc(v, shows)
	case string:
		return v == "" || w.hides(rule, v)
	case float64:
		return false
	default:
		return true
	}
}

// skip returns where the value that begins at i ends.
func (t *jsonText) skip(i int) int {
	switch t.s[i] {
	case '"':
		return jsonStringEnd(t.s, i)
	case '{', '[':
		return i + blockEnd(t.s[i:])
	default:
		return scalarEnd(t.s, i)
	}
}

func skipSpace(s string, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\t' || s[i] == '\n' || s[i] == '\r') {
		i++
	}
	return i
}

func scalarEnd(s string, i int) int {
	for i < len(s) && (isAlnum(s[i]) || s[i] == '-' || s[i] == '+' || s[i] == '.') {
		i++
	}
	return i
}

func jsonStringEnd(s string, i int) int {
	for i++; s[i] != '"'; i++ {
		if s[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// unquoteJSON returns the text of a JSON string, and s itself if it is none.
func unquoteJSON(s string) string {
	if len(s) < 2 || s[0] != '"' {
		return s
	}
	if strings.IndexByte(s, '\\') < 0 {
		return s[1 : len(s)-1]
	}
	var text string
	if json.Unmarshal([]byte(s), &text) != nil {
		return s[1 : len(s)-1]
	}
	return text
}

// quoteJSON returns text as a JSON string, with <, > and & as they are.
func quoteJSON(text string) []byte {
	b, err := appendJSON(nil, text)
	if err != nil {
		return []byte(`""`)
	}
	return b
}

// appendJSON appends the JSON form of v, with <, > and & as they are.
func appendJSON(b []byte, v any) ([]byte, error) {
	buf := bytes.NewBuffer(b)
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return b, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte{'\n'}), nil
}

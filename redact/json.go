package redact

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"strings"
)

// maxTries bounds how often a bracket in text is tried, and found not to be, the
// beginning of JSON.
const maxTries = 64

// wholeJSON masks the secrets in s if it is a JSON value with brackets or quotes
// around it.
func (w *walk) wholeJSON(s string) (out string, changed, ok bool) {
	i := skipSpace(s, 0)
	if i == len(s) || strings.IndexByte(`{["`, s[i]) < 0 || !json.Valid([]byte(s)) {
		return s, false, false
	}
	t := jsonText{w: w, s: s}
	t.value(i)
	out, changed = t.result()
	return out, changed, true
}

// embedded finds the JSON objects and arrays in a text and returns an edit for
// each, also for those without a secret: no rule is to cut into them.
func (w *walk) embedded(s string) []edit {
	var edits []edit
	tries := 0
	for i := 0; i < len(s) && tries < maxTries; i++ {
		if s[i] != '{' && s[i] != '[' {
			continue
		}
		j := skipSpace(s, i+1)
		if j == len(s) || strings.IndexByte(`{}[]"-0123456789tfn`, s[j]) < 0 {
			continue
		}
		var raw json.RawMessage
		dec := json.NewDecoder(strings.NewReader(s[i:]))
		if dec.Decode(&raw) != nil {
			tries++
			continue
		}
		end := i + int(dec.InputOffset())
		t := jsonText{w: w, s: s[i:end]}
		t.value(0)
		out, _ := t.result()
		edits = append(edits, edit{span: span{i, end}, text: out})
		i = end - 1
	}
	return edits
}

// A jsonText masks the secrets in a valid JSON value, and leaves every other
// byte as it is.
type jsonText struct {
	w    *walk
	s    string
	out  []byte
	done int // how much of s is in out
}

func (t *jsonText) replace(start, end int, text string) {
	t.out = append(append(t.out, t.s[t.done:start]...), quoteJSON(text)...)
	t.done = end
}

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
		i = skipSpace(t.s, i+1)
		before := ""
		for t.s[i] != ']' {
			if t.s[i] == '"' {
				end := jsonStringEnd(t.s, i)
				text := unquoteJSON(t.s[i:end])
				left, changed := t.w.text(text)
				if masked, ok := t.w.argument(before, left); ok {
					left, changed = masked, true
				}
				if changed {
					t.replace(i, end, left)
				}
				before, i = text, end
			} else {
				i = t.value(i)
			}
			i = skipSpace(t.s, i)
			if t.s[i] == ',' {
				i = skipSpace(t.s, i+1)
			}
		}
		return i + 1
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

func (t *jsonText) members(i int) int {
	named := none // the rule for what has a sensitive name, before its value
	comma := -1   // behind the last member that is left
	i = skipSpace(t.s, i+1)
	for t.s[i] != '}' {
		start := i
		end := jsonStringEnd(t.s, i)
		key := unquoteJSON(t.s[i:end])
		i = skipSpace(t.s, skipSpace(t.s, end)+1)
		if t.s[i] == '"' && isName(key) {
			named = t.w.sensitive(unquoteJSON(t.s[i:jsonStringEnd(t.s, i)]))
		}
		rule := t.rule(key, i)
		if rule == none && isValue(key) {
			rule = named
		}
		masked, changed := t.w.text(key)
		removed := false
		var out string
		after := t.skip(i)
		if rule != none && t.shows(i, after, rule) && !isCountText(key, t.s[i:after]) {
			t.w.push(masked)
			out, removed = t.w.hide(rule, unquoteJSON(t.s[i:after]), t.s[i] != '{' && t.s[i] != '[')
			t.w.pop()
		}
		next := skipSpace(t.s, after)
		if removed {
			if t.s[next] == ',' {
				next = skipSpace(t.s, next+1)
			}
			switch {
			case t.s[next] == '}' && comma >= t.done:
				t.cut(comma, after)
			case t.s[next] == '}' && comma >= 0: // others behind the comma are removed already
				t.out, t.done = bytes.TrimRight(t.out, " \t\r\n,"), after
			case t.s[next] == '}':
				t.cut(start, after)
			default:
				t.cut(start, next)
			}
			i = next
			continue
		}
		if changed {
			t.replace(start, end, masked)
		}
		if rule == none {
			t.w.push(masked)
			t.value(i)
			t.w.pop()
		} else if out != "" {
			t.replace(i, after, out)
		}
		if i = next; t.s[i] == ',' {
			comma = i
			i = skipSpace(t.s, i+1)
		}
	}
	return i + 1
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

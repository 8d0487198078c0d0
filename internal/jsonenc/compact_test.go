package jsonenc_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// Every byte is put where the grammar of JSON has a choice.
func TestAppendAnyReadsJSONLikeEncodingJSON(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"?", "?1", "1?", "1?1", "-?", "-1?", "0?", "0?1", "1.?", "1.5?", "1e?", "1e+?", "1e5?", "1e?5",
		"[?]", "[1?]", "[1?2]", "[1,?]",
		"[?",
		`"?"`, `"x?x"`, `"\?"`, `"\?bcde"`, `"\u?bcd"`, `"\u1?cd"`, `"\u12?d"`, `"\u123?"`, `"\u1234?"`, `"?`,
		`?"`, `"a long string, and ?"`,
		"t?ue", "tru?", "true?", "f?lse", "fals?", "false?", "nul?", "null?", "?ull", `{?}`,
		`{"a"?}`, `{"a"?1}`, `{"a":?}`, `{"a":1?}`,
		`{"a":1?"b":2}`, `{"a":1,?"b":2}`, `{?"a":1}`, `{"a":1}?`, `{"?":1}`, "[[]?", "[{}?]", "[]?[]",
	} {
		for c := range 256 {
			replaced := strings.ReplaceAll(text, "?", string([]byte{byte(c)}))
			checkAny(t, json.RawMessage(replaced))
			checkAny(t, json.Number(replaced))
		}
	}
}

package jsonenc

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// encodedTexts are strings as a Marshaler can write them.
func encodedTexts() []string {
	texts := []string{
		`""`, `"a"`, `"plain text"`, `"\"\\\/\b\f\n\r\t"`, `"\\\\\\\\"`, `"aé日😀é"`, `"\u00e9\u0000\uFFFF"`, `"\u2028 \u2029"`,
		`"\ud83d\ude00\uD83D\uDE00x"`, `"\ud83d"`, `"\ude00"`, `"\ud83d\ud83d\ude00"`, `"\ude00\ud83d\ude00"`,
		`"\ud83d\nabc\u12345555"`, `"\ud83d\\u123456789"`, `"\ud83d\n123日日日"`, `"\ud83d\"\"\"\"\"\""`, `"\udbff\udfff\udbff\ue000"`,
	}
	return append(texts, `"`+strings.Repeat(`\ud83d\ude00\ud83d\n日`, 10)+`"`)
}

// At every limit the text is cut between two characters, as late as it can be, and
// says how much is gone.
func TestCutEncodedAtEveryLimit(t *testing.T) {
	t.Parallel()
	for _, text := range encodedTexts() {
		for limit := 1; limit < len(text)+2; limit++ {
			got := string(cutEncoded([]byte(text), limit))
			if limit >= len(text)-2 {
				if got != text {
					t.Errorf("%s fits in %d: got %s", text, limit, got)
				}
				continue
			}
			i := strings.LastIndex(got, "…")
			if i < 0 || i > limit+1 || !json.Valid([]byte(got)) || !utf8.ValidString(got) {
				t.Errorf("%s to %d: got %q", text, limit, got)
				break // those at the next limits would be the same
			}
			if i < limit+1-11 {
				t.Errorf("%s to %d: only %d bytes are left", text, limit, i-1)
			}
			want := text[:i] + mark(len(text)-1-i) + `"`
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s to %d: mismatch (-want +got):\n%s", text, limit, diff)
			}
			// What is left stands for the same as before.
			var whole, start string
			if err := json.Unmarshal([]byte(text), &whole); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(text[:i]+`"`), &start); err != nil || !strings.HasPrefix(whole, start) {
				t.Errorf("%s to %d: %q is no start of %q (%v)", text, limit, start, whole, err)
				break
			}
		}
	}
}

func TestCutAtEveryLimit(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "a", "plain text", "aé日😀é", "😀😀😀", "\xff\xfe\xfd", "\x80\x80\x80\x80\x80\x80", "a\xf0\x9f\x98", "\ufffd"} {
		for limit := -1; limit < len(s)+2; limit++ {
			got := Cut(s, limit)
			if limit <= 0 || len(s) <= limit {
				if got != s {
					t.Errorf("Cut(%q, %d) = %q", s, limit, got)
				}
				continue
			}
			i := strings.LastIndex(got, "…")
			if i < 0 || i > limit || i <= limit-utf8.UTFMax-1 {
				t.Errorf("Cut(%q, %d) = %q", s, limit, got)
				continue
			}
			if diff := cmp.Diff(s[:i]+mark(len(s)-i), got); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
			if utf8.ValidString(s) && !utf8.ValidString(got) {
				t.Errorf("Cut(%q, %d) = %q, which is cut in a character", s, limit, got)
			}
		}
	}
}

// What is computed before a cut is no less than what comes out of it.
func TestSizeForeseesTheCut(t *testing.T) {
	t.Parallel()
	for _, text := range encodedTexts() {
		line := `{"a":` + text + `,"b":[` + text + `,{"c":` + text + `}],"d":12345}`
		for limit := 1; limit < len(text)+2; limit++ {
			n := parse([]byte(line))
			foreseen := n.size(limit)
			n.cut(limit)
			if got := len(n.append(nil)); got > foreseen || n.size(0) != got {
				t.Errorf("%s to %d: %d bytes, foreseen %d, size %d", line, limit, got, foreseen, n.size(0))
			}
		}
	}
}

// The first members with the names of the encoder outlast all else, whatever there
// is, and the line gets short enough.
func TestReworkedLinesAreShortEnough(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 400)
	members := []string{
		`"s":"` + long + `"`, `"n":` + strings.Repeat("1", 3000), `"` + long + `":1`, `"a":[` + strings.Repeat(`"é",`, 300) + `1]`,
		`"o":{"p":{"q":"` + long + `","r":[[[["` + long + `"]]]]}}`, `"msg":"` + long + `"`, `"msg":` + strings.Repeat("1", 3000),
		`"truncated":"` + long + `"`, `"e":""`, `"w":` + strings.Repeat(`[`, 500) + strings.Repeat(`]`, 500),
	}
	rules := Rules{Own: []string{"level", "msg"}, Keep: []string{"level", "msg"}}
	for first := range members {
		for _, again := range []int{1, 3, 40} {
			all := []string{`"level":"INFO"`, `"msg":"` + long + `"`}
			for range again {
				for i := range members {
					all = append(all, members[(first+i)%len(members)])
				}
			}
			line := "{" + strings.Join(all, ",") + "}"
			for _, most := range []int{1023, 1500, 5000} {
				if len(line) <= most {
					continue
				}
				got := rules.rework([]byte(line), most)
				if len(got) > most || !json.Valid(got) || !utf8.Valid(got) {
					t.Errorf("from member %d, %d times, to %d: %d bytes: %.300s", first, again, most, len(got), got)
				}
				if start := `{"level":"INFO","msg":"` + long[:64]; !strings.HasPrefix(string(got), start) {
					t.Errorf("from member %d, %d times, to %d: it begins with %.100s", first, again, most, got)
				}
				var size struct{ Truncated json.Number }
				if err := json.Unmarshal(got, &size); err != nil || size.Truncated.String() != strconv.Itoa(len(line)) {
					t.Errorf("truncated is %s, want %d (%v)", size.Truncated, len(line), err)
				}
			}
		}
	}
}

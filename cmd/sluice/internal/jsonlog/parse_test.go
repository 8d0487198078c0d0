package jsonlog_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/cmd/sluice/internal/jsonlog"
)

func TestParseAllocatesNothing(t *testing.T) {
	lines := makes(t)
	var p jsonlog.Parser
	sum := 0.0
	got := testing.AllocsPerRun(100, func() {
		for _, text := range lines {
			p.LevelOf(text)
			l, err := p.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			f, _ := l.Number("status")
			sum += f
			if l.HasTag("db") && l.Make != jsonlog.Slog {
				t.Fatal(l.Make)
			}
			l.Lookup("request.user.name")
			l.Logger()
		}
	})
	if got != 0 {
		t.Errorf("got %v allocations for %d lines, want none", got, len(lines))
	}
	if sum == 0 {
		t.Error("there is no status")
	}
}

// TestParseOfUnknownLevelsAllocatesNothing is about lines whose level is no level, and those that are broken.
func TestParseOfUnknownLevelsAllocatesNothing(t *testing.T) {
	var p jsonlog.Parser
	lines := [][]byte{
		[]byte(`{"level":"Informational","msg":"caf\u00e9","time":"2026-11-22T10:00:00+05:30"}`), []byte(`{"level":"gold","msg":"x","time":"2026-11-22"}`),
		[]byte(`{"levelname":"WARNING","pathname":"/usr/lib/python3.14/site-packages/shop/pay.py","lineno":8,"funcName":"charge","asctime":"2026-11-22 10:00:00,123"}`),
		[]byte(`{"level":"WARN+2","msg":"x"`), []byte("a text"), []byte(`a {"text"}`),
	}
	if got := testing.AllocsPerRun(100, func() {
		for _, text := range lines {
			p.LevelOf(text)
			_, _ = p.Parse(text)
		}
	}); got != 0 {
		t.Errorf("got %v allocations, want none", got)
	}
}

func TestDepthIsThatOfEncodingJSON(t *testing.T) {
	t.Parallel()
	var p jsonlog.Parser
	for _, depth := range []int{1, 2, 63, 64, 65, 9_999, 10_000, 10_001, 100_000} {
		for _, brackets := range [][2]string{{"[", "]"}, {`{"a":`, "}"}} {
			inner := "1"
			text := []byte(`{"a":` + strings.Repeat(brackets[0], depth-1) + inner + strings.Repeat(brackets[1], depth-1) + "}")
			l, err := p.Parse(text)
			if want := json.Valid(text); want != (err == nil) || want != (depth <= 10_000) {
				t.Errorf("%d deep: valid is %t, and the error %v", depth, want, err)
			}
			if err == nil {
				l.Record()
				l.Map()
				l.Lookup("a.a.a")
			}
		}
	}
}

// TestHugeLines finds that a Parser does not keep what a huge line has taken.
func TestHugeLines(t *testing.T) {
	t.Parallel()
	const size = 1 << 20
	var p jsonlog.Parser
	for name, text := range map[string]string{
		"a long message":   `{"level":"INFO","msg":"` + strings.Repeat(`\u00e9`, size/6) + `"}`,
		"many members":     `{"level":"INFO"` + strings.Repeat(`,"a":1`, size/6) + `}`,
		"many spaces":      `{"level":"INFO"` + strings.Repeat(" ", size) + `}`,
		"a text":           strings.Repeat("{ ", size/2),
		"NULs":             strings.Repeat("\x00", size),
		"broken":           `{"a":"` + strings.Repeat("x", size),
		"escapes":          `{"a":"` + strings.Repeat(`\\`, size/2) + `"}`,
		"brackets":         `{"a":` + strings.Repeat(`[{"a":`, size/6) + `}`,
		"a text in braces": strings.Repeat(`{"`, size/2) + "}",
	} {
		_, err := p.Parse([]byte(text))
		if want := json.Valid([]byte(text)); want != (err == nil) {
			t.Errorf("%s: valid is %t, and the error %v", name, want, err)
		}
		p.LevelOf([]byte(text))
		if _, err := p.Parse([]byte(`{"level":"INFO","msg":"a"}`)); err != nil {
			t.Fatal(err)
		}
		if got := jsonlog.Kept(&p); got > 256<<10 {
			t.Errorf("%s: %d bytes are kept", name, got)
		}
	}
}

// TestLevelOfAgreesWithParse draws lines of members that tell of levels, or of what a level means.
func TestLevelOfAgreesWithParse(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	keys := []string{
		"level", "level", "severity", "log.level", "lvl", "levelname", "PRIORITY", "log", "log", "short_message", "pid", "v", "s", "c", "t", "time", "msg", "a", `l\u0065vel`, "stream", "@l",
	}
	values := []string{
		`"INFO"`, `"warn"`, `"Error"`, `"gold"`, `"W"`, `30`, `3`, `"3"`, `10`, `-4`, `9`, `3.5`, `null`, `{"level":"error"}`, `{"level":7,"a":[1,{"level":"debug"}]}`, `"{\"level\":\"debug\"}"`,
		`{"$date":"2026-11-22T10:00:00Z"}`, `1795341600`, `["level","INFO"]`, `" INFO "`, `"\u0049NFO"`,
	}
	prefixes := []string{"", "", "", " ", "2026-11-22T10:00:00Z stdout F ", "app-1  | "}
	var p jsonlog.Parser
	quick, parsed := 0, 0
	for range 100_000 {
		var b bytes.Buffer
		b.WriteString(prefixes[rng.IntN(len(prefixes))])
		b.WriteByte('{')
		for i := range rng.IntN(5) {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(`"` + keys[rng.IntN(len(keys))] + `":` + values[rng.IntN(len(values))])
		}
		b.WriteByte('}')
		level, ok := p.LevelOf(b.Bytes())
		l, err := p.Parse(b.Bytes())
		if err != nil {
			continue // the text in what would be Docker's
		}
		if l.HasLevel {
			parsed++
		}
		if !ok {
			continue
		}
		if quick++; !l.HasLevel || l.Level != level {
			t.Fatalf("%s: LevelOf says %v, and Parse %v (%t)", b.String(), level, l.Level, l.HasLevel)
		}
	}
	if quick < parsed/3 {
		t.Errorf("LevelOf knows %d levels of %d", quick, parsed)
	}
}

func TestUnquote(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		`"a"`: "a", `""`: "", `"\n\t\"\\\/\b\f\r"`: "\n\t\"\\/\b\f\r", `"\u00e9\ud83d\ude00"`: "é😀", `"\ud83dx\ude00"`: "\ufffdx\ufffd", "\"\xffé\"": "\ufffdé",
		`12.50`: "12.50", `null`: "null", `{"a":1}`: `{"a":1}`, "": "", `"`: `"`,
	} {
		if got := string(jsonlog.Unquote([]byte(value))); got != want {
			t.Errorf("%s: got %q, want %q", value, got, want)
		}
	}
}

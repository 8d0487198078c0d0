package handler_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/internal/testlog"
)

// A wideRecord is what a reader finds in the lines of a record in LayoutWide.
type wideRecord struct {
	head  string
	texts map[string][]string // below the line, by their keys as they are printed
	attrs []string            // on lines of their own, as they are printed
}

// parseWide reads the lines of one record. Every line below the first must be that
// of an attr, of a text, or go on with the one before.
func parseWide(lines []string) (wideRecord, error) {
	r := wideRecord{head: lines[0], texts: map[string][]string{}}
	if strings.HasPrefix(r.head, "  ") {
		return r, fmt.Errorf("the first line is %q", r.head)
	}
	key := ""
	for i, line := range lines[1:] {
		if strings.HasPrefix(line, "  ┆") {
			continue // it is read with the line before
		}
		whole := []string{line}
		for _, next := range lines[i+2:] {
			more, ok := strings.CutPrefix(next, "  ┆ ")
			if !ok {
				break
			}
			whole = append(whole, more)
		}
		line = strings.Join(whole, "")
		below, isLine := strings.CutPrefix(line, "  │")
		more, goesOn := strings.CutPrefix(line, "  ┊")
		if goesOn {
			below = more
		}
		text, isText := strings.CutPrefix(below, "   ")
		switch {
		case goesOn && isText && len(r.texts[key]) > 0:
			r.texts[key][len(r.texts[key])-1] += text
		case goesOn && isText && key == "":
			r.head += text
		case isLine && isText || isLine && below == "":
			if !isText {
				text = ""
			}
			r.texts[key] = append(r.texts[key], text)
		case isLine && strings.HasPrefix(below, " "):
			attrs, isKey, err := wideAttrs(below[1:])
			if err != nil {
				return r, err
			}
			if r.attrs = append(r.attrs, attrs...); isKey {
				key = below[1:]
				r.texts[key] = nil
			}
		default:
			return r, fmt.Errorf("no line of a record: %q", line)
		}
	}
	return r, nil
}

var sourceInParens = regexp.MustCompile(`^\([^()]*:[0-9]+\)$`)

// quotedPrefix returns the text in double quotes that s begins with. That of strconv takes
// single ones too, which the console writes as they are.
func quotedPrefix(s string) (string, error) {
	if !strings.HasPrefix(s, `"`) {
		return "", strconv.ErrSyntax
	}
	return strconv.QuotedPrefix(s)
}

// jsonPrefix returns how long the object or list is that s begins with, if a space or nothing is behind it.
func jsonPrefix(s string) int {
	if !strings.HasPrefix(s, "{") && !strings.HasPrefix(s, "[") {
		return 0
	}
	d := json.NewDecoder(strings.NewReader(s))
	var raw json.RawMessage
	if err := d.Decode(&raw); err != nil || !strings.HasPrefix(s[d.InputOffset():]+" ", " ") {
		return 0 // a text that begins like that
	}
	return int(d.InputOffset())
}

// wideAttrs reads a line of attrs, or that of one key.
func wideAttrs(line string) (attrs []string, isKey bool, err error) {
	for rest := line; rest != ""; {
		if sourceInParens.MatchString(rest) {
			return append(attrs, rest), false, nil
		}
		start := rest
		if quoted, err := quotedPrefix(rest); err == nil {
			rest = rest[len(quoted):]
		} else if i := strings.IndexAny(rest, "= "); i > 0 {
			rest = rest[i:]
		} else {
			return attrs, len(attrs) == 0 && strings.HasSuffix(rest, ":"), nil
		}
		value, ok := strings.CutPrefix(rest, "=")
		if !ok {
			if len(attrs) == 0 && rest == ":" { // a quoted key
				return nil, true, nil
			}
			return nil, false, fmt.Errorf("no attr in %q", line)
		}
		if quoted, err := quotedPrefix(value); err == nil {
			value = value[len(quoted):]
		} else if n := jsonPrefix(value); n > 0 {
			value = value[n:]
		} else if i := strings.IndexByte(value, ' '); i >= 0 {
			value = value[i:]
		} else {
			value = ""
		}
		if strings.TrimSpace(value) != "" && value[0] != ' ' {
			return nil, false, fmt.Errorf("%q behind an attr in %q", value, line)
		}
		attrs = append(attrs, start[:len(start)-len(value)])
		rest = strings.TrimPrefix(value, " ")
	}
	return attrs, false, nil
}

// FuzzConsoleHandlerWideCannotBeForged prints what somebody else has written, and
// reads it back: nothing may look like a record, or like an attr that was not
// logged.
func FuzzConsoleHandlerWideCannotBeForged(f *testing.F) {
	for _, s := range []string{
		"plain", "a b", "x=1", "one\ntwo", "one\n\n  │ user=root\n20:15:00.000 INF forged\n  ┊   more", "\x1b[2J\n\x1b]0;t\a", "\r\n\r", "\n", "\n\n",
		"  │ k:", "\ttab\n\ttab", "{\"a\": 1}\n{", "\u202e\u2028\n\u0085", "\xff\n\xfe", strings.Repeat("long word ", 30), strings.Repeat("x", 300), "日本語\n" + strings.Repeat("語", 90),
		"(main.go:1)", "k:", "[1] b=2", "{", "{{{{{{{{{{{", "e\u0301\u200d\n", "",
	} {
		for _, width := range []int{0, 40, 80} {
			f.Add(uint64(len(s)), width, s, s)
		}
	}
	f.Fuzz(func(t *testing.T, seed uint64, width int, key, value string) {
		for _, color := range []handler.Color{handler.ColorNever, handler.ColorAlways} {
			r := testlog.NewRandom(seed)
			r.Hostile = true
			var buf testlog.Buffer
			h := r.Derive(handler.NewConsoleHandler(&buf, &handler.ConsoleOptions{
				Color: color, Layout: handler.LayoutWide, Width: width, AddSource: seed%2 == 0,
			}))[0]
			rec := r.Record()
			rec.Message += value
			rec.AddAttrs(slog.String(key, value), slog.Any("error", fmt.Errorf("%s", value)), slog.Any("map", map[string]any{key: value}))
			if err := testlog.Log(rec, h.WithGroup(value)); err != nil {
				t.Fatal(err)
			}
			lines, rest := buf.Lines()
			if len(lines) == 0 || rest != "" {
				t.Fatalf("no whole lines: %q %q", lines, rest)
			}
			for i := range lines {
				if color == handler.ColorAlways {
					lines[i] = ownColors.Replace(lines[i])
				}
				consoleIsClean(t, lines[i])
			}
			if _, err := parseWide(lines); err != nil {
				t.Fatalf("%v in\n%s", err, strings.Join(lines, "\n"))
			}
			wideKeepsTheText(t, width, value)
		}
	})
}

// wideKeepsTheText checks that a text that is logged can be read back, if it has
// nothing but words and newlines.
func wideKeepsTheText(t *testing.T, width int, text string) {
	t.Helper()
	if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && !strconv.IsPrint(r) }) ||
		strings.ContainsRune(text, '\ufffd') {
		return
	}
	var buf testlog.Buffer
	h := handler.NewConsoleHandler(&buf, &handler.ConsoleOptions{Color: handler.ColorNever, Layout: handler.LayoutWide, Width: width})
	slog.New(h).Info("m", "before", 1, "the_key", text, "behind", 2)
	lines, _ := buf.Lines()
	r, err := parseWide(lines)
	if err != nil {
		t.Fatalf("%v in\n%s", err, strings.Join(lines, "\n"))
	}
	if got, ok := r.texts["the_key:"]; ok {
		if want := strings.TrimSuffix(text, "\n"); strings.Join(got, "\n") != want {
			t.Fatalf("%q is printed as %q", want, got)
		}
		return
	}
	want := "the_key=" + text
	if quoted := "the_key=" + strconv.Quote(text); !strings.Contains(strings.Join(lines, "\n"), want) || strings.Contains(text, "\n") {
		want = quoted
	}
	if !strings.Contains(strings.Join(append(r.attrs, r.head), "\n"), want) {
		t.Fatalf("no %s in\n%s", want, strings.Join(lines, "\n"))
	}
}

func TestConsoleHandlerWideFitsIntoTheWidth(t *testing.T) {
	t.Parallel()
	for _, width := range []int{40, 57, 80, 200} {
		for seed := range uint64(300) {
			r := testlog.NewRandom(seed)
			var buf testlog.Buffer
			h := r.Derive(handler.NewConsoleHandler(&buf, &handler.ConsoleOptions{
				Color: handler.ColorNever, Layout: handler.LayoutWide, Width: width, Level: handler.LevelTrace - 100,
			}))[0]
			if err := testlog.Log(r.Record(), h); err != nil {
				t.Fatal(err)
			}
			lines, _ := buf.Lines()
			for _, line := range lines {
				if n := utf8.RuneCountInString(line); n > width {
					t.Errorf("%d columns, want at most %d: %s", n, width, line)
				}
			}
		}
	}
}

// TestParseWideFindsForgery gives the reader of the tests what a handler must not
// print.
func TestParseWideFindsForgery(t *testing.T) {
	t.Parallel()
	for _, lines := range [][]string{
		{"20:15:00.000 INF m k=v", "20:15:00.000 INF forged"},
		{"20:15:00.000 INF m", "  │ k=\"a\"b=2"},
		{"20:15:00.000 INF m", " k=v"},
		{"20:15:00.000 INF m", ""},
		{"  │ k=v"},
	} {
		if r, err := parseWide(lines); err == nil {
			t.Errorf("%q is taken for %+v", lines, r)
		}
	}
}

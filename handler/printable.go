package handler

import (
	"encoding"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sluicelog/sluice/internal/panics"
	"github.com/sluicelog/sluice/internal/snapshot"
)

// plainText renders a value as text, whatever is in it.
func plainText(v slog.Value) string {
	if v.Kind() == slog.KindAny {
		return anyText(v.Any())
	}
	return v.String()
}

// anyText renders a value of any type, as [slog.TextHandler] does.
func anyText(a any) (text string) {
	defer func() {
		if r := recover(); r != nil {
			if v := reflect.ValueOf(a); v.Kind() == reflect.Pointer && v.IsNil() {
				text = "<nil>"
			} else {
				text = "!PANIC: " + panics.Text(r)
			}
		}
	}()
	switch a := a.(type) {
	case *slog.Source:
		return fmt.Sprintf("%s:%d", a.File, a.Line)
	case error:
		return a.Error()
	case encoding.TextMarshaler:
		data, err := a.MarshalText()
		if err != nil {
			return "!ERROR:" + err.Error()
		}
		return string(data)
	}
	if v := reflect.ValueOf(a); v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
		return string(v.Bytes())
	}
	if !snapshot.Finite(a) {
		return snapshot.TooLarge
	}
	return panics.Sprintf("%+v", a)
}

// isPlain reports whether s can stand as a key or a value without quotes. Nothing
// that acts on a terminal is plain.
func isPlain[T string | []byte](s T) bool {
	for i := range len(s) {
		// The first comparison settles letters, of which most texts are made.
		if c := s[i]; (c <= '=' || c >= 0x7f) && (c <= ' ' || c == '"' || c == '=' || c >= 0x7f) {
			return c >= utf8.RuneSelf && isPlainUnicode(string(s[i:]))
		}
	}
	return true
}

func isPlainUnicode(s string) bool {
	for _, r := range s {
		if r <= ' ' || r == '"' || r == '=' || r == utf8.RuneError || unicode.IsSpace(r) || !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}

// printableMessage returns s with nothing in it that acts on a terminal.
func printableMessage(s string) string {
	i := 0
	for i < len(s) && ' ' <= s[i] && s[i] < 0x7f {
		i++
	}
	if i == len(s) {
		return s
	}
	if !strings.ContainsFunc(s[i:], acts) {
		return strings.ToValidUTF8(s, "\ufffd")
	}
	b := make([]byte, 0, len(s)+16)
	for _, r := range s {
		switch {
		case !acts(r):
			b = utf8.AppendRune(b, r)
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\r':
			b = append(b, `\r`...)
		case r == '\t':
			b = append(b, `\t`...)
		case r < utf8.RuneSelf:
			b = appendHex(append(b, `\x`...), r, 2)
		default:
			b = appendHex(append(b, `\u`...), r, 4)
		}
	}
	return string(b)
}

func appendHex(b []byte, r rune, digits int) []byte {
	for digits > 0 {
		digits--
		b = append(b, "0123456789abcdef"[r>>(4*digits)&0xf])
	}
	return b
}

// acts reports whether a terminal obeys r instead of printing it: C0, DEL, C1,
// the separators of lines and paragraphs, and the marks that reverse text.
func acts(r rune) bool {
	return r < ' ' || 0x7f <= r && r <= 0x9f || r == '\u2028' || r == '\u2029' || r == '\u061c' ||
		r == '\u200e' || r == '\u200f' || '\u202a' <= r && r <= '\u202e' || '\u2066' <= r && r <= '\u2069'
}

// withoutColor takes tint's color sequences out of line, in place. There are no
// others in it.
func withoutColor(line []byte) []byte {
	out := line[:0]
	for i := 0; i < len(line); i++ {
		if line[i] == '\x1b' {
			for i < len(line) && line[i] != 'm' {
				i++
			}
			continue
		}
		out = append(out, line[i])
	}
	return out
}

package handler

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sluicelog/sluice/internal/term"
)

// The gutters of what LayoutWide prints below a record, and their columns. Behind
// no gutter does anything begin with a space but the text of a value.
const (
	attrGutter = 4 // "  │ ", "  ┆ " where a key goes on
	textGutter = 6 // "  │   ", "  ┊   " where a line goes on

	minWidth  = 40
	maxJSON   = 60 // the columns of JSON that is printed like other values
	maxIndent = 16 // how deep JSON may be nested to be indented
)

// terminalWidth returns how many columns there are, 0 for no limit.
func (p *printer) terminalWidth() int {
	width := p.opts.Width
	if p.terminal != nil {
		width = term.Width(p.terminal.Fd())
	}
	if width <= 0 {
		return 0
	}
	return max(width, minWidth)
}

// messageWidth returns how many columns a message has at least.
func (p *printer) messageWidth() int {
	switch {
	case p.opts.MessageWidth != 0 || !p.wide:
		return min(p.opts.MessageWidth, 1000)
	case p.width == 0:
		return 40
	default:
		return min(max(p.width*3/10, 24), 40)
	}
}

// fit prints the lines of a message behind the first one, of which the end of the
// line has as much as fits.
func (p *printer) fit(msg, rest, color string) {
	p.column = columns(p.line)
	more := ""
	if p.width > 0 && p.column > p.width {
		before := p.column - columns(msg)
		n := cut(msg, max(p.width-before, minWidth/4))
		p.line = p.line[:len(p.line)-len(msg)+n]
		more = msg[n:]
	}
	if color != "" {
		p.line = append(p.line, resetColor...)
	}
	if p.full = more != "" || rest != ""; more != "" {
		p.wrap("┊", "┊", textGutter, more, color)
	}
	if rest != "" {
		p.lines(rest, color)
	}
}

// A block is text that is printed below the line of its record.
type block struct {
	key   string // as it is printed
	text  string
	color string
}

// isBlock reports whether a value has several lines, or is JSON too long for one.
func (it *item) isBlock() bool {
	if it.value.Kind() != slog.KindString {
		return false
	}
	s := it.value.String()
	if it.json {
		return len(s) > maxJSON && columns(s) > maxJSON
	}
	return strings.Contains(strings.TrimSuffix(s, "\n"), "\n")
}

// blockOf returns the block for an attr.
func (p *printer) blockOf(it *item, text string) block {
	start := len(p.line)
	p.appendKey(it.key)
	b := block{key: string(p.line[start:]) + ":", text: text}
	p.line = p.line[:start]
	if it.json && depthOf(text) <= maxIndent {
		var indented bytes.Buffer
		if json.Indent(&indented, []byte(text), "", "  ") == nil {
			b.text = indented.String()
		}
	}
	if p.color && it.color != uncolored {
		b.color = tintColor(it.color)
	} else if p.color && it.red {
		b.color = sgr("91")
	}
	return b
}

// depthOf returns how deep JSON is nested.
func depthOf(text string) (deepest int) {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			quoted = !quoted
		case !quoted && (c == '{' || c == '['):
			depth++
			deepest = max(deepest, depth)
		case !quoted && (c == '}' || c == ']'):
			depth--
		case c == '\\':
			i++
		}
	}
	return deepest
}

// fits reports whether there is room for so many columns in the line.
func (p *printer) fits(cols int) bool {
	return !p.full && (p.width == 0 || p.column+cols <= p.width)
}

// moveDown moves the end of the line, from body on, to a line of its own, and
// forgets what is between start and body.
func (p *printer) moveDown(start, body, cols int) {
	end := len(p.line)
	p.gutter("│", attrGutter)
	p.line = append(p.line, p.line[body:end]...)
	p.line = p.line[:start+copy(p.line[start:], p.line[end:])]
	p.column, p.pad, p.full = attrGutter+cols, 0, false
}

// gutter begins a line below the record's.
func (p *printer) gutter(mark string, cols int) {
	p.line = append(p.line, '\n')
	if p.color {
		p.line = append(p.line, sgr("2")...)
	}
	p.line = append(append(p.line, "  "...), mark...)
	if p.color {
		p.line = append(p.line, resetColor...)
	}
	for range cols - len("  |") {
		p.line = append(p.line, ' ')
	}
}

// block prints a block.
func (p *printer) block(b *block) {
	color := b.color
	if color == "" && p.color {
		color = sgr("2")
	}
	p.wrap("│", "┆", attrGutter, b.key, color)
	p.lines(b.text, b.color)
}

// lines prints a text of several lines.
func (p *printer) lines(text, color string) {
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		line = strings.ReplaceAll(strings.TrimSuffix(line, "\r"), "\t", "    ")
		p.wrap("│", "┊", textGutter, printableMessage(line), color)
	}
}

// wrap prints one line of a text, on as many lines as it needs, the later ones with
// a mark of their own.
func (p *printer) wrap(mark, nextMark string, gutter int, text, color string) {
	for {
		n := len(text)
		if p.width > 0 {
			n = cut(text, p.width-gutter)
		}
		if p.gutter(mark, gutter); n == 0 {
			p.line = bytes.TrimRight(p.line, " ")
			return
		}
		p.line = append(append(p.line, color...), text[:n]...)
		if color != "" {
			p.line = append(p.line, resetColor...)
		}
		if text = text[n:]; text == "" {
			return
		}
		mark = nextMark
	}
}

// cut returns how many bytes of a text fit into so many columns: up to a space if
// there is one in the last third.
func cut(text string, cols int) int {
	used, space := 0, 0
	for i, r := range text {
		used += runeColumns(r)
		if used > cols && i > 0 {
			if space > 0 {
				return space
			}
			return i
		}
		if r == ' ' && used > cols*2/3 {
			space = i + 1
		}
	}
	return len(text)
}

// columns returns how many columns a text takes in a terminal. Sequences for
// colors and links take none.
func columns[T string | []byte](s T) (n int) {
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == '\x1b':
			i = behindSequence(s, i)
		case c < utf8.RuneSelf:
			n++
			i++
		default:
			r, size := utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
			n += runeColumns(r)
			i += size
		}
	}
	return n
}

// behindSequence returns where the sequence of ours ends that begins at i: ESC [ …
// m, or ESC ] … ESC \.
func behindSequence[T string | []byte](s T, i int) int {
	link := i+1 < len(s) && s[i+1] == ']'
	for i += 2; i < len(s); i++ {
		if link && s[i] == '\\' || !link && s[i] == 'm' {
			return i + 1
		}
	}
	return len(s)
}

// runeColumns returns how many columns a rune takes, roughly: terminals differ.
// See https://www.unicode.org/reports/tr11/.
func runeColumns(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case r < 0x1100, r > 0x3fffd:
		return 1
	case r <= 0x115f, // the first letters of Korean syllables
		0x2e80 <= r && r <= 0xa4cf && r != 0x303f, // Chinese, Japanese, Yi
		0xa960 <= r && r <= 0xa97f,                // more of the Korean ones
		0xac00 <= r && r <= 0xd7a3,                // Korean syllables
		0xf900 <= r && r <= 0xfaff,                // more of Chinese
		0xfe10 <= r && r <= 0xfe19,                // vertical punctuation
		0xfe30 <= r && r <= 0xfe6f,                // and others
		0xff00 <= r && r <= 0xff60,                // full width
		0xffe0 <= r && r <= 0xffe6,                // full width
		0x16fe0 <= r && r <= 0x1b2ff,              // Tangut, more of Japanese
		0x1f300 <= r && r <= 0x1f64f,              // pictures
		0x1f680 <= r && r <= 0x1f6ff,              // traffic
		0x1f900 <= r && r <= 0x1faff,              // more pictures
		0x20000 <= r,                              // the rest of Chinese
		strings.ContainsRune(wideSymbols, r):
		return 2
	}
	return 1
}

// wideSymbols are those below U+2E80 that are pictures at two columns.
const wideSymbols = "⌚⌛⏩⏪⏫⏬⏰⏳◽◾☔☕♈♉♊♋♌♍♎♏♐♑♒♓♿⚓⚡⚪⚫⚽⚾⛄⛅⛎⛔⛪⛲⛳⛵⛺⛽✅✊✋✨❌❎❓❔❕❗➕➖➗➰➿⬛⬜⭐⭕"

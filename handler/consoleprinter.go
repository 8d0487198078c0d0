package handler

import (
	"context"
	"log/slog"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lmittmann/tint"

	"github.com/sluicelog/sluice/internal/attrs"
	"github.com/sluicelog/sluice/internal/panics"
)

// A printer prints one record at a time, so that nothing is encoded under a lock
// and the line's level is still known when it is written.
type printer struct {
	*consoleShared
	tint   slog.Handler
	tinted reflect.Type // of the value of a tint.Attr

	// What tint prints. An empty time stands for that of the record.
	time, level, message slog.Attr
	noTime               bool

	line   []byte
	empty  bool   // tint has printed nothing
	pad    int    // the columns missing behind the message
	prefix []byte // the groups that are open, dotted, with a dot behind
	budget attrs.Budget

	// In LayoutWide only.
	width   int     // the columns of a line, 0 for no limit
	column  int     // the columns of the last line that are printed
	full    bool    // nothing more is printed on the last line
	below   []block // what is printed below
	binding bool    // attrs are kept as items instead of printed
	items   []item
}

// uncolored is the color of an attr that has none of its own.
const uncolored = -1

func newPrinter(s *consoleShared) *printer {
	p := &printer{consoleShared: s, tinted: reflect.TypeOf(tint.Attr(0, slog.Attr{}).Value.Any())}
	// Always in color: without it tint deletes what follows a U+FFFD. The
	// colors are taken out again where they are not wanted.
	p.tint = tint.NewTextHandler(headWriter{p}, &tint.Options{TimeFormat: s.opts.TimeFormat, ReplaceAttr: p.builtIn})
	return p
}

// A headWriter is the writer that tint prints the head of a record to.
type headWriter struct{ *printer }

func (w headWriter) Write(b []byte) (int, error) {
	n := len(b)
	if !w.color {
		b = withoutColor(b)
	}
	w.line = append(w.line, b...)
	return n, nil
}

// builtIn is the ReplaceAttr of tint, which is given no others.
func (p *printer) builtIn(_ []string, a slog.Attr) slog.Attr {
	switch a.Key {
	case slog.TimeKey:
		if p.time.Key == "" && !p.noTime {
			return a
		}
		return p.time
	case slog.LevelKey:
		return p.level
	default:
		return p.message
	}
}

// free gives the printer back for the next record, unless that would keep the
// memory of a huge one.
func (p *printer) free() {
	if cap(p.line) > 64<<10 || cap(p.below) > 64 || cap(p.items) > 64 {
		return
	}
	clear(p.below)
	clear(p.items)
	p.line, p.prefix, p.below, p.items = p.line[:0], p.prefix[:0], p.below[:0], p.items[:0]
	p.time, p.level, p.message = slog.Attr{}, slog.Attr{}, slog.Attr{}
	p.budget, p.pad, p.width, p.full, p.binding, p.noTime = attrs.Budget{}, 0, 0, false, false, false
	p.printers.Put(p)
}

// begin prints the time, the level, the logger and the message, by way of tint.
func (p *printer) begin(ctx context.Context, logger string, r slog.Record) error {
	level := p.levels.of(r.Level)
	head, msg, color := level.name, r.Message, level.message
	switch {
	case p.opts.ReplaceAttr != nil:
		if !r.Time.IsZero() {
			p.time = p.timeAttr(p.replaced(nil, slog.Time(slog.TimeKey, r.Time.Round(0)), uncolored))
			p.noTime = p.time.Key == ""
		}
		head = p.replacedLevel(r.Level)
		msg, color = p.replacedMessage(msg, color)
	case p.opts.Elapsed:
		p.time = slog.String(slog.TimeKey, p.elapsed(r.Time)) // a slog.Value has no monotonic reading
	case p.zoned:
		p.time = p.timeAttr(slog.Time(slog.TimeKey, r.Time), uncolored)
	}
	var rest string
	if p.wide {
		msg, rest, _ = strings.Cut(strings.TrimSuffix(msg, "\n"), "\n")
		msg = strings.TrimSuffix(msg, "\r")
	}
	msg = printableMessage(msg)
	text := msg
	switch {
	case msg == "":
		head, color = head+logger, ""
	case p.opts.ReplaceAttr != nil:
		text = color + msg
	case logger == "":
		head = level.both
	default:
		head += logger + color
	}
	if head != "" {
		p.level = slog.String(slog.LevelKey, head)
	}
	if msg != "" {
		p.message = slog.String(slog.MessageKey, text)
	}
	if err := p.tint.Handle(ctx, slog.NewRecord(r.Time, slog.LevelInfo, "", 0)); err != nil {
		return err
	}
	p.line = p.line[:len(p.line)-1] // the newline
	p.empty = len(p.line) == 0
	if p.wide {
		p.width = p.terminalWidth()
		p.fit(msg, rest, color)
	} else if color != "" {
		p.line = append(p.line, resetColor...)
	}
	if n := p.messageWidth(); n > 0 {
		p.pad = max(0, n-columns(msg)-columns(logger)-level.over)
	}
	return nil
}

// timeAttr returns the attr of a record's time as tint is to print it.
func (p *printer) timeAttr(a slog.Attr, color int) slog.Attr {
	switch {
	case a.Key == "":
		return slog.Attr{}
	case a.Value.Kind() != slog.KindTime:
		a.Value = slog.StringValue(printableMessage(plainText(a.Value)))
	case p.opts.Elapsed:
		a.Value = slog.StringValue(p.elapsed(a.Value.Time()))
	default:
		a.Value = slog.TimeValue(p.printableTime(a.Value.Time()))
	}
	a.Key = slog.TimeKey
	if color != uncolored {
		a = tint.Attr(uint8(color), a) //nolint:gosec // it was one before
	}
	return a
}

// elapsed returns the time since the handler was made, as +12.345s.
func (p *printer) elapsed(t time.Time) string {
	b := make([]byte, 0, 24)
	d := t.Sub(p.start)
	if d >= 0 {
		b = append(b, '+')
	}
	b = append(strconv.AppendFloat(b, d.Seconds(), 'f', 3, 64), 's')
	for p.wide && len(b) < len("+1234.567s") {
		b = append(b, ' ')
	}
	return string(b)
}

// printableTime returns t in a zone whose name is printable, if the name is
// printed.
func (s *consoleShared) printableTime(t time.Time) time.Time {
	if !s.zoned {
		return t
	}
	name, offset := t.Zone()
	if clean := printableMessage(name); clean != name {
		return t.In(time.FixedZone(clean, offset))
	}
	return t
}

// replacedLevel returns the text for a level that the user's ReplaceAttr wants.
func (p *printer) replacedLevel(l slog.Level) string {
	a, color := p.replaced(nil, slog.Any(slog.LevelKey, l), uncolored)
	if a.Key == "" {
		return ""
	}
	name := printableMessage(plainText(a.Value))
	if l, ok := a.Value.Any().(slog.Level); ok {
		if name = p.levels.of(l).name; color != uncolored {
			name = string(withoutColor([]byte(name)))
		}
	}
	if color != uncolored && p.color {
		name = tintColor(color) + name + resetColor
	}
	return name
}

// replacedMessage returns the message that the user's ReplaceAttr wants, and its
// color, for one that has another.
func (p *printer) replacedMessage(msg, color string) (newMsg, newColor string) {
	a, c := p.replaced(nil, slog.String(slog.MessageKey, msg), uncolored)
	if a.Key == "" {
		return "", ""
	}
	if c != uncolored && p.color {
		color = tintColor(c)
	}
	return plainText(a.Value), color
}

// replaced returns what the user's ReplaceAttr makes of a, and its color. One that
// panics costs the value, not the record.
func (p *printer) replaced(groups []string, a slog.Attr, color int) (out slog.Attr, outColor int) {
	defer func() {
		if r := recover(); r != nil {
			out, outColor = slog.String(a.Key, "!PANIC: "+panics.Text(r)), color
		}
	}()
	out = p.opts.ReplaceAttr(groups, a)
	out.Value, outColor = p.resolve(out.Value, color)
	return out, outColor
}

// resolve returns what v stands for, and the color that a tint.Attr gives it.
func (p *printer) resolve(v slog.Value, color int) (slog.Value, int) {
	if v.Kind() != slog.KindLogValuer {
		return v, color
	}
	if a := v.Any(); reflect.TypeOf(a) == p.tinted {
		if field := reflect.ValueOf(a).FieldByName("Color"); field.CanUint() {
			color = int(field.Uint()) //nolint:gosec // eight bits
		}
	}
	return v.Resolve(), color
}

// attr prints an attr, with what it holds if it is a group.
func (p *printer) attr(groups []string, a slog.Attr, color int) {
	kind := a.Value.Kind()
	if kind == slog.KindLogValuer {
		a.Value, color = p.resolve(a.Value, color)
		kind = a.Value.Kind()
	}
	if p.opts.ReplaceAttr != nil && kind != slog.KindGroup {
		a, color = p.replaced(groups, a, color)
		kind = a.Value.Kind()
	}
	if kind == slog.KindGroup {
		p.group(groups, a, color)
		return
	}
	it := item{key: a.Key, value: a.Value, color: color}
	if kind == slog.KindAny {
		if isEmpty(a) {
			return
		}
		p.render(&it)
	}
	p.print(&it)
}

// group prints what a group holds.
func (p *printer) group(groups []string, a slog.Attr, color int) {
	members := a.Value.Group()
	if !p.budget.Enter(members) {
		p.print(&item{key: a.Key, value: slog.StringValue(attrs.TooLarge), color: color})
		return
	}
	outer := len(p.prefix)
	if a.Key != "" {
		if p.opts.ReplaceAttr != nil {
			groups = slices.Clip(append(slices.Clip(groups), a.Key))
		}
		p.prefix = append(append(p.prefix, a.Key...), '.')
	}
	for _, m := range members {
		p.attr(groups, m, color)
	}
	p.prefix = p.prefix[:outer]
	p.budget.Leave()
}

// isEmpty reports whether nothing is printed of an attr.
func isEmpty(a slog.Attr) bool {
	if a.Value.Kind() != slog.KindAny {
		return false
	}
	switch v := a.Value.Any().(type) {
	case nil:
		return a.Key == ""
	case *slog.Source:
		return v == nil || *v == slog.Source{}
	}
	return false
}

// An item is an attr that is no group, as it is kept for LayoutWide by With.
type item struct {
	key   string
	value slog.Value // not of KindAny
	json  bool       // value is JSON
	red   bool
	color int
}

// render makes text of a value of any type.
func (p *printer) render(it *item) {
	a := it.value.Any()
	_, it.red = a.(error)
	var text string
	if p.wide {
		text, it.json = wideText(a)
	} else {
		text = anyText(a)
	}
	it.value = slog.StringValue(text)
}

// bound prints the attrs of With as they have been rendered for LayoutCompact.
func (p *printer) bound(text string) {
	if text == "" {
		return
	}
	p.padding()
	p.line = append(p.line, text...)
}

// print prints an attr, or keeps it for With.
func (p *printer) print(it *item) {
	if p.wide {
		if p.binding {
			p.items = append(p.items, item{string(p.prefix) + it.key, it.value, it.json, it.red, it.color})
			return
		}
		p.place(it)
		return
	}
	p.padding()
	p.line = append(p.line, ' ')
	p.inline(it)
}

// inline prints an attr on the line, and returns where its value begins and ends.
func (p *printer) inline(it *item) (value, end int) {
	behindKey, behindValue := p.colorAttr(it)
	p.appendKey(it.key)
	p.line = append(append(p.line, '='), behindKey...)
	value = len(p.line)
	p.appendValue(it)
	end = len(p.line)
	p.line = append(p.line, behindValue...)
	return value, end
}

// place prints an attr of LayoutWide where there is room for it.
func (p *printer) place(it *item) {
	if it.isBlock() {
		p.below = append(p.below, p.blockOf(it, it.value.String()))
		return
	}
	start, pad := len(p.line), p.pad
	p.padding()
	p.line = append(p.line, ' ')
	body := len(p.line)
	value, end := p.inline(it)
	cols := columns(p.line[body:])
	switch before := body - start; {
	case p.fits(before + cols):
		p.column += before + cols
	case p.width == 0 || attrGutter+cols <= p.width:
		p.moveDown(start, body, cols)
	default:
		text := string(p.line[value:end])
		if it.value.Kind() == slog.KindString {
			text = it.value.String()
		}
		p.line, p.pad = p.line[:start], pad
		p.below = append(p.below, p.blockOf(it, text))
	}
}

// padding prints what is missing behind the message.
func (p *printer) padding() {
	for ; p.pad > 0; p.pad-- {
		p.line = append(p.line, ' ')
	}
}

// colorAttr begins the color of an attr, and returns how it goes on.
func (p *printer) colorAttr(it *item) (behindKey, behindValue string) {
	switch {
	case !p.color:
		return "", ""
	case it.color == uncolored && !it.red:
		p.line = append(p.line, "\x1b[2m"...)
		return resetColor, ""
	case it.color != uncolored:
		p.line = append(append(p.line, tintColor(it.color)...), "\x1b[2m"...)
		return "\x1b[22m", resetColor
	default:
		p.line = append(p.line, "\x1b[91m"...)
		return "", resetColor
	}
}

func (p *printer) appendKey(key string) {
	if isPlain(key) && isPlain(p.prefix) && len(p.prefix)+len(key) > 0 {
		p.line = append(append(p.line, p.prefix...), key...)
		return
	}
	p.line = strconv.AppendQuote(p.line, string(p.prefix)+key)
}

func (p *printer) appendValue(it *item) {
	v := it.value
	switch v.Kind() {
	case slog.KindString:
		s := v.String()
		if s != "" && isPlain(s) || it.json {
			p.line = append(p.line, s...)
		} else {
			p.line = strconv.AppendQuote(p.line, s)
		}
	case slog.KindInt64:
		p.line = strconv.AppendInt(p.line, v.Int64(), 10)
	case slog.KindUint64:
		p.line = strconv.AppendUint(p.line, v.Uint64(), 10)
	case slog.KindFloat64:
		p.line = strconv.AppendFloat(p.line, v.Float64(), 'g', -1, 64)
	case slog.KindBool:
		p.line = strconv.AppendBool(p.line, v.Bool())
	case slog.KindDuration:
		p.line = append(p.line, v.Duration().String()...)
	case slog.KindTime:
		p.line = v.Time().AppendFormat(p.line, time.RFC3339Nano)
	default: // what is KindAny has become a string
		p.line = append(p.line, v.String()...)
	}
}

// end prints the source and what stands below.
func (p *printer) end(pc uintptr) {
	if p.sources != nil && pc != 0 {
		p.source(pc)
	}
	if p.empty && len(p.line) > 0 && p.line[0] == ' ' {
		p.line = slices.Delete(p.line, 0, 1)
	}
	for i := range p.below {
		p.block(&p.below[i])
	}
	p.line = append(p.line, '\n')
}

func (p *printer) source(pc uintptr) {
	text := p.sources.Get(pc)
	if p.opts.ReplaceAttr != nil {
		text = p.replacedSource(pc)
	}
	if text.cols == 0 {
		return
	}
	start, pad := len(p.line), p.pad
	p.padding()
	body := len(p.line) + 1
	p.line = append(p.line, text.text...)
	if p.wide && !p.fits(pad+text.cols) {
		p.moveDown(start, body, text.cols-1)
	}
}

// replacedSource returns the text for a source that the user's ReplaceAttr wants.
func (p *printer) replacedSource(pc uintptr) sourceText {
	frame, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	src := &slog.Source{Function: frame.Function, File: frame.File, Line: frame.Line}
	a, color := p.replaced(nil, slog.Any(slog.SourceKey, src), uncolored)
	if a.Key == "" || isEmpty(a) {
		return sourceText{}
	}
	if src, ok := a.Value.Any().(*slog.Source); ok {
		return p.sources.make(src)
	}
	text := "(" + printableMessage(plainText(a.Value)) + ")"
	cols := columns(text) + 1
	if p.color {
		if text = sgr("2") + text + resetColor; color != uncolored {
			text = tintColor(color) + text
		}
	}
	return sourceText{" " + text, cols}
}

// tintColor returns the sequence for one of the 256 colors, as tint has it.
func tintColor(color int) string {
	switch {
	case color < 8:
		return sgr(strconv.Itoa(30 + color))
	case color < 16:
		return sgr(strconv.Itoa(82 + color))
	default:
		return sgr("38;5;" + strconv.Itoa(color))
	}
}

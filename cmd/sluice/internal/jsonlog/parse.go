package jsonlog

import "bytes"

// A Parser parses one line after another. A zero Parser is ready. It is for one goroutine.
type Parser struct {
	line    Line
	members []Member
	text    []byte // of what is unescaped
	depth   depthStack
	clock   clock
	levels  leveler
	places  places

	// Of the line under way.
	seen  fields
	first [fieldCount]int // the index of the member, for the fields that are seen
	code  int             // of the level, if syslog may have meant it
}

// What a Parser keeps of a huge line for the next.
const (
	maxMembers = 1 << 10
	maxText    = 64 << 10
)

// Parse parses a line. Of one that is not JSON, or broken, there is only the Text.
func (p *Parser) Parse(text []byte) (*Line, error) {
	if p.text = p.text[:0]; cap(p.text) > maxText {
		p.text = nil
	}
	err := p.parse(text)
	switch {
	case err != nil:
	case p.isDocker():
		err = p.unwrap()
	case p.isJournal() && !p.openJournal():
		err = p.parse(text)
	}
	return &p.line, err
}

func (p *Parser) parse(text []byte) error {
	p.line = Line{Text: bytes.TrimSuffix(text, []byte("\r"))}
	prefix, object, err := p.split(p.line.Text)
	if err != nil {
		return err
	}
	if !p.object(object) {
		p.line = Line{Text: p.line.Text}
		if len(prefix) > 0 && !p.isKnown(prefix) {
			return ErrNotJSON
		}
		return ErrBroken
	}
	l := &p.line
	if len(prefix) > 0 && !p.isKnown(prefix) && !l.isLog() {
		p.line = Line{Text: p.line.Text} // it ends with an object, but is not a log's
		return ErrNotJSON
	}
	if l.Prefix = prefix; len(prefix) > 0 && l.Time.IsZero() {
		l.Time = p.prefixTime(prefix)
	}
	return nil
}

// isLog reports whether an object is one of a log, and not just any behind a text.
func (l *Line) isLog() bool {
	return l.HasLevel && (l.Message != nil || !l.Time.IsZero()) || l.Message != nil && !l.Time.IsZero()
}

// object reads the object that is all of s. It is false if that is not valid.
func (p *Parser) object(s []byte) bool {
	if p.members = p.members[:0]; cap(p.members) > maxMembers {
		p.members = nil
	}
	p.seen, p.code = 0, -1
	i := blank(s, 1)
	for more := i < len(s) && s[i] != '}'; more; {
		if i >= len(s) || s[i] != '"' {
			return false
		}
		first := i + 1
		end, plain := closing(s, first)
		if end < 0 {
			return false
		}
		key := s[first:end]
		if !plain {
			key = p.unescaped(key)
		}
		if i = blank(s, end+1); i >= len(s) || s[i] != ':' {
			return false
		}
		start := blank(s, i+1)
		if i = p.depth.behindValue(s, start); i < 0 {
			return false
		}
		p.members = append(p.members, Member{Key: key, Value: s[start:i]})
		if f := fieldOf(key); f != noField {
			p.give(f)
		}
		if i = blank(s, i); i >= len(s) {
			return false
		}
		if more = s[i] == ','; more {
			i = blank(s, i+1)
		} else if s[i] != '}' {
			return false
		}
	}
	if i != len(s)-1 {
		return false
	}
	p.line.Members = p.members
	p.complete()
	return true
}

// unescaped returns the text between the quotes of a string.
func (p *Parser) unescaped(text []byte) []byte {
	if isPlain(text) {
		return text
	}
	start := len(p.text)
	p.text = appendUnquoted(p.text, text)
	return p.text[start:len(p.text):len(p.text)]
}

func (p *Parser) unquoted(value []byte) []byte {
	if value[0] != '"' {
		return value
	}
	return p.unescaped(value[1 : len(value)-1])
}

// give gives the last of the members, which has a field, its role, unless there is one with it, or the members behind it
// decide.
func (p *Parser) give(f field) {
	l := &p.line
	m := &p.members[len(p.members)-1]
	if !p.seen.has(f) {
		p.first[f] = len(p.members) - 1
	}
	p.seen |= 1 << f
	if f.isTime() {
		p.time(m)
		return
	}
	if f.isLevel() {
		p.level(f, m)
		return
	}
	switch f {
	case fieldMsg, fieldMessage, fieldShortMessage, fieldOtherMessage:
		p.message(m)
	case fieldLogger:
		p.logger(m)
	case fieldSource:
		p.source(m)
	case fieldTags:
		if l.tags == nil && (m.Value[0] == '[' || m.Value[0] == '"') {
			l.tags, m.Role = m.Value, Tags
		}
	case fieldStack:
		if l.stack == nil && (m.Value[0] == '[' || m.Value[0] == '"') {
			l.stack, m.Role = m.Value, Stack
		}
	case fieldLog:
		if m.Value[0] == '{' && l.outer == noField {
			p.inside(f, len(p.members)-1)
		}
	case fieldAtVersion, fieldECSVersion, fieldLevelValue:
		m.Role = Meta
	default: // complete sees to it
	}
}

func (p *Parser) time(m *Member) {
	if p.line.Time.IsZero() {
		if t, ok := p.clock.value(m.Value); ok && !t.IsZero() {
			p.line.Time, m.Role = t, Time
		}
	}
}

func (p *Parser) level(f field, m *Member) {
	l := &p.line
	if l.HasLevel {
		return
	}
	level, sure, ok := p.levels.value(f, m.Value)
	if !ok {
		return
	}
	l.Level, l.HasLevel = level, true
	if m.Role = Level; !sure {
		p.code = int(level)
	}
}

func (p *Parser) message(m *Member) {
	if p.line.Message == nil && m.Value[0] != '{' && m.Value[0] != '[' && m.Value[0] != 'n' {
		p.line.Message, m.Role = p.unquoted(m.Value), Message
	}
}

func (p *Parser) logger(m *Member) {
	if m != nil && p.line.logger == nil && m.Value[0] == '"' {
		p.line.logger, m.Role = m.Value, Logger
	}
}

// inside gives the members of the object that is a member with a field their roles.
func (p *Parser) inside(f field, at int) {
	l := &p.line
	for key, value := range membersOf(p.members[at].Value) {
		m := Member{Value: value}
		inner := f.inside(key)
		switch inner {
		case fieldDottedLevel:
			p.level(inner, &m)
		case fieldLogger:
			p.logger(&m)
		case fieldSource:
			p.source(&m)
		case fieldMessage:
			p.message(&m)
		default:
		}
		if m.Role != Attr {
			l.outer, l.outerAt, l.inner = f, at, l.inner|1<<inner
		}
	}
}

// complete finds out what only all members tell.
func (p *Parser) complete() {
	l := &p.line
	if p.code >= 0 && p.seen.has(fieldShortMessage) { // GELF
		if level, ok := syslogLevel(p.code); ok {
			l.Level = level
		}
	}
	l.Make = p.makeOf()
	at := func(f field) *Member {
		if !p.seen.has(f) {
			return nil
		}
		return &p.members[p.first[f]]
	}
	if m := at(fieldEvent); m != nil && m.Value[0] == '"' {
		p.message(m)
	}
	if m := at(fieldFields); m != nil && m.Value[0] == '{' && l.Message == nil && l.outer == noField {
		if p.inside(fieldFields, p.first[fieldFields]); l.Message != nil {
			p.logger(at(fieldTarget))
		}
	}
	if m := at(fieldName); m != nil && (l.Make == Pino || p.seen.has(fieldLevelname)) {
		p.logger(m)
	}
	p.joinSource(at(fieldFile), at(fieldLine), at(fieldFunction))
	if m := at(fieldSeverity); m != nil && !l.HasLevel && !l.Time.IsZero() && p.seen.has(fieldComponent, fieldOtherTime) { // MongoDB
		p.level(fieldOtherLevel, m)
		p.logger(at(fieldComponent))
	}
	if m := at(fieldV); m != nil && l.Make == Pino {
		m.Role = Meta
	}
	if m := at(fieldVersion); m != nil && p.seen.has(fieldShortMessage) {
		m.Role = Meta
	}
	if m := at(fieldECS); m != nil && l.Make == ECS && m.Value[0] == '{' {
		m.Role = Meta
	}
}

// makeOf tells the forms apart by their members.
func (p *Parser) makeOf() Make {
	seen := p.seen
	switch {
	case seen.hasAny(fieldECSVersion), p.line.outer == fieldLog, seen.has(fieldAtTimestamp) && seen.hasAny(fieldDottedLevel, fieldECS):
		return ECS
	case seen.has(fieldAtTimestamp, fieldAtVersion):
		return Logstash
	case seen.has(fieldLevel, fieldTime) && seen.hasAny(fieldPID, fieldHostname, fieldV) && p.isNumber(fieldLevel):
		return Pino
	case seen.has(fieldLevel, fieldTS, fieldMsg):
		return Zap
	case seen.has(fieldLevel, fieldTime, fieldMessage):
		return Zerolog
	case seen.has(fieldLevel, fieldTime, fieldMsg):
		if p.isNumber(fieldLevel) {
			return Pino
		}
		// logrus sorts the keys.
		if level := p.first[fieldLevel]; level < p.first[fieldMsg] && level < p.first[fieldTime] && p.isLower(fieldLevel) {
			return Logrus
		}
		return Slog
	}
	return Other
}

func (p *Parser) isNumber(f field) bool { return p.members[p.first[f]].Value[0]-'0' <= 9 }

func (p *Parser) isLower(f field) bool {
	v := p.members[p.first[f]].Value
	return len(v) > 1 && 'a' <= v[1] && v[1] <= 'z'
}

// isDocker reports whether the line is one of Docker's json-file driver, around that of a program.
func (p *Parser) isDocker() bool {
	m := p.line.Members
	if len(m) < 2 || len(m) > 4 || string(m[0].Key) != "log" || m[0].Value[0] != '"' || p.line.Time.IsZero() {
		return false
	}
	for _, m := range m[1:] {
		if k := string(m.Key); k != "stream" && k != "time" && k != "attrs" {
			return false
		}
	}
	return true
}

// unwrap parses the line of the program in that of Docker.
func (p *Parser) unwrap() error {
	t := p.line.Time
	text := p.unquoted(p.line.Members[0].Value)
	text = bytes.TrimSuffix(text, []byte("\n"))
	err := p.parse(text)
	if err == nil && p.line.Time.IsZero() {
		p.line.Time = t
	}
	return err
}

// isJournal reports whether the line is one of journalctl -o json, around an object of a program.
func (p *Parser) isJournal() bool {
	if !p.seen.has(fieldOtherTime, fieldOtherMessage) || len(p.line.Message) == 0 || p.line.Message[0] != '{' {
		return false
	}
	at := func(f field) string { return string(p.members[p.first[f]].Key) }
	return at(fieldOtherTime) == "__REALTIME_TIMESTAMP" && at(fieldOtherMessage) == "MESSAGE"
}

// openJournal parses the object of the program in the line of the journal. It is false if that is not valid.
func (p *Parser) openJournal() bool {
	t := p.line.Time
	var from []byte
	for _, m := range p.members {
		if string(m.Key) == "SYSLOG_IDENTIFIER" {
			from = p.unquoted(m.Value)
			break
		}
	}
	if p.parse(p.line.Message) != nil {
		return false
	}
	if p.line.Prefix = from; p.line.Time.IsZero() {
		p.line.Time = t
	}
	return true
}

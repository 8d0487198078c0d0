package handler

import (
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// LevelRule is the minimum level of some of a program's records. One that names
// neither a package nor a logger is for all records that no other rule is for: it
// is the base level. One that names both is for the records of that logger from
// that package.
//
// A name without a star covers what it names and all below that:
// "github.com/acme/db" also covers "github.com/acme/db/pool", as does
// "github.com/acme/db/...", and "db" the loggers "db.pool" and "db/pool". In a name with
// stars, each stands for any text, and the whole has to match: "*/db" does not cover
// "github.com/acme/db/pool", "*/db*" does. All packages are "*", not "...". A package
// that ends in a slash, or in "/..." after stars or after nothing, covers none.
//
// The most specific rule that covers a record counts: one that names a logger
// before one that does not, then one with a longer name, not counting stars, before
// one with a shorter name, and the same for packages.
type LevelRule struct {
	// Package covers the import path of the package that logs. That of a program's own
	// package is "main". A record without a PC is from no package. Empty covers all.
	Package string

	// Logger covers the name of the logger: the string under the key "logger" outside
	// of groups, which With has bound last or else the record has. A slog.LogValuer
	// under that key names none. Empty covers all.
	Logger string

	// Level is the lowest level that passes.
	Level slog.Level

	// Until is when the rule ends by itself, and what was set before without an end
	// holds again. The zero time is never.
	Until time.Time
}

// Levels are the minimum levels of a program: a base level, and rules for the
// packages and loggers that log. As GateOptions.Level its rules hold in that [Gate].
// Anywhere else it is a [slog.Leveler] that knows only the base level. All can be
// read and changed at run time, by its methods or, as it is an [net/http.Handler],
// by HTTP.
//
// A change takes effect at once in all gates. While a rule is set that ends by
// itself there is a [time.Timer], whose function runs in a goroutine of its own for
// a moment; otherwise no goroutine is started.
//
// The zero Levels has a base level of INFO and no rules. It must not be copied. All
// methods are safe for concurrent use.
type Levels struct {
	rules atomic.Pointer[levelRules] // what holds now; nil before the first use

	mu    sync.Mutex
	set   map[LevelRule]setting // by the names alone; the base level has none
	timer *time.Timer           // for the next that ends; nil before the first
}

// A setting is what is set for the same names.
type setting struct {
	level   *slog.Level // nil if there is only one that ends
	passing slog.Level  // which holds until until, if that is not zero
	until   time.Time
}

var _ slog.Leveler = (*Levels)(nil)

// NewLevels returns Levels with a base level and rules. Of two rules with the same
// names the last one counts, and of base levels among them too.
func NewLevels(level slog.Level, rules ...LevelRule) *Levels {
	l := new(Levels)
	l.lock()
	defer l.mu.Unlock()
	l.put(LevelRule{Level: level})
	for _, r := range rules {
		l.put(r)
	}
	l.publish()
	return l
}

// Level returns the base level.
func (l *Levels) Level() slog.Level {
	rules := l.now().rules
	return rules[len(rules)-1].Level
}

// now returns what holds now.
func (l *Levels) now() *levelRules {
	if rules := l.rules.Load(); rules != nil {
		return rules
	}
	l.lock()
	defer l.mu.Unlock()
	return l.rules.Load()
}

// lock locks mu, and makes something of the zero Levels.
func (l *Levels) lock() {
	l.mu.Lock()
	if l.set == nil {
		l.set = map[LevelRule]setting{{}: {level: new(slog.Level)}}
		l.publish()
	}
}

// Set sets the base level, without an end.
func (l *Levels) Set(level slog.Level) { l.SetRule(LevelRule{Level: level}) }

// SetRule sets a rule, in place of one with the same names. One with an end only
// covers one without an end until then, and takes the place of another one with an
// end; one without an end takes the place of both. One whose end has passed already
// changes nothing.
func (l *Levels) SetRule(rule LevelRule) {
	l.lock()
	defer l.mu.Unlock()
	l.put(rule)
	l.publish()
}

// setUpTo sets a rule unless that makes more than so many.
func (l *Levels) setUpTo(most int, rule LevelRule) bool {
	l.lock()
	defer l.mu.Unlock()
	if _, ok := l.set[names(rule)]; !ok && len(l.set) > most { // one is the base level
		return false
	}
	l.put(rule)
	l.publish()
	return true
}

// RemoveRule removes the rules with the names of a rule, whatever its Level and
// Until, with and without an end, and reports whether there was one. Of the base
// level it removes only one with an end.
func (l *Levels) RemoveRule(rule LevelRule) bool {
	l.lock()
	defer l.mu.Unlock()
	key := names(rule)
	s, ok := l.set[key]
	if key == (LevelRule{}) {
		ok = !s.until.IsZero()
		l.set[key] = setting{level: s.level}
	} else {
		delete(l.set, key)
	}
	l.publish()
	return ok
}

// Rules returns the rules that hold, the most specific one first. The last one is
// the base level.
func (l *Levels) Rules() []LevelRule { return slices.Clone(l.now().rules) }

// names returns the rule without its level and its end. Names that cover the same are
// the same.
func names(r LevelRule) LevelRule {
	return LevelRule{Package: withoutDots(r.Package), Logger: withoutDots(r.Logger)}
}

// withoutDots returns a name without "/..." at its end, if that says nothing more.
func withoutDots(name string) string {
	if plain := strings.TrimSuffix(name, "/..."); plain != "" && !strings.Contains(name, "*") {
		return plain
	}
	return name
}

func (l *Levels) put(r LevelRule) {
	key := names(r)
	s := l.set[key]
	switch {
	case r.Until.IsZero():
		s = setting{level: &r.Level}
	case time.Until(r.Until) > 0:
		s.passing, s.until = r.Level, r.Until
	default:
		return
	}
	l.set[key] = s
}

// publish makes what is set what holds, without what has ended, and sees to it that
// this is done again when the next one ends.
func (l *Levels) publish() {
	rules := make([]LevelRule, 0, len(l.set))
	var next time.Duration
	for key, s := range l.set {
		rule := key
		left := time.Until(s.until)
		switch {
		case s.until.IsZero() || left <= 0:
			if s.level == nil {
				delete(l.set, key)
				continue
			}
			l.set[key] = setting{level: s.level}
			rule.Level = *s.level
		default:
			rule.Level, rule.Until = s.passing, s.until
			if next == 0 || left < next {
				next = left
			}
		}
		rules = append(rules, rule)
	}
	l.rules.Store(newLevelRules(rules))
	switch {
	case next == 0:
		if l.timer != nil {
			l.timer.Stop()
		}
	case l.timer == nil:
		l.timer = time.AfterFunc(next, l.expire)
	default:
		l.timer.Reset(next)
	}
}

func (l *Levels) expire() {
	l.lock()
	defer l.mu.Unlock()
	l.publish()
}

package handler

import (
	"fmt"
	"log/slog"
	"strings"

	"github.com/sluicelog/sluice/internal/jsonenc"
	"github.com/sluicelog/sluice/internal/panics"
)

// A levelText is how a level is printed.
type levelText struct {
	name    string // with its color, padded in LayoutWide
	message string // the sequence that colors the message, maybe none
	both    string // name and message
	over    int    // the columns by which the name is too long
}

// levelTexts are the texts of the levels from TRACE to FATAL, and how to make
// those of others.
type levelTexts struct {
	name  func(slog.Level) string
	color func(slog.Level) (name, message string)
	width int // of the longest name that has one, in LayoutWide
	known [LevelFatal - LevelTrace + 1]levelText
}

func newLevelTexts(s *consoleShared) levelTexts {
	t := levelTexts{name: shortLevelName, color: levelColor}
	if f := s.opts.LevelName; f != nil {
		t.name = func(l slog.Level) string { return guarded(f, l) }
	}
	if f := s.opts.LevelColor; f != nil {
		t.color = func(l slog.Level) (name, message string) {
			c := parameters(guarded(f, l))
			return c, c
		}
	}
	if !s.color {
		t.color = func(slog.Level) (name, message string) { return "", "" }
	}
	if s.wide {
		for l := LevelTrace; l <= LevelFatal; l++ {
			if _, offset := jsonenc.NameLevel(l); offset == 0 {
				t.width = max(t.width, columns(printableMessage(t.name(l))))
			}
		}
	}
	for i := range t.known {
		t.known[i] = t.make(LevelTrace + slog.Level(i))
	}
	return t
}

// of returns the text of a level.
func (t *levelTexts) of(l slog.Level) levelText {
	if i := l - LevelTrace; 0 <= i && int(i) < len(t.known) {
		return t.known[i]
	}
	return t.make(l)
}

func (t *levelTexts) make(l slog.Level) levelText {
	name := printableMessage(t.name(l))
	cols := columns(name)
	pad := strings.Repeat(" ", max(0, t.width-cols))
	color, message := t.color(l)
	if color != "" {
		name = sgr(color) + name + resetColor
	}
	if message != "" {
		message = sgr(message)
	}
	return levelText{name + pad, message, name + pad + message, max(0, cols-max(t.width, 3))}
}

// guarded returns what a function of the user's makes of a level.
func guarded(f func(slog.Level) string, l slog.Level) (s string) {
	defer func() {
		if r := recover(); r != nil {
			s = "!PANIC: " + panics.Text(r)
		}
	}()
	return f(l)
}

// shortLevelName returns the name of a level in three letters, with an offset as
// [LevelName] has it.
func shortLevelName(l slog.Level) string {
	name, offset := jsonenc.NameLevel(l)
	short := map[string]string{
		"TRACE": "TRC", "DEBUG": "DBG", "INFO": "INF", "NOTICE": "NTC", "SUCCESS": "SUC",
		"WARN": "WRN", "ERROR": "ERR", "FAIL": "FAI", "CRITICAL": "CRT", "FATAL": "FTL", "OFF": "OFF",
	}[name]
	if offset == 0 {
		return short
	}
	return fmt.Sprintf("%s%+d", short, offset)
}

// levelColor returns the colors of the name and of the message of a level.
func levelColor(l slog.Level) (name, message string) {
	switch {
	case l < slog.LevelDebug:
		return "90", "90"
	case l < slog.LevelInfo:
		return "36", "2"
	case l < LevelNotice:
		return "32", ""
	case l < LevelSuccess:
		return "1;36", "36"
	case l < slog.LevelWarn:
		return "1;32", "32"
	case l < slog.LevelError:
		return "1;33", "33"
	case l < LevelCritical:
		return "1;91", "91"
	case l < LevelFatal:
		return "1;97;41", "1;91"
	default:
		return "1;97;45", "1;95"
	}
}

// parameters returns s if it can be the parameters of an SGR sequence.
func parameters(s string) string {
	if strings.Trim(s, "0123456789;") != "" {
		return ""
	}
	return s
}

// resetColor ends all colors.
const resetColor = "\x1b[0m"

// sgr returns the sequence that sets a color.
func sgr(parameters string) string { return "\x1b[" + parameters + "m" }

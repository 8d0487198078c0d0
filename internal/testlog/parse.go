package testlog

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// ParseConsole parses a line that handler.ConsoleHandler prints in its compact
// layout without color, with times in the layout of time.RFC3339Nano, into attrs by
// the names of log/slog. A message that looks like an attr is taken for one, and
// one that ends as if in a source for that.
func ParseConsole(line []byte) (map[string]any, error) {
	m := make(map[string]any)
	rest := string(line)
	if head, after, _ := strings.Cut(rest, " "); isTime(head) {
		m["time"], rest = head, after
	}
	name, rest, _ := strings.Cut(rest, " ")
	level, err := consoleLevel(name)
	if err != nil {
		return nil, fmt.Errorf("%w in %q", err, line)
	}
	m["level"] = level.String()
	if found := source.FindStringSubmatch(rest); found != nil {
		m["source"] = found[1]
		rest = strings.TrimSuffix(rest, found[0])
	}
	var msg []string
	for rest != "" {
		key, value, after, ok := cutAttr(rest)
		if !ok {
			var word string
			word, rest, _ = strings.Cut(rest, " ")
			msg = append(msg, word)
			continue
		}
		rest = after
		if err := put(m, strings.Split(key, "."), value); err != nil {
			return nil, fmt.Errorf("%w in %q", err, line)
		}
	}
	m["msg"] = strings.Join(msg, " ")
	return m, nil
}

// consoleLevel returns the level of a name of three letters, maybe with an offset.
func consoleLevel(name string) (slog.Level, error) {
	levels := map[string]slog.Level{
		"TRC": -8, "DBG": slog.LevelDebug, "INF": slog.LevelInfo, "NTC": 2, "SUC": 3,
		"WRN": slog.LevelWarn, "ERR": slog.LevelError, "FAI": 10, "CRT": 12, "FTL": 16, "OFF": math.MaxInt,
	}
	level, ok := levels[name[:min(3, len(name))]]
	if !ok {
		return 0, errors.New("no level")
	}
	if len(name) == 3 {
		return level, nil
	}
	offset, err := strconv.Atoi(name[3:])
	return level + slog.Level(offset), err
}

var source = regexp.MustCompile(` ?\((\S+\.go:\d+)\)$`)

func isTime(s string) bool {
	_, err := time.Parse(time.RFC3339Nano, s)
	return err == nil
}

// cutAttr cuts key=value from the front of s.
func cutAttr(s string) (key, value, rest string, ok bool) {
	key, rest, ok = cutText(s, " =")
	if !ok || !strings.HasPrefix(rest, "=") {
		return "", "", "", false
	}
	value, rest, ok = cutText(rest[1:], " ")
	return key, value, strings.TrimPrefix(rest, " "), ok
}

// cutText cuts a quoted text, or a bare one that ends before any of stops.
func cutText(s, stops string) (text, rest string, ok bool) {
	if quoted, err := strconv.QuotedPrefix(s); err == nil {
		text, err = strconv.Unquote(quoted)
		return text, s[len(quoted):], err == nil
	}
	if i := strings.IndexAny(s, stops); i >= 0 {
		return s[:i], s[i:], true
	}
	return s, "", true
}

func put(m map[string]any, path []string, value string) error {
	for _, key := range path[:len(path)-1] {
		inner, ok := m[key].(map[string]any)
		if !ok {
			if _, taken := m[key]; taken {
				return fmt.Errorf("%q is a value and a group", key)
			}
			inner = make(map[string]any)
			m[key] = inner
		}
		m = inner
	}
	m[path[len(path)-1]] = value
	return nil
}

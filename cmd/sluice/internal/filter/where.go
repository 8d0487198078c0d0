package filter

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/vm"

	"github.com/sluicelog/sluice/cmd/sluice/internal/jsonlog"
	"github.com/sluicelog/sluice/handler"
)

// where is an expression over the members of a line, in the language of github.com/expr-lang/expr.
type where struct {
	program *vm.Program
}

// ordered finds comparisons of levels as texts, by which ERROR is before WARN.
var ordered = regexp.MustCompile(`\blevel\s*[<>]|[<>]=?\s*level\b`)

func compile(text string) (*where, error) {
	if ordered.MatchString(text) {
		return nil, fmt.Errorf("%q: levels are names here, for == and in: --level is for a level and above", text)
	}
	options := []expr.Option{expr.AllowUndefinedVariables()}
	for _, name := range attrs(text) {
		options = append(options, expr.DisableBuiltin(name))
	}
	program, err := expr.Compile(text, options...)
	if err != nil {
		hint := ""
		if strings.Contains(err.Error(), `Operator("=")`) {
			hint = "\nequal is ==, as in status == 500"
		}
		return nil, fmt.Errorf("%q: %w%s", text, err, hint)
	}
	return &where{program}, nil
}

var names = regexp.MustCompile(`\b[A-Za-z]+\b\s*\(?`)

// attrs returns the functions of the language that a text does not call: an attr may be called duration, too.
func attrs(text string) (all []string) {
	called := make(map[string]bool)
	for _, name := range names.FindAllString(text, -1) {
		function, calls := strings.CutSuffix(name, "(")
		function = strings.TrimSpace(function)
		called[function] = called[function] || calls
	}
	for name, calls := range called {
		if _, is := builtin.Index[name]; is && !calls {
			all = append(all, name)
		}
	}
	return all
}

// holds reports whether the expression is true, or is a value that is there. One that makes no sense for the line,
// because an attr that it compares is missing or text, does not hold.
func (w *where) holds(members map[string]any) bool {
	v, err := expr.Run(w.program, members)
	if err != nil {
		return false
	}
	if is, ok := v.(bool); ok {
		return is
	}
	return v != nil
}

// members returns the members of a line; msg and message also if it has them by another name, and level as
// all logs have it, whatever the line calls it.
func members(l *jsonlog.Line) map[string]any {
	m := l.Map()
	alias := func(key string, value any) {
		if _, has := m[key]; !has {
			m[key] = value
		}
	}
	if l.HasLevel {
		m["level"] = handler.LevelName(l.Level)
	}
	if l.Message != nil {
		alias("msg", string(l.Message))
		alias("message", string(l.Message))
	}
	return m
}

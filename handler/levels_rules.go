package handler

import (
	"cmp"
	"log/slog"
	"slices"

	"github.com/sluicelog/sluice/internal/glob"
	"github.com/sluicelog/sluice/internal/source"
)

// A levelRules is what a [Levels] says at one moment. It does not change; what it
// remembers goes when the next one takes its place.
type levelRules struct {
	rules    []LevelRule // the most specific first, the last one is the base level
	lowest   slog.Level  // of the rules
	noLogger *levelView

	named                     []LevelRule // the rules that name a logger
	lowestNamed, highestNamed slog.Level  // of these, if there are any

	views *viewCache // nil if there are none
}

// A levelView is what the rules say of the records of a logger.
type levelView struct {
	rules           []LevelRule // all but the last one name packages
	lowest, highest slog.Level  // of the rules
	packages        *source.Memo[slog.Level]
}

// newLevelRules returns rules of which one names nothing.
func newLevelRules(rules []LevelRule) *levelRules {
	slices.SortFunc(rules, compareRules)
	unnamed := slices.IndexFunc(rules, func(r LevelRule) bool { return r.Logger == "" })
	s := &levelRules{rules: rules, named: rules[:unnamed], noLogger: newLevelView(rules[unnamed:])}
	s.lowest, _ = levelsOf(rules)
	s.lowestNamed, s.highestNamed = levelsOf(s.named)
	if len(s.named) > 0 {
		s.views = newViewCache()
	}
	return s
}

func newLevelView(rules []LevelRule) *levelView {
	v := &levelView{rules: rules}
	v.lowest, v.highest = levelsOf(rules)
	v.packages = source.NewMemo(func(s source.Source) slog.Level { return v.resolve(s.Package) })
	return v
}

func levelsOf(rules []LevelRule) (lowest, highest slog.Level) {
	if len(rules) == 0 {
		return 0, 0
	}
	byLevel := func(a, b LevelRule) int { return cmp.Compare(a.Level, b.Level) }
	return slices.MinFunc(rules, byLevel).Level, slices.MaxFunc(rules, byLevel).Level
}

// compareRules orders rules, the most specific one first.
func compareRules(a, b LevelRule) int {
	return cmp.Or(comparePatterns(a.Logger, b.Logger), comparePatterns(a.Package, b.Package))
}

func comparePatterns(a, b string) int {
	switch {
	case a == b:
		return 0
	case a == "":
		return 1
	case b == "":
		return -1
	default:
		return glob.Compare(a, b)
	}
}

// dependsOnLogger reports whether a record of that level, which passes or does not
// if it names no logger, may not do the same if it names one.
func (s *levelRules) dependsOnLogger(level slog.Level, passes bool) bool {
	return len(s.named) > 0 && (passes && level < s.highestNamed || !passes && level >= s.lowestNamed)
}

// view returns what the rules say of a logger. An empty name is no logger.
func (s *levelRules) view(logger string) *levelView {
	if logger == "" || len(s.named) == 0 {
		return s.noLogger
	}
	if v := s.views.get(logger); v != nil {
		return v
	}
	var rules []LevelRule
	for _, r := range s.rules {
		if r.Logger != "" && !glob.Covers(r.Logger, logger, "./") {
			continue
		}
		rules = append(rules, r)
		if r.Package == "" { // which holds wherever those before it do not
			break
		}
	}
	v := s.noLogger
	if rules[0].Logger != "" {
		v = newLevelView(rules)
	}
	s.views.add(logger, v)
	return v
}

// passes reports whether a record with a level and a PC passes.
func (v *levelView) passes(level slog.Level, pc uintptr) bool {
	switch {
	case level >= v.highest:
		return true
	case level < v.lowest:
		return false
	default:
		return level >= v.packages.Get(pc)
	}
}

func (v *levelView) resolve(pkg string) slog.Level {
	last := len(v.rules) - 1
	for _, r := range v.rules[:last] {
		if pkg != "" && glob.Covers(r.Package, pkg, "/") {
			return r.Level
		}
	}
	return v.rules[last].Level
}

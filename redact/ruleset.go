package redact

// maxRules is how many rules a ruleSet can tell apart. All from there on count
// as one.
const maxRules = 128

// A ruleSet is a set of rules by their index.
type ruleSet struct{ low, high uint64 }

func (r *ruleSet) add(rule int) {
	if rule = min(rule, maxRules-1); rule < 64 {
		r.low |= 1 << rule
	} else {
		r.high |= 1 << (rule - 64)
	}
}

func (r ruleSet) has(rule int) bool {
	if rule = min(rule, maxRules-1); rule < 64 {
		return r.low>>rule&1 != 0
	}
	return r.high>>(rule-64)&1 != 0
}

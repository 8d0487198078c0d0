package handlertest

// RuleNames returns the names of all rules for handlers, in their order.
func RuleNames() []string { return names(rules()) }

// WrapperRuleNames returns the names of all rules for wrappers, in their order.
func WrapperRuleNames() []string { return names(wrapperRules()) }

func names[S any](rules []rule[S]) []string {
	var names []string
	for _, r := range rules {
		names = append(names, r.name)
	}
	return names
}

package handlertest

// RuleNames returns the names of all rules, in their order.
func RuleNames() []string {
	var names []string
	for _, r := range rules() {
		names = append(names, r.name)
	}
	return names
}

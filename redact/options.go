package redact

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// keysRule is the name of the rule for Options.Keys.
const keysRule = "keys"

// Options are options for a [Handler] and a [Redactor]. A zero Options consists
// entirely of default values.
type Options struct {
	// Keys are sensitive keys, in the form of Rule.Keys, besides those of the
	// default rules: short for a rule with the name "keys" behind Rules.
	Keys []string

	// AllowKeys are keys that are not sensitive though a rule says so, in the same
	// form. Secrets that a Pattern finds are still masked.
	AllowKeys []string

	// Rules come before the default ones. Each has a name of its own; one with the
	// name of a default rule stands in its place.
	Rules []Rule

	// Enable has the names, or groups, of rules that are Optional and to be on;
	// Disable of those that are to be off, of Rules too. A name counts for more than
	// a group. None is in both.
	Enable, Disable []string

	// NoDefaults leaves out the default rules. Rules may still hold some of
	// [DefaultRules].
	NoDefaults bool

	// Mask is what stands in the place of a secret, in JSON and in quotes too: it has
	// no control characters, no quotes and no backslashes. Empty means "[REDACTED]".
	Mask string

	// OnRedact is called for each secret, of one record for the first 64: with the
	// name of the rule that found it, and the groups and keys that lead to it, with
	// dots between; never with the secret. The path of the message is "msg". It is
	// called by the goroutine that logs, outside of any lock, before the record is
	// passed on. If it panics, that is ignored. It must not log to the same
	// handler. Nil means that secrets are only counted.
	OnRedact func(rule, path string)

	// OnError is called, by the goroutine that logs, outside of any lock, with
	// what could not be looked at and is masked for that reason. The error names
	// the place and the type, never the value; of one record, the first 8 are
	// reported. Nil means that it is only counted.
	// It must not log to the same handler. If it panics, that is ignored.
	OnError func(error)
}

// Validate returns an error that names each field that is wrong, its value, and
// what is allowed. Nil options are right.
func (o *Options) Validate() error {
	if o == nil {
		return nil
	}
	_, err := o.rules()
	return err
}

// rules returns the rules in force, in the order in which they decide, and what is
// wrong with the options.
func (o *Options) rules() ([]Rule, error) {
	var errs []error
	rules := make([]Rule, 0, len(o.Rules)+1)
	named := map[string]int{} // the index of the rule with a name
	for i := range o.Rules {
		r := &o.Rules[i]
		place := fmt.Sprintf("Options.Rules[%d]", i)
		if err := r.check(place); err != nil {
			errs = append(errs, err)
			continue
		}
		if first, ok := named[r.Name]; ok {
			errs = append(errs, fmt.Errorf("redact: %s %q: Options.Rules[%d] has this name, want one of its own", place, r.Name, first))
			continue
		}
		named[r.Name] = i
		if o.inForce(r) {
			rules = append(rules, *r)
		}
	}
	var keys []string
	for i, key := range o.Keys {
		if err := new(keySet).add(key, 0); err != nil {
			errs = append(errs, fmt.Errorf("redact: Options.Keys[%d]: %w", i, err))
			continue
		}
		keys = append(keys, key)
	}
	if len(keys) > 0 {
		rules = append(rules, Rule{Name: keysRule, Keys: keys})
	}
	if i, ok := named[keysRule]; ok && len(keys) > 0 {
		errs = append(errs, fmt.Errorf("redact: Options.Rules[%d] %q: Options.Keys has this name, want one of its own", i, keysRule))
	}
	for i, key := range o.AllowKeys {
		if err := new(keySet).add(key, 0); err != nil {
			errs = append(errs, fmt.Errorf("redact: Options.AllowKeys[%d]: %w", i, err))
		}
	}
	known := o.Rules
	if !o.NoDefaults {
		known = slices.Concat(o.Rules, defaultRules())
		all := defaultRules()
		for i := range all {
			r := &all[i]
			if _, replaced := named[r.Name]; !replaced && o.inForce(r) {
				rules = append(rules, *r)
			}
		}
	}
	errs = append(errs, unknown("Enable", o.Enable, known), unknown("Disable", o.Disable, known))
	for i, name := range o.Disable {
		if slices.Contains(o.Enable, name) {
			errs = append(errs, fmt.Errorf("redact: Options.Disable[%d] is %q, which is in Enable, want it in one of them", i, name))
		}
	}
	if err := checkMask(o.Mask); err != nil {
		errs = append(errs, fmt.Errorf("redact: Options.Mask: %w", err))
	}
	return rules, errors.Join(errs...)
}

// inForce reports whether a rule is on. Its name counts for more than its group.
func (o *Options) inForce(r *Rule) bool {
	inGroup := func(list []string) bool { return r.Group != "" && slices.Contains(list, r.Group) }
	switch {
	case slices.Contains(o.Disable, r.Name):
		return false
	case slices.Contains(o.Enable, r.Name):
		return true
	case inGroup(o.Disable):
		return false
	default:
		return !r.Optional || inGroup(o.Enable)
	}
}

// names reports whether a list has the name of a rule or of its group.
func names(list []string, r Rule) bool {
	return slices.Contains(list, r.Name) || r.Group != "" && slices.Contains(list, r.Group)
}

// unknown returns an error for what in a list is the name of no rule and no group.
func unknown(field string, list []string, known []Rule) error {
	var errs []error
	for i, name := range list {
		if !slices.ContainsFunc(known, func(r Rule) bool { return names([]string{name}, r) }) {
			errs = append(errs, fmt.Errorf("redact: Options.%s[%d] is %q, want the name or the group of a rule, as %s (DefaultRules has more)",
				field, i, name, strings.Join(nearest(name, known), ", ")))
		}
	}
	return errors.Join(errs...)
}

// nearest returns the three names of rules and groups that are most like a name.
func nearest(name string, known []Rule) []string {
	var all []string
	for i := range known {
		all = append(all, known[i].Group, known[i].Name)
	}
	slices.Sort(all)
	all = slices.DeleteFunc(slices.Compact(all), func(s string) bool { return s == "" })
	slices.SortStableFunc(all, func(a, b string) int { return distance(a, name) - distance(b, name) })
	return all[:min(3, len(all))]
}

// distance returns how many bytes have to be put in, left out or replaced to make
// one name the other.
func distance(a, b string) int {
	row := make([]int, len(b)+1) // from what there is of a so far to each beginning of b
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := before
			if a[i] != b[j] {
				change++
			}
			before = row[j+1]
			row[j+1] = min(change, row[j]+1, before+1)
		}
	}
	return row[len(b)]
}

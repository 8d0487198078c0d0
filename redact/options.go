package redact

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Options are options for a [Handler] and a [Redactor]. A zero Options consists
// entirely of default values.
type Options struct {
	// Keys are sensitive keys, in the form of Rule.Keys, besides those of the
	// default rules: short for a rule with the name "keys" behind Rules.
	Keys []string

	// AllowKeys are keys that are not sensitive though a rule says so, in the same
	// form. Secrets that a Pattern finds are still masked.
	AllowKeys []string

	// Rules come before the default ones.
	Rules []Rule

	// Enable has the names, or groups, of rules that are Optional and to be on;
	// Disable of those that are to be off. A name counts for more than a group, and
	// Disable for more than Enable.
	Enable, Disable []string

	// NoDefaults leaves out the default rules. Rules may still hold some of
	// [DefaultRules].
	NoDefaults bool

	// Mask is what stands in the place of a secret. Empty means "[REDACTED]".
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
// what is allowed.
func (o *Options) Validate() error {
	_, err := o.rules()
	return err
}

// rules returns the rules in force, in the order in which they decide, and what is
// wrong with the options.
func (o *Options) rules() ([]Rule, error) {
	var errs []error
	rules := make([]Rule, 0, len(o.Rules)+1)
	for i, r := range o.Rules {
		if err := r.check(fmt.Sprintf("Options.Rules[%d]", i)); err != nil {
			errs = append(errs, err)
			continue
		}
		if o.inForce(r) {
			rules = append(rules, r)
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
		rules = append(rules, Rule{Name: "keys", Keys: keys})
	}
	for i, key := range o.AllowKeys {
		if err := new(keySet).add(key, 0); err != nil {
			errs = append(errs, fmt.Errorf("redact: Options.AllowKeys[%d]: %w", i, err))
		}
	}
	if !o.NoDefaults {
		for _, r := range defaultRules() {
			if o.inForce(r) {
				rules = append(rules, r)
			}
		}
	}
	known := append(DefaultRules(), o.Rules...)
	errs = append(errs, unknown("Enable", o.Enable, known), unknown("Disable", o.Disable, known))
	return rules, errors.Join(errs...)
}

// inForce reports whether a rule is on. Its name counts for more than its group.
func (o *Options) inForce(r Rule) bool {
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
			var all []string
			for _, r := range known {
				all = append(all, r.Group, r.Name)
			}
			slices.Sort(all)
			all = slices.DeleteFunc(slices.Compact(all), func(s string) bool { return s == "" })
			errs = append(errs, fmt.Errorf("redact: Options.%s[%d] is %q, want the name or the group of a rule: %s",
				field, i, name, strings.Join(all, ", ")))
		}
	}
	return errors.Join(errs...)
}

package scan

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/sluicelog/sluice/redact"
)

// ruleSet says what is reported of what the rules find. All of them look nevertheless, as an excerpt must show no secret of another
// rule beside the one that is asked for.
type ruleSet struct {
	all        []redact.Rule
	only, skip []string // names and groups
}

// selects reports whether a rule is among names and groups.
func selects(names []string, r *redact.Rule) bool {
	return slices.Contains(names, r.Name) || slices.Contains(names, r.Group)
}

// wanted reports whether what the rule has found is to be reported.
func (s ruleSet) wanted(rule string) bool {
	at := slices.IndexFunc(s.all, func(r redact.Rule) bool { return r.Name == rule })
	if at < 0 { // too deep to look at
		return true
	}
	r := &s.all[at]
	return (len(s.only) == 0 || selects(s.only, r)) && !selects(s.skip, r)
}

// any reports whether there is a rule that is wanted.
func (s ruleSet) any() bool {
	return slices.ContainsFunc(s.all, func(r redact.Rule) bool { return s.wanted(r.Name) })
}

// apply switches on what is asked for and off otherwise.
func (s ruleSet) apply(o *redact.Options) {
	for i := range s.all {
		if r := &s.all[i]; selects(s.only, r) {
			o.Disable = slices.DeleteFunc(slices.Clone(o.Disable), func(name string) bool { return name == r.Name || name == r.Group })
			if r.Optional && !slices.Contains(o.Enable, r.Name) {
				o.Enable = append(slices.Clone(o.Enable), r.Name)
			}
		}
	}
}

// names returns all names and groups.
func (s ruleSet) names() (names []string) {
	for i := range s.all {
		for _, name := range []string{s.all[i].Name, s.all[i].Group} {
			if name != "" && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// list prints the rules.
func (s ruleSet) list(w io.Writer) error {
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for i := range s.all {
		r := &s.all[i]
		state := "on"
		if r.Optional {
			state = "off"
		}
		if _, err := fmt.Fprintf(columns, "%s\t%s\t%s\n", r.Name, r.Group, state); err != nil {
			return err
		}
	}
	return columns.Flush()
}

package redact_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/redact"
)

// More rules than the prefilter has bits for.
func TestManyRules(t *testing.T) {
	t.Parallel()
	var rules []redact.Rule
	text, want := "", ""
	for i := range 100 {
		word := "w" + strings.Repeat("x", i) + "y"
		rules = append(rules, redact.Rule{Name: word, Pattern: word})
		text, want = text+word+" ", want+m+" "
	}
	with := logged(t, &redact.Options{Rules: rules})
	if diff := cmp.Diff(want, with(text)); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

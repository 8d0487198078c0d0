package handlertest_test

import (
	"io"
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/handler/handlertest"
)

// TestFindsTheBugsOfTheStandardLibrary pins what the suite says of a handler
// with known bugs. A suite that passes everything proves nothing.
func TestFindsTheBugsOfTheStandardLibrary(t *testing.T) {
	t.Parallel()
	var got []string
	for _, v := range handlertest.Check(func(w io.Writer, opts *slog.HandlerOptions) slog.Handler {
		return slog.NewJSONHandler(w, opts)
	}, handlertest.ParseJSON) {
		got = append(got, v.Rule)
		t.Log(v)
	}
	want := []string{
		"a group of empty attrs prints nothing, and the next attr is whole",
		"a group that ReplaceAttr empties prints nothing, and the next attr is whole",
		"WithGroup of an empty name returns the receiver",
		"WithAttrs of no attrs returns the receiver",
		"a year beyond 9999 costs a placeholder, not the record",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

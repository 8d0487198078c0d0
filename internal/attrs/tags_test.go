package attrs_test

import (
	"fmt"
	"log/slog"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/attrs"
	"github.com/sluicelog/sluice/internal/testlog"
)

type (
	tag  string
	tags []tag
)

func TestEachTag(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		value any
		want  string // what is given, and whether it is a list
	}{
		"a string":                 {"a", `"a" true`},
		"a type made of a string":  {tag("a"), `"a" true`},
		"strings":                  {[]string{"a", "b", "c"}, `"a" "b" true`},
		"a type made of strings":   {tags{"a", "b", "c"}, `"a" "b" true`},
		"an array":                 {[3]string{"a", "b", "c"}, `"a" "b" true`},
		"interfaces":               {[]any{"a", tag("b"), "c"}, `"a" "b" true`},
		"what is no string":        {[]any{1, nil, 2.5, "c"}, `1 2.5 true`},
		"a list of nothing":        {[]string{}, `true`},
		"a LogValuer":              {valuer{slog.StringValue("a")}, `"a" true`},
		"a list of something else": {[]int{1}, `false`},
		"bytes":                    {[]byte("a"), `false`},
		"a number":                 {1000, `false`},
		"a group":                  {[]slog.Attr{slog.Int("a", 1)}, `false`},
		"nil":                      {nil, `false`},
	} {
		got, n := "", 0
		isList := attrs.EachTag(slog.AnyValue(tt.value), func(tag string, other any) bool {
			if other != nil {
				got += fmt.Sprint(other, " ")
			} else {
				got += fmt.Sprintf("%q ", tag)
			}
			n++
			return n < 2
		})
		if diff := cmp.Diff(tt.want, got+strconv.FormatBool(isList)); diff != "" {
			t.Errorf("%s: mismatch (-want +got):\n%s", name, diff)
		}
	}
}

func TestEachTagAllocatesNothing(t *testing.T) {
	if testlog.Race {
		t.Skip("the race detector allocates")
	}
	for _, v := range []slog.Value{
		slog.IntValue(1000), slog.Float64Value(1.5), slog.TimeValue(time.Now()), slog.StringValue("a long tag"),
		slog.AnyValue([]string{"a"}), slog.GroupValue(slog.Int("a", 1)),
	} {
		if n := testing.AllocsPerRun(100, func() { attrs.EachTag(v, func(string, any) bool { return true }) }); n > 0 {
			t.Errorf("%s: %v allocations, want none", v.Kind(), n)
		}
	}
}

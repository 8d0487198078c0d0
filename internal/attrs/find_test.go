package attrs_test

import (
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/attrs"
)

// cyclic returns a group that contains itself n times.
func cyclic(key string, n int) slog.Attr {
	members := make([]slog.Attr, n)
	for i := range members {
		members[i] = slog.Attr{Key: key, Value: slog.GroupValue(members...)}
	}
	return members[0]
}

// unfolding counts how often it is resolved, to a group of others like it.
type unfolding struct{ resolved *int }

func (u unfolding) LogValue() slog.Value {
	*u.resolved++
	return slog.GroupValue(slog.Any("u", u), slog.Any("u", u))
}

func TestNamedSeesWhatIsBoundAndThenTheRecord(t *testing.T) {
	t.Parallel()
	b := bind(nil, "-k", "g", "-other").WithAttrs([]slog.Attr{slog.Group("h", "k", 1, "other", 0), slog.Group("k", "other", 0)})
	r := slog.Record{}
	r.AddAttrs(
		slog.Any("other", valuer{slog.GroupValue(slog.Int("k", 2), slog.Int("other", 0))}),
		slog.Any("k", valuer{slog.IntValue(3)}), slog.Any("other", valuer{slog.IntValue(0)}),
		slog.Group("k", slog.Int("k", 4)), slog.Int("k", 5), slog.Int("other", 0),
	)
	var got []any
	see := func(stop any) bool {
		got = nil
		return b.Named(&r, "k", func(v slog.Value) bool { got = append(got, v.Any()); return v.Any() == stop })
	}
	want := []any{int64(1), true, int64(2), int64(3), int64(4), int64(5)}
	if see(nil) {
		t.Error("found something")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	for i, stop := range want {
		if !see(stop) || len(got) != i+1 {
			t.Errorf("%d values were looked at for %v, want to stop there", len(got), stop)
		}
	}
}

// TestTheBudgetIsThatOfTheRecord has many attrs of which each alone uses it up.
func TestTheBudgetIsThatOfTheRecord(t *testing.T) {
	t.Parallel()
	for name, find := range map[string]func(b *attrs.Bound, r *slog.Record) (found bool, calls int){
		"Named": func(b *attrs.Bound, r *slog.Record) (found bool, calls int) {
			found = b.Named(r, "last", func(slog.Value) bool { calls++; return true })
			return found, calls
		},
		"Find": func(b *attrs.Bound, r *slog.Record) (found bool, calls int) {
			found = b.Find(r, "last", func(slog.Value) bool { calls++; return true })
			return found, calls
		},
	} {
		resolved := 0
		var all []slog.Attr
		for range 10 {
			all = append(all, slog.Attr{Key: "", Value: slog.AnyValue(unfolding{&resolved})},
				slog.Attr{Key: "", Value: slog.GroupValue(cyclic("", 300))})
		}
		var r slog.Record
		r.AddAttrs(all...)
		r.AddAttrs(slog.Int("last", 1))
		found, calls := find((*attrs.Bound)(nil).WithAttrs(all), &r)
		if !found {
			t.Errorf("%s: an attr outside of groups is not found", name)
		}
		if resolved > 1<<17 || calls > 1<<17 {
			t.Errorf("%s: %d resolved and %d calls, want no more than the budget allows", name, resolved, calls)
		}
	}
}

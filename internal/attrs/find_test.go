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

func TestAnySeesWhatIsBoundAndThenTheRecord(t *testing.T) {
	t.Parallel()
	b := bind(nil, "-a", "g", "-b").WithAttrs([]slog.Attr{slog.Group("h", "c", 1)})
	r := slog.Record{}
	r.AddAttrs(slog.Any("d", valuer{slog.GroupValue(slog.Int("e", 1))}), slog.Int("f", 1))
	var keys []string
	if b.Any(&r, func(a slog.Attr) bool { keys = append(keys, a.Key); return false }) {
		t.Error("found something")
	}
	if diff := cmp.Diff([]string{"c", "b", "a", "e", "f"}, keys); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	for _, key := range []string{"c", "a", "e"} {
		n := 0
		if !b.Any(&r, func(a slog.Attr) bool { n++; return a.Key == key }) || keys[n-1] != key {
			t.Errorf("%d attrs were looked at for %s, want to stop there", n, key)
		}
	}
}

// TestTheBudgetIsThatOfTheRecord has many attrs of which each alone uses it up.
func TestTheBudgetIsThatOfTheRecord(t *testing.T) {
	t.Parallel()
	for name, find := range map[string]func(b *attrs.Bound, r *slog.Record) (found bool, calls int){
		"Any": func(b *attrs.Bound, r *slog.Record) (found bool, calls int) {
			found = b.Any(r, func(a slog.Attr) bool { calls++; return a.Key == "last" })
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

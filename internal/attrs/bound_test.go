package attrs_test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/attrs"
)

func bind(b *attrs.Bound, path ...string) *attrs.Bound {
	for _, p := range path {
		if key, isAttr := strings.CutPrefix(p, "-"); isAttr {
			b = b.WithAttrs([]slog.Attr{slog.Bool(key, true)})
		} else {
			b = b.WithGroup(p)
		}
	}
	return b
}

func TestBoundIsNotChangedByWhatIsDerivedFromIt(t *testing.T) {
	t.Parallel()
	parent := bind(nil, "-a", "g", "h", "i")
	_ = append(parent.Groups(), "not theirs")
	alice, bob := bind(parent, "alice", "-b"), bind(parent, "bob", "-b", "-c")
	paths := func(b *attrs.Bound) (all []string) {
		b.Attrs(func(groups []string, a slog.Attr) bool {
			all = append(all, strings.Join(append(groups, a.Key), "/"))
			return true
		})
		return append(all, strings.Join(b.Groups(), "/"))
	}
	want := [][]string{{"a", "g/h/i"}, {"g/h/i/alice/b", "a", "g/h/i/alice"}, {"g/h/i/bob/c", "g/h/i/bob/b", "a", "g/h/i/bob"}, {""}}
	got := [][]string{paths(parent), paths(alice), paths(bob), paths(nil)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

func TestBoundAttrsStopsWhenTold(t *testing.T) {
	t.Parallel()
	n := 0
	bind(nil, "-a", "-b", "-c").Attrs(func([]string, slog.Attr) bool { n++; return n < 2 })
	if n != 2 {
		t.Errorf("%d attrs, want 2", n)
	}
}

func TestBoundCopiesAttrs(t *testing.T) {
	t.Parallel()
	as := []slog.Attr{slog.Int("a", 1)}
	b := (*attrs.Bound)(nil).WithAttrs(as)
	as[0] = slog.Int("b", 1)
	if !b.Named(new(slog.Record), "a", func(slog.Value) bool { return true }) {
		t.Error("changed with the caller's slice")
	}
}

func TestBoundLeavesOutWhatIsEmpty(t *testing.T) {
	t.Parallel()
	b := bind(nil, "g").WithAttrs([]slog.Attr{{}, {}}).WithGroup("h")
	if r := b.Record(slog.Record{}); r.NumAttrs() != 0 {
		t.Errorf("got %v, want nothing", all(r))
	}
	b = b.WithAttrs([]slog.Attr{{}, slog.Int("a", 1)})
	if diff := cmp.Diff("[g=[h=[a=1]]]", text(all(b.Record(slog.Record{})))); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

func TestFindSeesEachValueAtAPath(t *testing.T) {
	t.Parallel()
	b := (*attrs.Bound)(nil).WithAttrs([]slog.Attr{slog.Int("g.k", 1), slog.Group("g", "k", 2)}).WithGroup("g").
		WithAttrs([]slog.Attr{slog.Int("k", 3), slog.Int("j", 0)})
	r := slog.Record{}
	r.AddAttrs(slog.Int("k", 4), slog.Group("", slog.Int("k", 5)), slog.Group("k", "k", 6))
	find := func(path string) (all []int64) {
		b.Find(&r, path, func(v slog.Value) bool {
			if v.Kind() == slog.KindInt64 {
				all = append(all, v.Int64())
			}
			return false
		})
		return all
	}
	got := map[string][]int64{"g.k": find("g.k"), "g.k.k": find("g.k.k"), "k": find("k"), "g": find("g"), "": find("")}
	want := map[string][]int64{"g.k": {4, 5, 3, 1, 2}, "g.k.k": {6}, "k": nil, "g": nil, "": nil}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	n := 0
	if !b.Find(&r, "g.k", func(slog.Value) bool { n++; return n == 2 }) || n != 2 {
		t.Errorf("%d values were looked at, want to stop at the second", n)
	}
}

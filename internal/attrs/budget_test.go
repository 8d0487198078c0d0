package attrs_test

import (
	"log/slog"
	"testing"

	"github.com/sluicelog/sluice/internal/attrs"
)

func TestBudgetOfDepth(t *testing.T) {
	t.Parallel()
	var b attrs.Budget
	one := make([]slog.Attr, 1)
	depth := 0
	for ; b.Room(one) && depth < 1000; depth++ {
		if !b.Enter(one) {
			t.Fatalf("no room at depth %d, where there was some", depth)
		}
	}
	if depth != 128 {
		t.Errorf("%d deep, want 128", depth)
	}
	b.Leave()
	if !b.Enter(one) {
		t.Error("no room for a sibling at the depth that there was room for")
	}
	if b.Enter(one) {
		t.Error("room for more than the depth")
	}
	b.Leave()
	if b.Room(one) || b.Enter(one) {
		t.Error("room for a sibling of what was too deep: a group that contains itself twice has no end")
	}
}

func TestBudgetOfNodes(t *testing.T) {
	t.Parallel()
	var b attrs.Budget
	half := make([]slog.Attr, 1<<15)
	for range 2 {
		if !b.Room(half) || !b.Enter(half) {
			t.Error("no room")
		}
		b.Leave()
	}
	if one := half[:1]; b.Room(one) || b.Enter(one) {
		t.Error("room for more than 65536 attrs")
	}
}

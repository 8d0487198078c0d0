package lstest_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/lstest"
)

func TestLedger(t *testing.T) {
	var l lstest.Ledger
	first, second := l.Receiver(), l.Receiver()
	for _, in := range []struct {
		receive func(int, []byte)
		conn    int
		event   string
	}{
		{first, 1, `{"id":0}`},
		{first, 1, `{"sender":0,"id":1,"x":{"id":99}}`},
		{first, 1, `{"sender":1,"id":0}`},     // another sender counts for itself
		{first, 2, `{"id":1,"message":"id"}`}, // again, on a new connection
		{second, 1, `{"id":1}`},               // and by another receiver
		{first, 2, `{"id":130}`},              // a gap is in order
		{first, 2, `{"id":130}`},              // twice on one connection is not
		{first, 2, `{"id":4}`},                // nor is going back
		{first, 1, `{"message":"\"id\":5"}`},
		{first, 1, `{"id":-1}`},
		{first, 1, `{"id":"7"}`},
		{first, 1, `{"sender":"a","id":7}`},
		{first, 1, `{"id":7`},
	} {
		in.receive(in.conn, []byte(in.event))
	}
	event := lstest.AppendEvent(nil, 1, 2, "xyz")
	if want := `{"sender":1,"id":2,"message":"xyz"}`; string(event) != want {
		t.Errorf("AppendEvent made %s, want %s", event, want)
	}
	second(1, event)

	got := map[string]any{
		"total": l.Total(), "unique": l.Unique(), "duplicates": l.Duplicates(), "breaks": l.OrderBreaks(),
		"strange": l.Strange(), "missing": l.Missing(0, 6), "missing of 1": l.Missing(1, 4), "missing of 2": l.Missing(2, 1),
		"odd": l.FirstOdd(), "unique of 1": l.UniqueOf(1), "unique of 2": l.UniqueOf(2),
	}
	want := map[string]any{
		"total": 9, "unique": 6, "duplicates": 3, "breaks": 2,
		"strange": 5, "missing": []int{2, 3, 5}, "missing of 1": []int{1, 3}, "missing of 2": []int{0},
		"odd": "event 130 of sender 0 after 130 on connection 2", "unique of 1": 2, "unique of 2": 0,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("accounts mismatch (-want +got):\n%s", diff)
	}
}

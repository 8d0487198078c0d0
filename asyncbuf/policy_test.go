package asyncbuf_test

import (
	"testing"

	"github.com/sluicelog/sluice/asyncbuf"
)

func TestPolicyText(t *testing.T) {
	for text, want := range map[string]asyncbuf.Policy{
		"block":       asyncbuf.Block,
		"Block":       asyncbuf.Block,
		"drop_newest": asyncbuf.DropNewest,
		"DROP-NEWEST": asyncbuf.DropNewest,
		"drop_oldest": asyncbuf.DropOldest,
		"Drop-Oldest": asyncbuf.DropOldest,
	} {
		got := asyncbuf.Policy(7)
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("UnmarshalText(%q) = %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "drop", "drop_newest ", "Policy(7)"} {
		got := asyncbuf.DropNewest
		err := got.UnmarshalText([]byte(text))
		if err == nil || got != asyncbuf.DropNewest {
			t.Errorf("UnmarshalText(%q) = %v, %v; want an error and no change", text, got, err)
		}
	}
	err := new(asyncbuf.Policy).UnmarshalText([]byte("drop"))
	diff(t, "error", `asyncbuf: unknown policy "drop": want "block", "drop_newest" or "drop_oldest"`, err.Error())
	diff(t, "String", "Policy(7)", asyncbuf.Policy(7).String())
}

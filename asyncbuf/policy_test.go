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
	for policy, want := range map[asyncbuf.Policy]string{
		asyncbuf.Block: "block", asyncbuf.DropNewest: "drop_newest", asyncbuf.DropOldest: "drop_oldest", 7: "", -1: "",
	} {
		got, err := policy.MarshalText()
		if string(got) != want || (err == nil) != (want != "") {
			t.Errorf("MarshalText of %v = %q, %v; want %q", policy, got, err, want)
		}
	}
	err := new(asyncbuf.Policy).UnmarshalText([]byte("drop"))
	diff(t, "error", `asyncbuf: unknown policy "drop": want "block", "drop_newest" or "drop_oldest"`, err.Error())
	diff(t, "String", "Policy(7)", asyncbuf.Policy(7).String())
}

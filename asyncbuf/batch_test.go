package asyncbuf

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestBatchAgainstAModel adds and drops lines at random, and compares the batch
// with a list of lines.
func TestBatchAgainstAModel(t *testing.T) {
	type modelLine struct {
		text string
		kind kind
	}
	for seed := range 300 {
		r := rand.New(rand.NewPCG(uint64(seed), 3))
		b := batch{bytes: make([]byte, 0, 64), slots: make([]slot, 0, 4)}
		var model []modelLine
		drops := 0
		for i := range 300 {
			if k := kind(r.IntN(2)); r.IntN(3) == 0 && slices.ContainsFunc(model, func(l modelLine) bool { return l.kind <= k }) {
				at := slices.IndexFunc(model, func(l modelLine) bool { return l.kind <= k })
				gone := b.dropOldest(k)
				if gone.kind != model[at].kind || gone.level != slog.Level(len(model[at].text)) {
					t.Fatalf("seed %d: dropped %+v, want %+v", seed, gone, model[at])
				}
				model = slices.Delete(model, at, at+1)
				drops++
			} else {
				l := modelLine{fmt.Sprint(i, strings.Repeat("x", r.IntN(30))), kind(r.IntN(int(kinds)))}
				b.bytes = append(b.bytes, l.text...)
				b.slot().record = slog.Record{Message: l.text}
				b.add(slog.Level(len(l.text)), l.kind, len(l.text), int64(i))
				b.hold(l.kind, len(l.text))
				model = append(model, l)
			}
			var left amount
			var held [kinds]amount
			for _, l := range model {
				one := amount{1, len(l.text)}
				left, held[l.kind] = left.plus(one), held[l.kind].plus(one)
			}
			if b.left() != left || b.held != held {
				t.Fatalf("seed %d: left %+v, held %+v; want %+v, %+v", seed, b.left(), b.held, left, held)
			}
			if len(b.lines) > 2*len(model)+2 {
				t.Fatalf("seed %d: %d lines for %d", seed, len(b.lines), len(model))
			}
			if r.IntN(20) > 0 {
				continue
			}
			b.squeeze()
			var want, got []string
			for i, l := range model {
				want = append(want, l.text)
				got = append(got, string(b.bytes[b.start(i):b.lines[i].end]))
				if m := b.slots[i].record.Message; m != l.text {
					t.Fatalf("seed %d: slot %d has %q, want %q", seed, i, m, l.text)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("seed %d: mismatch (-want +got):\n%s", seed, diff)
			}
		}
		if drops == 0 {
			t.Fatal("nothing was dropped")
		}
	}
}

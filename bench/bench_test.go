package bench_test

import (
	"strings"
	"testing"

	"github.com/sluicelog/sluice/bench"
)

func BenchmarkEncode(b *testing.B) {
	peers := bench.Peers()
	for _, c := range bench.Cases() {
		b.Run(c.Name, func(b *testing.B) {
			for _, p := range peers {
				if !p.Can(c) {
					continue
				}
				b.Run(p.Name, func(b *testing.B) {
					if err := c.Check(p); err != nil {
						b.Skip(err)
					}
					if err := c.Run(b, p); err != nil {
						b.Fatal(err)
					}
				})
			}
		})
	}
}

// TestPeersParse fails when a peer writes something else than was logged, and
// also when one that is known to do so has mended its ways.
func TestPeersParse(t *testing.T) {
	known := map[string]string{
		// Attrs bound before a WithGroup end up inside that group.
		"zerolog, With in 2 groups": "/service.instance: missing",
	}
	checked, peers := 0, bench.Peers()
	for _, c := range bench.Cases() {
		for _, p := range peers {
			if !p.Can(c) {
				continue
			}
			checked++
			name := p.Name + ", " + c.Name
			err := c.Check(p)
			switch want, faulty := known[name]; {
			case !faulty && err != nil:
				t.Error(err)
			case faulty && (err == nil || !strings.Contains(err.Error(), want)):
				t.Errorf("%s: got %v, want an error with %q", name, err, want)
			}
			delete(known, name)
		}
	}
	for name := range known {
		t.Errorf("%s: no such peer or case", name)
	}
	if checked < 80 {
		t.Errorf("only %d outputs were checked", checked)
	}
}

package result_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/e2e/fleet/result"
)

// comeback is when a sender is back that tries each address at once and then after waits that
// double up to the largest, from an outage of so many seconds on.
func comeback(rng *rand.Rand, o result.Options, away result.Seconds, addresses int, jitter bool) result.Seconds {
	first := result.Seconds(1e9)
	for range addresses {
		at := result.Seconds(0)
		for wait := o.MinBackoff; at < away; wait = min(2*wait, o.MaxBackoff) {
			if !jitter {
				at += wait
				continue
			}
			at += wait/2 + result.Seconds(rng.Float64())*wait/2
		}
		first = min(first, at-away)
	}
	return first
}

// herd returns a result in which all come back so, over so many addresses, with what a busy
// machine adds.
func herd(rng *rand.Rand, senders, addresses int, compress, slower, busy result.Seconds, jitter bool) result.Result {
	r := good()
	r.Senders, r.Receivers = senders, addresses
	r.Options.MinBackoff, r.Options.MaxBackoff = 1/compress, 60/compress
	own := r.Options // of the senders
	own.MinBackoff, own.MaxBackoff = slower*own.MinBackoff, slower*own.MaxBackoff
	back := make([]result.Seconds, senders)
	for i := range back {
		back[i] = comeback(rng, own, (63+120)/compress+0.003, addresses, jitter) + result.Seconds(rng.Float64())*busy
	}
	o := &r.Outages[0]
	o.Affected = senders
	o.Accepts = result.PerStep(back, result.AcceptStep, 3)
	o.Reconnects = append([]result.Seconds(nil), back...)
	o.Recovery = result.RecoveryOf(back)
	o.Recovery.Last = min(o.Recovery.Last, r.RecoveryBound()) // which is another check
	return r
}

// Senders that wait as documented are never called a herd, and those that do not are, or there
// are too few to tell.
func TestHerd(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, tt := range []struct {
		name              string
		senders, receiver int
		compress          result.Seconds
		judged            bool
	}{
		{"a whole fleet", 200, 4, 20, true},
		{"that of TestFleet", 100, 2, 40, true},
		{"over a broker", 50, 1, 60, true},
		{"a few", 10, 4, 60, false},
		{"a backoff that is short beside a busy machine", 24, 4, 60, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bad := map[string]int{}
			const runs = 300
			for range runs {
				for name, r := range map[string]result.Result{
					"good":           herd(rng, tt.senders, tt.receiver, tt.compress, 1, 0.1, true),
					"no jitter":      herd(rng, tt.senders, tt.receiver, tt.compress, 1, 0.05, false),
					"thrice as slow": herd(rng, tt.senders, tt.receiver, tt.compress, 3, 0.1, true),
				} {
					s := r.SpreadOf(&r.Outages[0])
					if s.Judged != tt.judged {
						t.Fatalf("judged: %v, want %v", s.Judged, tt.judged)
					}
					if r.Check() != nil {
						bad[name]++
					}
				}
			}
			t.Log(bad)
			if bad["good"] > 1 {
				t.Errorf("%d of %d good runs are called bad", bad["good"], runs)
			}
			if want := runs; tt.judged && bad["no jitter"] != want {
				t.Errorf("%d of %d runs without jitter are called bad, want all", bad["no jitter"], want)
			}
			if least := runs * 9 / 10; tt.senders >= 100 && bad["thrice as slow"] < least {
				t.Errorf("%d of %d runs with a backoff beyond the largest are called bad, want %d", bad["thrice as slow"], runs, least)
			}
		})
	}
}

// Receivers that are back one after the other have a herd that is told as well.
func TestHerdThatIsStaggered(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	bad := 0
	for range 300 {
		r := good()
		r.Scenario = "stagger"
		o := &r.Outages[0]
		o.Returns = []result.Seconds{0, 1, 2, 3}
		var back []result.Seconds
		for range r.Senders {
			first := result.Seconds(1e9)
			for _, at := range o.Returns {
				first = min(first, at+comeback(rng, r.Options, 9.15+at, 1, true))
			}
			back = append(back, first+result.Seconds(rng.Float64())*0.1)
		}
		o.Affected, o.Recovery, o.Accepts = r.Senders, result.RecoveryOf(back), result.PerStep(back, result.AcceptStep, 3)
		o.Recovery.Last = min(o.Recovery.Last, r.RecoveryBound())
		o.Reconnects = back
		if !r.SpreadOf(o).Judged {
			t.Fatal("it is not judged")
		}
		if r.Check() != nil {
			bad++
		}
		if o.Returns = nil; r.Check() == nil {
			t.Fatal("one address at a time is as good as all four at once")
		}
	}
	if bad > 1 {
		t.Errorf("%d of 300 good runs are called bad", bad)
	}
}

// Where Check judges, it finds all senders at once at any moment.
func TestHerdAtAnyMoment(t *testing.T) {
	for _, senders := range []int{2, 15, 24, 50, 100, 200} {
		for _, receivers := range []int{1, 2, 4, 8} {
			for _, compress := range []result.Seconds{1, 20, 40, 60, 100} {
				for step := range 100 {
					r := good()
					r.Senders, r.Receivers = senders, receivers
					r.Options.MaxBackoff = 60 / compress
					back := make([]result.Seconds, senders)
					for i := range back {
						back[i] = result.Seconds(step) / 100 * r.Options.MaxBackoff
					}
					o := &r.Outages[0]
					o.Affected, o.Reconnects, o.Recovery, o.Accepts = senders, back, result.RecoveryOf(back), nil
					if err := r.Check(); err == nil && r.SpreadOf(o).Judged {
						t.Fatalf("%d senders at once after %v s, %d receivers, compressed %v times: called good", senders, back[0], receivers, compress)
					}
				}
			}
		}
	}
}

// Connections that nobody uses come in herds, too.
func TestHerdOfConnections(t *testing.T) {
	r := herd(rand.New(rand.NewPCG(1, 2)), 200, 4, 20, 1, 0.05, true)
	r.Outages[0].Accepts[0] += 200
	if err := r.Check(); err == nil || !strings.Contains(err.Error(), "before their time") {
		t.Errorf("error %v, want one of a herd", err)
	}
}

func TestBackBy(t *testing.T) {
	r := good()
	for _, tt := range []struct {
		over string
		at   result.Seconds
		want float64
	}{
		{"beats", -1, 0},
		{"beats", 0.1, 0.1663}, // 0.1 s of 2.25 s, the mean wait, for each of four addresses
		{"kafka", 0.1, 0.0444},
		{"kafka", 1.5, 0.6667},
		{"kafka", 2.25, 0.9167},
		{"kafka", 3, 1},
		{"beats", 9, 1},
	} {
		r.Over = tt.over
		if diff := cmp.Diff(tt.want, r.BackBy(tt.at), cmp.Comparer(func(a, b float64) bool { return a-b < 1e-4 && b-a < 1e-4 })); diff != "" {
			t.Errorf("over %s after %v s: mismatch (-want +got):\n%s", tt.over, tt.at, diff)
		}
	}
}

package result_test

import (
	"bytes"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/e2e/fleet/result"
)

var update = flag.Bool("update", false, "write the golden files")

// good is a result with which nothing is wrong.
func good() result.Result {
	return result.Result{
		Scenario: "herd", Over: "beats", Senders: 200, Receivers: 4, Rate: 50, EventBytes: 300, Capacity: 4000, Compress: 20,
		Options: result.Options{
			MinBackoff: 0.05, MaxBackoff: 3, Timeout: 3, ConnectionTTL: 6, Connections: 1, BatchSize: 128, Pipeline: 4,
			Size: 65536, SpoolMaxBytes: 1 << 26,
		},
		Lasted: 30, Sent: 1000, Duplicates: 512, DuplicateBound: 512, Breaks: 1, Connections: 201,
		Outages: []result.Outage{{
			What: "all receivers are away", Begin: 4, End: 13, Since: 13, Affected: 2, CaughtUp: 16, Backlog: 90_000,
			Recovery: result.RecoveryOf([]result.Seconds{5.9, 0.002}), Accepts: []int{67, 1}, Reconnects: []result.Seconds{0.001, 5.8}, Went: []int{1, 0, 0, 1},
		}},
		BacklogEvents: 90_000, BacklogBytes: 27_000_000, SpoolBytes: 1 << 20, SpoolBytesOfOne: 1 << 18,
		Resident: 1 << 31, ResidentOfOne: 1 << 24, Heap: 1 << 21, Goroutines: 4, CPUPerMillion: 100,
		Fairness: result.Fairness{From: 13, To: 20, Senders: 0.98, Receivers: 1},
		Series:   result.Series{Step: 0.25, Arrivals: [][]int{{1, 2}, {3, 4}}, Backlog: []int{5, 6}, Spooled: []int{1, 2}, SpoolBytes: []int64{7, 8}},
	}
}

func TestCheck(t *testing.T) {
	if err := good().Check(); err != nil {
		t.Errorf("a good result is called bad: %v", err)
	}
	for name, tt := range map[string]struct {
		spoil func(r *result.Result)
		want  string
	}{
		"a lost event":                {func(r *result.Result) { r.Lost = 1 }, "1 events are lost"},
		"a dropped event":             {func(r *result.Result) { r.Dropped = 2 }, "2 events were dropped"},
		"too many duplicates":         {func(r *result.Result) { r.Duplicates++ }, "513 events arrived twice, want at most 512"},
		"too many of one sender":      {func(r *result.Result) { r.Excess = 1 }, "beyond the bound"},
		"disorder":                    {func(r *result.Result) { r.Disorder = 1 }, "out of order"},
		"an event that nobody wrote":  {func(r *result.Result) { r.Strange = 1 }, "1 events arrived that no sender has written so"},
		"a break without an outage":   {func(r *result.Result) { r.Unprovoked = 1 }, "1 connections broke that no outage had broken"},
		"a receiver that is not away": {func(r *result.Result) { r.Outages[0].Meanwhile = 1 }, "all receivers are away: 1 events arrived there meanwhile"},
		"nobody affected":             {func(r *result.Result) { r.Outages[0].Affected = 0 }, "no sender was affected"},
		"all at one receiver":         {func(r *result.Result) { r.Fairness.Receivers = 0.25 }, "among receivers was 0.250, want at least 0.85"},
		"all at one of those left": {
			func(r *result.Result) { r.Scenario, r.Fairness.Receivers = "dead", 0.25 },
			"among receivers was 0.250, want at least 0.64",
		},
		"a slow receiver that holds all": {
			func(r *result.Result) { r.Scenario, r.Fairness.Spared, r.Fairness.SparedShare = "slow", 150, 0.2 },
			"20 % of what 150 senders wrote that were not connected to what was slow arrived meanwhile, want at least 83 %",
		},
		"an account that is not exact": {func(r *result.Result) { r.Inexact = 1 }, "not exact 1 times"},
		"a sender that died":           {func(r *result.Result) { r.Died = 1 }, "did not end as they should"},
		"nothing sent":                 {func(r *result.Result) { r.Sent = 0 }, "nothing was sent"},
		"no outage":                    {func(r *result.Result) { r.Outages = nil }, "nothing went wrong"},
		"a sender that is not back":    {func(r *result.Result) { r.Outages[0].Affected = 3 }, "1 of 3 senders did not come back"},
		"a sender that is late": {
			func(r *result.Result) { r.Outages[0].Recovery.Last = 6.01 },
			"the last sender was back after 6.01 s, want at most 6.00 s",
		},
		"spools that keep events": {func(r *result.Result) { r.NotDrained = 3 }, "3 spools still had events, or more than a segment"},
		"too much memory":         {func(r *result.Result) { r.Heap = 16 << 20 }, "16777216 bytes, want at most 12648448"},
		"a heap that is not free": {func(r *result.Result) { r.HeapAtEnd = 16 << 20 }, "16777216 bytes when all was acked"},
		"too many goroutines":     {func(r *result.Result) { r.Goroutines = 68 }, "68 goroutines, want at most 8"},
	} {
		t.Run(name, func(t *testing.T) {
			r := good()
			tt.spoil(&r)
			if err := r.Check(); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

// Where the network tells nobody, a Timeout has to pass first, and a client of Kafka has a pace
// of its own.
func TestRecoveryBound(t *testing.T) {
	for _, tt := range []struct {
		scenario, over string
		backoff, want  result.Seconds
	}{
		{"herd", "beats", 3, 6},
		{"partition", "beats", 3, 9},
		{"broker", "redis", 1, 2},
		{"broker", "kafka", 3, 6},
		{"broker", "kafka", 1, 3},
	} {
		r := good()
		r.Scenario, r.Over, r.Options.MaxBackoff = tt.scenario, tt.over, tt.backoff
		if got := r.RecoveryBound(); got != tt.want {
			t.Errorf("%+v: %v, want %v", tt, got, tt.want)
		}
	}
}

// Senders that choose at random are never called unfair, and all at one receiver are, unless
// that may be chance.
func TestReceiversBound(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, senders := range []int{2, 6, 12, 24, 100, 200, 900} {
		for _, receivers := range []int{1, 2, 4, 8} {
			for _, scenario := range []string{"rolling", "herd", "stagger", "dead"} {
				there := receivers
				if scenario == "dead" {
					there--
				}
				if there == 0 {
					continue
				}
				r := result.Result{Scenario: scenario, Over: "beats", Senders: senders, Receivers: receivers, Fairness: result.Fairness{Senders: 1}}
				unfair := 0
				for range 2000 {
					at := make([]int, receivers)
					for range senders {
						at[rng.IntN(there)]++
					}
					if result.Jain(at) < r.ReceiversBound() {
						unfair++
					}
				}
				if unfair > 0 {
					t.Errorf("%s of %d senders and %d receivers: chance is called unfair %d times", scenario, senders, receivers, unfair)
				}
				if one := 1 / float64(receivers); senders >= 12*there && there > 2 && r.ReceiversBound() <= one {
					t.Errorf("%s of %d senders and %d receivers: all at one receiver, %.3f, are called fair, from %.3f on", scenario, senders, receivers, one, r.ReceiversBound())
				}
			}
		}
	}
	// One receiver that is never used again.
	r := good()
	if r.Fairness.Receivers = result.Jain([]int{1, 1, 1, 0}); r.Check() == nil {
		t.Error("a receiver that none of 200 senders uses is called fair")
	}
	for _, scenario := range []string{"slow", "broker"} {
		r.Scenario = scenario
		if scenario == "broker" {
			r.Over = "kafka"
		}
		if got := r.ReceiversBound(); got != 0 {
			t.Errorf("%s: a bound of %v, want none", scenario, got)
		}
	}
}

// With a few senders chance may leave a receiver without any.
func TestNobodyAffected(t *testing.T) {
	r := good()
	r.Scenario, r.Senders, r.Outages[0].Affected, r.Outages[0].Recovery = "dead", 24, 0, result.Recovery{}
	r.Outages[0].Reconnects = nil
	if err := r.Check(); err != nil {
		t.Errorf("of 24 senders: %v", err)
	}
	r.Scenario, r.Senders = "slow", 200
	if err := r.Check(); err != nil {
		t.Errorf("beside a slow one: %v", err)
	}
}

func TestRecoveryOf(t *testing.T) {
	var times []result.Seconds
	for i := 200; i > 0; i-- {
		times = append(times, result.Seconds(i))
	}
	got := result.RecoveryOf(times)
	got.All = nil
	if diff := cmp.Diff(result.Recovery{First: 1, Median: 100, P99: 198, Last: 200}, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(result.Recovery{}, result.RecoveryOf(nil)); diff != "" {
		t.Errorf("of nobody: mismatch (-want +got):\n%s", diff)
	}
}

func TestQuantile(t *testing.T) {
	for _, tt := range []struct {
		sorted []result.Seconds
		p      float64
		want   result.Seconds
	}{
		{nil, 0.5, 0},
		{[]result.Seconds{7}, 0, 7},
		{[]result.Seconds{7}, 1, 7},
		{[]result.Seconds{1, 2, 3}, 0.5, 2},
		{[]result.Seconds{1, 2, 3, 4}, 0.5, 2},
		{[]result.Seconds{1, 2, 3, 4}, 0.51, 3},
		{[]result.Seconds{1, 2, 3, 4}, 0.99, 4},
	} {
		if got := result.Quantile(tt.sorted, tt.p); got != tt.want {
			t.Errorf("%v of %v: %v, want %v", tt.p, tt.sorted, got, tt.want)
		}
	}
}

func TestJain(t *testing.T) {
	for _, tt := range []struct {
		values []int
		want   float64
	}{
		{nil, 1},
		{[]int{0, 0}, 1},
		{[]int{5, 5, 5, 5}, 1},
		{[]int{9, 0, 0, 0}, 0.25},
		{[]int{1, 3}, 0.8},
	} {
		if got := result.Jain(tt.values); got != tt.want {
			t.Errorf("%v: %v, want %v", tt.values, got, tt.want)
		}
	}
}

func TestPerStep(t *testing.T) {
	got := result.PerStep([]result.Seconds{-0.01, 0, 0.05, 0.1, 0.35, 9}, 0.1, 0.32)
	if diff := cmp.Diff([]int{2, 1, 0, 1}, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

// The names in the JSON are what others read.
func TestJSON(t *testing.T) {
	run := result.Run{System: "linux/amd64, 2 CPUs, go1.26.8", As: "processes", Namespaces: true, Results: []result.Result{good()}}
	var b bytes.Buffer
	if err := run.Write(&b); err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "run.json")
	if *update {
		if err := os.WriteFile(golden, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	again, err := result.Read(bytes.NewReader(want))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(run, again); diff != "" {
		t.Errorf("read again: mismatch (-want +got):\n%s", diff)
	}
	if r, ok := again.Of("herd"); !ok || r.Sent != 1000 {
		t.Errorf("the result of herd: %v, sent %d", ok, r.Sent)
	}
	if _, ok := again.Of("rolling"); ok {
		t.Error("there is a result of what has not run")
	}
	if _, err := result.Read(strings.NewReader("{")); err == nil {
		t.Error("half a file was read")
	}
}

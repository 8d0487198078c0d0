package main

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var errOdd = errors.New("bench: slow & <odd>, a|b <&>: /x: missing")

func exampleSetting() setting {
	return setting{machine: "plan9/arm, 1 CPU", date: "2026-11-22", rounds: 3, time: "20ms"}
}

func TestSummary(t *testing.T) {
	got := summary(example(), exampleSetting())
	want := `The time of a log call as a multiple of that of ` + "`slog.JSONHandler`" + ` in the same round, whose own is in nanoseconds; in brackets its allocations.
Medians of 3 rounds of 20ms each; plan9/arm, 1 CPU; 2026-11-22.

| case | slog.JSONHandler | handler.JSONHandler | phuslu/log | slow & <odd> | ours against phuslu/log |
| --- | --- | --- | --- | --- | --- |
| 5 attrs | 1000 ns (0) | 0.50x (0) | 0.80x (1) | 12x (46) | 0.60x |
| a\|b <&> | 800 ns (1) | 0.75x (0) | – | invalid | – |

slog.JSONHandler go1.26, handler.JSONHandler of this tree, phuslu/log v1.2.3, slow & <odd> v0.1.
"–": has no such option. "invalid": what it writes is not what was logged, so it was not timed.
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

func TestDetails(t *testing.T) {
	got := details(example())
	want := `| case | peer | ns/op | lowest | highest | B/op | allocs/op |
| --- | --- | --- | --- | --- | --- | --- |
| 5 attrs | slog.JSONHandler | 1000 | 900 | 5000 | 0 | 0 |
| 5 attrs | handler.JSONHandler | 540 | 500 | 1000 | 0 | 0 |
| 5 attrs | phuslu/log | 900 | 625 | 4000 | 16 | 1 |
| 5 attrs | slow & <odd> | 13500 | 12340 | 50000 | 4000 | 46 |
| a\|b <&> | slog.JSONHandler | 800 | 800 | 800 | 8 | 1 |
| a\|b <&> | handler.JSONHandler | 600 | 600 | 600 | 0 | 0 |

invalid: bench: slow & <odd>, a|b <&>: /x: missing
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

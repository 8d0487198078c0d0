package main

import (
	"errors"
	"flag"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The page has what the program writes.
func TestThePageIsWhatIsWritten(t *testing.T) {
	t.Parallel()
	docs := filepath.Join("..", "..", "docs")
	want, _, err := written(docs)
	if err != nil {
		t.Fatal(err)
	}
	got, err := block.Read(filepath.Join(docs, "scale.md"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("mismatch (-want +got): cd e2e && go run ./scale -write\n%s", diff)
	}
}

func TestNumbersAreWrittenShort(t *testing.T) {
	t.Parallel()
	for v, want := range map[float64]string{
		0: "0", 0.222: "0.22", 4: "4", 4.44: "4.4", 10: "10", 12.4: "12", 999: "999", 1000: "1,000", 16_384: "16,384", 65_656: "66,000",
		171_828: "170,000", 1e6: "1 million", 1.4e6: "1.4 million", 12.6e6: "13 million", 2.1e9: "2.1 billion",
	} {
		if got := number(v); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
	for v, want := range map[float64]string{
		0: "0 B", 999: "999 B", 1000: "1 kB", 4096: "4.1 kB", 999_600: "1 MB", 64 << 20: "64 MiB", 4 << 30: "4 GiB", 43.2e12: "43 TB", 9.96e9: "10 GB",
	} {
		if got := volume(v); got != want {
			t.Errorf("%v bytes: %s, want %s", v, got, want)
		}
	}
	for v, want := range map[time.Duration]string{
		-1: "never", 0: "0", time.Microsecond: "1 ms", 100 * time.Millisecond: "100 ms", time.Second: "1 s", 1640 * time.Millisecond: "1.6 s",
		time.Minute: "60 s", 10 * time.Minute: "10 min", time.Hour: "1 h", 176 * time.Minute: "2 h 56 min", 24 * time.Hour: "24 h", 72 * time.Hour: "3 days",
	} {
		if got := span(v); got != want {
			t.Errorf("%d: %s, want %s", v, got, want)
		}
	}
}

func TestFlags(t *testing.T) {
	t.Parallel()
	o, err := parse([]string{"-hosts", "300", "-rate", "50", "-outage", "2h"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	want := defaults()
	want.hosts, want.rate, want.away = 300, 50, 2*time.Hour
	if o.plan != want || len(o.tiers) != 1 || o.tiers[0] != 300 || len(o.rates) != 2 || o.rates[1] != 200 || o.write {
		t.Errorf("options %+v", o)
	}
	for args, want := range map[string]string{
		"-hosts 0":                      "-hosts 0: want 1 to 10 million",
		"-hosts -5":                     "-hosts -5: want",
		"-hosts many":                   `"many" for flag -hosts`,
		"-rate NaN":                     "-rate NaN: want 0.001 to 1 million",
		"-rate -1":                      "-rate -1: want",
		"-rate +Inf":                    "-rate +Inf: want",
		"-peak 0.1":                     "-peak 0.1: want 1 to 1,000",
		"-size -1":                      "-size -1: want",
		"-size 1":                       "-size 1: want 66 kB to 1,024 GiB",
		"-outage -1h":                   "-outage -1h0m0s: want 1 s to 30 days",
		"-retention 1ms":                "-retention 1ms: want 1 s to 365 days",
		"-min-backoff 2m":               "-min-backoff 2m0s: want at most -max-backoff, 1m0s",
		"-apart 0s":                     "-apart 0s: want 1 s to 1 h",
		"-catch-up 1m":                  "-catch-up 1m0s: want more than -max-backoff, 1m0s",
		"-max-backoff 1h":               "-catch-up 1h0m0s: want more than -max-backoff, 1h0m0s",
		"more":                          `argument "more"`,
		"-odd":                          "-odd",
		"-write -hosts 5":               "-write: ",
		"-consumer-threads 0 -hosts 10": "-consumer-threads 0: want 1 to 64",
	} {
		var wrong *usageError
		if _, err := parse(strings.Fields(args), io.Discard); !errors.As(err, &wrong) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", args, err, want)
		}
	}
	var usage strings.Builder
	if _, err := parse([]string{"-help"}, &usage); !errors.Is(err, flag.ErrHelp) || !strings.Contains(usage.String(), "-event-bytes") {
		t.Errorf("-help: error %v, usage %q", err, usage.String())
	}
}

// Whatever is allowed is reckoned, and soon.
func TestExtremes(t *testing.T) {
	t.Parallel()
	for _, args := range []string{
		"-min-backoff 1ms -max-backoff 30m -catch-up 31m",
		"-min-backoff 1ms -max-backoff 1ms",
		"-min-backoff 59m -max-backoff 59m",
		"-hosts 10000000 -rate 1000000 -peak 1000 -capacity 1",
		"-max-backoff 30m -apart 1s -hosts 10000000",
	} {
		var out strings.Builder
		begin := time.Now()
		if err := run(strings.Fields(args), &out, io.Discard); err != nil {
			t.Errorf("%s: %v", args, err)
		}
		if took := time.Since(begin); took > 30*time.Second || strings.Contains(out.String(), "e+") || strings.Contains(out.String(), "NaN") {
			t.Errorf("%s: took %v, printed\n%s", args, took, out.String())
		}
	}
}

// With one's own numbers there is a row for these.
func TestRunPrintsTheRowsAskedFor(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := run([]string{"-hosts", "250", "-rate", "3", "-capacity", "500"}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| `-capacity` | 500 |", "\n| 250 | 750; 3,000 |", "\n| 3 |", "\n| 12 |"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("there is no %q in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "\n| 1,000 |") {
		t.Errorf("there are other fleets in\n%s", out.String())
	}
}

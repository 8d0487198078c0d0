package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"strings"
	"testing"
	"time"
)

// The test is its own sender.
func TestMain(m *testing.M) {
	if spec := os.Getenv(senderVariable); spec != "" {
		if err := runSender(spec, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// A very short day loses nothing either.
func TestSoak(t *testing.T) {
	var out strings.Builder
	err := soak(t.Context(), options{day: 6 * time.Second, peak: 2000}, &out)
	for n := 1; n < 5 && errors.Is(err, os.ErrProcessDone); n++ { // the machine stood still until the day was over
		t.Log("once more:", err)
		out.Reset()
		err = soak(t.Context(), options{day: 6 * time.Second, peak: 2000}, &out)
	}
	if err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
	for _, want := range []string{"| **lost** | **0** |", "| 19:30 | the sender is killed while the network is out |"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report does not say %q:\n%s", want, out.String())
		}
	}
}

// The events that are due are what the rate makes of the hours.
func TestDueIsTheSumOfTheRate(t *testing.T) {
	d := day{Length: 24 * time.Hour, Peak: 5000}
	var sum float64
	for minute := range 24 * 60 {
		if due := float64(d.due(float64(minute) / 60)); math.Abs(due-sum) > 1+0.0001*sum {
			t.Fatalf("%d minutes: %v events due, want %v", minute, due, sum)
		}
		sum += 60 * d.rate((float64(minute)+0.5)/60)
	}
	if got, want := d.rate(15), 5000.0; got != want {
		t.Errorf("%v events a second at three in the afternoon, want %v", got, want)
	}
	if got, want := d.rate(3), 500.0; math.Abs(got-want) > 1e-9 {
		t.Errorf("%v events a second at three in the morning, want %v", got, want)
	}
}

// A loss is not kept quiet.
func TestVerdict(t *testing.T) {
	if err := (result{sent: 5, connections: 1, twice: 8192}).verdict(); err != nil {
		t.Errorf("a good day was called bad: %v", err)
	}
	for _, bad := range []result{
		{lost: 1}, {refused: 1}, {dropped: 1}, {disorder: 2}, {undone: 1}, {connections: 1, twice: 8193},
	} {
		if bad.verdict() == nil {
			t.Errorf("%+v was called good", bad)
		}
	}
}

// A page that cannot be written is found before the day, not after it.
func TestNothingRunsForNothing(t *testing.T) {
	t.Chdir(t.TempDir())
	var out strings.Builder
	err := soak(t.Context(), options{day: time.Hour, peak: 10, write: true}, &out)
	if !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "-write: ") || out.Len() > 0 {
		t.Errorf("error %v, printed %q", err, out.String())
	}
}

func TestFlags(t *testing.T) {
	if o, err := parseFlags([]string{"-day", "1m", "-write"}, io.Discard); err != nil || o != (options{time.Minute, 5000, true}) {
		t.Errorf("options %+v, error %v", o, err)
	}
	for _, args := range [][]string{{"-day", "1s"}, {"-day", "25h"}, {"-peak", "0"}, {"more"}, {"-odd"}} {
		if _, err := parseFlags(args, io.Discard); err == nil || errors.Is(err, flag.ErrHelp) {
			t.Errorf("%q: error %v", args, err)
		}
	}
}

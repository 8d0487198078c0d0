package stat

import (
	"testing"
	"time"
)

// Percentiles are kept for so many minutes only. What comes in order is judged all the same.
func TestWindowsThatAreClosed(t *testing.T) {
	th, err := parseThreshold("p50(took) > 1000 per minute")
	if err != nil {
		t.Fatal(err)
	}
	th.attr = 0
	all := newTotal(&plan{attrs: []string{"took"}}, time.UTC, []*threshold{th})
	const minutes = 3 * maxDists
	for i := range int64(minutes) {
		all.value(&value{at: i * 60, v: float64(i)})
	}
	if err := th.finish(all); err != nil {
		t.Fatal(err)
	}
	if v := th.result; v.judged != minutes || v.exceeded < minutes-1001-30 || v.exceeded > minutes-1001+30 || v.at != (minutes-1)*60 {
		t.Errorf("the verdict is %+v, want %d judged, %d exceeded", v, minutes, minutes-1001)
	}
}

func TestWindowsInNoOrderCannotBeJudged(t *testing.T) {
	for text, minutes := range map[string]int64{
		"p50(took) > 2000 per minute": maxDists + 1, "mean(took) > 2000 per minute": maxWindows + 1, "count(took) < 1 per minute": maxWindows + 1,
	} {
		th, err := parseThreshold(text)
		if err != nil {
			t.Fatal(err)
		}
		th.attr = 0
		all := newTotal(&plan{attrs: []string{"took"}, since: time.Unix(0, 0), until: time.Unix(minutes*60+600, 0)}, time.UTC, []*threshold{th})
		for i := range minutes {
			all.value(&value{at: i * 60, v: 1})
		}
		all.value(&value{at: 0, v: 1})
		if err := th.finish(all); err == nil || th.result.exceeded > 0 {
			t.Errorf("%s: held, though it is not known", text)
		}
	}
}

// Thresholds for the same attr and step have the same windows, and all windows have no more memory than one would have.
func TestWindowsAreShared(t *testing.T) {
	var thresholds []*threshold
	for _, text := range []string{"p99(a) > 1 per minute", "p50(a) > 1 per minute", "p50(a) > 1 per hour", "max(a) > 1 per hour", "min(a) > 1 per hour", "max(a) > 1"} {
		th, err := parseThreshold(text)
		if err != nil {
			t.Fatal(err)
		}
		th.attr = 0
		thresholds = append(thresholds, th)
	}
	all := windowsOf(thresholds, maxDists)
	if len(all) != 3 || thresholds[0].windows != thresholds[1].windows || all[0].most+all[1].most > maxDists {
		t.Errorf("%d windows, want 3, those of percentiles with %d distributions", len(all), maxDists)
	}
}

package jsonenc

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestFractionDigits(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]int{
		1: 9, 7: 9, 10: 8, 123: 9, 500: 7, time.Microsecond: 6, 10 * time.Microsecond: 5, time.Millisecond: 3, 250 * time.Millisecond: 2,
		100 * time.Millisecond: 1, time.Second: 0, 1500 * time.Millisecond: 1, time.Second + 1: 9, time.Minute: 0, time.Hour: 0,
	} {
		if got := fractionDigits(d); got != want {
			t.Errorf("%v: %d digits, want %d", d, got, want)
		}
	}
}

func TestFractionsAreThoseOfTheTimePackage(t *testing.T) {
	t.Parallel()
	layouts := make([]string, 10)
	for n := 1; n < len(layouts); n++ {
		layouts[n] = "." + strings.Repeat("0", n)
	}
	check := func(nanos int) {
		at := time.Unix(0, int64(nanos)).UTC()
		if got, want := string(appendFraction(nil, nanos)), at.Format(".999999999"); got != want {
			t.Errorf("%d: got %q, want %q", nanos, got, want)
		}
		for n, layout := range layouts {
			if got, want := string(appendDigits(nil, nanos, n)), at.Format(layout); got != want {
				t.Errorf("%d to %d digits: got %q, want %q", nanos, n, got, want)
			}
		}
	}
	for unit := 1; unit < 1e9; unit *= 10 {
		for i := range 100 {
			check(int(int64(i) * int64(unit) % 1e9))
			check(int((1e9 - int64(i)*int64(unit)%1e9) % 1e9))
		}
	}
	for nanos := 0; nanos < 1e9; nanos += 999_983 {
		check(nanos)
	}
}

func TestLayoutsOfAnythingAreOneString(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 21, 23, 30, 5, 123456789, time.FixedZone("\"\n\xff", 3600))
	for _, layout := range []string{
		"2006", "", `"`, `\`, "\n", "\x00\x1f\x7f", "\xff", "MST", "é 2006", "\u2028", time.RFC3339Nano, strings.Repeat("Monday ", 1000),
	} {
		var got string
		if err := json.Unmarshal(appendLayout(nil, at, layout), &got); err != nil {
			t.Errorf("%q: %v", layout, err)
		}
		want := string([]rune(at.Format(layout))) // with U+FFFD for each bad byte
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: mismatch (-want +got):\n%s", layout, diff)
		}
	}
}

// The cached second is the right one in every order of zones and seconds, for each
// precision.
func TestTimesThroughTheCacheAreThoseOfTheTimePackage(t *testing.T) {
	t.Parallel()
	zones := []*time.Location{
		time.UTC, time.FixedZone("", 0), time.FixedZone("a", 3600), time.FixedZone("b", 3600), time.FixedZone("", -5400),
		time.FixedZone("", 3661), time.FixedZone("", 99*3600), time.FixedZone("", 100*3600), time.FixedZone("", -1000*3600),
	}
	seconds := []int64{0, -1, 1, 1_800_000_000, 1_800_000_000, -1_800_000_001}
	layouts := map[time.Duration]string{
		0: time.RFC3339Nano, time.Millisecond: "2006-01-02T15:04:05.000Z07:00", time.Second: time.RFC3339, time.Minute: time.RFC3339,
	}
	for precision, layout := range layouts {
		l := New(Rules{TimePrecision: precision}).Line()
		for i := range 2000 {
			at := time.Unix(seconds[i*i%len(seconds)], int64(i)*1_234_567%1e9).In(zones[i*7/3%len(zones)])
			got := string(l.RecordTime(nil, `"time":`, at)) + string(l.Time(nil, at))
			want := `"` + at.Truncate(precision).Format(layout) + `"`
			if diff := cmp.Diff(`"time":`+want+want, got); diff != "" {
				t.Fatalf("precision %v: mismatch (-want +got):\n%s", precision, diff)
			}
		}
	}
}

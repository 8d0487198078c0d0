package logname_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/logname"
)

func TestParse(t *testing.T) {
	at := func(s string) time.Time {
		t.Helper()
		when, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	day := at("2026-11-21T00:00:00Z")
	precise := at("2026-11-21T23:30:46.123456Z")
	coarse := at("2026-11-21T23:30:46.123Z")
	for name, want := range map[string]logname.Rotated{
		"app-20261121T233046.123456Z.log":         {Live: "app.log", Time: precise},
		"app-20261121T233046.123456Z-7.log.gz":    {Live: "app.log", Time: precise, Seq: 7},
		"app-20261122T003046.123456+0100.log.zst": {Live: "app.log", Time: precise},
		"app-20261121T233046.123456Z":             {Live: "app", Time: precise},
		"my-app.x-20261121T233046.123456Z.log":    {Live: "my-app.x.log", Time: precise},
		"app.1234-20261121T233046.123456Z.log":    {Live: "app.1234.log", Time: precise},
		"app-2026-11-21T23-30-46.123.log.gz":      {Live: "app.log", Time: coarse},
		"app-2026-11-21T23-30-46.123-size.log":    {Live: "app.log", Time: coarse},
		"app.log-2026-11-21T23-30-46.123-size":    {Live: "app.log", Time: coarse},
		"app.log.1":                               {Live: "app.log", Number: 1},
		"app.log.12.gz":                           {Live: "app.log", Number: 12},
		"app.log.1.xz":                            {Live: "app.log", Number: 1},
		"syslog.1":                                {Live: "syslog", Number: 1},
		"app.log-20261121":                        {Live: "app.log", Time: day},
		"app.log-20261121.bz2":                    {Live: "app.log", Time: day},
		"app-20261121.log":                        {Live: "app.log", Time: day},
		"app.log.2026-11-21":                      {Live: "app.log", Time: day},
		"app_2026-11-21.log":                      {Live: "app.log", Time: day},
		"app.log-2026112123":                      {Live: "app.log", Time: day.Add(23 * time.Hour)},
		"app.log.2026-11-21_23-30":                {Live: "app.log", Time: day.Add(23*time.Hour + 30*time.Minute)},
		"app.log-20261121-1795302046":             {Live: "app.log", Time: time.Unix(1795302046, 0)},
	} {
		want.Plain = name
		for _, ext := range []string{".gz", ".zst", ".bz2", ".xz"} {
			want.Plain = strings.TrimSuffix(want.Plain, ext)
		}
		got, ok := logname.Parse(name)
		if diff := cmp.Diff(want, got); diff != "" || !ok {
			t.Errorf("%s: %v, mismatch (-want +got):\n%s", name, ok, diff)
		}
	}
	for _, name := range []string{
		"", ".", "app.log", "app.log.gz", "app.log.0", "app.log.01", "app.log.10000", "app.log.1x", ".1", "-20261121", "app-20261131.log",
		"app.1.log", "app-2026.log", "app-x.log", "app-20261121T233046.123456Z-0.log", "app-20261121T233046.1234567Z.log", ".gz",
	} {
		if got, ok := logname.Parse(name); ok {
			t.Errorf("%s: %+v, want none", name, got)
		}
	}
}

func TestCompare(t *testing.T) {
	want := []string{
		"app-2026-11-21T23-30-46.123.log", "app-20261122T233046.123456Z.log.gz", "app-20261122T233046.123456Z-1.log",
		"app-20261122T233046.123456Z-10.log", "app.log-20261123", "app.log.10.gz", "app.log.2", "app.log.1", "app.log",
	}
	parse := func(name string) logname.Rotated {
		r, _ := logname.Parse(name)
		return r
	}
	got := slices.Clone(want)
	random := rand.New(rand.NewPCG(1, 1))
	random.Shuffle(len(got), func(i, j int) { got[i], got[j] = got[j], got[i] })
	slices.SortFunc(got, func(a, b string) int { return parse(a).Compare(parse(b)) })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

func TestIsLog(t *testing.T) {
	for name, want := range map[string]bool{
		"app.log": true, "app.log.1": true, "app.log-20260101.gz": true, "app-20261121T233046.123456Z.log": true, "app.log.zst": true,
		"app.log-2026-11-21T23-30-46.123-size": true, "app.log.2026-11-21_23-30": true,
		"app.logic.go": false, "app.logic-20261121.go": false, ".app.log": false, "app.txt": false, "syslog": false, "app.log.old": false,
		"app.json": false, "": false,
	} {
		if got := logname.IsLog(name); got != want {
			t.Errorf("IsLog(%q) = %v", name, got)
		}
	}
}

// Whatever a name is, it is either no rotated file, or one of a log file with a shorter name that is none itself.
func FuzzParse(f *testing.F) {
	f.Add("app-20261121T233046.123456Z-7.log.gz")
	f.Add("app.log.1")
	f.Add("app-2026-11-21T23-30-46.123-size.log")
	f.Add("a.20261121.20261122")
	f.Fuzz(func(t *testing.T, name string) {
		r, ok := logname.Parse(name)
		if !ok {
			return
		}
		if r.Live == "" || len(r.Live) >= len(r.Plain) || !strings.HasPrefix(name, r.Plain) {
			t.Errorf("%q: %+v", name, r)
		}
		if r.Time.IsZero() == (r.Number == 0) {
			t.Errorf("%q has %v and %d", name, r.Time, r.Number)
		}
		if r.Compare(logname.Rotated{}) >= 0 {
			t.Errorf("%q is not before the log file", name)
		}
	})
}

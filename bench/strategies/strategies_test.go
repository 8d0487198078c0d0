//go:build linux

package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestMain is a program that logs, where it is started as one.
func TestMain(m *testing.M) {
	if text := os.Getenv(orderVariable); text != "" {
		exit(carryOut(text))
	}
	os.Exit(m.Run())
}

func TestMeasure(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	with := func(o outage) situation { return situation{length: 300 * ms, outages: []outage{o}} }
	for _, tt := range []struct {
		way       string
		situation situation
		loses     bool
	}{
		{"`beats://`, `SpoolAlways`", situation{length: 300 * ms, kills: 2}, false},
		{"`NewHandler` on a `net.Conn`", with(outage{at: 50 * ms, away: 50 * ms}), true},
		{"`udp://`", with(outage{at: 50 * ms, unacked: ms, unread: 50 * ms, away: 50 * ms}), true},
		{"`NewHandler` on `io.Discard`", situation{length: 100 * ms}, true},
	} {
		t.Run(tt.way, func(t *testing.T) {
			t.Parallel()
			w, err := wayOf(tt.way)
			if err != nil {
				t.Fatal(err)
			}
			got, err := measure(t.Context(), w, tt.situation, "")
			if err != nil {
				t.Fatal(err)
			}
			if got.handled == 0 || got.cpu == 0 || (got.lost > 0) != tt.loses {
				t.Errorf("%+v; loses: want %t", got, tt.loses)
			}
		})
	}
}

func TestAccount(t *testing.T) {
	t.Parallel()
	a := newAccount()
	for _, nth := range []int{0, 1, 1, 3} {
		a.take(fmt.Appendf(nil, `{"log":{"offset":7},"sender":1,"nth":%d,"at_us":0}`, nth))
	}
	for _, event := range []string{`{"sender":1}`, `{"sender":1,"nth":x,"at_us":0}`, `{"sender":1,"nth":2,"at_us":5`} {
		a.take([]byte(event))
	}
	got := []int{a.missing(1, 3), a.missing(1, 5), a.missing(0, 2), a.doubled(), a.strangers()}
	if diff := cmp.Diff([]int{1, 2, 2, 1, 3}, got); diff != "" {
		t.Errorf("missing of 3, of 5, of nobody's 2, doubled, strangers: mismatch (-want +got):\n%s", diff)
	}
	if d := a.delay(0.99); d <= 0 || d > time.Minute {
		t.Errorf("delay %s", d)
	}
}

func TestTables(t *testing.T) {
	t.Parallel()
	const ms, µs = time.Millisecond, time.Microsecond
	all := []way{{name: "a", listen: listenBeats, beside: true}, {name: "b", listen: listenTCP}, {name: "c"}, {name: "d"}}
	in := []situation{{name: "steady"}, {name: "fault"}}
	f := figures{
		"a": {{p50: 1500 * ms, p99: 2000 * ms, cpu: 9 * µs, beside: 70 * µs}, {doubled: 3}},
		"b": {{lost: 1, p50: 40 * µs, p99: 12 * ms}, {lost: 1, doubled: 2, p99: 1200 * µs}},
		"c": {{cpu: 5 * µs}, {}},
	}
	want := `| way | p50 | p99 | CPU for each event | steady | fault |
| --- | --- | --- | --- | --- | --- |
| a | 1.5 s | 2.0 s | 9 µs, Filebeat 70 µs | 0 | 3 twice |
| b | 0.1 ms | 12 ms | 0 µs | 1 lost | 1 lost, 2 twice |
| c |  |  | 5 µs |  |  |

| way | fault: p50, p99 | CPU |
| --- | --- | --- |
| a | 0.1 ms, 0.1 ms | 0 µs, Filebeat 0 µs |
| b | 0.1 ms, 1.2 ms | 0 µs |
`
	got, foot, _ := strings.Cut(f.tables(all, in, "9.5.0"), "\ngo")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	if !strings.HasSuffix(foot, "\nFilebeat 9.5.0.\n") {
		t.Errorf("foot %q", foot)
	}
}

func TestRewrite(t *testing.T) {
	t.Parallel()
	const (
		old = "| way |\n| --- |\n| f | old 1 |\n| b | old |\n\n" +
			"| way |\n| --- |\n| f | old 2 |\n\nFilebeat 1.\n"
		fresh = "| way |\n| --- |\n| b | new |\n\n" +
			"| way |\n| --- |\n| b | new |\n\ngo\n"
		both = "| way |\n| --- |\n| f | old 1 |\n| b | new |\n\n" +
			"| way |\n| --- |\n| f | old 2 |\n| b | new |\n\ngo\nFilebeat 1.\n"
	)
	page := func(tables string) string { return "text\n" + beginLine + "\n" + tables + endLine + "\nmore\n" }
	got, err := rewrite(page(old), fresh, []string{"| f |", filebeatLine})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(page(both), got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	for _, bad := range []string{"", beginLine + "\n", endLine + "\n" + beginLine + "\n"} {
		if _, err := rewrite(bad, fresh, nil); err == nil {
			t.Errorf("page %q is taken", bad)
		}
	}
}

func TestFlags(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		args   []string
		ok     bool
		writes bool
	}{
		{nil, true, true},
		{[]string{"-quick"}, true, false},
		{[]string{"-way", "beats"}, true, false},
		{[]string{"-way", "("}, false, false},
		{[]string{"beats"}, false, false},
		{[]string{"-slow"}, false, false},
	} {
		o, err := parseFlags(tt.args, io.Discard)
		if (err == nil) != tt.ok || err == nil && o.writes() != tt.writes {
			t.Errorf("%q: %+v, %v", tt.args, o, err)
		}
	}
}

func TestPageHasItsLines(t *testing.T) {
	t.Parallel()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	root, err := findRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(pageOf(root))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rewrite(string(page), "", nil); err != nil {
		t.Error(err)
	}
	for _, w := range ways() {
		if !strings.Contains(string(page), "\n| "+w.name+" |") {
			t.Errorf("the page has no row %q", w.name)
		}
	}
	if _, err := filebeatConfig(root, "/tmp/x", "127.0.0.1:1"); err != nil {
		t.Error(err)
	}
}

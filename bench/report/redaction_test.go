package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/bench"
)

// TestRedactionIsComparedWithWhatThereIs finds the name of a redactor, a scanner
// or a case that is none.
func TestRedactionIsComparedWithWhatThereIs(t *testing.T) {
	names := map[string]bool{}
	for _, p := range bench.Redactors() {
		names[p.Name] = true
	}
	for _, s := range bench.Scanners() {
		names[s.Name] = true
	}
	for _, c := range bench.RedactionCases() {
		names[c.Name] = true
	}
	for _, text := range bench.Texts() {
		names[text.Name] = true
	}
	for _, name := range []string{
		standard, ours, masking, fewNames, manyNames, scanning, oneByOne, fiveAttrs, kilobyte,
	} {
		if !names[name] {
			t.Errorf("no %q", name)
		}
	}
}

func exampleRedaction() *redaction {
	some := func(figures ...float64) cell {
		var c cell
		for _, ns := range figures {
			c.samples = append(c.samples, sample{ns: ns, allocs: 2})
		}
		return c
	}
	return &redaction{
		calls: &results{
			cases: []string{fiveAttrs, "a password"},
			peers: []peer{{standard, "go1.26"}, {masking, "of this tree"}, {fewNames, "v1"}, {ours, "of this tree"}, {"redact → " + ours, "of this tree"}},
			cells: [][]cell{
				{some(1000, 5000, 900), some(1200, 6500, 1080), some(12000, 60000, 10800), some(500, 2500, 500), some(750, 3750, 750)},
				{
					some(1000), some(1500),
					{fault: fmt.Errorf("odd: %w", bench.ErrLeak)},
					some(500),
					{fault: errors.New("no JSON")},
				},
			},
		},
		scans: &results{
			cases: []string{kilobyte, "short"},
			peers: []peer{{scanning, "of this tree"}, {oneByOne, "of this tree (3 patterns)"}},
			cells: [][]cell{
				{some(2000, 2000, 2000), some(400000, 400000, 410000)},
				{some(100), {fault: errors.New("found")}},
			},
		},
		lengths: []int{1024, 50},
	}
}

func TestRedactSummary(t *testing.T) {
	got := redactSummary(exampleRedaction(), exampleSetting())
	want := "The time of a log call: that of `slog.JSONHandler` and of `handler.JSONHandler` is in nanoseconds, any other a multiple " +
		`of that of the one whose lines are kept clean, in the same round; in brackets its allocations. Where the case names no password and no token, there is nothing to redact.
Medians of 3 rounds of 20ms each; plan9/arm, 1 CPU; 2026-11-22.

| case | slog.JSONHandler | redact → slog.JSONHandler | masq, 2 names → slog.JSONHandler | handler.JSONHandler | redact → handler.JSONHandler | redact against masq, 2 names | 10 names |
| --- | --- | --- | --- | --- | --- | --- | --- |
| 5 attrs | 1000 ns (2) | 1.20x (2) | 12x (2) | 500 ns (2) | 1.50x (2) | 0.10x | – |
| a password | 1000 ns (2) | 1.50x (2) | leaks | 500 ns (2) | invalid | – | – |

Looking through a text without a secret, in MB/s, and how many times as fast ` + "`redact.String`" + ` is.

| text | redact.String | its patterns, one by one | against its patterns, one by one |
| --- | --- | --- | --- |
| a message of 1 KB | 512 MB/s | 2.6 MB/s | 200x |
| short | 500 MB/s | invalid | – |

slog.JSONHandler go1.26, redact → slog.JSONHandler of this tree, masq, 2 names → slog.JSONHandler v1, handler.JSONHandler of this tree, redact → handler.JSONHandler of this tree, redact.String of this tree, its patterns, one by one of this tree (3 patterns).
"leaks": the secret is in its line. "invalid": its line is not JSON, or not what was logged. Neither was timed.
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

func TestRedactShort(t *testing.T) {
	got := redactShort(exampleRedaction(), exampleSetting())
	want := `Medians of 3 rounds of 20ms each; plan9/arm, 1 CPU; 2026-11-22.

| nothing to redact, default rules | compared with | ratio | ns | allocs |
| --- | --- | --- | --- | --- |
| a log call with 5 attrs through redaction | the same without | 1.20x | 1200 against 1000 | 2 against 2 |
| the same | masq with the names of 2 fields | 0.10x | 1200 against 12000 | 2 against 2 |
| looking through a message of 1 KB, at 512 MB/s | the patterns of the rules, one by one | 0.0050x | 2000 against 400000 | 2 against 2 |
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

func TestRedactDetails(t *testing.T) {
	got := redactDetails(exampleRedaction())
	for _, want := range []string{
		"| a log call | 5 attrs | redact → slog.JSONHandler | 1200 | 1080 | 6500 |\n",
		"| looking through | short | redact.String | 100 | 100 | 100 |\n",
		"\na log call, a password: no JSON\n", "\nlooking through, short: found\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

func TestReportRedaction(t *testing.T) {
	readme, _ := repository(t, redactRows.begin()+"\n"+redactRows.end()+"\n")
	page := filepath.Join(filepath.Dir(readme), redactBlock.page())
	write := shortest
	write.write, write.redact = true, true
	var out, progress strings.Builder
	if err := report(write, &out, &progress); !errors.Is(err, os.ErrNotExist) || progress.Len() > 0 {
		t.Errorf("without the page: %v, %s", err, &progress)
	}
	block := redactBlock.begin() + "\n" + redactBlock.end() + "\n"
	if err := errors.Join(os.Mkdir(filepath.Dir(page), 0o755), os.WriteFile(page, []byte(block), 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := report(write, &out, &progress); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	text, ok := strings.CutPrefix(string(whole), redactBlock.begin()+"\n")
	text, ok2 := strings.CutSuffix(text, redactBlock.end()+"\n")
	if !ok || !ok2 || !strings.HasPrefix(out.String(), text) {
		t.Errorf("page:\n%s\nprinted:\n%s", whole, &out)
	}
	for _, c := range bench.RedactionCases() {
		if !strings.Contains(text, "\n| "+c.Name+" | ") {
			t.Errorf("no figures of %s in\n%s", c.Name, text)
		}
	}
	rows, err := os.ReadFile(readme)
	if err != nil || strings.Count(string(rows), " against ") != 6 {
		t.Errorf("README:\n%s\n%v", rows, err)
	}
}

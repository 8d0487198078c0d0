package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/bench"
)

// TestSpoolsAreThere finds the name of a queue that is none.
func TestSpoolsAreThere(t *testing.T) {
	names := map[string]bool{}
	for _, s := range bench.Spools() {
		names[s.Name] = true
	}
	if !names[walPeer] || !names[spoolPeer] {
		t.Errorf("queues: %v", names)
	}
}

func TestSpoolSummary(t *testing.T) {
	r := newSpoolResults([]bench.Spool{
		{Name: walPeer, Version: "v1"}, {Name: spoolPeer, Version: "of this tree"}, {Name: "odd", Version: "v2"},
	})
	for c := range r.cases {
		for range 3 {
			r.add(c, 0, 800, nil)
			r.add(c, 1, time.Duration(100*(c+1)), nil)
		}
		r.add(c, 2, 0, errors.New("odd"))
	}
	got := spoolSummary(r, bench.FullLoad(), exampleSetting())
	want := "What an event of 300 bytes costs in a queue on disk: to append it in a batch of 100, without a sync and with one for each batch, and to read " +
		"and delete it. 200000 events each time, 20000 with syncs. Times are multiples of that of `tidwall/wal` in the same round, whose own are in nanoseconds.\n" +
		"Medians of 3 rounds; plan9/arm, 1 CPU; 2026-11-22.\n" + `
| queue | append | append, synced | read, deleted by 2000 | read, deleted in the end |
| --- | --- | --- | --- | --- |
| tidwall/wal | 800 ns | 800 ns | 800 ns | 800 ns |
| spool.Queue | 0.12x | 0.25x | 0.38x | 0.50x |
| odd | invalid | invalid | invalid | invalid |
| events of ours for one of the other | 8.0 | 4.0 | 2.7 | 2.0 |

tidwall/wal v1, spool.Queue of this tree, odd v2. ` + "`tidwall/wal` has no checksums, and writes the segment again that it deletes the front of; " +
		"`spool.Queue` deletes by 2000 in both columns, and notes each time how far it is.\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	if more := spoolDetails(r); !strings.Contains(more, "| wall | append | spool.Queue | 100 | 100 | 100 |\n") {
		t.Errorf("details:\n%s", more)
	}
}

func TestReportSpools(t *testing.T) {
	readme, _ := repository(t, "")
	page := filepath.Join(filepath.Dir(readme), spoolBlock.page())
	block := spoolBlock.begin() + "\n" + spoolBlock.end() + "\n"
	if err := errors.Join(os.Mkdir(filepath.Dir(page), 0o755), os.WriteFile(page, []byte(block), 0o600)); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := report(options{rounds: 1, write: true, spool: true, load: bench.Load{Spooled: 5000, SpoolSynced: 200}}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	text, ok := strings.CutPrefix(string(got), spoolBlock.begin()+"\n")
	text, ok2 := strings.CutSuffix(text, spoolBlock.end()+"\n")
	if !ok || !ok2 || !strings.HasPrefix(out.String(), text) {
		t.Errorf("page:\n%s\nprinted:\n%s", got, &out)
	}
	for _, s := range bench.Spools() {
		if !strings.Contains(text, "\n| "+s.Name+" | ") || strings.Contains(text, "invalid |") {
			t.Errorf("no figures of %s in\n%s", s.Name, text)
		}
	}
}

package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/e2e/fleet/result"
)

func TestWrite(t *testing.T) {
	docs, run := t.TempDir(), example()
	path := filepath.Join(docs, "fleet.md")
	if err := os.Mkdir(filepath.Join(docs, "img"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("# A\n<!-- fleet:begin -->\nold\n<!-- fleet:end -->\nZ\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := write(run, docs); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"fleet.md": "# A\n<!-- fleet:begin -->\n" + markdown(run) + "<!-- fleet:end -->\nZ\n"}
	for i := range run.Results {
		want[filepath.Join("img", plotFile(run.Results[i].Scenario))] = plot(&run.Results[i])
	}
	for name, want := range want {
		if got, err := os.ReadFile(filepath.Join(docs, name)); err != nil || string(got) != want {
			t.Errorf("%s: error %v, mismatch (-want +got):\n%s", name, err, cmp.Diff(want, string(got)))
		}
	}
	f, err := os.Open(filepath.Join(docs, "img", "fleet.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := result.Read(f)
	if diff := cmp.Diff(run, got); err != nil || diff != "" {
		t.Errorf("error %v, mismatch (-want +got):\n%s", err, diff)
	}
}

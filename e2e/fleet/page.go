package main

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/sluicelog/sluice/e2e/fleet/result"
	"github.com/sluicelog/sluice/e2e/internal/harness"
)

// block is where the result is in docs/fleet.md.
const block = harness.Block("fleet")

// write writes a run into the page, its plots and its JSON beside it.
func write(run result.Run, docs string) error {
	for i := range run.Results {
		r := &run.Results[i]
		if err := os.WriteFile(filepath.Join(docs, "img", plotFile(r.Scenario)), []byte(plot(r)), 0o644); err != nil { //nolint:gosec // for all
			return err
		}
	}
	if err := writeJSON(run, filepath.Join(docs, "img", "fleet.json")); err != nil {
		return err
	}
	return block.Write(filepath.Join(docs, "fleet.md"), markdown(run))
}

func writeJSON(run result.Run, path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(run.Write(f), f.Close())
}

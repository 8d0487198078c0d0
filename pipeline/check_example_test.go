package pipeline_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/sluicelog/sluice/pipeline"
)

// A start-up that does not go on while logs would be lost, and says what to do.
func ExampleConfig_Check() {
	path := filepath.Join(os.TempDir(), "app", "app.log")
	cfg, err := pipeline.Parse(fmt.Appendf(nil, `{
		"sinks": [{"name": "app", "type": "file", "path": %q, "rotation": "100 MB"}],
		"redaction": {"off": true}
	}`, path))
	if err != nil {
		fmt.Println(err)
		return
	}
	ready := true
	for _, f := range cfg.Check(context.Background()) {
		if strings.HasPrefix(f.What, "re") { // the others are about this machine
			fmt.Println(f)
		}
		ready = ready && f.Status != pipeline.Fail
	}
	if !ready {
		os.Exit(1)
	}
	// Output:
	// warn  redaction: off: passwords and tokens are written as they come -> set redaction.off to false
	// warn  app: retention: none: backups are kept until the disk is full, not compressed -> set retention, as in "30 days, 5 GB"
}

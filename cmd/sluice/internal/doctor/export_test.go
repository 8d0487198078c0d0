package doctor

import (
	"context"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/internal/volume"
	"github.com/sluicelog/sluice/pipeline"
)

// Machine is what a test has in place of this one.
type Machine struct {
	Environ []string
	Now     time.Time
	Check   []pipeline.Finding // nil means that of Config.Check
	Hangs   <-chan struct{}    // if not nil, the check hangs until it is closed
	Free    int64
	Sync    time.Duration // how long a disk takes to sync
}

// CommandOn returns the command of a machine.
func CommandOn(m *Machine) *cobra.Command {
	own := &machine{
		environ: m.Environ,
		now:     func() time.Time { return m.Now },
		check:   pipeline.Config.Check,
		volume:  func(string) (volume.Volume, error) { return volume.Volume{ID: 1, Free: m.Free}, nil },
		probe: func(dir string) (times, error) {
			_, err := probe(dir)
			return times{write: time.Millisecond, sync: m.Sync}, err
		},
		client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
	}
	switch {
	case m.Hangs != nil:
		own.check = func(_ pipeline.Config, ctx context.Context) []pipeline.Finding {
			<-ctx.Done()
			<-m.Hangs
			return nil
		}
	case m.Check != nil:
		own.check = func(pipeline.Config, context.Context) []pipeline.Finding { return m.Check }
	}
	return command(own)
}

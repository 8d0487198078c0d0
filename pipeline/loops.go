package pipeline

import (
	"context"
	"sync"
	"time"
)

// loops are the goroutines that log at an interval. Whose turn it is may use them.
type loops struct {
	volume, health time.Duration
	cancel         context.CancelFunc
	running        *sync.WaitGroup
}

// set starts what cfg wants, unless it runs already.
func (l *loops) set(ctx context.Context, p *Pipeline, cfg *Config) {
	volume, health := time.Duration(cfg.VolumeInterval), time.Duration(cfg.HealthInterval)
	if volume == l.volume && health == l.health {
		return
	}
	l.stop(ctx)
	ctx, cancel := context.WithCancel(context.Background())
	l.volume, l.health, l.cancel, l.running = volume, health, cancel, new(sync.WaitGroup)
	logger := p.Logger()
	if volume > 0 {
		l.running.Go(func() { p.monitor.LogVolume(ctx, logger, volume) })
	}
	if health > 0 {
		l.running.Go(func() { p.monitor.LogHealth(ctx, logger, health) })
	}
}

// stop ends the goroutines and waits for them, a while after ctx has ended.
func (l *loops) stop(ctx context.Context) {
	if l.cancel == nil {
		return
	}
	l.cancel()
	done, running := make(chan error, 1), l.running
	go func() {
		running.Wait()
		done <- nil
	}()
	_ = await(ctx, done) // one that is held up by a sink ends when that does
	*l = loops{}
}

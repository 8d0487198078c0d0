package monitor

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"
)

const (
	defaultVolumeInterval = time.Minute
	defaultHealthInterval = 5 * time.Minute
)

// LogVolume logs how much was logged, at INFO with the message "log volume", once
// an interval until ctx ends. It does not return before, so the caller says go:
//
//	go h.LogVolume(ctx, logger, time.Minute)
//
// Each record tells of the time since the last one, the first since NewHandler:
// total, elapsed, per_second, by_level, failed, bytes and dropped as in [Stats], and
// heap_bytes and total_bytes as in [Process]. Nobody else's Stats are changed. A
// record that the logger passes on to the Handler counts like any other, in the next
// one. What comes after the last one is told by nobody. An interval of zero or less
// means a minute.
// It panics if logger is nil, as LogHealth does.
func (h *Handler) LogVolume(ctx context.Context, logger *slog.Logger, interval time.Duration) {
	if logger == nil {
		panic("monitor: LogVolume: nil logger")
	}
	if interval <= 0 {
		interval = defaultVolumeInterval
	}
	s := h.shared
	base := &reading{at: s.start}
	each(ctx, interval, func() {
		now := s.read()
		s.logVolume(ctx, logger, now.since(base))
		base = now
	})
}

func (s *shared) logVolume(ctx context.Context, logger *slog.Logger, v Stats) {
	defer s.recover("the logger of LogVolume")
	byLevel := make([]slog.Attr, 0, len(v.ByLevel))
	for _, level := range slices.Sorted(maps.Keys(v.ByLevel)) {
		byLevel = append(byLevel, slog.Uint64(level.String(), v.ByLevel[level]))
	}
	p := readProcess()
	logger.LogAttrs(ctx, slog.LevelInfo, "log volume",
		slog.Uint64("total", v.Total),
		slog.Duration("elapsed", v.Elapsed),
		slog.Float64("per_second", v.PerSecond),
		slog.GroupAttrs("by_level", byLevel...),
		slog.Uint64("failed", v.Failed),
		slog.Uint64("bytes", v.Bytes),
		slog.Uint64("dropped", v.Dropped),
		slog.Uint64("heap_bytes", p.HeapBytes),
		slog.Uint64("total_bytes", p.TotalBytes),
	)
}

// LogHealth logs the Health, with the message "log health", at once and then once
// an interval until ctx ends: at INFO when it is Healthy, at WARN when Degraded
// and at ERROR when Failing. It does not return before, so the caller says go.
//
// The record has the state and the reasons, a group process, and a group sinks
// with one for each sink. An interval of zero or less means five minutes.
func (h *Handler) LogHealth(ctx context.Context, logger *slog.Logger, interval time.Duration) {
	if logger == nil {
		panic("monitor: LogHealth: nil logger")
	}
	if interval <= 0 {
		interval = defaultHealthInterval
	}
	h.logHealth(ctx, logger)
	each(ctx, interval, func() { h.logHealth(ctx, logger) })
}

func (h *Handler) logHealth(ctx context.Context, logger *slog.Logger) {
	defer h.shared.recover("the logger of LogHealth")
	health := h.Health()
	p := &health.Process
	attrs := []slog.Attr{slog.String("state", health.State.String())}
	if len(health.Reasons) > 0 {
		attrs = append(attrs, slog.Any("reasons", health.Reasons))
	}
	attrs = append(attrs, slog.Group("process",
		slog.Int("pid", p.PID),
		slog.Duration("uptime", p.Uptime),
		slog.Float64("cpu_percent", p.CPUPercent),
		slog.Float64("gc_percent", p.GCPercent),
		slog.Uint64("goroutines", p.Goroutines),
		slog.Uint64("heap_bytes", p.HeapBytes),
		slog.Uint64("total_bytes", p.TotalBytes),
	))
	sinks := make([]slog.Attr, 0, len(health.Sinks))
	for i := range health.Sinks {
		sinks = append(sinks, health.Sinks[i].attr())
	}
	attrs = append(attrs, slog.GroupAttrs("sinks", sinks...))
	logger.LogAttrs(ctx, health.State.Level(), "log health", attrs...)
}

// attr returns what a health record says of a sink: the counts, and what there is
// of the rest.
func (s *SinkHealth) attr() slog.Attr {
	k := &s.Sink
	attrs := []slog.Attr{
		slog.String("state", s.State.String()),
		slog.Uint64("written", k.Written),
		slog.Uint64("dropped", k.Dropped),
		slog.Uint64("queued", k.Queued),
	}
	for _, size := range []struct {
		key   string
		bytes int64
	}{
		{"spool_bytes", k.SpoolBytes},
		{"file_size", k.FileSize},
		{"backup_bytes", k.BackupBytes},
		{"free_space", max(k.FreeSpace, 0)},
	} {
		if size.bytes != 0 {
			attrs = append(attrs, slog.Int64(size.key, size.bytes))
		}
	}
	if k.LastErr != nil {
		attrs = append(attrs, slog.String("last_error", errorText(k.LastErr)))
	}
	return slog.GroupAttrs(k.Name, attrs...)
}

// each calls f once an interval until ctx ends.
func each(ctx context.Context, interval time.Duration, f func()) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if ctx.Err() == nil { // both may have come
				f()
			}
		}
	}
}

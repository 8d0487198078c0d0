package prom

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sluicelog/sluice/monitor"
)

// A numberOfSink is one thing there is to know of a sink.
type numberOfSink struct {
	kind  prometheus.ValueType
	name  string
	help  string
	value func(*monitor.SinkHealth) (v float64, has bool)
}

func numbersOfSink() []numberOfSink {
	const counter, gauge = prometheus.CounterValue, prometheus.GaugeValue
	return []numberOfSink{
		{gauge, "state", "State of the sink: 0 healthy, 1 degraded, 2 failing.", func(s *monitor.SinkHealth) (float64, bool) {
			return float64(s.State), true
		}},
		{gauge, "up", "Whether the sink works: 0 while it is down.", func(s *monitor.SinkHealth) (float64, bool) {
			if s.Sink.Down != "" {
				return 0, true
			}
			return 1, true
		}},
		{counter, "lines_accepted_total", "Lines, records or events given to the sink.", number(func(s *monitor.Sink) uint64 { return s.Accepted })},
		{counter, "lines_written_total", "Lines that the sink has written.", number(func(s *monitor.Sink) uint64 { return s.Written })},
		{counter, "lines_dropped_total", "Lines that the sink has given up.", number(func(s *monitor.Sink) uint64 { return s.Dropped })},
		{counter, "written_bytes_total", "Bytes that the sink has written.", number(func(s *monitor.Sink) uint64 { return s.WrittenBytes })},
		{gauge, "queued_lines", "Lines that wait in memory.", number(func(s *monitor.Sink) uint64 { return s.Queued })},
		{gauge, "queue_bytes", "Bytes that wait in memory.", number(func(s *monitor.Sink) int64 { return s.QueueBytes })},
		{gauge, "queue_limit_bytes", "Bytes that may wait in memory.", number(func(s *monitor.Sink) int64 { return s.QueueSize })},
		{gauge, "spooled_lines", "Events that wait on disk.", number(func(s *monitor.Sink) uint64 { return s.Spooled })},
		{gauge, "spool_bytes", "Bytes of the disk that the spool has.", number(func(s *monitor.Sink) int64 { return s.SpoolBytes })},
		{gauge, "file_bytes", "Bytes in the live file.", number(func(s *monitor.Sink) int64 { return s.FileSize })},
		{gauge, "backups", "Files that rotations have left.", number(func(s *monitor.Sink) int { return s.Backups })},
		{gauge, "backup_bytes", "Bytes of the files that rotations have left.", number(func(s *monitor.Sink) int64 { return s.BackupBytes })},
		{counter, "rotations_total", "Rotations of the file.", number(func(s *monitor.Sink) uint64 { return s.Rotations })},
		{gauge, "last_rotation_timestamp_seconds", "When the file was last rotated.", date(func(s *monitor.Sink) time.Time { return s.LastRotation })},
		{gauge, "last_error_timestamp_seconds", "When the sink last failed.", date(func(s *monitor.Sink) time.Time { return s.LastErrTime })},
		{gauge, "disk_free_bytes", "Bytes that may still be written to the disk.", func(s *monitor.SinkHealth) (float64, bool) {
			k := &s.Sink
			return float64(k.FreeSpace), k.FreeSpace > 0 || k.FreeSpace == 0 && k.FileSize > 0 // see monitor.Sink
		}},
	}
}

func number[T int | int64 | uint64](of func(*monitor.Sink) T) func(*monitor.SinkHealth) (float64, bool) {
	return func(s *monitor.SinkHealth) (float64, bool) { return float64(of(&s.Sink)), true }
}

func date(of func(*monitor.Sink) time.Time) func(*monitor.SinkHealth) (float64, bool) {
	return func(s *monitor.SinkHealth) (float64, bool) {
		at := of(&s.Sink)
		return float64(at.UnixMilli()) / 1000, !at.IsZero()
	}
}

package monitor

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/sluicelog/sluice/internal/panics"
)

// A Sink says how one output of a program's logs is doing. What it does not have
// or does not know is zero.
type Sink struct {
	Name   string       // as in the configuration
	Type   string       // console, file, logstash, …
	Target string       // the path or the address, without secrets
	Level  slog.Leveler // its minimum level; nil if it has none

	Accepted, Written, Dropped, Queued uint64 // records or lines: Accepted = Written + Dropped + Queued + Spooled
	WrittenBytes                       uint64 // bytes of what was written

	QueueBytes, QueueSize int64 // bytes that wait in memory, and how many may

	Spooled               uint64 // events that wait on disk
	SpoolBytes, SpoolSize int64  // bytes of the disk that they have, and may have; 0 if there is no spool

	FileSize     int64 // bytes in the live file
	Backups      int
	BackupBytes  int64
	Rotations    uint64
	LastRotation time.Time
	FreeSpace    int64 // bytes that may still be written to the disk; 0 if there is no disk, or no room and a file, -1 if unknown

	Down        string    // why it does not work now, empty if it does
	DownSince   time.Time // when that began
	LastErr     error     // the last failure
	LastErrTime time.Time // zero if unknown
	Notes       []string  // what a reader should know besides
}

// sinkJSON is a Sink as text.
type sinkJSON struct {
	Name         string      `json:"name"`
	Type         string      `json:"type,omitempty"`
	Target       string      `json:"target,omitempty"`
	Level        *slog.Level `json:"level,omitempty"`
	Accepted     uint64      `json:"accepted"`
	Written      uint64      `json:"written"`
	Dropped      uint64      `json:"dropped"`
	Queued       uint64      `json:"queued"`
	WrittenBytes uint64      `json:"written_bytes"`
	QueueBytes   int64       `json:"queue_bytes"`
	QueueSize    int64       `json:"queue_size"`
	Spooled      uint64      `json:"spooled"`
	SpoolBytes   int64       `json:"spool_bytes"`
	SpoolSize    int64       `json:"spool_size"`
	FileSize     int64       `json:"file_size"`
	Backups      int         `json:"backups"`
	BackupBytes  int64       `json:"backup_bytes"`
	Rotations    uint64      `json:"rotations"`
	LastRotation time.Time   `json:"last_rotation,omitzero"`
	FreeSpace    int64       `json:"free_space"`
	Down         string      `json:"down,omitempty"`
	DownSince    time.Time   `json:"down_since,omitzero"`
	LastErr      string      `json:"last_error,omitempty"`
	LastErrTime  time.Time   `json:"last_error_time,omitzero"`
	Notes        []string    `json:"notes,omitempty"`
}

// MarshalJSON writes the Sink as an object with names_like_this. The error is its
// text, the level what it is now; one that lets all pass is left out, as is one that
// panics.
func (s Sink) MarshalJSON() ([]byte, error) { return json.Marshal(s.json()) }

func (s *Sink) json() sinkJSON {
	j := sinkJSON{
		Name: s.Name, Type: s.Type, Target: s.Target,
		Accepted: s.Accepted, Written: s.Written, Dropped: s.Dropped, Queued: s.Queued,
		WrittenBytes: s.WrittenBytes, QueueBytes: s.QueueBytes, QueueSize: s.QueueSize,
		Spooled: s.Spooled, SpoolBytes: s.SpoolBytes, SpoolSize: s.SpoolSize,
		FileSize: s.FileSize, Backups: s.Backups, BackupBytes: s.BackupBytes,
		Rotations: s.Rotations, LastRotation: withText(s.LastRotation), FreeSpace: s.FreeSpace,
		Down: s.Down, DownSince: withText(s.DownSince), LastErrTime: withText(s.LastErrTime), Notes: s.Notes,
	}
	if level, err := levelOf(s.Level); err == nil && level > allLevels {
		j.Level = &level
	}
	if s.LastErr != nil {
		j.LastErr = errorText(s.LastErr)
	}
	return j
}

// withText returns t, or none if JSON has no text for it.
func withText(t time.Time) time.Time {
	if _, err := t.MarshalText(); err != nil {
		return time.Time{}
	}
	return t
}

var errNoLevel = errors.New("none")

// levelOf returns what a Leveler says, which is somebody else's and may panic.
func levelOf(l slog.Leveler) (level slog.Level, err error) {
	if l == nil {
		return 0, errNoLevel
	}
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panics: %s", panics.Text(v))
		}
	}()
	return l.Level(), nil
}

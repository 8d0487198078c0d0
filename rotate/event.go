package rotate

import "time"

// Event describes one rotation.
type Event struct {
	Path   string    // the live file
	Backup string    // where its content is now
	Size   int64     // size of the backup in bytes
	Time   time.Time // when the rotation happened, as in the backup's name
	Reason Reason
}

// Reason says why a file was rotated.
type Reason int

// The reasons for a rotation.
const (
	Requested Reason = iota // Rotate was called
	SizeLimit               // the next Write would have passed MaxSize
	Scheduled               // it was time by Schedule
	AtOpen                  // RotateAtOpen
)

// String returns the reason in words.
func (r Reason) String() string {
	switch r {
	case Requested:
		return "requested"
	case SizeLimit:
		return "size limit"
	case Scheduled:
		return "scheduled"
	case AtOpen:
		return "at open"
	default:
		return "unknown reason"
	}
}

// Backup is a file that a rotation has left.
type Backup struct {
	Path        string
	Time        time.Time   // when it was rotated, as its name says
	Size        int64       // bytes on disk
	Compression Compression // its form
}

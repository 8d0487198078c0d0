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
)

// String returns the reason in words.
func (r Reason) String() string {
	switch r {
	case Requested:
		return "requested"
	case SizeLimit:
		return "size limit"
	default:
		return "unknown reason"
	}
}

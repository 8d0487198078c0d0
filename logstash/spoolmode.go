package logstash

// SpoolMode says which events are written to the spool on disk.
type SpoolMode int

// The modes of a spool.
const (
	// SpoolOff writes none.
	SpoolOff SpoolMode = iota
	// SpoolOverflow writes those for which there is no room in memory, and in
	// Shutdown those that are left, as far as there is room on disk. A crash of the
	// program loses what is in memory.
	SpoolOverflow
	// SpoolAlways writes each event before Write returns. None is lost if the
	// program is killed. Only while the disk takes nothing events are kept in memory,
	// as OnError and Health say.
	SpoolAlways
)

const spoolModeNames names = "off overflow always"

// String returns the name of the spool mode, such as "always".
func (m SpoolMode) String() string { return spoolModeNames.of(int(m), "SpoolMode") }

// MarshalText returns the name of the spool mode.
func (m SpoolMode) MarshalText() ([]byte, error) { return spoolModeNames.marshal(int(m), "spool mode") }

// UnmarshalText accepts the names, in any case and with "-" for "_".
func (m *SpoolMode) UnmarshalText(text []byte) error {
	v, err := spoolModeNames.parse(text, "spool mode")
	if err == nil {
		*m = SpoolMode(v)
	}
	return err
}

// SpoolSync says when the spool is synced to disk (fsync). A program that is
// killed loses nothing without that; a machine that loses power does.
type SpoolSync int

// The ways to sync a spool.
const (
	// SyncInterval syncs once a second, if there is something new.
	SyncInterval SpoolSync = iota
	// SyncEveryBatch syncs before Write returns. Writes at the same time share
	// one sync.
	SyncEveryBatch
	// SyncNever leaves it to the operating system.
	SyncNever
)

const spoolSyncNames names = "interval every_batch never"

// String returns the name of the spool sync, such as "never".
func (s SpoolSync) String() string { return spoolSyncNames.of(int(s), "SpoolSync") }

// MarshalText returns the name of the spool sync.
func (s SpoolSync) MarshalText() ([]byte, error) { return spoolSyncNames.marshal(int(s), "spool sync") }

// UnmarshalText accepts the names, in any case and with "-" for "_".
func (s *SpoolSync) UnmarshalText(text []byte) error {
	v, err := spoolSyncNames.parse(text, "spool sync")
	if err == nil {
		*s = SpoolSync(v)
	}
	return err
}

package spool

// SetVersion makes the header of a segment or a slot of a position, which begins
// at b, that of another version.
func SetVersion(b []byte, v uint16) {
	at, sum := 8, 28
	if string(b[:6]) == positionMagic {
		at, sum = 6, 24
	}
	b[at], b[at+1] = byte(v), byte(v>>8)
	crc := checksum(b[:sum])
	b[sum], b[sum+1], b[sum+2], b[sum+3] = byte(crc), byte(crc>>8), byte(crc>>16), byte(crc>>24)
}

// Sizes of the format.
const (
	HeaderSize = headerSize
	FrameSize  = frameSize
	SlotSize   = slotSize
	SlotStep   = slotStep
	MaxKept    = maxKept
)

// Reserved returns how many bytes are about to be written.
func (q *Queue) Reserved() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.reserved
}

// Leases returns how many leases, or rows of leases that are done, are kept.
func (q *Queue) Leases() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.leases)
}

// Faults is a disk with some functions that fail. Those that are nil do not.
type Faults struct {
	Create func() error
	Open   func(path string) error
	Write  func(b []byte) (int, error) // how much is written, and why not all
	Read   func() error
	Cut    func() error
	Sync   func() error
	Remove func(path string) error
	Rename func() error
	Names  func() error
	Fast   bool // nothing is really synced
}

// Use makes o use the disk.
func (f *Faults) Use(o *Options) {
	d := realDisk()
	o.disk = &disk{
		create: func(path string) (file, error) {
			if f.Create != nil {
				if err := f.Create(); err != nil {
					return nil, err
				}
			}
			return f.wrap(d.create(path))
		},
		open: func(path string, flag int) (file, error) {
			if f.Open != nil {
				if err := f.Open(path); err != nil {
					return nil, err
				}
			}
			return f.wrap(d.open(path, flag))
		},
		remove: func(path string) error {
			if f.Remove != nil {
				if err := f.Remove(path); err != nil {
					return err
				}
			}
			return d.remove(path)
		},
		rename: func(from, to string) error {
			if f.Rename != nil {
				if err := f.Rename(); err != nil {
					return err
				}
			}
			return d.rename(from, to)
		},
		sync: func(file file) error {
			if f.Sync != nil {
				if err := f.Sync(); err != nil {
					return err
				}
			}
			if f.Fast {
				return nil
			}
			return d.sync(file)
		},
		names: func(dir string) error {
			if f.Names != nil {
				if err := f.Names(); err != nil {
					return err
				}
			}
			if f.Fast {
				return nil
			}
			return d.names(dir)
		},
	}
}

func (f *Faults) wrap(under file, err error) (file, error) {
	if err != nil {
		return nil, err
	}
	return faulty{under, f}, nil
}

type faulty struct {
	file
	faults *Faults
}

func (f faulty) WriteAt(b []byte, at int64) (int, error) {
	if f.faults.Write != nil {
		if n, err := f.faults.Write(b); err != nil {
			_, _ = f.file.WriteAt(b[:n], at)
			return n, err
		}
	}
	return f.file.WriteAt(b, at)
}

func (f faulty) ReadAt(b []byte, at int64) (int, error) {
	if f.faults.Read != nil {
		if err := f.faults.Read(); err != nil {
			return 0, err
		}
	}
	return f.file.ReadAt(b, at)
}

func (f faulty) Truncate(size int64) error {
	if f.faults.Cut != nil {
		if err := f.faults.Cut(); err != nil {
			return err
		}
	}
	return f.file.Truncate(size)
}

package logstash

import (
	"encoding/binary"
	"encoding/hex"
	"log/slog"
	"math/rand/v2"
	"time"
)

// appendID appends a UUID of version 7 for a record: 48 bits of the time in
// milliseconds, and 74 random ones (RFC 9562, section 5.7).
func appendID(b []byte, r *slog.Record) []byte {
	now := r.Time
	if now.IsZero() {
		now = time.Now()
	}
	var id [16]byte
	millis := uint64(max(0, now.UnixMilli()))
	binary.BigEndian.PutUint64(id[:], millis<<16|rand.Uint64()&0x0fff|0x7000) //nolint:gosec // an id is no secret
	binary.BigEndian.PutUint64(id[8:], rand.Uint64()&(1<<62-1)|1<<63)         //nolint:gosec // nor is this
	b = hex.AppendEncode(b, id[:4])
	for i := 4; i < 10; i += 2 {
		b = hex.AppendEncode(append(b, '-'), id[i:i+2])
	}
	return hex.AppendEncode(append(b, '-'), id[10:])
}

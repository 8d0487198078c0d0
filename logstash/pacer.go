package logstash

import "time"

// What goes out back to back at most, and how long it takes at least. A socket has
// room for about 270 short datagrams, or 200 KiB of long ones, by default on Linux,
// and nobody learns of what it had no room for.
const (
	burstEvents = 64
	burstBytes  = 32 << 10
	burstTime   = time.Millisecond
)

// pacer paces datagrams, so that a receiver that is there can read them.
type pacer struct {
	start  time.Time
	events int
	bytes  int
}

// wait returns when another event may be sent, and counts it.
func (p *pacer) wait(size int) {
	left := burstTime - time.Since(p.start)
	if left > 0 && (p.events >= burstEvents || p.bytes >= burstBytes) {
		time.Sleep(left) // too short for ctx to matter
		left = 0
	}
	if left <= 0 {
		*p = pacer{start: time.Now()}
	}
	p.events++
	p.bytes += size
}

package monitor

import "sync"

// A ledger adds up what the sinks have counted, by name: one that is taken away
// takes nothing with it.
type ledger struct {
	mu    sync.Mutex
	sinks map[string]account
	sum   account
}

// An account is what a sink has counted.
type account struct{ bytes, dropped uint64 }

// enter notes what the sinks say, and returns the sum. What they said may be older
// than what was entered last, and counts only as far as it is more.
func (l *ledger) enter(sinks []Sink) account {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sinks == nil {
		l.sinks = make(map[string]account, len(sinks))
	}
	for i, name := range sinkNames(sinks) {
		before := l.sinks[name]
		now := account{max(before.bytes, sinks[i].WrittenBytes), max(before.dropped, sinks[i].Dropped)}
		l.sinks[name] = now
		l.sum.bytes += now.bytes - before.bytes
		l.sum.dropped += now.dropped - before.dropped
	}
	return l.sum
}

// sinkNames returns the names of sinks, in their order, with a mark where there
// are several of a name.
func sinkNames(sinks []Sink) []string {
	names := make([]string, len(sinks))
	taken := make(map[string]bool, len(sinks))
	for i := range sinks {
		name := sinks[i].Name
		for taken[name] {
			name += "'"
		}
		taken[name] = true
		names[i] = name
	}
	return names
}

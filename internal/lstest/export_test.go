package lstest

// PortsOfAProcess returns what gives ports as in a process of its own, until it is closed.
func PortsOfAProcess() (next func() string, end func()) {
	var p ports
	return p.next, func() {
		for _, ln := range p.blocks {
			_ = ln.Close()
		}
	}
}

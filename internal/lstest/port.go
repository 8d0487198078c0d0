package lstest

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
)

// The ports that are chosen from. Systems give out those above to whoever asks for any:
// a receiver that is down would lose its port to another program, and come back to find
// events there that are not its own.
const (
	firstPort = 10_000
	lastPort  = 32_000
	// blockPorts is how many ports a process takes at once, and maxBlocks how often.
	blockPorts = 100
	maxBlocks  = 50
)

// given are the ports of this process.
//
//nolint:gochecknoglobals // ports belong to all of the process
var given ports

// ports are ports that this process alone chooses from: it listens on the first one of each block
// for as long as it lives. A port that is free for a moment is given to nobody else, here or in a
// process that runs beside this one.
type ports struct {
	mu     sync.Mutex
	blocks []net.Listener
	n      int // how many were given, since the beginning or since all were
}

// next returns the port to try next.
func (p *ports) next() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	const each = blockPorts - 1
	if p.n == len(p.blocks)*each && !p.take() {
		p.n = 0
	}
	if len(p.blocks) == 0 { // so many processes run
		return "0"
	}
	_, first, _ := net.SplitHostPort(p.blocks[p.n/each].Addr().String())
	port, _ := strconv.Atoi(first)
	port += 1 + p.n%each
	p.n++
	return strconv.Itoa(port)
}

// take takes another block, and reports whether there was one to take.
func (p *ports) take() bool {
	if len(p.blocks) == maxBlocks {
		return false
	}
	const all = (lastPort - firstPort) / blockPorts
	for i := range all {
		first := firstPort + (os.Getpid()+i)%all*blockPorts
		ln, err := new(net.ListenConfig).Listen(context.Background(), "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(first)))
		if err == nil {
			p.blocks = append(p.blocks, ln)
			return true
		}
	}
	return false
}

// listenOn calls listen with addr, with a free port in place of port 0.
func listenOn(addr string, listen func(addr string) error) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || port != "0" {
		return listen(addr)
	}
	for range 100 {
		if listen(net.JoinHostPort(host, given.next())) == nil {
			return nil
		}
	}
	return listen(addr)
}

// FreeAddr returns an address of this machine on which nobody listens, for a server
// that comes and goes: no other program is given its port meanwhile.
func FreeAddr() (string, error) {
	var ln net.Listener
	err := listenOn("127.0.0.1:0", func(addr string) (err error) {
		ln, err = new(net.ListenConfig).Listen(context.Background(), "tcp", addr)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("lstest: no free port: %w", err)
	}
	return ln.Addr().String(), ln.Close()
}

package lstest

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync/atomic"
)

// The ports that are chosen from. Systems give out those above to whoever asks for any:
// a receiver that is down would lose its port to another program, and come back to find
// events there that are not its own.
const (
	firstPort = 10_000
	lastPort  = 32_000
)

// given is how many ports were tried. A port that is free for a moment is so given to
// nobody else: the next one in this process is another one, and processes that run
// beside each other begin elsewhere.
//
//nolint:gochecknoglobals // ports belong to all of the process
var given atomic.Int64

// nextPort returns the port to try next.
func nextPort() string {
	const apart = 509 // of processes with numbers in a row; a prime
	n := int64(os.Getpid())*apart + given.Add(1)
	return strconv.FormatInt(firstPort+n%(lastPort-firstPort), 10)
}

// listenOn calls listen with addr, with a free port in place of port 0.
func listenOn(addr string, listen func(addr string) error) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || port != "0" {
		return listen(addr)
	}
	for range 100 {
		if listen(net.JoinHostPort(host, nextPort())) == nil {
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

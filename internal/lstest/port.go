package lstest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// The ports that are chosen from. Systems give out those above to whoever asks for any:
// a receiver that is down would lose its port to another program, and come back to find
// events there that are not its own.
const (
	firstPort = 10_000
	lastPort  = 32_000
)

// listenOn calls listen with addr, with a free port in place of port 0.
func listenOn(addr string, listen func(addr string) error) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || port != "0" {
		return listen(addr)
	}
	for range 100 {
		n := firstPort + rand.IntN(lastPort-firstPort) //nolint:gosec // chance is enough
		if listen(net.JoinHostPort(host, strconv.Itoa(n))) == nil {
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

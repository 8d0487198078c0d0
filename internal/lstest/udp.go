package lstest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
)

// maxDatagram is the largest packet the udp input reads, and IP carries.
const maxDatagram = 65536

// UDPOptions are options for [ListenUDP]. A zero UDPOptions consists entirely
// of default values.
type UDPOptions struct {
	// OnDatagram is called with each datagram, without a newline at its end,
	// in the order of arrival and with the number of its sender's address,
	// counted from 1. [Ledger.Receiver] makes one.
	OnDatagram func(peer int, datagram []byte)

	// Forget keeps no datagrams, for long runs.
	Forget bool

	// ReadBuffer is the size of the kernel's buffer, in bytes. Datagrams that
	// find it full are gone. 0 leaves it to the kernel.
	ReadBuffer int
}

// UDP is a receiver that stands in for the udp input of Logstash. It starts
// one goroutine; Kill and Close end it.
type UDP struct {
	opts UDPOptions
	wg   sync.WaitGroup

	mu        sync.Mutex
	addr      string
	conn      *net.UDPConn // nil while the receiver is down
	peers     map[netip.AddrPort]int
	datagrams [][]byte
	count     int
}

// ListenUDP starts a receiver on addr, where port 0 picks a free port.
func ListenUDP(addr string, opts *UDPOptions) (*UDP, error) {
	u := &UDP{peers: make(map[netip.AddrPort]int)}
	if opts != nil {
		u.opts = *opts
	}
	if err := u.start(addr); err != nil {
		return nil, err
	}
	return u, nil
}

func (u *UDP) start(addr string) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.conn != nil {
		return fmt.Errorf("lstest: %s is running already", u.addr)
	}
	var pc net.PacketConn
	err := listenOn(addr, func(addr string) (err error) {
		pc, err = new(net.ListenConfig).ListenPacket(context.Background(), "udp", addr)
		return err
	})
	if err != nil {
		return fmt.Errorf("lstest: listen: %w", err)
	}
	conn, ok := pc.(*net.UDPConn)
	if !ok {
		panic("lstest: a UDP listener is another connection")
	}
	if u.opts.ReadBuffer > 0 {
		_ = conn.SetReadBuffer(u.opts.ReadBuffer) // the kernel takes any size, and bounds it
	}
	u.conn, u.addr = conn, conn.LocalAddr().String()
	u.wg.Go(func() { u.read(conn) })
	return nil
}

// read takes datagrams until conn is closed.
func (u *UDP) read(conn *net.UDPConn) {
	buf := make([]byte, maxDatagram)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		datagram := bytes.Clone(bytes.TrimRight(buf[:n], "\r\n"))
		peer := u.take(from, datagram)
		if u.opts.OnDatagram != nil {
			u.opts.OnDatagram(peer, datagram)
		}
	}
}

// take counts a datagram and returns the number of its sender.
func (u *UDP) take(from netip.AddrPort, datagram []byte) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.count++
	if !u.opts.Forget {
		u.datagrams = append(u.datagrams, datagram)
	}
	if u.peers[from] == 0 {
		u.peers[from] = len(u.peers) + 1
	}
	return u.peers[from]
}

// Addr returns the address the receiver listens on, or did before it was
// killed.
func (u *UDP) Addr() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.addr
}

// Datagrams returns what was received, in order of arrival.
func (u *UDP) Datagrams() [][]byte {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([][]byte(nil), u.datagrams...)
}

// Count returns how many datagrams were received.
func (u *UDP) Count() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.count
}

// Kill stops the receiver: what comes now is refused by the kernel. It returns
// when nothing of the receiver runs any more.
func (u *UDP) Kill() {
	u.mu.Lock()
	if u.conn != nil {
		_ = u.conn.Close() // only one that is closed already fails here
		u.conn = nil
	}
	u.mu.Unlock()
	u.wg.Wait()
}

// Restart listens on the same address again after Kill.
func (u *UDP) Restart() error { return u.start(u.Addr()) }

// Close is Kill, for callers that want an io.Closer. The error is always nil.
func (u *UDP) Close() error {
	u.Kill()
	return nil
}

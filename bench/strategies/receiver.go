//go:build linux

package main

import (
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluicelog/sluice/internal/lstest"
)

// A receiver stands in for Logstash. It can be killed, which resets its
// connections, and restarted at the same address.
type receiver interface {
	Addr() string
	Kill()
	Restart() error
	// StopReading leaves what comes in the buffers of the kernel, until resume is
	// called.
	StopReading() (resume func())
	// HoldAcks holds back the ack of whatever is taken from now on. Those that have
	// no acks do nothing.
	HoldAcks(d time.Duration)
}

const anyPort = "127.0.0.1:0"

func listenBeats(take func([]byte)) (receiver, error) {
	b, err := lstest.ListenBeats(anyPort, &lstest.BeatsOptions{AckHighest: true, Forget: true, OnEvent: unnumbered(take)})
	return beats{b}, err
}

// beats is a receiver with acks.
type beats struct{ *lstest.Beats }

func (b beats) HoldAcks(d time.Duration) {
	b.SetAnswer(func(n int) lstest.Answer {
		return lstest.Answer{Delay: d, Acks: []uint32{uint32(n)}} //nolint:gosec // what fits in a window
	})
}

func listenHTTP(take func([]byte)) (receiver, error) {
	h, err := lstest.ListenHTTP(anyPort, &lstest.HTTPOptions{Forget: true, OnEvent: unnumbered(take)})
	return httpInput{h}, err
}

// httpInput is a receiver with answers.
type httpInput struct{ *lstest.HTTP }

func (h httpInput) HoldAcks(d time.Duration) {
	h.SetAnswer(func(*http.Request) lstest.HTTPAnswer { return lstest.HTTPAnswer{Delay: d} })
}

func listenTCP(take func([]byte)) (receiver, error) {
	t, err := lstest.ListenTCP(anyPort, &lstest.TCPOptions{Forget: true, OnLine: unnumbered(take)})
	return lines{t}, err
}

// lines is a receiver without acks.
type lines struct{ *lstest.TCP }

func (lines) HoldAcks(time.Duration) {}

func listenUDP(take func([]byte)) (receiver, error) {
	d := new(datagrams)
	var err error
	d.UDP, err = lstest.ListenUDP(anyPort, &lstest.UDPOptions{Forget: true, OnDatagram: func(_ int, datagram []byte) {
		d.gate.RLock()
		defer d.gate.RUnlock()
		if !d.dying.Load() {
			take(datagram)
		}
	}})
	return d, err
}

// unnumbered leaves out the number of the connection.
func unnumbered(take func([]byte)) func(int, []byte) {
	return func(_ int, event []byte) { take(event) }
}

// datagrams is a receiver that can be stopped from reading.
type datagrams struct {
	*lstest.UDP
	gate    sync.RWMutex // held while it is stopped
	stopped bool
	dying   atomic.Bool // what it reads now it would not have read any more
}

func (*datagrams) HoldAcks(time.Duration) {}

func (d *datagrams) StopReading() (resume func()) {
	d.gate.Lock()
	d.stopped = true
	return d.resume
}

func (d *datagrams) resume() {
	if d.stopped {
		d.stopped = false
		d.gate.Unlock()
	}
}

// Kill kills the receiver. One that is stopped from reading has to go on for that.
func (d *datagrams) Kill() {
	d.dying.Store(true)
	defer d.dying.Store(false)
	d.resume()
	d.UDP.Kill()
}

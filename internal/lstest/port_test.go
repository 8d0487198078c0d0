package lstest_test

import (
	"net"
	"strconv"
	"testing"

	"github.com/sluicelog/sluice/internal/lstest"
)

// A receiver that is down keeps its port: it has none of those that a system gives to
// whoever asks for any, and that a test of another package may get meanwhile.
func TestPortsAreNotGivenAway(t *testing.T) {
	const firstGiven = 32768 // by Linux; others begin higher
	tests := []struct {
		name string
		addr func() (string, error)
	}{
		{"Beats", func() (string, error) {
			srv, err := lstest.ListenBeats("127.0.0.1:0", nil)
			if err != nil {
				return "", err
			}
			return srv.Addr(), srv.Close()
		}},
		{"UDP", func() (string, error) {
			srv, err := lstest.ListenUDP("127.0.0.1:0", nil)
			if err != nil {
				return "", err
			}
			return srv.Addr(), srv.Close()
		}},
		{"none", lstest.FreeAddr},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			addr, err := tt.addr()
			if err != nil {
				t.Fatal(err)
			}
			_, port, err := net.SplitHostPort(addr)
			if err != nil {
				t.Fatal(err)
			}
			if n, err := strconv.Atoi(port); err != nil || n >= firstGiven {
				t.Errorf("%s: want a port below %d", addr, firstGiven)
			}
		})
	}
}

// An address that was free is not that of the next receiver, which could come before the one that it is for.
func TestFreeAddrIsGivenOnce(t *testing.T) {
	seen := make(map[string]bool)
	for range 1000 {
		addr, err := lstest.FreeAddr()
		if err != nil {
			t.Fatal(err)
		}
		if seen[addr] {
			t.Fatalf("%s is given a second time", addr)
		}
		seen[addr] = true
	}
}

// Processes have no port in common, and go on with those that they have when there are no others.
func TestPortsOfProcesses(t *testing.T) {
	one, closeOne := lstest.PortsOfAProcess()
	defer closeOne()
	other, closeOther := lstest.PortsOfAProcess()
	defer closeOther()
	owner := make(map[string]string)
	for range 300 {
		for name, next := range map[string]func() string{"one": one, "the other": other} {
			port := next()
			if had, ok := owner[port]; ok {
				t.Fatalf("%s is given to %s, and %s had it", port, name, had)
			}
			owner[port] = name
		}
	}
	for range 10_000 {
		if port := one(); owner[port] == "the other" {
			t.Fatalf("%s is given to both", port)
		}
	}
}

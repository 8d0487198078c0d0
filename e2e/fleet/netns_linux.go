package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

const (
	// bridgePrefix begins the names of our bridges; the pid of the run follows, and in
	// the names of cables a v and the number of the sender.
	bridgePrefix = "slf"
	// The networks are parts of 198.18.0.0/15, which RFC 2544 keeps for measurements.
	subnets    = 128
	subnetBits = 22
	firstOwn   = 16 // the host number of the first sender; that of the first receiver is 1
	maxCables  = 900
)

// ourName is that of a bridge, or of the end of a cable that was plugged into one: it is there as long as
// connections of its sender try to end.
var ourName = regexp.MustCompile(`^slf([0-9]+)(v[0-9]+)?$`)

// network is a bridge, on which the receivers have their addresses, and to which
// each sender has a cable that ends in its network namespace. The namespace lives as
// long as the sender, and its cable with it.
type network struct {
	bridge string
	subnet netip.Prefix
}

// cable is the end of a sender's.
type cable struct{ Address string }

// apart returns what makes a process begin in a namespace of its own, and a process
// group of its own, so that an interrupt is for the fleet alone.
func apart(namespace bool) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if namespace {
		attr.Cloneflags = syscall.CLONE_NEWNET
	}
	return attr
}

// mortal returns what makes a process end with the thread that started it.
func mortal() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// buildNetwork makes a bridge with an address for each receiver. It takes root.
func buildNetwork(receivers int) (*network, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("network namespaces: only root may make them")
	}
	if err := removeDead(); err != nil {
		return nil, err
	}
	subnet, err := freeSubnet()
	if err != nil {
		return nil, err
	}
	n := &network{bridge: bridgePrefix + strconv.Itoa(os.Getpid()), subnet: subnet}
	// Without an address of its own it takes one of its ports, another when that goes: nothing reaches it for seconds then.
	lines := []string{fmt.Sprintf("link add name %s address 02:00:%02x:%02x:%02x:%02x type bridge", n.bridge,
		byte(os.Getpid()>>24), byte(os.Getpid()>>16), byte(os.Getpid()>>8), byte(os.Getpid()))} //nolint:gosec // a byte each
	for i := range receivers {
		lines = append(lines, "addr add "+n.address(1+i)+" dev "+n.bridge)
	}
	if err := ip(append(lines, "link set "+n.bridge+" up")...); err != nil {
		return nil, errors.Join(err, n.destroy())
	}
	return n, nil
}

// address returns the address of the host of a number, with the length of the
// prefix.
func (n *network) address(host int) string {
	b := n.subnet.Addr().As4()
	at := netip.AddrFrom4([4]byte{b[0], b[1], b[2] + byte(host>>8), byte(host)}) //nolint:gosec // up to 1023
	return netip.PrefixFrom(at, subnetBits).String()
}

// receiver returns where a receiver is to listen.
func (n *network) receiver(i int) string {
	host, _, _ := strings.Cut(n.address(1+i), "/")
	return host + ":5044"
}

func (n *network) cable(sender int) *cable { return &cable{n.address(firstOwn + sender)} }

// connect lays the cables to senders, whose processes are there and wait to begin.
func (n *network) connect(senders []*sender) error {
	lines := make([]string, 0, 2*len(senders))
	for i, s := range senders {
		lines = append(lines,
			fmt.Sprintf("link add name %s type veth peer name eth0 netns %d", n.port(i), s.cmd.Process.Pid),
			fmt.Sprintf("link set %s master %s up", n.port(i), n.bridge))
	}
	return ip(lines...)
}

func (n *network) port(sender int) string { return n.bridge + "v" + strconv.Itoa(sender) }

// set sets the cables of some senders "down" or "up".
func (n *network) set(senders []int, state string) error {
	lines := make([]string, 0, len(senders))
	for _, s := range senders {
		lines = append(lines, "link set "+n.port(s)+" "+state)
	}
	return ip(lines...)
}

// destroy removes the bridge. The cables go with the processes of the senders.
func (n *network) destroy() error { return ip("link del " + n.bridge) }

// plug gives the sender's end of the cable its address, in its process.
func (c *cable) plug() error {
	return ip("link set lo up", "addr add "+c.Address+" dev eth0", "link set eth0 up")
}

// ip runs commands of ip(8).
func ip(lines ...string) error {
	cmd := exec.Command("ip", "-batch", "-") //nolint:noctx // quick
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("ip: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

// show returns the fields of what ip shows of an object, a line each.
func show(args ...string) ([][]string, error) {
	out, err := exec.Command("ip", append([]string{"-o"}, args...)...).Output() //nolint:gosec,noctx // our own words; quick
	if err != nil {
		return nil, fmt.Errorf("ip %s: %w", strings.Join(args, " "), err)
	}
	var lines [][]string
	for line := range strings.Lines(string(out)) {
		lines = append(lines, strings.Fields(line))
	}
	return lines, nil
}

// freeSubnet returns a network that no interface of this machine is in. It begins to
// look where no other run does.
func freeSubnet() (netip.Prefix, error) {
	lines, err := show("-4", "addr", "show")
	if err != nil {
		return netip.Prefix{}, err
	}
	var taken []netip.Prefix
	for _, fields := range lines {
		for i, f := range fields[:len(fields)-1] {
			if p, err := netip.ParsePrefix(fields[i+1]); f == "inet" && err == nil {
				taken = append(taken, p)
			}
		}
	}
	for i := range subnets {
		k := (os.Getpid() + i) % subnets
		at := netip.AddrFrom4([4]byte{198, byte(18 + k/64), byte(k % 64 * 4), 0}) //nolint:gosec // up to 252
		p := netip.PrefixFrom(at, subnetBits)
		if !slices.ContainsFunc(taken, p.Overlaps) {
			return p, nil
		}
	}
	return netip.Prefix{}, errors.New("198.18.0.0/15 is taken")
}

// removeDead removes what runs have left that were killed.
func removeDead() error {
	lines, err := show("link", "show")
	if err != nil {
		return err
	}
	for _, fields := range lines {
		if len(fields) < 2 {
			continue
		}
		name, _, _ := strings.Cut(strings.TrimSuffix(fields[1], ":"), "@") // of a cable, @ and its other end follow
		m := ourName.FindStringSubmatch(name)
		if m == nil {
			continue
		}
		if pid, err := strconv.Atoi(m[1]); err == nil && !alive(pid) {
			_ = ip("link del " + name) // a cable may have gone by itself meanwhile
		}
	}
	return nil
}

// alive reports whether there is a process.
func alive(pid int) bool { return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

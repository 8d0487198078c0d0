package logstash

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
)

// Scheme is one more kind of address that [Dial] takes, for a Transport that
// this package does not have: see packages logstash/kafka and logstash/redis. Its
// addresses are Name://host:port,host:port/path, with user:password@ before the
// first host, and the same over TLS with Name+tls.
type Scheme struct {
	// Name is what an address begins with: lower case letters and digits, and none
	// that Dial knows already.
	Name string

	// Port is that of hosts without one. Empty means that they want one.
	Port string

	// Open returns the Transport to an address, without waiting for it. Dial
	// returns its error.
	Open func(to Remote) (Transport, error)
}

// Remote is an address that [Dial] has taken apart for a [Scheme].
type Remote struct {
	// Addr is the whole address without the user and the password.
	Addr string
	// Hosts are its hosts, each as host:port.
	Hosts []string
	// Path is what follows the slash behind the hosts, unescaped.
	Path string
	// TLS reports whether it is to be over TLS. Dial sees to that.
	TLS bool
	// Username and Password are those of the address or of the options.
	Username, Password string
	// Dial opens a connection to one of Hosts, or to another host:port that they
	// told of, with TLS where that is asked for, within the Timeout. It is safe for
	// concurrent use.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Options are those given to Dial, with the default values filled in. Those that mean
	// nothing for any Scheme have been refused.
	Options DialOptions
}

// checkSchemes reports what is wrong with the schemes of the options.
func (opts *DialOptions) checkSchemes(c *checker) {
	for i, s := range opts.Schemes {
		field := fmt.Sprintf("Schemes[%d]", i)
		strange := func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') }
		same := func(other Scheme) bool { return other.Name == s.Name }
		c.check(s.Name != "" && strings.IndexFunc(s.Name, strange) < 0, field+".Name", fmt.Sprintf("%q", s.Name), "lower case letters and digits")
		c.check(!isBuiltIn(s.Name) && !slices.ContainsFunc(opts.Schemes[:i], same), field+".Name", fmt.Sprintf("%q", s.Name), "a name that is not taken")
		c.check(s.Open != nil, field+".Open", "nil", "a function")
	}
}

func isBuiltIn(name string) bool {
	return slices.Contains([]string{"beats", "tcp", "tls", "udp", "unix", "http", "https"}, name)
}

// schemeOf returns the scheme of the user's that an address has, nil if it is none of these.
func (opts *DialOptions) schemeOf(to target) *Scheme {
	if opts == nil {
		return nil
	}
	name := strings.TrimSuffix(to.scheme, "+tls")
	if i := slices.IndexFunc(opts.Schemes, func(s Scheme) bool { return s.Name == name }); i >= 0 {
		return &opts.Schemes[i]
	}
	return nil
}

// open returns the Transport of a scheme.
func (s *Scheme) open(to target, peers *endpoints, files *tlsFiles, o *DialOptions) (Transport, error) {
	r := Remote{
		Addr: to.String(), Hosts: slices.Clone(to.hosts), Path: to.path, TLS: to.secure,
		Username: o.Username, Password: o.Password, Options: *o,
		Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, o.Timeout)
			defer cancel()
			conn, err := peers.callDial(ctx, network, addr)
			if err != nil || files == nil {
				return conn, err
			}
			return files.handshake(ctx, conn, addr)
		},
	}
	if to.user != nil {
		if o.Username+o.Password != "" {
			return nil, errors.New("logstash: DialOptions.Username, Password: want them there, or in the address, not in both")
		}
		r.Username = to.user.Username()
		r.Password, _ = to.user.Password()
	}
	t, err := s.Open(r)
	if err != nil {
		return nil, err
	}
	if t == nil {
		return nil, fmt.Errorf("logstash: DialOptions.Schemes: Open of %s:// returned neither a Transport nor an error", s.Name)
	}
	return t, nil
}

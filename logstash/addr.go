package logstash

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// schemes are those that an address may begin with, as errors list them.
const schemes = "beats://, beats+tls://, tcp://, tls://, udp://, unix://, http:// or https://"

// hint says what else an address of Kafka or Redis needs.
func hint(scheme string) string {
	name := strings.TrimSuffix(scheme, "+tls")
	if name != "kafka" && name != "redis" {
		return ""
	}
	return fmt.Sprintf("; or for %s:// DialOptions.Schemes with that of package logstash/%s", name, name)
}

// allSchemes returns the schemes that an address may begin with, those of the user's included.
func allSchemes(more []Scheme) string {
	var b strings.Builder
	for _, s := range more {
		b.WriteString(s.Name + "://, " + s.Name + "+tls://, ")
	}
	return b.String() + schemes
}

// maxSocketPath is the longest path of a unix socket, by the size of the
// kernel's sockaddr_un. Some systems have room for less.
const maxSocketPath = 107

// target is a receiver, as an address names it.
type target struct {
	scheme string        // in lower case
	hosts  []string      // what to dial, in order: host:port, or the one path of a unix socket
	path   string        // of a unix socket, of http with the query, in which case it begins with "/", or of a Scheme
	own    bool          // of a Scheme of the user's
	secure bool          // over TLS
	user   *url.Userinfo // of http or a Scheme; nil when there is none
}

// String returns the address without what may be secret in it: the user
// information and the query.
func (t target) String() string {
	if t.scheme == "unix" {
		return "unix://" + t.path
	}
	path, _, _ := strings.Cut(t.path, "?")
	if t.own && path != "" {
		path = (&url.URL{Path: "/" + path}).EscapedPath()
	}
	return t.scheme + "://" + strings.ReplaceAll(strings.Join(t.hosts, ","), "%", "%25") + path
}

// addrError says which part of an address is wrong, and what is wanted.
type addrError struct{ part, value, want string }

func (e *addrError) Error() string { return fmt.Sprintf("%s %q: want %s", e.part, e.value, e.want) }

// parseAddr takes an address apart: "scheme://host:port,host:port", with a path
// for unix, and with user information, path and query for http.
func parseAddr(addr string, more ...Scheme) (target, error) {
	t, err := splitAddr(addr, more)
	if err == nil {
		return t, nil
	}
	var wrong *addrError
	switch {
	case !errors.As(err, &wrong):
		return target{}, fmt.Errorf("logstash: dial: %w", err)
	case strings.Contains(addr, "@"):
		// Whatever the part is called, it may be one of a password.
		return target{}, fmt.Errorf("logstash: dial: %s: want %s", wrong.part, wrong.want)
	}
	shown, _, _ := strings.Cut(addr, "?") // a query may hold a token
	return target{}, fmt.Errorf("logstash: dial %q: %w", shown, wrong)
}

func splitAddr(addr string, more []Scheme) (target, error) {
	name, rest, found := strings.Cut(addr, "://")
	if !found {
		return target{}, &addrError{"scheme", "", allSchemes(more) + " before the host"}
	}
	t := target{scheme: strings.ToLower(name)}
	port := "" // the default one
	switch t.scheme {
	case "unix":
		return splitSocket(rest)
	case "beats", "beats+tls":
		port = "5044"
	case "http":
		port = "8080"
	case "https":
		port = "443"
	case "tcp", "tls", "udp":
	default:
		i := slices.IndexFunc(more, func(s Scheme) bool { return s.Name == strings.TrimSuffix(t.scheme, "+tls") })
		if i < 0 {
			return target{}, &addrError{"scheme", name, allSchemes(more) + hint(t.scheme)}
		}
		port, t.own = more[i].Port, true
	}
	t.secure = t.scheme == "https" || strings.HasSuffix(t.scheme, "tls")

	list, tail := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		list, tail = rest[:i], rest[i:]
	}
	var err error
	if t.own {
		if t.path, err = parsePath(tail); err != nil {
			return target{}, err
		}
		if t.user, list, err = cutUser(list, t.own); err != nil {
			return target{}, err
		}
	} else if strings.HasPrefix(t.scheme, "http") {
		if t.path, err = parseTail(tail); err != nil {
			return target{}, err
		}
		if t.user, list, err = cutUser(list, t.own); err != nil {
			return target{}, err
		}
	} else if err := checkBare(list, tail); err != nil {
		return target{}, err
	}
	t.hosts, err = parseHosts(list, port, t.own)
	return t, err
}

// splitSocket takes the address of a unix socket apart. The path is taken as it
// is, and must not depend on the working directory.
func splitSocket(path string) (target, error) {
	const want = "unix:///path/of/the.sock"
	switch {
	case path == "" || path == "/":
		return target{}, &addrError{"path", path, "that of a socket: " + want}
	case path[0] != '/':
		return target{}, &addrError{"path", path, "an absolute one, and no host: " + want}
	case strings.ContainsAny(path, "?#\x00"):
		return target{}, &addrError{"path", path, "no query, no fragment and no NUL: " + want}
	case len(path) > maxSocketPath:
		return target{}, &addrError{"path", path, fmt.Sprintf("at most %d bytes for a socket", maxSocketPath)}
	}
	return target{scheme: "unix", hosts: []string{path}, path: path}, nil
}

// checkBare refuses what only addresses of http have.
func checkBare(list, tail string) error {
	switch {
	case strings.Contains(list, "@"):
		return &addrError{"user information", "", "none but for http:// and https://"}
	case tail == "":
		return nil
	case tail[0] == '/':
		return &addrError{"path", tail, "none but for unix://, http:// and https://"}
	case tail[0] == '?':
		return &addrError{"query", "", "none but for http:// and https://"}
	default:
		return &addrError{"fragment", tail, "none"}
	}
}

// cutUser cuts user information off a list of hosts. Redis has passwords of no user.
func cutUser(list string, nameless bool) (user *url.Userinfo, hosts string, err error) {
	i := strings.LastIndexByte(list, '@')
	if i < 0 {
		return nil, list, nil
	}
	const want = "user:password@ once, before the first host, with %40 for @ and %2F for /"
	// A second @ would make a host and another password part of the first one.
	if strings.Contains(list[:i], "@") {
		return nil, "", &addrError{"user information", "", want}
	}
	u, err := url.Parse("http://" + list[:i] + "@host")
	if err != nil || u.User == nil {
		return nil, "", &addrError{"user information", "", want}
	}
	if password, _ := u.User.Password(); u.User.Username() == "" && (!nameless || password == "") {
		return nil, "", &addrError{"user information", "", want}
	}
	return u.User, list[i+1:], nil
}

// parsePath takes what follows the hosts of a Scheme, a path without its slash.
func parsePath(tail string) (string, error) {
	const want = "no query and no fragment, and %xx for what a URL cannot hold, %40 for @"
	switch {
	case strings.Contains(tail, "?"):
		return "", &addrError{"query", "", want}
	case !isEscaped(tail):
		return "", &addrError{"path", tail, want}
	}
	return url.PathUnescape(strings.TrimPrefix(tail, "/"))
}

// parseTail completes what follows the hosts of http, a path and a query.
func parseTail(tail string) (string, error) {
	path, query, found := strings.Cut(tail, "?")
	if !isEscaped(path) {
		return "", &addrError{"path", path, "%xx for what a URL cannot hold, %40 for @, and no fragment"}
	}
	if !isEscaped(query) {
		return "", &addrError{"query", "", "%xx for what a URL cannot hold, %40 for @, and no fragment"}
	}
	if path == "" {
		path = "/"
	}
	if found {
		path += "?" + query
	}
	return path, nil
}

// isEscaped reports whether s can stand in a URL as it is. A plain @ could, but
// is refused: before it would stand part of a password with a plain / in it.
func isEscaped(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("\"#<>@[\\]^`{|}", c) >= 0 {
			return false
		}
	}
	_, err := url.PathUnescape(s)
	return err == nil
}

// parseHosts returns a list of hosts as it is dialed, by a Scheme of the user's own or not.
func parseHosts(list, defaultPort string, own bool) ([]string, error) {
	var hosts []string
	for item := range strings.SplitSeq(list, ",") {
		host, err := parseHost(item, defaultPort)
		if err != nil {
			return nil, err
		}
		same := func(other string) bool { return strings.EqualFold(host, other) }
		if slices.ContainsFunc(hosts, same) {
			want := "each one once; for more connections, the option Connections"
			if own {
				want = "each one once"
			}
			return nil, &addrError{"host", item, want}
		}
		hosts = append(hosts, host)
	}
	return hosts, nil
}

// parseHost completes "host:port" with the default port, if there is one.
func parseHost(s, defaultPort string) (string, error) {
	want := "host:port or [IPv6]:port"
	if defaultPort != "" {
		want = "host, host:port or [IPv6]:port"
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil && defaultPort != "" {
		host, port, err = net.SplitHostPort(s + ":" + defaultPort)
	}
	if err != nil || host == "" {
		return "", &addrError{"host", s, want}
	}
	if s[0] == '[' {
		// A URL has the zone after %25, and everybody else after %.
		ip, err := netip.ParseAddr(strings.Replace(host, "%25", "%", 1))
		if err != nil || !ip.Is6() || !isPlain(ip.Zone()) {
			return "", &addrError{"host", s, "an IPv6 address in the brackets"}
		}
		host = ip.String()
	} else if !isPlain(host) {
		return "", &addrError{"host", s, "letters, digits, dots, hyphens and underscores, without blanks; " + want}
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return "", &addrError{"port", port, "1 to 65535"}
	}
	return net.JoinHostPort(host, strconv.FormatUint(n, 10)), nil
}

// isPlain reports whether s could be the name of a host or an interface.
func isPlain(s string) bool {
	for i := range len(s) {
		c := s[i]
		if ('a' > c || c > 'z') && ('A' > c || c > 'Z') && ('0' > c || c > '9') && strings.IndexByte("-._", c) < 0 {
			return false
		}
	}
	return true
}

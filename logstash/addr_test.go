package logstash

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseAddr(t *testing.T) {
	tests := []struct {
		addr string
		want target
	}{
		{"beats://logs", target{scheme: "beats", hosts: []string{"logs:5044"}}},
		{"BEATS://Logs.example.com:5045", target{scheme: "beats", hosts: []string{"Logs.example.com:5045"}}},
		{"beats+TLS://a:1,b,c_d-e:0003", target{
			scheme: "beats+tls", hosts: []string{"a:1", "b:5044", "c_d-e:3"}, secure: true,
		}},
		{"beats://[::1]:9,[FE80::1%eth0],[fe80::2%25eth0]:1", target{
			scheme: "beats", hosts: []string{"[::1]:9", "[fe80::1%eth0]:5044", "[fe80::2%eth0]:1"},
		}},
		{"tcp://10.0.0.1:5000,b:6", target{scheme: "tcp", hosts: []string{"10.0.0.1:5000", "b:6"}}},
		{"tls://a:65535", target{scheme: "tls", hosts: []string{"a:65535"}, secure: true}},
		{"udp://a:514", target{scheme: "udp", hosts: []string{"a:514"}}},
		{"unix:///run/log,stash@%20.sock", target{
			scheme: "unix", hosts: []string{"/run/log,stash@%20.sock"}, path: "/run/log,stash@%20.sock",
		}},
		{"http://a", target{scheme: "http", hosts: []string{"a:8080"}, path: "/"}},
		{"http://a,[::1]:80/in/%40x?pipeline=a,b&c=?/", target{
			scheme: "http", hosts: []string{"a:8080", "[::1]:80"}, path: "/in/%40x?pipeline=a,b&c=?/",
		}},
		{"http://a?x", target{scheme: "http", hosts: []string{"a:8080"}, path: "/?x"}},
		{"https://me:s3%40,cr%2Fet@a,b/", target{
			scheme: "https", hosts: []string{"a:443", "b:443"}, path: "/", secure: true,
			user: url.UserPassword("me", "s3@,cr/et"),
		}},
		{"http://me@a:1", target{scheme: "http", hosts: []string{"a:1"}, path: "/", user: url.User("me")}},
	}
	for _, tt := range tests {
		got, err := parseAddr(tt.addr)
		if err != nil {
			t.Errorf("parseAddr(%q): %v", tt.addr, err)
		} else if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(target{}, url.Userinfo{})); diff != "" {
			t.Errorf("parseAddr(%q) mismatch (-want +got):\n%s", tt.addr, diff)
		}
	}
}

func TestParseAddrRefuses(t *testing.T) {
	tests := []struct{ addr, want string }{
		// Schemes.
		{"", `dial "": scheme "": want beats://, beats+tls://, tcp://, tls://, udp://, unix://, http:// or https://`},
		{"logs:5044", `dial "logs:5044": scheme "": want beats://`},
		{"unix:/run/x", `scheme "": want beats://`},
		{"ftp://logs:5044", `dial "ftp://logs:5044": scheme "ftp": want beats://`},
		{" beats://logs", `scheme " beats": want`},
		{"://logs", `scheme "": want`},

		// Hosts.
		{"beats://", `host "": want host, host:port or [IPv6]:port`},
		{"beats://a:1,", `host "": want`},
		{"beats://a,,b", `host "": want`},
		{"beats://:5044", `host ":5044": want`},
		{"beats://a b", `host "a b": want letters, digits`},
		{"beats://a, b", `host " b": want letters`},
		{"beats://a\n", `host "a\n": want letters`},
		{"beats://h\u00f6st", `host "höst": want letters`},
		{"beats://a,A:5044", `host "A:5044": want each one once`},
		{"tcp://[::1]:5,[0::1]:5", `host "[0::1]:5": want each one once`},
		{"tcp://::1:80", `host "::1:80": want host:port or [IPv6]:port`},
		{"beats://::1", `host "::1": want host, host:port or [IPv6]:port`},
		{"beats://[a]:1", `host "[a]:1": want an IPv6 address in the brackets`},
		{"beats://[1.2.3.4]", `host "[1.2.3.4]": want an IPv6`},
		{"beats://[fe80::1%]", `host "[fe80::1%]": want an IPv6`},
		{"beats://[fe80::1%a b]", `want an IPv6`},

		// Ports.
		{"tcp://logs", `host "logs": want host:port or [IPv6]:port`},
		{"udp://[::1]", `host "[::1]": want host:port or [IPv6]:port`},
		{"tcp://logs:", `port "": want 1 to 65535`},
		{"beats://logs:", `port "": want 1 to 65535`},
		{"tls://logs:0", `port "0": want 1 to 65535`},
		{"tcp://logs:65536", `port "65536": want 1 to 65535`},
		{"tcp://logs:+1", `port "+1": want 1 to 65535`},
		{"tcp://logs:http", `port "http": want 1 to 65535`},

		// What follows.
		{"beats://logs:5044/path", `path "/path": want none but for unix://, http:// and https://`},
		{"beats://logs/", `path "/": want none`},
		{"tcp://logs:1?x=secret", `dial "tcp://logs:1": query "": want none but for http`},
		{"tcp://logs:1#x", `fragment "#x": want none`},
		{"http://a/b#c", `path "/b#c": want %xx for what a URL cannot hold, %40 for @, and no fragment`},
		{"http://a?b#c", `query "": want %xx`},
		{"http://a/b c", `path "/b c": want %xx`},
		{"http://a/%zz", `path "/%zz": want %xx`},
		{"http://a/é", `path "/é": want %xx`},
		{"http://a,b/x,c:1/y:z,[", `want %xx`},

		// Sockets.
		{"unix://", `path "": want that of a socket: unix:///path/of/the.sock`},
		{"unix:///", `path "/": want that of a socket`},
		{"unix://./x", `path "./x": want an absolute one, and no host`},
		{"unix://run/x", `path "run/x": want an absolute one`},
		{"unix:///run/x?y", `want no query, no fragment and no NUL`},
		{"unix:///" + strings.Repeat("x", 107), `want at most 107 bytes for a socket`},
	}
	for _, tt := range tests {
		got, err := parseAddr(tt.addr)
		if err == nil {
			t.Errorf("parseAddr(%q) = %+v; want an error", tt.addr, got)
		} else if !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "logstash: dial") {
			t.Errorf("parseAddr(%q): %v; want %s", tt.addr, err, tt.want)
		}
	}
}

// An error must not repeat a password, wherever a mistake has put it.
func TestParseAddrKeepsPasswords(t *testing.T) {
	tests := []struct{ addr, want string }{
		{"beats://me:s3cret@logs:5044", "user information: want none but for http:// and https://"},
		{"udp://s3cret@logs:5044", "user information: want none"},
		{"s3cret:s3cret@logs", "scheme: want"},
		{"s3cret://me:s3cret@logs", "scheme: want"},
		{"http://me:s3/s3cret@logs", "path: want %xx"},
		{"http://me:80/s3cret@logs", "path: want %xx for what a URL cannot hold, %40 for @"},
		{"http://me:80?s3cret@logs", "query: want %xx"},
		{"http://me:80#s3cret@logs", "path: want %xx"},
		{"http://me:s3@s3cret@logs", "user information: want user:password@ once"},
		{"http://me:p@a,you:s3cret@b", "user information: want user:password@ once"},
		{"http://:s3cret@logs", "user information: want user:password@"},
		{"http://@logs", "user information: want user:password@"},
		{"http://me:s3cret%zz@logs", "user information: want user:password@"},
		{"http://me:s3cret@logs:s3cret", "port: want 1 to 65535"},
		{"http://me:s3cret@", "host: want"},
	}
	for _, tt := range tests {
		got, err := parseAddr(tt.addr)
		switch {
		case err == nil:
			t.Errorf("parseAddr(%q) = %+v; want an error", tt.addr, got)
		case strings.Contains(err.Error(), "s3"):
			t.Errorf("parseAddr(%q): %v; want an error without the password", tt.addr, err)
		case !strings.Contains(err.Error(), tt.want):
			t.Errorf("parseAddr(%q): %v; want %s", tt.addr, err, tt.want)
		}
	}
}

func TestTargetString(t *testing.T) {
	for addr, want := range map[string]string{
		"BEATS://a,b:1":                   "beats://a:5044,b:1",
		"https://me:s3cret@a/in?s3cret=1": "https://a:443/in",
		"unix:///run/x.sock":              "unix:///run/x.sock",
		"tcp://[fe80::1%eth0]:1":          "tcp://[fe80::1%25eth0]:1",
	} {
		got, err := parseAddr(addr)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got.String()); diff != "" {
			t.Errorf("String of %q mismatch (-want +got):\n%s", addr, diff)
		}
	}
}

// FuzzParseAddr looks for a panic, for a part of a password in an error or a
// name, and for an address that means something else once it is rendered.
func FuzzParseAddr(f *testing.F) {
	for _, addr := range []string{
		"beats://a,b:1,[::1]:2", "beats+tls://a", "tcp://a:1", "tls://a:1", "udp://a:1", "unix:///run/x",
		"http://a:1,b/p?q#f", "https://me:pass@a/", "http://me:80/pass@a", "tcp://[fe80::1%25eth0]:1",
		"beats://a:b:c", "http://%zz@", "://", "@", "http://a@b@c",
	} {
		f.Add(addr, "me:")
	}
	f.Fuzz(func(t *testing.T, addr, before string) {
		if got, err := parseAddr(addr); err == nil {
			checkRoundTrip(t, addr, got)
		}

		// The same with a password before an @, wherever that is.
		const password = "Xyzzy-Passw0rd-42"
		scheme, rest, found := strings.Cut(addr, "://")
		if !found {
			return
		}
		got, err := parseAddr(scheme + "://" + before + password + "@" + rest)
		shown := got.String()
		if err != nil {
			shown = err.Error()
		}
		if got.scheme != "unix" && strings.Contains(shown, password) {
			t.Errorf("parseAddr(%q) shows the password: %s", addr, shown)
		}
	})
}

func checkRoundTrip(t *testing.T, addr string, got target) {
	t.Helper()
	again := got.String()
	if _, query, found := strings.Cut(got.path, "?"); found {
		again += "?" + query
	}
	if got.user != nil {
		again = strings.Replace(again, "://", "://"+got.user.String()+"@", 1)
	}
	back, err := parseAddr(again)
	if err != nil {
		t.Fatalf("parseAddr(%q) = %+v, but of %q: %v", addr, got, again, err)
	}
	if diff := cmp.Diff(got, back, cmp.AllowUnexported(target{}, url.Userinfo{})); diff != "" {
		t.Errorf("%q again as %q mismatch (-want +got):\n%s", addr, again, diff)
	}
}

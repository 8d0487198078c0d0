package logstash_test

import (
	"context"
	"crypto/tls"
	"encoding"
	"math"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/logstash"
)

// schemes are addresses, one of each kind.
func schemes() map[string]string {
	return map[string]string{
		"beats": "beats://logs", "beats+tls": "beats+tls://logs", "http": "http://logs", "https": "https://logs",
		"tcp": "tcp://logs:5000", "tls": "tls://logs:5000", "udp": "udp://logs:5000", "unix": "unix:///run/logs.sock",
	}
}

// Each option that means nothing for a kind of address is refused with its name, and
// each that does is taken.
func TestDialOptionsOfSchemes(t *testing.T) {
	const all = "beats beats+tls http https tcp tls udp unix"
	tests := []struct {
		field string
		opts  logstash.DialOptions
		users string // the schemes that have it
	}{
		{"Pipeline", logstash.DialOptions{Pipeline: 2}, "beats beats+tls"},
		{"Timeout", logstash.DialOptions{Timeout: time.Second}, all},
		{"CompressionLevel", logstash.DialOptions{CompressionLevel: 3}, "beats beats+tls http https"},
		{"Strategy", logstash.DialOptions{Strategy: logstash.LoadBalance}, all},
		{"ConnectionTTL", logstash.DialOptions{ConnectionTTL: time.Hour}, all},
		{"MinConnectionTime", logstash.DialOptions{MinConnectionTime: time.Hour}, all},
		{"TLS", logstash.DialOptions{TLS: new(tls.Config)}, "beats+tls tls https"},
		{"CAFile", logstash.DialOptions{CAFile: "testdata/none.pem"}, ""}, // there is no such file
		{"CertFile", logstash.DialOptions{CertFile: "testdata/none.pem"}, ""},
		{"KeyFile", logstash.DialOptions{KeyFile: "testdata/none.pem"}, ""},
		{"KeepAlive", logstash.DialOptions{KeepAlive: time.Minute}, "tcp tls unix"},
		{"ResendBytes", logstash.DialOptions{ResendBytes: 1 << 20}, "tcp tls unix"},
		{"Username", logstash.DialOptions{Username: "me", Password: "it"}, "http https"},
		{"BearerToken", logstash.DialOptions{BearerToken: "token"}, "http https"},
		{"Header", logstash.DialOptions{Header: http.Header{"X-Tenant": {"1"}}}, "http https"},
		{"MaxEventBytes", logstash.DialOptions{MaxEventBytes: 65508}, "beats beats+tls http https tcp tls unix"},
	}
	for _, tt := range tests {
		for scheme, addr := range schemes() {
			opts := tt.opts
			opts.DialContext = func(context.Context, string, string) (net.Conn, error) { return nil, net.ErrClosed }
			s, err := logstash.Dial(addr, &opts)
			if s != nil {
				abandon(s)
			}
			switch ok := strings.Contains(" "+tt.users+" ", " "+scheme+" "); {
			case ok && err != nil:
				t.Errorf("%s for %s: %v, want none", tt.field, scheme, err)
			case !ok && err == nil:
				t.Errorf("%s for %s: no error", tt.field, scheme)
			case !ok && (!strings.Contains(err.Error(), "DialOptions.") || !strings.Contains(err.Error(), tt.field)):
				t.Errorf("%s for %s: %v, want the name of the field", tt.field, scheme, err)
			}
		}
	}
}

// What is out of range, or does not go with something else, is refused: the error
// names the field, the value and what is wanted.
func TestDialOptionsOutOfRange(t *testing.T) {
	dir := t.TempDir()
	tests := []struct {
		opts logstash.DialOptions
		want string
	}{
		{logstash.DialOptions{Reserve: 1.1}, "Reserve 1.1: want a share up to 1"},
		{logstash.DialOptions{Reserve: math.NaN()}, "Reserve NaN: want a share up to 1"},
		{logstash.DialOptions{Reserve: math.Inf(1)}, "Reserve +Inf: want a share up to 1"},
		{logstash.DialOptions{BatchSize: -1}, "BatchSize -1: want 0 to 2048"},
		{logstash.DialOptions{Pipeline: -1}, "Pipeline -1: want 0 to 64"},
		{logstash.DialOptions{Pipeline: 65}, "Pipeline 65: want 0 to 64"},
		{logstash.DialOptions{CompressionLevel: -1}, "CompressionLevel -1: want 0 to 9"},
		{logstash.DialOptions{Strategy: -1}, "Strategy Strategy(-1): want PreferPrimary"},
		{logstash.DialOptions{Strategy: 4}, "Strategy Strategy(4): want PreferPrimary"},
		{logstash.DialOptions{Policy: -1}, "Policy Policy(-1): want DropNewest"},
		{logstash.DialOptions{Connections: -1}, "Connections -1: want 0 to 64"},
		{logstash.DialOptions{Connections: 65, Strategy: logstash.LoadBalance}, "Connections 65: want 0 to 64"},
		{logstash.DialOptions{Connections: 2}, "Connections 2: want 0, or LoadBalance as the Strategy"},
		{logstash.DialOptions{ConnectionTTL: -1}, "ConnectionTTL -1ns: want 0 or more"},
		{logstash.DialOptions{MinConnectionTime: -1}, "MinConnectionTime -1ns: want 0 or more"},
		{logstash.DialOptions{KeepAlive: -1}, "KeepAlive"},
		{logstash.DialOptions{ResendBytes: -1}, "ResendBytes"},
		{logstash.DialOptions{TLS: &tls.Config{MinVersion: tls.VersionTLS10}}, "TLS"},
		{logstash.DialOptions{SpoolDir: dir}, "SpoolMode off: want SpoolOverflow or SpoolAlways with SpoolDir"},
		{logstash.DialOptions{SpoolMode: logstash.SpoolAlways}, "SpoolMode always: want SpoolDir with it"},
		{logstash.DialOptions{SpoolMode: 3, SpoolDir: dir}, "SpoolMode SpoolMode(3): want SpoolOff"},
		{logstash.DialOptions{SpoolMode: -1, SpoolDir: dir}, "SpoolMode SpoolMode(-1): want SpoolOff"},
		{logstash.DialOptions{SpoolMaxBytes: 1 << 30}, "SpoolMaxBytes 1073741824: want SpoolDir with it"},
		{logstash.DialOptions{SpoolMaxAge: time.Hour}, "SpoolMaxAge 1h0m0s: want SpoolDir with it"},
		{logstash.DialOptions{SpoolSync: logstash.SyncNever}, "SpoolSync never: want SpoolDir with it"},
		{
			logstash.DialOptions{SpoolMode: 1, SpoolDir: dir, SpoolMaxBytes: 4<<20 - 1},
			"SpoolMaxBytes 4194303: want at least four times MaxEventBytes, 4194304",
		},
		{logstash.DialOptions{SpoolMode: 1, SpoolDir: dir, SpoolMaxBytes: -1}, "SpoolMaxBytes -1"},
		{logstash.DialOptions{SpoolMode: 1, SpoolDir: dir, SpoolMaxAge: -1}, "SpoolMaxAge -1ns: want 0 or more"},
		{logstash.DialOptions{SpoolMode: 1, SpoolDir: dir, SpoolSync: 3}, "SpoolSync SpoolSync(3): want SyncInterval"},
		{logstash.DialOptions{SpoolMode: 1, SpoolDir: dir, SpoolSync: -1}, "SpoolSync SpoolSync(-1): want SyncInterval"},
	}
	for _, tt := range tests {
		s, err := logstash.Dial("beats://logs", &tt.opts)
		switch {
		case err == nil:
			t.Errorf("%s: accepted", tt.want)
			abandon(s)
		case !strings.Contains(err.Error(), "DialOptions."+tt.want):
			t.Errorf("%v, want %s", err, tt.want)
		}
	}
}

// All that is wrong is told at once, and options are neither kept nor changed.
func TestDialOptionsAreCopied(t *testing.T) {
	opts := &logstash.DialOptions{Size: -1, MaxEvents: -2, Policy: 9}
	_, err := logstash.NewShipper(new(fakeTransport), opts)
	for _, field := range []string{"Size -1", "MaxEvents -2", "Policy Policy(9)"} {
		if err == nil || !strings.Contains(err.Error(), "DialOptions."+field) {
			t.Errorf("%v, want %s in it", err, field)
		}
	}
	opts = &logstash.DialOptions{MaxEvents: 1}
	f := newGated()
	s := newShipper(t, f, opts)
	defer abandon(s)
	if opts.Size != 0 || opts.MaxEvents != 1 || opts.DialContext != nil || opts.Protect != nil {
		t.Errorf("the options are %+v now", opts)
	}
	opts.MaxEvents = 100
	writeEvents(t, s, 0, 1)
	if _, err := s.Write([]byte(event(1))); err == nil {
		t.Error("a later change of the options counted")
	}
}

// NewShipper takes nothing that is about connections.
func TestNewShipperRefusesOptionsOfConnections(t *testing.T) {
	for field, opts := range map[string]logstash.DialOptions{
		"Pipeline": {Pipeline: 1}, "Timeout": {Timeout: 1}, "CompressionLevel": {CompressionLevel: 1},
		"Strategy": {Strategy: 1}, "Connections": {Connections: 1}, "ConnectionTTL": {ConnectionTTL: 1},
		"MinConnectionTime": {MinConnectionTime: 1}, "TLS": {TLS: new(tls.Config)}, "CAFile": {CAFile: "x"},
		"CertFile": {CertFile: "x"}, "KeyFile": {KeyFile: "x"}, "KeepAlive": {KeepAlive: 1}, "ResendBytes": {ResendBytes: 1},
		"Username": {Username: "x"}, "Password": {Password: "x"}, "BearerToken": {BearerToken: "x"},
		"Header": {Header: http.Header{}}, "DialContext": {DialContext: new(net.Dialer).DialContext},
	} {
		if _, err := logstash.NewShipper(new(fakeTransport), &opts); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v, want an error that names it", field, err)
		}
	}
}

// Over UDP, an event that fits in no datagram is too large from the start.
func TestUDPMaxEventBytesByDefault(t *testing.T) {
	s, err := logstash.Dial("udp://127.0.0.1:9", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer abandon(s)
	if _, err := s.Write([]byte(padded(0, 65508))); err == nil || !strings.Contains(err.Error(), "65507") {
		t.Errorf("Write of 65508 bytes: %v, want ErrTooLarge with the limit 65507", err)
	}
}

// text is what the enumerations of DialOptions are.
type text interface {
	encoding.TextMarshaler
	encoding.TextUnmarshaler
	String() string
}

// The values of enumerations are known by their names, both ways, in any case and with
// - for _; others are refused.
func TestNamesOfValues(t *testing.T) {
	names := map[string][]string{}
	values := map[string]func(i int) text{
		"Policy":    func(i int) text { v := logstash.Policy(i); return &v },
		"Strategy":  func(i int) text { v := logstash.Strategy(i); return &v },
		"SpoolMode": func(i int) text { v := logstash.SpoolMode(i); return &v },
		"SpoolSync": func(i int) text { v := logstash.SpoolSync(i); return &v },
	}
	for typ, value := range values {
		for i := 0; ; i++ {
			v := value(i)
			b, err := v.MarshalText()
			if err != nil {
				break
			}
			name := string(b)
			names[typ] = append(names[typ], name)
			if v.String() != name {
				t.Errorf("%s %d: String %q, MarshalText %q", typ, i, v, name)
			}
			for _, spelt := range []string{name, strings.ToUpper(name), strings.ReplaceAll(name, "_", "-")} {
				got := value(99)
				if err := got.UnmarshalText([]byte(spelt)); err != nil || got.String() != name {
					t.Errorf("%s %q: %v, %v", typ, spelt, got, err)
				}
			}
		}
		for _, bad := range []string{"", "nothing", "1", " " + names[typ][0]} {
			got := value(1)
			err := got.UnmarshalText([]byte(bad))
			if err == nil || !strings.Contains(err.Error(), names[typ][0]) || got.String() != value(1).String() {
				t.Errorf("%s %q: %v, %v; want an error with the names, and no change", typ, bad, got, err)
			}
		}
		for _, i := range []int{-1, 99} {
			if _, err := value(i).MarshalText(); err == nil {
				t.Errorf("%s(%d) has a name", typ, i)
			}
			if !strings.HasPrefix(value(i).String(), typ+"(") {
				t.Errorf("%s(%d): String %q", typ, i, value(i))
			}
		}
	}
	want := map[string][]string{
		"Policy":    {"drop_newest", "block", "drop_oldest"},
		"Strategy":  {"prefer_primary", "round_robin", "random", "load_balance"},
		"SpoolMode": {"off", "overflow", "always"},
		"SpoolSync": {"interval", "every_batch", "never"},
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("names mismatch (-want +got):\n%s", diff)
	}
	for state, name := range map[logstash.State]string{
		logstash.Idle: "idle", logstash.Up: "up", logstash.Down: "down", logstash.Closed: "closed", 7: "State(7)",
	} {
		if b, err := state.MarshalText(); state.String() != name || err == nil != (state < 7) || err == nil && string(b) != name {
			t.Errorf("state %d: %q, %q, %v; want %q", state, state, b, err, name)
		}
	}
}

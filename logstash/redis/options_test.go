package redis_test

import (
	"strings"
	"testing"

	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/logstash/redis"
)

func TestRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, addr string
		opts       redis.Options
		dial       logstash.DialOptions
		want       string
	}{
		{"no key", "redis://a", redis.Options{}, logstash.DialOptions{}, `path "": want the key`},
		{"no key behind the slash", "redis://a/", redis.Options{}, logstash.DialOptions{}, `path "": want the key`},
		{"number of a database", "redis://a/0", redis.Options{}, logstash.DialOptions{}, `path "0": want the key; the number of a database is Options.DB`},
		{"no password", "redis://me@a/logs", redis.Options{}, logstash.DialOptions{}, `Username "me": want a password`},
		{"key", "redis://a/logs", redis.Options{}, logstash.DialOptions{Key: func(e []byte) []byte { return e }}, "DialOptions.Key"},
		{"pipeline", "redis://a/logs", redis.Options{}, logstash.DialOptions{Pipeline: 2}, "Pipeline: want none"},
		{"compression", "redis://a/logs", redis.Options{}, logstash.DialOptions{CompressionLevel: 2}, "CompressionLevel: want none"},
		{"DB", "redis://a/logs", redis.Options{DB: -1}, logstash.DialOptions{}, "Options.DB -1: want 0 or more"},
		{"field", "redis://a/logs", redis.Options{Field: "x"}, logstash.DialOptions{}, `Options.Field "x": want none without Stream`},
		{"length", "redis://a/logs", redis.Options{MaxLen: 5}, logstash.DialOptions{}, "Options.MaxLen 5: want none without Stream"},
		{"negative length", "redis://a/logs", redis.Options{MaxLen: -5, Stream: true}, logstash.DialOptions{}, "Options.MaxLen -5: want 0 or more"},
		{"threshold", "redis://a/logs", redis.Options{CongestionThreshold: -1}, logstash.DialOptions{}, "Options.CongestionThreshold -1"},
		{"replicas", "redis://a/logs", redis.Options{Replicas: -1}, logstash.DialOptions{}, "Options.Replicas -1"},
		{"sentinel password", "redis://a/logs", redis.Options{SentinelPassword: "x"}, logstash.DialOptions{}, "want none without MasterName"},
		{"sentinel user", "redis://a/logs", redis.Options{MasterName: "m", SentinelUsername: "x"}, logstash.DialOptions{}, "SentinelPassword with it"},
		{"two mistakes", "redis://a", redis.Options{DB: -1}, logstash.DialOptions{}, "Options.DB -1"},
	} {
		tt.dial.Schemes = []logstash.Scheme{redis.Scheme(&tt.opts)}
		s, err := logstash.Dial(tt.addr, &tt.dial)
		if err == nil {
			_ = s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "want") {
			t.Errorf("%s: Dial: %v; want %s", tt.name, err, tt.want)
		}
	}
}

// Package broker lets the commands send to Kafka and Redis, and finds out whether these are ready for it.
package broker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/logstash/kafka"
	"github.com/sluicelog/sluice/logstash/redis"
	"github.com/sluicelog/sluice/pipeline"
)

// Settings say how to send to a broker, beyond its address and the DialOptions. The zero value is that of both packages.
type Settings struct {
	Kafka kafka.Options
	Redis redis.Options

	guessed bool // by SettingsOf: the program may have others
}

// SettingsOf returns the settings of a program of which only the address is known, as from a configuration. A Kafka without a
// topic is sent to by a function of the program. It is for looking: nothing can be sent with them then.
func SettingsOf(addr string) *Settings {
	s := &Settings{guessed: true}
	_, rest, _ := strings.Cut(addr, "://")
	if _, path, _ := strings.Cut(rest, "/"); path == "" && Of(addr) == "kafka" {
		s.Kafka.Topic = func([]byte) string { return "" }
	}
	return s
}

// Of returns which broker an address is of, "kafka" or "redis", and "" for that of a Logstash.
func Of(addr string) string {
	scheme, _, _ := strings.Cut(strings.ToLower(addr), "://")
	switch name := strings.TrimSuffix(scheme, "+tls"); name {
	case "kafka", "redis":
		return name
	}
	return ""
}

// Schemes returns what makes logstash.Dial take the addresses of brokers.
func (s *Settings) Schemes() []logstash.Scheme {
	return []logstash.Scheme{kafka.Scheme(&s.Kafka), redis.Scheme(&s.Redis)}
}

// Complete gives the Logstash sinks of a configuration that name a broker what sends to it.
func Complete(cfg *pipeline.Config) {
	for i := range cfg.Sinks {
		if s := &cfg.Sinks[i]; s.Type == pipeline.Logstash && Of(s.Addr) != "" {
			s.Dial.Schemes = SettingsOf(s.Addr).Schemes()
		}
	}
}

// askLimit bounds what Ask waits for.
const askLimit = 5 * time.Second

// Ask asks the broker of an address, in its own protocol, whether it would take events: with the user and the password,
// into the topic or the list. It sends no event and changes nothing. It returns what logstash.Probe cannot find out, and nil for the
// address of a Logstash, or one that Dial refuses. It takes five seconds at most.
func Ask(ctx context.Context, addr string, opts *logstash.DialOptions, s *Settings) []pipeline.Finding {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	to, err := s.remote(addr, opts)
	if err != nil {
		return nil
	}
	q := question{to: to, settings: s}
	switch Of(addr) {
	case "kafka":
		q.kafka(ctx)
	case "redis":
		q.redis(ctx)
	}
	return q.found
}

// remote takes an address apart as Dial does, of whose options only those about connections count here.
func (s *Settings) remote(addr string, opts *logstash.DialOptions) (to logstash.Remote, err error) {
	o := logstash.DialOptions{
		Timeout: askLimit, TLS: opts.TLS, CAFile: opts.CAFile, CertFile: opts.CertFile, KeyFile: opts.KeyFile,
		Username: opts.Username, Password: opts.Password, DialContext: opts.DialContext, Schemes: s.Schemes(),
	}
	for i := range o.Schemes {
		open := o.Schemes[i].Open
		o.Schemes[i].Open = func(r logstash.Remote) (logstash.Transport, error) {
			to = r
			return open(r)
		}
	}
	shipper, err := logstash.Dial(addr, &o)
	if err != nil {
		return to, err
	}
	return to, shipper.Close()
}

// question is one call of Ask.
type question struct {
	to       logstash.Remote
	settings *Settings
	found    []pipeline.Finding
}

func (q *question) add(status pipeline.Status, what, do, format string, args ...any) {
	detail := cli.Printable(fmt.Sprintf(format, args...)) // what a peer says must be harmless
	q.found = append(q.found, pipeline.Finding{Status: status, What: cli.Printable(what), Detail: detail, Do: do})
}

// late says instead of the error of a connection that time was over, if it was.
func late(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
		return errors.New("no answer in time")
	}
	return err
}

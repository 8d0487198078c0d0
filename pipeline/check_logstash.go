package pipeline

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/sluicelog/sluice/logstash"
)

// expiry is how long before the end of a certificate there is a warning.
const expiry = 30 * 24 * time.Hour

// receivers looks at the receivers of a Logstash sink, all at the same time.
func (c *checker) receivers(ctx context.Context, s *Sink, r *report) {
	opts := s.dialOptions()
	opts.OnError, opts.OnDrop, opts.OnState = nil, nil, nil
	scheme, _, _ := strings.Cut(strings.ToLower(s.Addr), "://")
	c.secrets(s, scheme, &opts, r)
	found, err := logstash.Probe(ctx, s.Addr, &opts)
	if err != nil {
		c.refuse("address", strings.TrimPrefix(err.Error(), "logstash: "), r)
		return
	}
	if found.Client != nil {
		c.certificate("client certificate "+s.CertFile, found.Client, r)
	}
	for _, receiver := range found.Receivers {
		what := "receiver " + receiver.Addr
		if receiver.Err != nil {
			c.unreachable(what, scheme, receiver, r)
		} else {
			c.reachable(what, scheme, receiver, r)
		}
		c.open(what, scheme, receiver, r)
		if receiver.Certificate != nil {
			c.certificate("certificate of "+receiver.Addr, receiver.Certificate, r)
		}
	}
}

// reachable says what is known of a receiver that works.
func (c *checker) reachable(what, scheme string, receiver logstash.Receiver, r *report) {
	took := receiver.Took.Round(time.Millisecond)
	switch {
	case receiver.Proxy != "":
		r.pass(what, fmt.Sprintf("connected through the proxy %s in %v", receiver.Proxy, took))
	case scheme == "udp":
		r.pass(what, "over UDP nobody can say whether events arrive")
	case receiver.Certificate != nil:
		r.pass(what, fmt.Sprintf("connected over TLS in %v", took))
	default:
		r.pass(what, fmt.Sprintf("connected in %v", took))
	}
}

// unreachable says why a receiver does not work, and what to do.
func (c *checker) unreachable(what, scheme string, receiver logstash.Receiver, r *report) {
	text := strings.TrimPrefix(receiver.Err.Error(), "logstash: ")
	var (
		dns     *net.DNSError
		timeout net.Error
		host    = receiver.Addr
	)
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	text, advice := cutAdvice(inConfig(text))
	if receiver.Proxy != "" {
		c.refusedByProxy(what, text, receiver, r)
		return
	}
	switch {
	case errors.Is(receiver.Err, context.DeadlineExceeded) || errors.Is(receiver.Err, os.ErrDeadlineExceeded) ||
		errors.As(receiver.Err, &timeout) && timeout.Timeout():
		r.warn(what, "did not answer in time: "+text, cmp.Or(advice, "see whether a firewall drops what is sent, or the receiver is overloaded"))
	case errors.Is(receiver.Err, context.Canceled):
		r.warn(what, "did not answer in time: the check was cancelled", "")
	case errors.As(receiver.Err, &dns) && dns.IsNotFound:
		r.fail(what, "there is no host of this name: "+dns.Error(), "correct addr: run: getent hosts "+shellWord(host))
	case errors.Is(receiver.Err, syscall.ECONNREFUSED):
		r.fail(what, "nobody listens there", "start "+program(scheme)+", or correct the port in addr")
	case errors.Is(receiver.Err, os.ErrNotExist):
		r.fail(what, "there is no such socket", "start Logstash with a unix input in mode server at this path")
	default:
		r.fail(what, text, cmp.Or(advice, "see whether "+program(scheme)+" runs there, and what its own log says"))
	}
}

// program returns what listens to a scheme.
func program(scheme string) string {
	switch strings.TrimSuffix(scheme, "+tls") {
	case "kafka":
		return "the broker"
	case "redis":
		return "Redis"
	default:
		return "Logstash"
	}
}

// refusedByProxy says why there is no way through the proxy of the environment, which is
// all that was connected to.
func (c *checker) refusedByProxy(what, text string, receiver logstash.Receiver, r *report) {
	const do = "see to the proxy, or correct HTTPS_PROXY, HTTP_PROXY or NO_PROXY in the environment"
	var (
		timeout net.Error
		through = "through the proxy " + receiver.Proxy + " of the environment: "
	)
	switch {
	case errors.Is(receiver.Err, context.Canceled):
		r.warn(what, through+"did not answer in time: the check was cancelled", "")
	case errors.As(receiver.Err, &timeout) && timeout.Timeout():
		r.warn(what, through+"did not answer in time: "+text, do)
	case errors.Is(receiver.Err, syscall.ECONNREFUSED):
		r.fail(what, through+"nobody listens at the proxy", do)
	default:
		r.fail(what, through+text, do)
	}
}

// inConfig names the fields of logstash.DialOptions in a text as a Config does.
func inConfig(text string) string {
	return strings.NewReplacer(
		"DialOptions.CertFile and KeyFile", "cert_file and key_file", "CertFile", "cert_file",
		"DialOptions.CAFile", "ca_file", "CAFile", "ca_file", "DialOptions.TLS", "Dial.TLS",
	).Replace(text)
}

// cutAdvice cuts off what package logstash advises, in parentheses at the end.
func cutAdvice(text string) (rest, advice string) {
	i := strings.LastIndex(text, " (")
	if i < 0 || !strings.HasSuffix(text, ")") {
		return text, ""
	}
	return text[:i], text[i+2 : len(text)-1]
}

// open looks for events that others may read on their way.
func (c *checker) open(what, scheme string, receiver logstash.Receiver, r *report) {
	if !inTheClear(scheme) || scheme == "unix" {
		return
	}
	host, _, _ := net.SplitHostPort(receiver.Addr)
	ip := net.ParseIP(host)
	if receiver.Remote != nil {
		host, _, _ = net.SplitHostPort(receiver.Remote.String())
		ip = net.ParseIP(host)
	}
	if ip != nil && ip.IsLoopback() || host == "localhost" {
		return
	}
	do := withTLS(scheme)
	if do == "" {
		r.warn(what, "events are sent in the clear: whoever is on the way can read them", "use beats+tls:// or tls://, which UDP has none of")
		return
	}
	r.warn(what, "events are sent in the clear: whoever is on the way can read them", "switch TLS on there, and use "+do)
}

// inTheClear reports whether a scheme is one without TLS.
func inTheClear(scheme string) bool {
	return slices.Contains([]string{"beats", "tcp", "udp", "unix", "http", "kafka", "redis"}, scheme)
}

// withTLS returns what an address begins with over TLS in place of a scheme without,
// empty if there is none.
func withTLS(scheme string) string {
	switch scheme {
	case "tcp":
		return "tls://"
	case "http":
		return "https://"
	case "udp", "unix":
		return ""
	default:
		return scheme + "+tls://"
	}
}

// secrets looks at what proves who the sink is.
func (c *checker) secrets(s *Sink, scheme string, opts *logstash.DialOptions, r *report) {
	if inTheClear(scheme) && (strings.Contains(s.Addr, "@") || opts.Password != "" || opts.BearerToken != "") {
		r.warn("credentials", "are sent in the clear over "+scheme+"://", "use "+withTLS(scheme))
	}
	if opts.TLS != nil && opts.TLS.InsecureSkipVerify {
		r.warn("certificate", "is not verified: TLS.InsecureSkipVerify is set, and anybody can be the receiver", "set ca_file instead")
	}
	if opts.KeyFile == "" || !modes {
		return
	}
	if info, err := os.Stat(opts.KeyFile); err == nil && info.Mode().Perm()&0o006 != 0 {
		r.warn("key "+opts.KeyFile, belongs(info)+": it is not for every user", "run: chmod o-rwx "+shellWord(opts.KeyFile))
	}
}

// certificate looks at when a certificate ends.
func (c *checker) certificate(what string, cert *x509.Certificate, r *report) {
	left := time.Until(cert.NotAfter)
	end := cert.NotAfter.UTC().Format(time.DateOnly)
	days := "1 day"
	if n := int(left / (24 * time.Hour)); n != 1 {
		days = strconv.Itoa(n) + " days"
	}
	name := cert.Subject.String()
	switch {
	case left <= 0:
		r.fail(what, fmt.Sprintf("%s has expired on %s", name, end), "renew it")
	case time.Now().Before(cert.NotBefore):
		r.fail(what, fmt.Sprintf("%s is valid from %s on only", name, cert.NotBefore.UTC().Format(time.RFC3339)), "see whether the clock here is right")
	case left < expiry:
		r.warn(what, fmt.Sprintf("%s ends on %s, in %s", name, end, days), "renew it now")
	default:
		r.pass(what, fmt.Sprintf("%s is valid until %s, for %s", name, end, days))
	}
}

// spool looks at where events wait for a receiver that is away.
func (c *checker) spool(s *Sink, r *report) {
	opts := s.dialOptions()
	if opts.SpoolDir == "" {
		r.warn("spool", "none: events wait in memory for a receiver that is away, up to "+bytesText(cmp.Or(opts.Size, 64<<20))+
			", and are lost when the program ends meanwhile", `set spool_dir, as in "/var/lib/app/spool"`)
		return
	}
	var dir report
	c.directory(opts.SpoolDir, 0o700, false, &dir)
	for _, f := range dir.findings {
		f.What = strings.Replace(f.What, "directory ", "spool ", 1)
		r.findings = append(r.findings, f)
	}
	n := need{sink: s.Name + " (spool)", dir: opts.SpoolDir, bytes: cmp.Or(opts.SpoolMaxBytes, 1<<30)}
	entries, _ := os.ReadDir(opts.SpoolDir) // none before the first start
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			n.bytes = max(n.bytes-info.Size(), 0)
		}
	}
	r.needs = append(r.needs, n)
}

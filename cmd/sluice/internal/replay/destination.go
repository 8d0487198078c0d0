package replay

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/logstash"
)

// credentialsVariable has what --credentials has in its file.
const credentialsVariable = "SLUICE_CREDENTIALS" //nolint:gosec // its name

const (
	// resendBytes is how much of what was written last is written again after a break where nothing is acked: what
	// the buffers on the way may hold.
	resendBytes = 8 << 20
	// memory bounds the events that wait for their acks.
	memory = 32 << 20
	// windows is how many batches of a connection wait for their acks, as many as are under way.
	windows = 4
)

// destination is where the events go.
type destination struct {
	addr   string
	scheme string
	name   string // without what may be secret
	acks   bool   // whether the receiver says what it has got
	opts   logstash.DialOptions
}

// destination returns where the events go. Nothing is connected to.
func (o *options) destination() (*destination, error) {
	scheme, _, _ := strings.Cut(strings.ToLower(o.to), "://")
	name, _, _ := strings.Cut(o.to, "?")
	d := &destination{addr: o.to, scheme: scheme, name: name, acks: isOneOf(scheme, "beats beats+tls http https")}
	lanes, batch := max(o.connections, 1), o.batch
	if batch == 0 {
		batch = logstash.MaxBatchSize
	}
	d.opts = logstash.DialOptions{
		Size:             memory,
		MaxEvents:        windows * batch * lanes,
		Reserve:          -1,
		Policy:           logstash.Block,
		BlockTimeout:     -1,
		BatchSize:        batch,
		CompressionLevel: o.compress,
		MinBackoff:       100 * time.Millisecond,
		MaxBackoff:       5 * time.Second,
		CAFile:           o.ca,
		CertFile:         o.cert,
		KeyFile:          o.key,
	}
	if o.connections > 1 {
		d.opts.Strategy, d.opts.Connections = logstash.LoadBalance, o.connections
	}
	if o.serverName != "" || o.insecure {
		d.opts.TLS = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: o.serverName, InsecureSkipVerify: o.insecure} //nolint:gosec // it is called so
	}
	if isOneOf(scheme, "tcp tls unix") {
		d.opts.ResendBytes = resendBytes
	}
	if isOneOf(scheme, "http https") {
		if err := o.addCredentials(&d.opts); err != nil {
			return nil, err
		}
	}
	// What is wrong with the address and the files is said before anything is read.
	s, err := logstash.Dial(d.addr, &d.opts)
	if err != nil {
		return nil, &cli.ExitError{Code: cli.Usage, Err: fmt.Errorf("--to: %w", withoutPrefix(err))}
	}
	return d, s.Close()
}

// addCredentials adds the user and password, or the token, of the file or the environment.
func (o *options) addCredentials(d *logstash.DialOptions) error {
	text, from := os.Getenv(credentialsVariable), "the variable "+credentialsVariable
	if o.credentials != "" {
		from = "--credentials " + cli.Printable(o.credentials)
		b, err := readSmall(o.credentials)
		if err != nil {
			return cli.Usagef("--credentials: %w", err)
		}
		text = string(b)
		if strings.TrimSpace(text) == "" {
			return cli.Usagef("%s: is empty, want user:password or \"Bearer\" and a token", from)
		}
	}
	text = strings.TrimSpace(text)
	if text == "" {
		return nil
	}
	if word, token, ok := strings.Cut(text, " "); ok && strings.EqualFold(word, "bearer") {
		d.BearerToken = strings.TrimSpace(token)
		return nil
	}
	user, password, ok := strings.Cut(text, ":")
	if !ok || user == "" || strings.ContainsAny(text, "\r\n") {
		return cli.Usagef("%s: want one line, user:password or \"Bearer\" and a token", from)
	}
	d.Username, d.Password = user, password
	return nil
}

// readSmall reads a file that should not be large.
func readSmall(path string) ([]byte, error) {
	const most = 64 << 10
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(f, most))
	return b, errors.Join(err, f.Close())
}

// withoutPrefix returns an error of package logstash without the name of the package, and with the names of the flags.
func withoutPrefix(err error) error {
	return errors.New(strings.NewReplacer(
		"logstash: ", "",
		"DialOptions.CertFile and KeyFile", "--cert and --key",
		"DialOptions.CAFile", "--ca", "DialOptions.CertFile", "--cert", "DialOptions.KeyFile", "--key",
		"client certificate of CertFile", "client certificate of --cert", "authority in CAFile", "authority in --ca",
		"DialOptions.TLS.ServerName", "--server-name",
		"check Username and Password, or BearerToken", "check --credentials",
		"what Username or BearerToken is allowed", "what the user of --credentials is allowed",
		"DialOptions.Username", "--credentials", "DialOptions.BearerToken", "--credentials",
		"check the Content-Type in Header, and CompressionLevel", "check --compress",
		"DialOptions.CompressionLevel", "--compress",
	).Replace(err.Error()))
}

package replay

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/sluicelog/sluice/cmd/sluice/internal/broker"
	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/logstash"
)

// credentialsVariable and sentinelVariable have what --credentials and --sentinel-credentials have in their files.
const (
	credentialsVariable = "SLUICE_CREDENTIALS"          //nolint:gosec // its name
	sentinelVariable    = "SLUICE_SENTINEL_CREDENTIALS" //nolint:gosec // its name
)

// mechanisms are those of --sasl.
const mechanisms = "plain scram-sha-256 scram-sha-512"

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
	place  string // name, and what else says where the events go
	acks   bool   // whether the receiver says what it has got
	opts   logstash.DialOptions

	settings broker.Settings
	attempts *attempts // of a broker
}

// destination returns where the events go. Nothing is connected to.
func (o *options) destination() (*destination, error) {
	scheme, _, _ := strings.Cut(strings.ToLower(o.to), "://")
	name, _, _ := strings.Cut(o.to, "?")
	isBroker := broker.Of(o.to) != ""
	d := &destination{addr: o.to, scheme: scheme, name: name, place: name, acks: isBroker || isOneOf(scheme, "beats beats+tls http https")}
	lanes, batch := max(o.connections, 1), o.batch
	if batch == 0 {
		batch = logstash.MaxBatchSize
	}
	d.opts = logstash.DialOptions{
		Size:         memory,
		MaxEvents:    windows * batch * lanes,
		Reserve:      -1,
		Policy:       logstash.Block,
		BlockTimeout: -1,
		BatchSize:    batch,
		MinBackoff:   100 * time.Millisecond,
		MaxBackoff:   5 * time.Second,
		CAFile:       o.ca,
		CertFile:     o.cert,
		KeyFile:      o.key,
	}
	if o.connections > 1 {
		d.opts.Strategy, d.opts.Connections = logstash.LoadBalance, o.connections
	}
	if o.serverName != "" || o.insecure {
		d.opts.TLS = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: o.serverName, InsecureSkipVerify: o.insecure} //nolint:gosec // it is called so
	}
	if o.keepOrder != "" {
		d.opts.Key = logstash.Field(o.keepOrder)
	}
	switch {
	case isBroker:
		if err := d.addBroker(o); err != nil {
			return nil, err
		}
	case isOneOf(scheme, "tcp tls unix"):
		d.opts.ResendBytes = resendBytes
	case isOneOf(scheme, "http https"):
		who, err := o.credentialsOf()
		if err != nil {
			return nil, err
		}
		d.opts.Username, d.opts.Password, d.opts.BearerToken = who.user, who.password, who.token
		fallthrough
	default:
		d.opts.CompressionLevel = o.compress
	}
	// What is wrong with the address and the files is said before anything is read.
	s, err := logstash.Dial(d.addr, &d.opts)
	if err != nil {
		return nil, &cli.ExitError{Code: cli.Usage, Err: fmt.Errorf("--to: %w", withoutPrefix(err))}
	}
	return d, s.Close()
}

// addBroker adds what Kafka and Redis need.
func (d *destination) addBroker(o *options) error {
	who, err := o.credentialsOf()
	if err != nil {
		return err
	}
	d.opts.Username, d.opts.Password = who.user, who.password
	if broker.Of(d.addr) == "redis" {
		err = d.addRedis(o, who)
	} else {
		err = d.addKafka(o, who)
	}
	d.attempts = &attempts{}
	for _, s := range d.settings.Schemes() {
		d.opts.Schemes = append(d.opts.Schemes, d.attempts.watch(s))
	}
	return err
}

func (d *destination) addRedis(o *options, who credentials) error {
	if who.token != "" {
		return cli.Usagef("--credentials: Redis knows no token: want user:password, or :password for its default user")
	}
	var where string
	var err error
	if d.settings.Redis, where, err = redisOptions(o.redis); err != nil {
		return cli.Usagef("%w", err)
	}
	if where != "" {
		d.place += " with " + where
	}
	sentinel, err := readCredentials("--sentinel-credentials", o.sentinels, sentinelVariable)
	if err != nil {
		return err
	}
	if sentinel.token != "" {
		return cli.Usagef("--sentinel-credentials: a sentinel knows no token: want user:password, or :password for its default user")
	}
	if d.settings.Redis.MasterName != "" || o.sentinels != "" {
		d.settings.Redis.SentinelUsername, d.settings.Redis.SentinelPassword = sentinel.user, sentinel.password
	}
	return nil
}

func (d *destination) addKafka(o *options, who credentials) error {
	var how sasl.Mechanism
	switch {
	case who.token != "" && o.sasl != "":
		return cli.Usagef("--sasl %s: --credentials has a token, which is for OAUTHBEARER: want none, or user:password", o.sasl)
	case who.token != "":
		how = oauth.Auth{Token: who.token}.AsMechanism()
	case o.sasl != "" && who.user == "":
		return cli.Usagef("--sasl %s: want --credentials, or the variable %s, with user:password", o.sasl, credentialsVariable)
	case o.sasl == "scram-sha-256":
		how = scram.Auth{User: who.user, Pass: who.password}.AsSha256Mechanism()
	case o.sasl == "scram-sha-512":
		how = scram.Auth{User: who.user, Pass: who.password}.AsSha512Mechanism()
	}
	client := &d.settings.Kafka.Client
	if how != nil { // else the scheme knows how
		d.opts.Username, d.opts.Password = "", ""
		*client = append(*client, kgo.SASL(how))
	}
	if o.compress > 0 {
		*client = append(*client, kgo.ProducerBatchCompression(kgo.GzipCompression().WithLevel(o.compress)))
	}
	return nil
}

// credentials are a user and a password, or a token.
type credentials struct{ user, password, token string }

// credentialsOf returns those of the file or the environment.
func (o *options) credentialsOf() (credentials, error) {
	c, err := readCredentials("--credentials", o.credentials, credentialsVariable)
	if err == nil && c.user == "" && c.password != "" && broker.Of(o.to) != "redis" {
		err = cli.Usagef("--credentials, or the variable %s: want user:password: only Redis has a password without a user", credentialsVariable)
	}
	return c, err
}

// readCredentials reads the file of a flag, or else a variable.
func readCredentials(flag, file, variable string) (c credentials, err error) {
	text, from := os.Getenv(variable), "the variable "+variable
	if file != "" {
		from = flag + " " + cli.Printable(file)
		b, err := readSmall(file)
		if err != nil {
			return c, cli.Usagef("%s: %w", flag, err)
		}
		text = string(b)
		if strings.TrimSpace(text) == "" {
			return c, cli.Usagef("%s: is empty, want user:password or \"Bearer\" and a token", from)
		}
	}
	text = strings.TrimSpace(text)
	if text == "" {
		return c, nil
	}
	if word, token, ok := strings.Cut(text, " "); ok && strings.EqualFold(word, "bearer") {
		return credentials{token: strings.TrimSpace(token)}, nil
	}
	user, password, ok := strings.Cut(text, ":")
	if !ok || user+password == "" || strings.ContainsAny(text, "\r\n") {
		return c, cli.Usagef("%s: want one line, user:password or \"Bearer\" and a token", from)
	}
	return credentials{user: user, password: password}, nil
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
		"logstash: ", "", "kafka: ", "", "redis: ", "",
		"address without a topic: want one, as in kafka://host/topic, or Options.Topic", "address without a topic: want one, as in kafka://host/topic",
		"see max.message.bytes and kgo.ProducerBatchMaxBytes", "see its max.message.bytes",
		", or let the brokers, with kgo.AllowAutoTopicCreation", "",
		"Username and Password in the DialOptions, SentinelPassword for a sentinel", "--credentials, --sentinel-credentials for a sentinel",
		"Options.MasterName", "--redis master=name", "see Options.Stream", "see --redis stream", "Options.CongestionThreshold", "--redis threshold",
		"Options.Replicas", "--redis replicas", "Options.DB", "--redis db",
		"llen or xlen with a CongestionThreshold, wait with Replicas, select with a DB", "llen or xlen with a threshold, wait with replicas, select with a db",
		"a smaller BatchSize is needed", "a smaller --batch is needed",
		"want none without MasterName", "want none without --redis master=name", "Options.SentinelUsername, SentinelPassword", "--sentinel-credentials",
		"Options.SentinelUsername", "--sentinel-credentials", "SentinelPassword with it", "a password with it",
		"DialOptions.CertFile and KeyFile", "--cert and --key",
		"DialOptions.CAFile", "--ca", "DialOptions.CertFile", "--cert", "DialOptions.KeyFile", "--key",
		"client certificate of CertFile", "client certificate of --cert", "authority in CAFile", "authority in --ca",
		"DialOptions.TLS.ServerName", "--server-name",
		"check Username and Password, or BearerToken", "check --credentials",
		"what Username or BearerToken is allowed", "what the user of --credentials is allowed",
		"DialOptions.Username, Password", "--credentials", "DialOptions.Username", "--credentials", "DialOptions.BearerToken", "--credentials",
		"check the Content-Type in Header, and CompressionLevel", "check --compress",
		"DialOptions.CompressionLevel", "--compress",
	).Replace(err.Error()))
}

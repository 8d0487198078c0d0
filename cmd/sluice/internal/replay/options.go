package replay

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sluicelog/sluice/cmd/sluice/internal/broker"
	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/cmd/sluice/internal/filter"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/pipeline"
)

const (
	maxConnections = 64 // as logstash.DialOptions has it
	maxCompress    = 9
)

// options are the flags.
type options struct {
	to          string
	ca          string
	cert        string
	key         string
	serverName  string
	insecure    bool
	credentials string
	sasl        string
	redis       []string
	sentinels   string
	batch       int
	connections int
	keepOrder   string
	compress    int
	giveUp      cli.Duration

	rate      int
	rateBytes pipeline.Size

	rotated  bool
	filter   filter.Options
	wanted   *filter.Filter
	text     bool
	asIs     bool
	kind     string
	tags     []string
	service  string
	host     string
	eventID  bool
	noRedact bool

	rejects string
	state   string
	noState bool
	dryRun  bool
	json    bool
	quiet   bool
}

func newOptions() *options { return &options{giveUp: cli.Duration(5 * time.Minute)} }

// addFlags adds the flags to those of a command.
func (o *options) addFlags(c *cobra.Command) {
	f := c.Flags()
	f.SortFlags = false
	f.StringVar(&o.to, "to", "", "where to, an `address` such as beats://host:5044, beats+tls://a,b, https://host/path, kafka://a,b/topic, redis://host/key, tcp://host:port, udp://, unix:///path; with +tls, and tls://, over TLS")
	f.StringVar(&o.ca, "ca", "", "PEM `file` with the certificates that the receiver's must be signed by, in place of the system's")
	f.StringVar(&o.cert, "cert", "", "PEM `file` with the certificate that the receiver is shown")
	f.StringVar(&o.key, "key", "", "PEM `file` with the key of --cert")
	f.StringVar(&o.serverName, "server-name", "", "the `name` that the receiver's certificate must have, in place of the host of --to")
	f.BoolVar(&o.insecure, "insecure", false, "take any certificate: whoever is on the way can read and change what is sent")
	f.StringVar(&o.credentials, "credentials", "", "`file` with user:password, or with \"Bearer\" and a token, for http://, kafka:// and redis://; or the variable SLUICE_CREDENTIALS")
	f.StringVar(&o.sasl, "sasl", "", "`mechanism` by which kafka:// proves the user of --credentials: plain, scram-sha-256 or scram-sha-512; a token goes by OAUTHBEARER (default plain)")
	f.StringSliceVar(&o.redis, "redis", nil, "a `setting` of redis://: "+wantRedis)
	f.StringVar(&o.sentinels, "sentinel-credentials", "", "`file` with the user:password of the sentinels; or the variable "+sentinelVariable)
	f.IntVar(&o.batch, "batch", 0, "the most `events` that are sent together, up to 2048 (default 2048)")
	f.IntVar(&o.connections, "connections", 0, "how `many` connections share the work, up to 64; the order of the events is lost, but for --keep-order (default 1)")
	f.StringVar(&o.keepOrder, "keep-order", "", "keep events with the same value of this `field`, such as trace.id, in order over several --connections; for kafka:// it is the key")
	f.IntVar(&o.compress, "compress", 0, "compress at this `level`, from 1, the fastest, to 9, the smallest; for beats://, http:// and kafka:// (default none, for kafka:// snappy)")
	f.TextVar(&o.giveUp, "give-up", o.giveUp, "end after so much `time` in which the receiver has taken nothing")
	f.IntVar(&o.rate, "rate", 0, "the most `events` that are sent in a second (default any)")
	f.TextVar(&o.rateBytes, "rate-bytes", pipeline.Size(0), "the most `bytes` of events that are sent in a second, such as \"2 MB\" (default any)")
	f.Lookup("rate-bytes").DefValue = "" // which is none
	f.BoolVarP(&o.rotated, "rotated", "r", false, "add the older files of the set that each log file belongs to, oldest first")
	o.filter.AddFlags(f)
	f.BoolVar(&o.text, "text", false, "send lines that are no JSON, too, each as an event with a message")
	f.BoolVar(&o.asIs, "as-is", false, "send every JSON object byte for byte, as events with @timestamp are in any case")
	f.StringVar(&o.kind, "type", "", "the `type` of the events that are made of lines, their field type")
	f.StringArrayVar(&o.tags, "add-tag", nil, "a `tag` for the events that are made of lines")
	f.StringVar(&o.service, "service", "", "the `name` of the service for the events that are made of lines, their field service.name")
	f.StringVar(&o.host, "host", "", "the `name` of the host for the events that are made of lines, their field host.name (default this one's)")
	f.BoolVar(&o.eventID, "event-id", false, "give the events that are made of lines an id, as uuid and [@metadata][_id], which is the same when a line is sent again")
	f.BoolVar(&o.noRedact, "no-redact", false, "send secrets as they are")
	f.StringVar(&o.rejects, "rejects", "", "`file` that gets the events that are refused and the lines that are broken (default quarantine.json in a spool, else none)")
	f.StringVar(&o.state, "state", "", "`file` that keeps how far log files were sent (default one below the user's cache directory, for these sources, filters and --to)")
	f.BoolVar(&o.noState, "no-state", false, "send log files from their beginning, and keep no state")
	f.BoolVar(&o.dryRun, "dry-run", false, "send nothing: say what would be sent, show the first events, and try to connect")
	f.BoolVarP(&o.json, "json", "j", false, "print the account as JSON")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "print no progress and no warnings")
	_ = c.RegisterFlagCompletionFunc("to", func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return []cobra.Completion{
			"beats://\ta Beats input, acked", "beats+tls://\tthe same over TLS", "http://\tan http input, acked", "https://\tthe same over TLS",
			"kafka://\ta topic of Kafka, acked", "kafka+tls://\tthe same over TLS", "redis://\ta list of Redis, acked", "redis+tls://\tthe same over TLS",
			"tcp://\ta tcp input, no acks", "tls://\tthe same over TLS", "udp://\ta udp input, no acks", "unix:///\ta unix input, no acks",
		}, cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
	})
	_ = c.RegisterFlagCompletionFunc("sasl", cobra.FixedCompletions(strings.Fields(mechanisms), cobra.ShellCompDirectiveNoFileComp))
	_ = c.RegisterFlagCompletionFunc("redis", cobra.FixedCompletions([]cobra.Completion{
		"db=\tthe number of the database", "master=\tthe name that the sentinels know it by", "stream\ta stream in place of a list",
		"threshold=\tsend nothing while there are more entries", "replicas=\thow many must have an event before it is acked",
	}, cobra.ShellCompDirectiveNoSpace|cobra.ShellCompDirectiveNoFileComp))
}

// check returns all that is wrong with the flags and arguments.
func (o *options) check(c *cobra.Command, args []string) error {
	var errs []error
	wrong := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	given := func(name string) bool { return c.Flags().Changed(name) }
	if err := cli.CheckInput(c, args); err != nil {
		errs = append(errs, err)
	}
	scheme, _, _ := strings.Cut(strings.ToLower(o.to), "://")
	wrong(o.to == "", "--to: want an address, such as beats://logstash:5044")
	wrong(given("batch") && (o.batch < 1 || o.batch > logstash.MaxBatchSize), "--batch %d: want 1 to %d", o.batch, logstash.MaxBatchSize)
	wrong(given("connections") && (o.connections < 1 || o.connections > maxConnections), "--connections %d: want 1 to %d", o.connections, maxConnections)
	wrong(given("compress") && (o.compress < 1 || o.compress > maxCompress), "--compress %d: want 1 to %d", o.compress, maxCompress)
	wrong(given("rate") && o.rate < 1, "--rate %d: want 1 or more events a second", o.rate)
	wrong(given("rate-bytes") && o.rateBytes < 1, "--rate-bytes %s: want 1 or more bytes a second", o.rateBytes)
	wrong(o.giveUp <= 0, "--give-up %s: want more than 0", o.giveUp)
	wrong(o.noState && o.state != "", "--no-state: want no --state with it")
	wrong((o.cert == "") != (o.key == ""), "--cert and --key: want both or none")
	address, _, _ := strings.Cut(o.to, "?")
	wrong(strings.Contains(address, "@") && scheme != "unix", "--to: want no user and password in it, which everybody on this machine could read: want --credentials, or the variable %s", credentialsVariable)
	for _, only := range []struct {
		flags   string
		schemes string
	}{
		{"ca cert key server-name insecure", "beats+tls tls https kafka+tls redis+tls"},
		{"compress", "beats beats+tls http https kafka kafka+tls"},
		{"credentials", "http https kafka kafka+tls redis redis+tls"},
		{"connections", "beats beats+tls http https tcp tls udp unix"},
		{"keep-order", "beats beats+tls http https kafka kafka+tls"},
		{"sasl", "kafka kafka+tls"},
		{"redis sentinel-credentials", "redis redis+tls"},
	} {
		for flag := range strings.FieldsSeq(only.flags) {
			wrong(given(flag) && o.to != "" && !isOneOf(scheme, only.schemes), "--%s: means nothing for %s://, only for %s://",
				flag, cli.Printable(scheme), english.WordSeries(strings.Split(strings.ReplaceAll(only.schemes, " ", ":// "), " "), "and"))
		}
	}
	wrong(given("keep-order") && o.keepOrder == "", "--keep-order: want a field, such as trace.id")
	wrong(o.keepOrder != "" && o.connections < 2 && broker.Of(o.to) == "", "--keep-order: one connection keeps the order of all events: want --connections with it")
	wrong(given("sasl") && !isOneOf(o.sasl, mechanisms), "--sasl %q: want %s", o.sasl, english.WordSeries(strings.Fields(mechanisms), "or"))
	_, _, err := redisOptions(o.redis)
	wrong(err != nil, "%w", err)
	if o.wanted, err = o.filter.New(time.Now()); err != nil {
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return &cli.ExitError{Code: cli.Usage, Err: err}
	}
	return nil
}

func isOneOf(word, list string) bool {
	for w := range strings.FieldsSeq(list) {
		if w == word {
			return true
		}
	}
	return false
}

// settings names the flags that say which lines of a log file become events. Other ones make another job of it.
func (o *options) settings() string {
	var b strings.Builder
	add := func(name string, values ...string) {
		for _, v := range values {
			if v != "" {
				fmt.Fprintf(&b, "--%s=%q ", name, v)
			}
		}
	}
	add("level", o.filter.Level)
	add("since", o.filter.Since)
	add("until", o.filter.Until)
	add("where", o.filter.Where...)
	add("grep", o.filter.Grep...)
	add("except", o.filter.Except...)
	add("tag", o.filter.Tags...)
	if o.text {
		b.WriteString("--text")
	}
	return strings.TrimSpace(b.String())
}

// givenFlags returns the flags as they were given.
func givenFlags(c *cobra.Command) (words []string) {
	c.Flags().Visit(func(f *pflag.Flag) {
		if list, ok := f.Value.(pflag.SliceValue); ok {
			for _, v := range list.GetSlice() {
				words = append(words, "--"+f.Name+"="+v)
			}
			return
		}
		if f.Value.Type() == "bool" {
			words = append(words, "--"+f.Name)
			return
		}
		words = append(words, "--"+f.Name+"="+f.Value.String())
	})
	return words
}

/*
Package logstash writes events that Logstash accepts, and ships them.

[Handler] encodes each record as one JSON object, with the fields of
logstash-logback-encoder or of the Elastic Common Schema, see [Profile]. It writes to
any io.Writer: a rotate.File that Filebeat tails, standard output, or a [Shipper]
that [Dial] returns:

	shipper, err := logstash.Dial("beats://logstash:5044", nil)
	if err != nil {
		return err // the address is wrong; a peer that is away is not an error
	}
	defer shipper.Close()
	logger := slog.New(logstash.NewHandler(shipper, nil))
	logger.Info("listening", "port", 8080)

ships

	{"@timestamp":"2026-11-21T23:30:00.123456Z","@version":"1",
	 "level":"INFO","level_value":20000,"message":"listening","host":{"name":"web-1"},"port":8080}

in one line.

Not for: a sink that is not Logstash and has its own idea of a log line; see
handler.JSONHandler for that.

# Guarantees

The handler keeps what package handler promises of its encoders: one line and one
Write for each record, valid JSON whatever the values are; and what Logstash,
Elasticsearch or Filebeat would reject or misread is written otherwise. Nothing in it
starts a goroutine; a Shipper starts a few for each connection and ends them in Close.

A shipper keeps events until the peer has them. What "has them" means depends on the
way:

	beats://  at least once: an event is forgotten when Logstash has acknowledged it;
	http://   what was not acknowledged is sent again, and may arrive twice
	tcp://    what the kernel has taken is forgotten, and may be lost when a connection
	tls://    breaks; with ResendBytes the last of it is written again, and may
	unix://   arrive twice
	udp://    nobody knows

Packages logstash/kafka and logstash/redis, which are modules of their own, ship to a
broker that Logstash reads from: see [Scheme].

With an EventID, see [Options], Elasticsearch stores an event once that arrives twice.

Events wait in memory, which is bounded; in a spool on disk when memory is full, or in
a spool from the beginning, so that they outlive the program: see [SpoolMode]. When there
is no room left, events are dropped or the caller waits, as the [Policy] says. Every
drop is counted: at every moment, of the events given to a Shipper, those that were
written, dropped, queued and spooled are all, see [Stats].
*/
package logstash

// Package redis ships events to Redis, from where Logstash reads them with its redis
// input: to the end of a list with RPUSH, or to a stream with XADD.
//
//	shipper, err := logstash.Dial("redis+tls://redis-1:6379/logstash", &logstash.DialOptions{
//		Username: "orders", Password: password,
//		SpoolDir: "/var/lib/orders/spool", SpoolMode: logstash.SpoolOverflow,
//		Schemes: []logstash.Scheme{redis.Scheme(&redis.Options{CongestionThreshold: 5_000_000})},
//	})
//
// The path of the address is the key: it is not the number of a database, as it is in
// addresses of other programs. An entry is one event, a JSON object.
//
// Redis in between takes the peaks while Logstash is slow or away, in memory. Where
// Logstash can be reached, beats:// does more with less: the spool of each program takes
// the peaks on disk, and one hop less can fail. Where days of events are to be kept, or
// several readers want them all, Kafka is the better broker.
//
// # Guarantees
//
// Events are acked when Redis has answered that it has them; until then they are kept in
// the queue and the spool of the Shipper. A batch is one RPUSH, or the XADDs of one
// transaction, so that Redis has all of it or nothing, in its order. When the
// connection breaks before the answer, the batch is sent again: after each break, one
// batch at most is there twice, in Stats.Resent.
//
// The answer says that the events are in the memory of Redis. What a crash of Redis takes
// with it is the business of its settings appendonly and appendfsync, and what a failover
// does that of its replication, which is asynchronous: with Options.Replicas, events are
// only acked when so many replicas have them. Without, a failover loses what the old master
// has acked and its heir did not get: from the moment that this is made the master until the
// sentinels say so and the Transport has heard it, a planned failover loses all events.
//
// # Failure
//
// Whatever is wrong, from a refused connection to a full memory, events stay with the
// Shipper, which tries again after its backoff; its Health and OnError say what Redis said.
// Every failure closes the connection, so that the next one may find another server: the
// master that the sentinels know by then (Options.MasterName), another host of the address, or
// what the name of the host then stands for. A connection stays while events only wait, for
// replicas or for readers.
//
// The sentinels are asked about each second. The master is the one that most of them name, and
// it is left as soon as more of them name another one, whether it works or not: a sentinel that
// is behind is outvoted, as long as the address has three or more.
//
// Several hosts without sentinels are nodes of one cluster, tried in turn. Where one says that
// another has the key, or is about to get it (MOVED, ASK), events go there.
//
// Only an event that is too long for the server is given up, to the QuarantineFile: one beyond
// proto-max-bulk-len at once, and one beyond client-query-buffer-limit, over which Redis hangs
// up without a word, when it has done so again and again while it took others.
//
// A Transport of this package has one connection to Redis, and no goroutine of its own. With a
// MasterName, each sentinel has a goroutine and a connection as well, from the first batch until
// Close.
package redis

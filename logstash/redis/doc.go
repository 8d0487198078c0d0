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
// only acked when so many replicas have them.
//
// # Failure
//
// Whatever is wrong, from a refused connection to a full memory, events stay with the
// Shipper, which tries again after its backoff; its Health and OnError say what Redis said.
// Every failure closes the connection, so that the next one may find another server: the
// master that the sentinels know by then (Options.MasterName), or what the name of the host
// then stands for. A connection stays while events only wait, for replicas or for readers; the
// sentinels are asked meanwhile, and it is left when they have another master. A redirection
// by a cluster (MOVED) is followed. Only an event that is too long for the server is given up,
// to the QuarantineFile: one beyond proto-max-bulk-len at once, and one beyond
// client-query-buffer-limit, over which Redis hangs up without a word, when it has done so
// again and again while it took others.
//
// A Transport of this package has no goroutine of its own, and a single connection.
package redis

// Package lstest holds receivers that stand in for Logstash in tests and
// examples: [ListenBeats] for the Beats input, [ListenTCP] and [ListenUnix] for
// the tcp and unix inputs with the json_lines codec, [ListenUDP] for the udp
// input, and [ListenHTTP] for the http input. [ListenProxy] puts a network
// between them and their clients that breaks as it is told to, or at random.
//
// All of them can be killed and restarted on the same address and told to
// misbehave in every way the real ones are known to, and remember what they
// were sent. A [Ledger] says of millions of events which are missing, which
// came twice, and whether they came in order. All methods are safe for
// concurrent use. Close ends every goroutine that was started.
//
// [NewBeats], [NewTCP], [NewHTTP] and [NewProxy] do without the network: their Dial makes
// connections in memory, so that with testing/synctest an hour of keepalives
// or a minute of silence takes no time.
package lstest

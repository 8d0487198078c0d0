// Package lstest holds receivers that stand in for Logstash in tests and
// examples: [ListenBeats] for the Beats input and [ListenTCP] for the tcp
// input with the json_lines codec.
//
// Both can be killed and restarted on the same address and told to misbehave
// in every way the real ones are known to, and both remember what they were
// sent. All methods are safe for concurrent use. Close ends every goroutine
// that was started.
package lstest

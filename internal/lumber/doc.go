// Package lumber speaks the client's half of version 2 of the Lumberjack
// protocol, which the Beats input of Logstash understands.
//
// All numbers on the wire are big-endian and 32 bits wide:
//
//	window      '2' 'W' n                  n events follow, n acks are wanted
//	json        '2' 'J' seq len payload    one event, numbered 1..n in its window
//	compressed  '2' 'C' len zlib           whole json frames
//	ack         '2' 'A' seq                from the server only
//
// An [Encoder] turns events into the bytes of one window. A [Conn] sends
// windows over a connection, several of them before the first is acked, and
// counts the acks, which belong to the windows in their order. Neither dials,
// retries or reconnects: a Conn that has failed is closed and stays so,
// because nothing may follow a window that was sent in part.
package lumber

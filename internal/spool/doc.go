// Package spool is a queue of events on disk, for those that a receiver has not
// acknowledged yet.
//
// Events are appended in batches, each with one write unless it is very large,
// to the last of a row of segment files. They are read in the same order in
// leases, and acknowledged in any; segments that are done with are deleted. The
// queue is bounded by bytes and by age. What Append has returned for survives
// the end of the process, however it ends, and with [SyncEveryBatch] a crash of
// the system. An event that was acknowledged comes back only after such a crash,
// or when one before it was not.
//
// Every batch has a checksum. What is damaged is passed over, kept aside and
// counted, and nothing else is lost with it.
//
// It is not for several processes: a lock keeps the second one out. Where there
// are no locks, as on Plan 9, nothing does.
package spool

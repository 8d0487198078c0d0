// Package defects is a table of what is known to go wrong with a rotating log
// file, as tests: each row is put to lumberjack, to timberjack, to rotate.File
// and to rotate.Wrap of the very lumberjack.Logger that the first one is put to.
//
//	go test -v -run TestDefects ./bench/defects
//
// A row fails when rotate has the defect, and also when a peer that is said to
// have it has not: a proof that cannot fail proves nothing. Where a peer's
// failure is a race, the row is tried again until it shows.
//
// The tests run on Linux. Those that need a small disk, files of another owner
// or a user who may not write somewhere are skipped unless root runs them.
package defects

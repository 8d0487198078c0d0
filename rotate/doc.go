// Package rotate is the life of a log file: it is appended to, rotated when it
// is large enough or when it is time, kept as a backup, compressed and removed.
//
// A [File] is an [io.Writer] for whole lines, and with [NewHandler] the end of a
// chain of [slog.Handler]s:
//
//	f, err := rotate.Open("/var/log/app/app.log", &rotate.Options{
//		MaxSize:    100 * rotate.MiB,
//		Schedule:   "daily at 00:00",
//		MaxBackups: 10,
//		Compress:   rotate.Gzip,
//		FileMode:   0o640,
//	})
//	if err != nil {
//		return err
//	}
//	defer f.Close()
//	logger := slog.New(slog.NewJSONHandler(f, nil))
//
// A program that uses lumberjack changes one line: [Wrap] takes its Logger. For
// what is to be done from outside there are [Probe], which says before the
// start whether a directory will do, and [Clean] and [Archive] for cron jobs.
//
// # When not to use it
//
// Not in a container whose platform collects standard output. Not together with
// logrotate on the same file, unless MaxSize is negative and Schedule is empty:
// then logrotate may rename the file and signal the program, which calls
// [File.Reopen], or truncate it (copytruncate), which leaves no hole. For one
// file that several processes write to there is MultiProcess; without it their
// lines stay whole, but each of them would rotate and remove.
//
// # Names
//
// The live file has the path given to Open, always: even during a rotation there
// is a file at the path, on Unix and where the file system has hard links. The
// backups of app.log are beside it and called
//
//	app-20261121T233046.123456Z.log
//	app-20261121T233046.123456Z.log.gz
//
// with the time of the rotation in UTC, so that they sort by age. If the clock is
// set back by less than a day, the names go on from the newest; what a clock that
// was wrong by more has dated ahead counts as the oldest. A name that is taken gets a number
// after the Z; a backup is never replaced, and never renamed except for its
// compression. Files called so, and those that lumberjack and timberjack have
// left under their names, are the only ones that are ever removed, and only if
// they are regular files. Temporary files are hidden, and end in .tmp; the files
// that processes lock are hidden, and end in .lock.
//
// # What is guaranteed
//
// Order and wholeness: what one Write is given stays together in one file, in
// the order in which the Writes got their turn. A line that does not fit on a
// full disk is taken back, so that the file never holds a part of it; when
// there is space again, writing goes on by itself.
//
// Loss: a line whose Write returned nil is in the file, in the hands of the
// operating system: it survives the end of the program, kill -9 included. To
// survive the end of the machine it needs [File.Sync], or one of
// [Options.SyncInterval], [Options.SyncLevel] and [Options.SyncEveryWrite]. A
// line whose Write returned an error counts as dropped in [Stats], and is the
// caller's again. What a process that was killed had begun, a rotation or a
// compression, is ended or undone by the next Open.
//
// Failure: whatever goes wrong with a rotation, a compression or a removal, the
// lines go on into the file that is open. The attempt is repeated, after 100 ms
// first and then less and less often, once a minute in the end, and each failure is
// told to [Options.OnError]. A file that was renamed or removed by somebody else
// is noticed within a second, or with the first Write after that, and opened
// again at its path. So it is, once, when writing fails with an I/O error or a
// stale handle.
//
// Concurrency: all methods can be called at the same time. Hooks are called
// without a lock, but for [Options.Header]. In one process there can be one File
// at a path: a second Open of it fails.
//
// # Several processes
//
// With [Options.MultiProcess] each Write takes a lock between processes, looks
// whether another one has rotated the file, and follows. No line is lost, torn
// or doubled, even if a process is killed; one that is stopped with the lock in
// its hand holds the others up for a second, after which they write without, and
// do not rotate until they get it. With [Options.PerProcess] there is nothing to
// wait for: each process has its own file, and the files of those that have
// ended count as backups.
//
// # Goroutines
//
// Each File has one goroutine until it is closed. Besides, this package appends
// through [lumberjack], whose goroutine outlives the file, by design of that
// package. The engines are reused, so that there are no more of those goroutines
// than two for each file that was open at the same time, or one for those that
// were not rotated. A test for leaked goroutines has to ignore the function
//
//	gopkg.in/natefinch/lumberjack%2ev2.(*Logger).millRun
//
// and code in a [testing/synctest] bubble can only use as many engines as were
// made before it: open two files and close them first.
//
// [lumberjack]: https://pkg.go.dev/gopkg.in/natefinch/lumberjack.v2
package rotate

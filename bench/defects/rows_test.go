//go:build linux

package defects_test

// rows returns what is known of lumberjack v2.2.1 (L) and timberjack v1.4.9 (T).
// The letters are for lumberjack, timberjack, rotate and Wrap.
func rows() []row {
	return []row{
		{"L01", "Close leaves a goroutine", "FHHH", 1, leavesGoroutine},
		{"L02", "copytruncate leaves a hole of NULs", "FFHH", 1, leavesHole},
		{"L03", "two processes lose each other's lines", "FFHH", 5, losesToProcess},
		{"L04", "backups of the same millisecond replace each other", "FHHH", 5, replacesBackup},
		{"L05", "a rotation that fails drops all lines from then on", "FFHH", 1, dropsAfterFailure},
		{"L06", "a full disk leaves a torn line", "FFHH", 1, tearsLine},
		{"L07", "nobody hears of a failed compression", "FHHH", 1, keepsSilent},
		{"L08", "kill -9 leaves half an archive under its final name", "FHHH", 3, leavesHalfArchive},
		{"L09", "the source of an archive goes before it is on disk", "FFHH", 3, removesBeforeSync},
		{"L10", "a symbolic link is rotated in place of the file", "FFHH", 1, rotatesLink},
		{"L11", "a file that was moved away is written to for ever", "FFHH", 1, missesMove},
		{"L12", "empty backups push out the ones with lines", "FFHH", 1, pushesOut},
		{"L13", "a line larger than MaxSize is refused", "FFHH", 1, refusesLarge},
		{"L14", "a negative MaxSize makes every line fail", "FFHH", 1, refusesAll},
		{"L15", "no rotation by time", "nHHH", 1, ignoresTime},
		{"L16", "local times in names are read as UTC", "FHHH", 1, misreadsZone},
		{"L17", "the umask takes bits of the mode at each rotation", "FHHH", 1, losesMode},
		{"L18", "a file of another owner costs the line that rotates", "FHHH", 1, losesToOwner},
		{"L19", "Write and Rotate after Close open the file again", "FFHH", 1, writesAfterClose},
		{"L20", "a backlog of compression keeps too many backups", "FFHH", 5, overshoots},
		{"L21", "no hooks, no limit of all sizes, no zstd", "nnHH", 1, lacksHooks},
		{"L22", "no way to sync", "FHHH", 1, cannotSync},
		{"L23", "the limit is another one when the file is opened", "FFHH", 1, limitsTwice},

		{"T01", "no O_APPEND", "-FH-", 1, leavesHole},
		{"T01", "two processes lose each other's lines", "-FH-", 5, losesToProcess},
		{"T02", "a rotation that fails drops all lines from then on", "-FH-", 1, dropsAfterFailure},
		{"T03", "a full disk leaves a torn line", "-FH-", 1, tearsLine},
		{"T04", "a file that was moved away is written to for ever", "-FH-", 1, missesMove},
		{"T05", "empty backups push out the ones with lines", "-FH-", 1, pushesOut},
		{"T06", "a line larger than MaxSize is refused", "-FH-", 1, refusesLarge},
		{"T07", "a symbolic link is rotated in place of the file", "-FH-", 1, rotatesLink},
		{"T08", "a backlog of compression keeps too many backups", "-FH-", 5, overshoots},
		{"T09", "half an archive costs its whole source", "HFHH", 1, trustsHalfArchive},
		{"T10", "a restart forgets that a rotation is due", "nFHH", 1, forgetsPeriod},
		{"T11", "Write after Close opens the file for each line", "-FH-", 1, writesAfterClose},
		{"T12", "the schedule goes on after Close", "nFHH", 1, rotatesAfterClose},
		{"T13", "what a killed compression leaves stays for ever", "nFHH", 1, keepsLeftover},
		{"T14", "a tag was moved", "nnnn", 1, movesTag},
	}
}

//go:build unix

package spool

import "syscall"

// noFollow makes opening a symbolic link an error.
const noFollow = syscall.O_NOFOLLOW

// syncingDirs says that a directory can be synced.
const syncingDirs = true

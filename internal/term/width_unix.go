//go:build unix

package term

import "golang.org/x/sys/unix"

// Width returns the columns of the terminal behind a file descriptor, 0 if there is
// none or it does not say.
func Width(fd uintptr) int {
	size, err := unix.IoctlGetWinsize(int(fd), unix.TIOCGWINSZ)
	if err != nil {
		return 0
	}
	return int(size.Col)
}

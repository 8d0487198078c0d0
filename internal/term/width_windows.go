package term

import "golang.org/x/sys/windows"

// Width returns the columns of the terminal behind a file descriptor, 0 if there is
// none or it does not say.
func Width(fd uintptr) int {
	var info windows.ConsoleScreenBufferInfo
	if err := windows.GetConsoleScreenBufferInfo(windows.Handle(fd), &info); err != nil {
		return 0
	}
	return int(info.Window.Right) - int(info.Window.Left) + 1
}

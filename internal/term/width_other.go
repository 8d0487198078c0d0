//go:build !unix && !windows

package term

// Width returns 0: nobody knows how to ask here.
func Width(uintptr) int { return 0 }

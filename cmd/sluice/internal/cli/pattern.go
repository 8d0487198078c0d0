package cli

import (
	"fmt"
	"path"
	"strings"
)

// CheckPattern returns what is wrong with the value of --pattern, which is for names of files in one directory.
func CheckPattern(pattern string) error {
	var want string
	switch _, err := path.Match(pattern, ""); {
	case err != nil:
		want = "one in which each [ has its ]"
	case strings.Contains(pattern, "/"):
		want = "a pattern for names, without a slash"
	case strings.HasPrefix(pattern, "."):
		want = "none for hidden files, which are never touched"
	default:
		return nil
	}
	return fmt.Errorf("--pattern is %q: want %s", pattern, want)
}

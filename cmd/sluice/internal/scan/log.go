package scan

import (
	"path/filepath"
	"strings"

	"github.com/sluicelog/sluice/internal/logname"
)

// logOf returns the name of the log that a file belongs to, by its own name: whatever directory it was moved to.
func logOf(path string) string {
	name := filepath.Base(path)
	if r, ok := logname.Parse(name); ok {
		return r.Live
	}
	for _, ending := range []string{".gz", ".zst"} {
		if rest := strings.TrimSuffix(name, ending); rest != "" {
			name = rest
		}
	}
	return name
}

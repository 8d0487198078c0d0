package scan

import (
	"path/filepath"
	"regexp"
)

var (
	compressed = regexp.MustCompile(`\.(gz|zst|bz2|xz)$`)
	// As sluice, lumberjack and timberjack call what they rotate away: app-20261121T233046.123456Z.log, app-2026-11-21T23-30-46.123-size.log.
	stamped = regexp.MustCompile(`-(\d{8}T\d{6}\.\d{6}(Z|[+-]\d{4})(-\d+)?|\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}(-[a-z0-9_]+)?)(\.[^.]*)?$`)
	// As logrotate does: app.log.1, app.log-20261121, app.log-2026112123.
	numbered = regexp.MustCompile(`(\.\d+|-\d{8}([-_]?\d+)?)$`)
)

// logOf returns the name of the log that a file belongs to, by its own name: whatever directory it was moved to.
func logOf(path string) string {
	name := filepath.Base(path)
	for _, suffix := range []*regexp.Regexp{compressed, numbered} {
		if rest := suffix.ReplaceAllString(name, ""); rest != "" {
			name = rest
		}
	}
	if rest := stamped.ReplaceAllString(name, "$5"); rest != "" {
		name = rest
	}
	return name
}

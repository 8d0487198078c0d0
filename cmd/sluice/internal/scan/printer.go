package scan

import "github.com/sluicelog/sluice/redact"

// printer prints findings, in the order of the files.
type printer interface {
	finding(f redact.Finding) error
	end() error // of a file
	close(a *account) error
}

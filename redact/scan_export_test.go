package redact

import (
	"io"
	"iter"
)

// ScanIn is Scan with windows of another size than scanWindow.
func ScanIn(r *Redactor, text io.Reader, window int) iter.Seq2[Finding, error] {
	return r.scan(text, window)
}

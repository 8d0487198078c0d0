package scan

// printer prints findings, in the order of the files.
type printer interface {
	finding(f finding) error
	end(more int) error // of a file, of which more findings are not printed
	close(a *account) error
}

// Package leaks is a table of the shapes that a secret can have in a record, as
// tests: each is put to masq, as the ReplaceAttr of a slog.JSONHandler, and to
// package redact before one. A second table has texts, for the four regexps that
// guides to logging in production have for their readers to copy, and for
// redact.String.
//
//	go test -v ./bench/leaks
//
// redact has its default rules, and masq is told what to look for: the name of
// the very field or key, or, where it is the text that gives the secret away, the
// secret itself.
//
// A row fails when redact shows the secret, or changes what is none, and also when
// the other one does not what it is said to do: a table that cannot fail proves
// nothing.
package leaks

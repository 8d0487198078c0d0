// Package decode shows that the libraries for YAML, TOML and the environment decode
// what package pipeline describes: its Config, and its text types in a program's own
// struct. It has only tests.
package decode

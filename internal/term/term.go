// Package term asks a terminal how wide it is.
package term

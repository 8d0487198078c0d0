// Package monitor says what a program's logs are doing: how many records of which
// level, how fast, and how the outputs take them.
package monitor

//go:build linux

// Command strategies measures the ways from a Go program to Logstash, and writes
// the tables of docs/logstash-strategies.md.
//
//	go run ./strategies [-quick] [-way expression]
//
// For each way, a child process logs events at a steady rate, and a stand-in for
// Logstash in this process takes them: without any trouble, while it is restarted
// twice, while it is away for five seconds, and while the child is killed and
// started again. Every event has a number and the time of its Handle, so that it
// can be said which were lost, which came twice, and how long they took.
//
// The tables stand between the lines <!-- strategies:begin --> and
// <!-- strategies:end -->. With -quick everything is shorter, with -way only the
// ways are measured whose names match; both print the tables and write nothing.
// It runs anywhere in the repository, on Linux, and takes up to six minutes. Without a
// filebeat on the PATH it says so, and the rows about Filebeat stay as they are.
package main

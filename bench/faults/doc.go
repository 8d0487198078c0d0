// Package faults is a table of what is known to go wrong with handlers that stand
// before others, and with those that print for people, as tests: each row is put to
// the peer that is said to have the fault, and to what stands for it here.
//
//	go test -v -run TestFaults ./bench/faults
//
// A row fails when the one of sluice has the fault, and also when the peer has not: a
// proof that cannot fail proves nothing.
package faults

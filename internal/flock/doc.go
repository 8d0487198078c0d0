// Package flock locks files against other processes.
//
// A lock belongs to an open file: it excludes every other open file of the same
// name, those of the same process too, and ends with the file or its process,
// however that ends. It is advice, which binds only who asks for it, and on a
// network file system it may be neither supported nor true.
package flock

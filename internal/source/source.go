// Package source says where in a program a log call stands.
package source

import (
	"net/url"
	"runtime"
	"strings"
)

// A Source is the place of a log call. The zero Source is that of a record
// without a PC.
type Source struct {
	Package  string // the import path, such as "github.com/acme/db"; "main" for a program's own
	Function string // within the package, such as "(*Pool).Get" or "main.func1"
	File     string
	Line     int
}

// Of returns the place of a PC as [runtime.Callers] returns it.
func Of(pc uintptr) Source {
	if pc == 0 {
		return Source{}
	}
	f, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	pkg, name := split(f.Function)
	return Source{Package: pkg, Function: name, File: f.File, Line: f.Line}
}

// split divides the name of a function as the runtime writes it: in the last
// element of an import path a dot is %2e there.
func split(function string) (pkg, name string) {
	slash := strings.LastIndexByte(beforeTypes(function), '/') + 1
	dot := strings.IndexByte(function[slash:], '.')
	if dot < 0 {
		return "", function
	}
	pkg, name = function[:slash+dot], function[slash+dot+1:]
	if plain, err := url.PathUnescape(pkg); err == nil {
		pkg = plain
	}
	return pkg, name
}

// beforeTypes returns what stands before type arguments, which may have slashes.
func beforeTypes(function string) string {
	before, _, _ := strings.Cut(function, "[")
	return before
}

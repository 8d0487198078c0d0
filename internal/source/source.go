// Package source says where in a program a log call stands.
package source

import (
	"net/url"
	"runtime"
	"runtime/debug"
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

// Of returns the place of a PC as [runtime.Callers] returns it. A function literal in
// a function that the compiler has inlined goes by the name of the function that it
// was inlined into. The package is the right one nevertheless if it is from another
// module; within a module and in the standard library it is the other function's.
func Of(pc uintptr) Source {
	if pc == 0 {
		return Source{}
	}
	f, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	pkg, name := split(f.Function)
	if isLiteral(name) {
		pkg = packageOfLiteral(pkg, f.File)
	}
	return Source{Package: pkg, Function: name, File: f.File, Line: f.Line}
}

// isLiteral reports whether a function has no name of its own but a number: it is a
// function literal, or what the compiler makes of the body of a loop, of go and of defer.
func isLiteral(name string) bool {
	for _, mark := range []string{".func", "-range", ".gowrap", ".deferwrap"} {
		i := strings.LastIndex(name, mark)
		if i < 0 {
			continue
		}
		if number := name[i+len(mark):]; number != "" && '0' <= number[0] && number[0] <= '9' {
			return true
		}
	}
	return false
}

// packageOfLiteral returns the package that a file is in, if it is known, and pkg otherwise.
func packageOfLiteral(pkg, file string) string {
	path := importPath(file)
	if path == "" || below(path, strings.TrimSuffix(pkg, "_test")) || below(pkg, path) {
		return pkg
	}
	info, ok := debug.ReadBuildInfo()
	switch {
	case !ok:
		return path
	case info.Path == path:
		return "main" // of a program that go install has fetched
	default:
		return original(path, info.Deps)
	}
}

// original returns the import path of a package whose module a go.mod may have put in
// the place of another one.
func original(path string, deps []*debug.Module) string {
	for _, dep := range deps {
		if dep.Replace == nil {
			continue
		}
		rest, ok := strings.CutPrefix(path, dep.Replace.Path)
		if ok && (rest == "" || rest[0] == '/') {
			return dep.Path + rest
		}
	}
	return path
}

// below reports whether a path ends in an import path.
func below(path, pkg string) bool { return path == pkg || strings.HasSuffix(path, "/"+pkg) }

// importPath returns the import path of the package of a file in a module cache or a
// vendor directory, or "" if it is in neither.
func importPath(file string) string {
	dir := file[:max(0, strings.LastIndexByte(file, '/'))]
	if i := strings.LastIndex(dir, "/vendor/"); i >= 0 {
		return fromHost(dir[i+len("/vendor/"):])
	}
	module, rest, ok := strings.Cut(dir, "@v")
	if !ok || rest == "" || rest[0] < '0' || rest[0] > '9' {
		return ""
	}
	if i := strings.Index(module, "/pkg/mod/"); i >= 0 {
		module = module[i+len("/pkg/mod/"):]
	}
	_, inModule, ok := strings.Cut(rest, "/")
	if ok {
		inModule = "/" + inModule
	}
	return fromHost(unescape(module) + inModule)
}

// fromHost returns a path from its first element on that has a dot, as the first one
// of a module's path has, or "".
func fromHost(path string) string {
	for {
		element, rest, more := strings.Cut(path, "/")
		switch {
		case strings.IndexByte(element, '.') > 0:
			return path
		case !more:
			return ""
		}
		path = rest
	}
}

// unescape undoes what a module cache does to capitals: !t is T.
func unescape(path string) string {
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c == '!' && i+1 < len(path) {
			i++
			c = path[i] - 'a' + 'A'
		}
		b.WriteByte(c)
	}
	return b.String()
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

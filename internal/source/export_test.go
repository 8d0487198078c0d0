package source

// Original is the import path that a go.mod has given another module to.
var Original = original

// PackageOf is the package of a function that the runtime names so, in a file.
func PackageOf(function, file string) (pkg, name string) {
	pkg, name = split(function)
	if isLiteral(name) {
		pkg = packageOfLiteral(pkg, file)
	}
	return pkg, name
}

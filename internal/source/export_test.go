package source

// PackageOf is the package of a function that the runtime names so, in a file.
func PackageOf(function, file string) (pkg, name string) {
	pkg, name = split(function)
	return rightPackage(pkg, file), name
}

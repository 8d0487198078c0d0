package source_test

import (
	"bytes"
	"reflect"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/natefinch/lumberjack.v2"

	"github.com/sluicelog/sluice/internal/source"
)

func pc() uintptr {
	var pcs [1]uintptr
	runtime.Callers(2, pcs[:])
	return pcs[0]
}

type list[T any] struct{}

func (list[T]) pc() uintptr { return pc() }

func generic[T any]() (at uintptr) {
	func() { at = pc() }()
	return at
}

// entry returns the PC of a function as one that was called has it.
func entry(f any) uintptr { return reflect.ValueOf(f).Pointer() + 1 }

func TestOf(t *testing.T) {
	t.Parallel()
	const here = "github.com/sluicelog/sluice/internal/source_test"
	var literal uintptr
	func() { literal = pc() }()
	for name, tt := range map[string]struct {
		pc        uintptr
		pkg, name string
	}{
		"a function":               {pc(), here, "TestOf"},
		"a function literal":       {literal, here, "TestOf.func"},
		"a method":                 {entry((*bytes.Buffer).Write), "bytes", "(*Buffer).Write"},
		"a generic function":       {generic[bytes.Buffer](), here, "generic[...].func"},
		"a generic type":           {list[bytes.Buffer]{}.pc(), here, "list[...].pc"},
		"a dot in an import path":  {entry((*lumberjack.Logger).Rotate), "gopkg.in/natefinch/lumberjack.v2", "(*Logger).Rotate"},
		"one of the standard ones": {entry(strings.ToUpper), "strings", "ToUpper"},
	} {
		got := source.Of(tt.pc)
		if got.Package != tt.pkg || got.Line == 0 || !strings.HasSuffix(got.File, ".go") || !strings.Contains(got.Function, tt.name) {
			t.Errorf("%s: got %+v, want %+v", name, got, tt)
		}
	}
	if got := source.Of(0); got != (source.Source{}) {
		t.Errorf("got %+v of no PC", got)
	}
	if got := source.Of(1); got.Package != "" || got.File != "" {
		t.Errorf("got %+v of a PC that is none", got)
	}
}

func TestPackageOfANameAndAFile(t *testing.T) {
	t.Parallel()
	const cache = "/home/gopher/go/pkg/mod/"
	for _, tt := range []struct{ function, file, pkg, name string }{
		{"main.main", "/src/main.go", "main", "main"},
		{"main.main.func1", "/src/main.go", "main", "main.func1"},
		{"github.com/acme/db.(*Pool).Get", "/src/db/pool.go", "github.com/acme/db", "(*Pool).Get"},
		{"gopkg.in/yaml%2ev3.Unmarshal", cache + "gopkg.in/yaml.v3@v3.0.1/yaml.go", "gopkg.in/yaml.v3", "Unmarshal"},
		{"example.com/a%2eb/c%2ed.init.0", "/src/c.go", "example.com/a.b/c.d", "init.0"},
		{"github.com/acme/db.Map[go.shape.struct { github.com/x/y.T }].func1", "/src/m.go", "github.com/acme/db", "Map[go.shape.struct { github.com/x/y.T }].func1"},
		{"github.com/acme/bad%zz.F", "/src/m.go", "github.com/acme/bad%zz", "F"},
		{"nodot", "", "", "nodot"},
		{"", "", "", ""},
		// What the compiler has inlined.
		{
			"github.com/acme/app_test.TestX.RequestLogger.func3", cache + "github.com/go-chi/httplog/v3@v3.3.0/middleware.go",
			"github.com/go-chi/httplog/v3", "TestX.RequestLogger.func3",
		},
		{"main.main.Recover.func1", cache + "github.com/robfig/cron/v3@v3.0.1/chain.go", "github.com/robfig/cron/v3", "main.Recover.func1"},
		{"main.main.F.func1", "/cache/github.com/!azure/!s!d!k@v1.0.0-20200101000000-abcdef/sub/dir/f.go", "github.com/Azure/SDK/sub/dir", "main.F.func1"},
		{"main.main.F.func1", "github.com/acme/lib@v2.0.0+incompatible/f.go", "github.com/acme/lib", "main.F.func1"},
		{"main.main.F.func1", "/src/app/vendor/github.com/acme/lib/f.go", "github.com/acme/lib", "main.F.func1"},
		{"main.main.F.func1", "C:/go/pkg/mod/example.com/lib@v1.0.0/f.go", "example.com/lib", "main.F.func1"},
		{"main.main.F-range1", cache + "github.com/acme/lib@v1.0.0/f.go", "github.com/acme/lib", "main.F-range1"},
		{"main.main.F.gowrap1", cache + "github.com/acme/lib@v1.0.0/f.go", "github.com/acme/lib", "main.F.gowrap1"},
		// And what it has not.
		{"github.com/orig/lib.F", cache + "github.com/fork/lib@v1.2.3/f.go", "github.com/orig/lib", "F"},
		{"github.com/orig/lib.(*T).funcs", cache + "github.com/fork/lib@v1.2.3/f.go", "github.com/orig/lib", "(*T).funcs"},
		{"github.com/acme/lib_test.F", cache + "github.com/acme/lib@v1.0.0/f_test.go", "github.com/acme/lib_test", "F"},
		{"vendor/golang.org/x/net/idna.F", "/usr/lib/go/src/vendor/golang.org/x/net/idna/f.go", "vendor/golang.org/x/net/idna", "F"},
		{"main.main", "/home/me@vps/main.go", "main", "main"},
		{"main.main", "/home/me@v1/main.go", "main", "main"},
		{"main.main", "/home/vendor/app/main.go", "main", "main"},
		{"net/http.F", "/usr/lib/go/src/net/http/f.go", "net/http", "F"},
	} {
		pkg, name := source.PackageOf(tt.function, tt.file)
		if diff := cmp.Diff([2]string{tt.pkg, tt.name}, [2]string{pkg, name}); diff != "" {
			t.Errorf("%s in %s: mismatch (-want +got):\n%s", tt.function, tt.file, diff)
		}
	}
}

// A go.mod that replaces a module by a fork leaves its import paths as they are.
func TestOriginalOfAReplacedModule(t *testing.T) {
	t.Parallel()
	replaced := []*debug.Module{
		{Path: "example.com/kept"},
		{Path: "github.com/orig/lib", Replace: &debug.Module{Path: "github.com/fork/lib"}},
		{Path: "example.com/local", Replace: &debug.Module{Path: "../local"}},
	}
	for path, want := range map[string]string{
		"github.com/fork/lib":         "github.com/orig/lib",
		"github.com/fork/lib/sub/dir": "github.com/orig/lib/sub/dir",
		"github.com/fork/library":     "github.com/fork/library",
		"github.com/orig/lib":         "github.com/orig/lib",
		"example.com/kept":            "example.com/kept",
	} {
		if got := source.Original(path, replaced); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}

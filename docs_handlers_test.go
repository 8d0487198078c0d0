package sluice_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A peerRow is a row of the tables that set another library beside this one.
type peerRow struct {
	text   string
	theirs []string // patterns of path.Match
	here   string
	shown  string
}

// peerRows returns the rows of each library's table.
func peerRows(t *testing.T) map[string][]peerRow {
	t.Helper()
	_, text, _ := strings.Cut(pagesOf(t)["docs/handlers.md"], "\n## Coming from another library\n")
	rows := make(map[string][]peerRow)
	for section := range strings.SplitSeq(text, "\n### ") {
		name, table, _ := strings.Cut(section, "\n")
		for _, row := range regexp.MustCompile(`(?m)^\| .* \|$`).FindAllString(table, -1) {
			cells := strings.Split(row, " | ")
			if len(cells) != 3 {
				t.Fatalf("%d cells in %s", len(cells), row)
			}
			if !strings.Contains(cells[0], "`") {
				continue // the head
			}
			r := peerRow{text: row, here: cells[1], shown: strings.TrimSuffix(cells[2], " |")}
			for _, quoted := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[0], -1) {
				r.theirs = append(r.theirs, strings.TrimPrefix(quoted[1], name+"."))
			}
			rows[name] = append(rows[name], r)
		}
	}
	if len(rows) < 7 {
		t.Fatalf("%d tables", len(rows))
	}
	return rows
}

// TestDocsHandlersAreComplete looks for all that a library exports in its table,
// and for what a table names in the library. Each row says what does it here and
// which test shows it, or why nothing does.
func TestDocsHandlersAreComplete(t *testing.T) {
	t.Parallel()
	for peer, rows := range peerRows(t) {
		list, err := os.ReadFile(filepath.Join("testdata", "handlers", peer+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		var exported []string
		for line := range strings.Lines(string(list)) {
			if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
				exported = append(exported, line)
			}
		}
		named := make(map[string]bool)
		for _, row := range rows {
			for _, pattern := range row.theirs {
				known := false
				for _, name := range exported {
					if ok, err := path.Match(pattern, name); err != nil {
						t.Fatal(err)
					} else if ok {
						known, named[name] = true, true
					}
				}
				if !known {
					t.Errorf("%s: there is no %s", peer, pattern)
				}
			}
			isTest := regexp.MustCompile("`(Test|Fuzz|Example)").MatchString(row.shown)
			if nothing := row.here == "—"; nothing && len(row.shown) < 30 || !nothing && !isTest {
				t.Errorf("%s: neither a test nor a reason: %s", peer, row.text)
			}
		}
		for _, name := range exported {
			if !named[name] {
				t.Errorf("%s: nothing is said of %s", peer, name)
			}
		}
	}
}

// TestDocsHandlersNameWhatExists looks for each name of this module that the page
// gives.
func TestDocsHandlersNameWhatExists(t *testing.T) {
	t.Parallel()
	exists := make(map[string]bool)
	folders := map[string]string{
		"asyncbuf": "asyncbuf", "fanout": "fanout", "handler": "handler", "handlertest": "handler/handlertest",
		"logstash": "logstash", "pipeline": "pipeline", "redact": "redact", "rotate": "rotate",
	}
	for name, folder := range folders {
		for _, id := range exportsOf(t, filepath.FromSlash(folder)) {
			exists[name+"."+id] = true
		}
	}
	seen := 0
	for _, name := range regexp.MustCompile(`\b(\w+)\.[A-Z]\w*(?:\.[A-Z]\w*)?`).FindAllStringSubmatch(pagesOf(t)["docs/handlers.md"], -1) {
		if folders[name[1]] == "" {
			continue
		}
		if seen++; !exists[name[0]] {
			t.Errorf("there is no %s", name[0])
		}
	}
	if seen < 100 {
		t.Errorf("%d names", seen)
	}
}

// exportsOf returns the functions, types, fields, methods and values of a package.
func exportsOf(t *testing.T, folder string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			names = append(names, exportsOfDecl(decl)...)
		}
	}
	return names
}

func exportsOfDecl(decl ast.Decl) (names []string) {
	switch decl := decl.(type) {
	case *ast.FuncDecl:
		if decl.Recv == nil {
			return []string{decl.Name.Name}
		}
		of := decl.Recv.List[0].Type
		if pointer, ok := of.(*ast.StarExpr); ok {
			of = pointer.X
		}
		if id, ok := of.(*ast.Ident); ok {
			return []string{id.Name + "." + decl.Name.Name}
		}
	case *ast.GenDecl:
		for _, spec := range decl.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				names = append(names, spec.Name.Name)
				if s, ok := spec.Type.(*ast.StructType); ok {
					for _, field := range s.Fields.List {
						for _, id := range field.Names {
							names = append(names, spec.Name.Name+"."+id.Name)
						}
					}
				}
			case *ast.ValueSpec:
				for _, id := range spec.Names {
					names = append(names, id.Name)
				}
			}
		}
	}
	return names
}

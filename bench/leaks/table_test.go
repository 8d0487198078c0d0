package leaks_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A verdict says what became of a secret, or of what is none.
type verdict string

const (
	holds    verdict = "holds"    // the secret is not there, all else is
	leaks    verdict = "leaks"    // the secret is there, or its base64
	part     verdict = "part"     // the end of the secret is there
	corrupts verdict = "corrupts" // something else is not there as it was, or the mask is not
	idle     verdict = "idle"     // the line is what it is without redaction, which does not show the secret
	breaks   verdict = "breaks"   // it is not JSON any more
	hangs    verdict = "hangs"    // the call does not return
)

// A table has a line for each row: what is known of a peer, and that redact holds.
type table struct {
	peer  string
	lines strings.Builder
	rows  int
	count map[verdict]int // of the peer
}

// An outcome is a verdict on what was printed.
type outcome struct {
	verdict
	printed string
}

// put checks the outcomes of one row.
func (tb *table) put(t *testing.T, name string, want verdict, theirs, ours outcome) {
	t.Helper()
	if theirs.verdict != want {
		t.Errorf("%s %s, want %s: %s", tb.peer, theirs.verdict, want, theirs.printed)
	}
	if ours.verdict != holds {
		t.Errorf("redact %s: %s", ours.verdict, ours.printed)
	}
	t.Logf("%s %s: %s\nredact %s: %s", tb.peer, theirs.verdict, theirs.printed, ours.verdict, ours.printed)
	if tb.count == nil {
		tb.count = map[verdict]int{}
	}
	tb.rows++
	tb.count[theirs.verdict]++
	fmt.Fprintf(&tb.lines, "| %s | %s | %s | %s |\n", name, theirs.verdict, code(theirs.printed), code(ours.printed))
}

// code returns a cell of what was printed, or of the beginning of it.
func code(text string) string {
	if text == "" {
		return "nothing"
	}
	text = strings.Replace(text, `"level":"INFO","msg":"m",`, "", 1)
	if runes := []rune(text); len(runes) > 200 {
		text = string(runes[:199]) + "…"
	}
	return "`" + strings.ReplaceAll(text, "|", `\|`) + "`"
}

var update = flag.Bool("update", false, "write the tables into docs/redaction-shapes.md")

// page compares the table with the one in docs/redaction-shapes.md, which stands
// between two lines with the name of it, or writes it there.
func (tb *table) page(t *testing.T, name, head string) {
	t.Helper()
	table := head + "\n" + strings.Repeat("| --- ", strings.Count(head, "|")-1) + "|\n" + tb.lines.String()
	t.Logf("%v\n%s", tb.count, table)
	path := filepath.Join("..", "..", "docs", "redaction-shapes.md")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(data), "\r\n", "\n")
	begin, end := "<!-- "+name+":begin -->\n", "<!-- "+name+":end -->\n"
	before, rest, ok := strings.Cut(text, begin)
	was, after, ok2 := strings.Cut(rest, end)
	switch {
	case !ok || !ok2:
		t.Fatalf("%s has no lines %s%s", path, begin, end)
	case *update:
		if err := os.WriteFile(path, []byte(before+begin+table+end+after), 0o600); err != nil {
			t.Fatal(err)
		}
	default:
		if diff := cmp.Diff(was, table); diff != "" {
			t.Errorf("%s: go test ./bench/leaks -update writes it (-page +now):\n%s", path, diff)
		}
	}
}

package sluice_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestReadmeNamesTestsThatExist keeps the table of guarantees true to its word.
func TestReadmeNamesTestsThatExist(t *testing.T) {
	t.Parallel()
	rows := regexp.MustCompile("(?m)^\\|.*\\| (.*`(?:Test|Fuzz).*) in `([a-z0-9/.]+)` \\|$").FindAllStringSubmatch(readme(t), -1)
	if len(rows) < 10 {
		t.Fatalf("only %d rows name a test", len(rows))
	}
	for _, row := range rows {
		source := testsIn(t, row[2])
		for _, name := range regexp.MustCompile("`((?:Test|Fuzz)[^`]*)`").FindAllStringSubmatch(row[1], -1) {
			if !strings.Contains(source, "\nfunc "+name[1]+"(") {
				t.Errorf("README.md names %s in %s, where there is none", name[1], row[2])
			}
		}
	}
}

// TestReadmeIsShort keeps the README to what a newcomer reads. The rest is in docs.
func TestReadmeIsShort(t *testing.T) {
	t.Parallel()
	if lines := strings.Count(readme(t), "\n"); lines >= 200 {
		t.Errorf("%d lines", lines)
	}
}

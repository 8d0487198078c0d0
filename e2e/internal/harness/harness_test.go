package harness_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/e2e/internal/harness"
)

func TestBlock(t *testing.T) {
	t.Parallel()
	const block, begin, end = harness.Block("soak"), "<!-- soak:begin -->\n", "<!-- soak:end -->\n"
	tests := []struct {
		name, page, old, want string // "" is an error
	}{
		{"between", "# A\n" + begin + "old\n" + end + "Z\n", "old\n", "# A\n" + begin + "new\n" + end + "Z\n"},
		{"empty", begin + end, "", begin + "new\n" + end},
		{"beside another", "<!-- herd:begin -->\n" + begin + end, "", "<!-- herd:begin -->\n" + begin + "new\n" + end},
		{"no end", "# A\n" + begin + "old\n", "", ""},
		{"no begin", "# A\n" + end, "", ""},
		{"swapped", end + begin, "", ""},
		{"of another", "<!-- herd:begin -->\n<!-- herd:end -->\n", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "page.md")
			if err := os.WriteFile(path, []byte(tt.page), 0o600); err != nil {
				t.Fatal(err)
			}
			old, readErr := block.Read(path)
			writeErr := block.Write(path, "new\n")
			got, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if tt.want == "" {
				if readErr == nil || writeErr == nil || string(got) != tt.page || !strings.Contains(writeErr.Error(), `soak:end -->`) {
					t.Errorf("became %q with errors %v and %v, want errors", got, readErr, writeErr)
				}
			} else if readErr != nil || writeErr != nil || old != tt.old || string(got) != tt.want {
				t.Errorf("held %q, became %q, with errors %v and %v, want %q and %q", old, got, readErr, writeErr, tt.old, tt.want)
			}
		})
	}
	if err := block.Write(filepath.Join(t.TempDir(), "none.md"), ""); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no page: error %v", err)
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	parse := func(args ...string) (peak int, usage string, err error) {
		var out strings.Builder
		flags := flag.NewFlagSet("soak", flag.ContinueOnError)
		flags.IntVar(&peak, "peak", 7, "events")
		err = harness.Parse(flags, args, &out)
		return peak, out.String(), err
	}
	if peak, usage, err := parse("-peak", "3"); err != nil || peak != 3 || usage != "" {
		t.Errorf("%d, error %v, usage %q", peak, err, usage)
	}
	if _, usage, err := parse("-help"); !errors.Is(err, flag.ErrHelp) || !strings.HasPrefix(usage, "usage: soak [flags]\n  -peak int\n") {
		t.Errorf("error %v, usage %q", err, usage)
	}
	for arg, want := range map[string]string{"more": `argument "more": there are none`, "-odd": "-odd", "-peak=x": `"x" for flag -peak`} {
		if _, usage, err := parse(arg); err == nil || !strings.Contains(err.Error(), want) || usage != "" {
			t.Errorf("%s: error %v, usage %q, want %q", arg, err, usage, want)
		}
	}
}

func TestResident(t *testing.T) {
	t.Parallel()
	if got := harness.Resident(); got < 1<<20 != (runtime.GOOS != "linux") {
		t.Errorf("%d bytes", got)
	}
}

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// call runs the program within the test.
func call(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(append([]string{}, args...), strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

func TestHelp(t *testing.T) {
	for _, args := range []string{"help", "help filters", "help exit", "help man"} {
		code, got, errs := call(strings.Fields(args)...)
		if code != 0 || errs != "" {
			t.Errorf("sluice %s: exit code %d, %s", args, code, errs)
		}
		golden(t, strings.ReplaceAll(args, " ", "-"), got)
	}
	_, bare, _ := call()
	if _, asked, _ := call("help"); bare != asked {
		t.Errorf("sluice alone says something else than sluice help (-help +alone)\n%s", cmp.Diff(asked, bare))
	}
}

// golden compares text with testdata/name.golden, or writes it there with -update.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: mismatch (-want +got)\n%s", name, diff)
	}
}

// TestEveryCommandIsExplained asks of each command what a user finds with --help, and that flags of one name and one
// letter mean the same everywhere.
func TestEveryCommandIsExplained(t *testing.T) {
	t.Parallel()
	letters := make(map[string]string)
	for _, c := range newRoot().Commands() {
		if !c.Runnable() || c.Name() == "help" || c.Name() == "completion" {
			continue
		}
		if c.Long == "" || c.Example == "" || strings.HasSuffix(c.Short, ".") || !unicode.IsUpper(rune(c.Short[0])) {
			t.Errorf("%s: Short %q, Long %q, Example %q", c.Name(), c.Short, c.Long, c.Example)
		}
		for line := range strings.Lines(c.Example) {
			if !strings.HasPrefix(line, "  ") {
				t.Errorf("%s: the example %q is not indented by two", c.Name(), line)
			}
		}
		checkFlagsOfExamples(t, c)
		c.Flags().VisitAll(func(f *pflag.Flag) {
			name, usage := pflag.UnquoteUsage(f)
			if usage == "" || unicode.IsUpper(rune(usage[0])) && !unicode.IsUpper(rune(usage[1])) || strings.HasSuffix(usage, ".") {
				t.Errorf("%s --%s: usage %q", c.Name(), f.Name, usage)
			}
			if name == "text" || name == "stringArray" || name == "strings" {
				t.Errorf("%s --%s: the value is called %q", c.Name(), f.Name, name)
			}
			if f.Shorthand == "" {
				return
			}
			if other, taken := letters[f.Shorthand]; taken && other != f.Name {
				t.Errorf("-%s is --%s of %s, and --%s elsewhere", f.Shorthand, f.Name, c.Name(), other)
			}
			letters[f.Shorthand] = f.Name
		})
	}
}

// checkFlagsOfExamples looks for flags in the examples that the command does not have.
func checkFlagsOfExamples(t *testing.T, c *cobra.Command) {
	t.Helper()
	for _, call := range regexp.MustCompile(`sluice `+c.Name()+`\b[^|\n]*`).FindAllString(c.Example, -1) {
		for _, flag := range regexp.MustCompile(` --([a-z-]+)`).FindAllStringSubmatch(call, -1) {
			if c.Flags().Lookup(flag[1]) == nil {
				t.Errorf("%s: the example %q has the flag --%s", c.Name(), call, flag[1])
			}
		}
	}
}

func TestUsage(t *testing.T) {
	for args, want := range map[string]string{
		"nope":               `sluice: unknown command "nope"`,
		"veiw":               "Did you mean",
		"view --nope":        "sluice view: unknown flag: --nope",
		"man":                "sluice man: accepts 1 arg",
		"help nope":          `sluice help: there is no help about "nope"`,
		"view --level loud":  `--level: `,
		"stat --since 5000":  `--since: "5000"`,
		"clean":              "sluice clean: ",
		"archive one":        "sluice archive: ",
		"replay":             "sluice replay: ",
		"doctor /no/such":    "/no/such",
		"bench /no/such":     "/no/such",
		"scan --rule nope x": "nope",
	} {
		code, out, errs := call(strings.Fields(args)...)
		if code != 2 || out != "" || !strings.Contains(errs, want) {
			t.Errorf("sluice %s: exit code %d, printed %q and %q", args, code, out, errs)
		}
	}
}

// TestCompletion puts the scripts to the shells that are here.
func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		code, script, errs := call("completion", shell)
		if code != 0 || errs != "" || len(script) < 1000 {
			t.Errorf("%s: exit code %d, %d bytes, %s", shell, code, len(script), errs)
		}
		if _, err := exec.LookPath(shell); err != nil || shell == "powershell" {
			continue
		}
		c := exec.CommandContext(t.Context(), shell, "-n")
		c.Stdin = strings.NewReader(script)
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("%s -n: %v\n%s", shell, err, out)
		}
	}
	for args, want := range map[string]string{
		"":               "view\t",
		"view --col":     "--color",
		"view --color ":  "always",
		"view --level ":  "error",
		"stat --by ":     "hour",
		"archive --comp": "--compress",
	} {
		_, got, _ := call(append([]string{"__complete"}, strings.Split(args, " ")...)...)
		if !strings.Contains(got, want) {
			t.Errorf("sluice %s<tab> offers %q", args, got)
		}
	}
}

func TestManual(t *testing.T) {
	dir := t.TempDir()
	if code, _, errs := call("man", dir); code != 0 {
		t.Fatal(errs)
	}
	for _, c := range newRoot().Commands() {
		if !c.Runnable() || c.Name() == "help" || c.Name() == "completion" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, "sluice-"+c.Name()+".1"))
		if err != nil {
			t.Error(err)
		}
		if !bytes.Contains(text, []byte("EXAMPLE")) {
			t.Errorf("no examples in sluice-%s.1", c.Name())
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "sluice.1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"FILTERS", "EXIT STATUS", "startsWith", "130"} {
		if !bytes.Contains(text, []byte(want)) {
			t.Errorf("sluice.1 does not say %s", want)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 10 {
		t.Errorf("%d pages, %v", len(entries), err)
	}
	if _, err := exec.LookPath("man"); err == nil {
		c := exec.CommandContext(t.Context(), "man", "--warnings", "-l", filepath.Join(dir, "sluice.1"))
		c.Env = append(os.Environ(), "MANPAGER=cat", "LC_ALL=C.UTF-8")
		if out, err := c.CombinedOutput(); err != nil || bytes.Contains(out, []byte("warning")) {
			t.Errorf("man: %v\n%s", err, out)
		}
	}
}

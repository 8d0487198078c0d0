//go:build unix

package rotate_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/rotate"
)

const nobodyRuns = "ROTATE_TEST_NOBODY"

// groupOfNobody is one that the user of asNobody is in, beside its own.
const groupOfNobody = 65531

// asNobody runs the body of the test named in a child process of another user,
// if this is root, and here if not. The body is what follows the call. Root can
// prepare what is there.
func asNobody(t *testing.T, prepare ...func(dir string)) (dir string, body bool) {
	t.Helper()
	if dir := os.Getenv(nobodyRuns); dir != "" {
		return dir, true
	}
	// A place that the other user can get to.
	dir, err := os.MkdirTemp("", "rotate-nobody-") //nolint:usetesting // nobody else can get to what t.TempDir makes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = exec.Command("chmod", "-R", "u+rwx", dir).Run()
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if os.Geteuid() != 0 {
		return dir, true
	}
	if err := errors.Join(os.Chmod(dir, 0o755), os.Mkdir(filepath.Join(dir, "work"), 0o700),
		os.Chown(filepath.Join(dir, "work"), 65534, 65534)); err != nil {
		t.Fatal(err)
	}
	for _, prepare := range prepare {
		prepare(filepath.Join(dir, "work"))
	}
	self, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "test")
	if err := os.WriteFile(program, self, 0o755); err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), program, "-test.v", "-test.run=^"+t.Name()+"$")
	child.Env = append(os.Environ(), nobodyRuns+"="+filepath.Join(dir, "work"), "TMPDIR="+filepath.Join(dir, "work"), noSleep)
	child.Dir = "/"
	child.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{
		Uid: 65534, Gid: 65534, Groups: []uint32{groupOfNobody},
	}}
	out, err := child.CombinedOutput()
	if errors.Is(err, fs.ErrPermission) {
		t.Skipf("cannot become another user: %v", err)
	}
	if err != nil || strings.Contains(string(out), "--- SKIP") {
		t.Errorf("as another user: %v\n%s", err, out)
	}
	return dir, false
}

// sealed makes a directory in dir with the mode.
func sealed(t *testing.T, dir, name string, mode fs.FileMode) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := errors.Join(os.Mkdir(path, 0o700), os.Chmod(path, mode)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(path, 0o700) })
	return path
}

func TestProbeSaysWhatToRun(t *testing.T) {
	dir, body := asNobody(t)
	if !body {
		return
	}
	me := strconv.Itoa(os.Geteuid())
	tests := []struct {
		name string
		dir  string
		want []string
	}{
		{
			"own directory without a right", sealed(t, dir, "own", 0o500),
			[]string{"can not create a file", "mode 0500", "run: chmod u+rwx " + dir},
		},
		{
			"that cannot be listed", sealed(t, dir, "blind", 0o300),
			[]string{"can not list the files", "mode 0300", "run: chmod u+rwx " + dir},
		},
		{
			"that cannot be searched", filepath.Join(sealed(t, dir, "closed", 0o600), "x", "y"),
			[]string{"can not search", "mode 0600", "a+x " + dir + "/closed"},
		},
		{"somebody else's", "/usr/lib/locale", []string{"belongs to root:", "sudo install -d -o ", "-m 0750 /usr/lib/locale"}},
		{"the system's", "/usr", []string{"belongs to root:", "log into a directory of its own", "-m 0750 /usr/rotate.test"}},
		{
			"missing", "/usr/logs of/my app",
			[]string{"can not create a file", "/usr belongs to root:", "run: sudo install -d -o ", "'/usr/logs of/my app'"},
		},
		{"missing, of a difficult name", "/usr/it's $(HOME)", []string{`-m 0750 '/usr/it'\''s $(HOME)'`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := os.Stat("/usr/lib/locale"); err != nil && tt.dir == "/usr/lib/locale" {
				t.Skip(err)
			}
			err := rotate.Probe(tt.dir)
			if !errors.Is(err, fs.ErrPermission) {
				t.Fatalf("Probe = %v, want a lack of permission", err)
			}
			for _, want := range append(tt.want, "(uid "+me+")", tt.dir) {
				if !strings.Contains(err.Error(), strings.ReplaceAll(want, "rotate.test", filepath.Base(os.Args[0]))) {
					t.Errorf("Probe = %q, want it to say %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("Probe = %q, which has more than one line", err)
			}
		})
	}
}

func TestProbeIsAboutSharedDirectories(t *testing.T) {
	dir := t.TempDir()
	for mode, shared := range map[fs.FileMode]bool{
		0o777: true, 0o1777: false, 0o775: false, 0o755: false, 0o703: true,
	} {
		perm := mode & fs.ModePerm
		if mode != perm {
			perm |= fs.ModeSticky
		}
		if err := os.Chmod(dir, perm); err != nil {
			t.Fatal(err)
		}
		for _, d := range []string{dir, filepath.Join(dir, "new")} {
			err := rotate.Probe(d)
			if errors.Is(err, rotate.ErrWorldWritable) != shared || (err != nil) != shared {
				t.Errorf("mode %#o: Probe = %v, want an error: %v", mode, err, shared)
			}
			if shared && !strings.Contains(err.Error(), "chmod o-w "+dir) {
				t.Errorf("Probe = %v", err)
			}
		}
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
}

func TestCleanWithoutPermission(t *testing.T) {
	dir, body := asNobody(t)
	if !body {
		return
	}
	logs := sealed(t, dir, "logs", 0o700)
	aged(t, logs, map[string]time.Duration{"a.log": 3 * day, "b.log": 2 * day})
	if err := os.Chmod(filepath.Join(logs, "a.log"), 0); err != nil {
		t.Fatal(err)
	}
	opts := &rotate.CleanOptions{MaxAge: time.Hour}
	// Nobody can tell whether a.log is in use.
	report, err := rotate.Clean(t.Context(), logs, opts)
	if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "a.log") {
		t.Errorf("Clean = %v, want that a.log cannot be read", err)
	}
	if diff := cmp.Diff([]string{"b.log"}, baseNames(report.Removed)); diff != "" {
		t.Errorf("removed mismatch (-want +got):\n%s", diff)
	}
	if err := errors.Join(os.Chmod(filepath.Join(logs, "a.log"), 0o600), os.Chmod(logs, 0o500)); err != nil {
		t.Fatal(err)
	}
	report, err = rotate.Clean(t.Context(), logs, opts)
	if !errors.Is(err, fs.ErrPermission) || report.Removed != nil || report.Freed != 0 {
		t.Errorf("Clean of what is read-only = %v, removed %v", err, report.Removed)
	}
	if diff := cmp.Diff([]string{"a.log"}, names(t, logs)); diff != "" {
		t.Errorf("directory mismatch (-want +got):\n%s", diff)
	}
}

func TestArchiveWithoutPermission(t *testing.T) {
	dir, body := asNobody(t)
	if !body {
		return
	}
	src, dst := sealed(t, dir, "src", 0o700), sealed(t, dir, "dst", 0o500)
	aged(t, src, map[string]time.Duration{"a.log": 3 * day, "b.log": 2 * day})
	opts := &rotate.ArchiveOptions{RemoveSource: true}
	report, err := rotate.Archive(t.Context(), src, dst, opts)
	if !errors.Is(err, fs.ErrPermission) || report.Files != nil {
		t.Errorf("into what is read-only: %v, %v", archived(report), err)
	}
	if err := errors.Join(os.Chmod(dst, 0o700), os.Chmod(filepath.Join(src, "a.log"), 0)); err != nil {
		t.Fatal(err)
	}
	report, err = rotate.Archive(t.Context(), src, dst, opts)
	if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "a.log") {
		t.Errorf("Archive = %v, want that a.log cannot be read", err)
	}
	if diff := cmp.Diff([]string{"b.log > b.log removed"}, archived(report)); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	if err := errors.Join(os.Chmod(filepath.Join(src, "a.log"), 0o400), os.Chmod(src, 0o500)); err != nil {
		t.Fatal(err)
	}
	report, err = rotate.Archive(t.Context(), src, dst, opts)
	if !errors.Is(err, fs.ErrPermission) {
		t.Errorf("Archive = %v, want that a.log cannot be removed", err)
	}
	if diff := cmp.Diff([]string{"a.log > a.log"}, archived(report)); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	if got := mode(t, filepath.Join(dst, "a.log")); got != "0400" {
		t.Errorf("the archived file has mode %s, want 0400", got)
	}
}

func TestArchiveModes(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077))
	for _, tt := range []struct {
		have, file, dir fs.FileMode
		wantF, wantD    string
	}{
		{0o640, 0, 0, "0640", "0750"},
		{0o644, 0o600, 0o711, "0600", "0711"},
		{0o600, 0o664, 0o775, "0664", "0775"},
	} {
		t.Run(fmt.Sprint(tt.have, tt.file), func(t *testing.T) {
			src, dst := t.TempDir(), filepath.Join(t.TempDir(), "a", "b")
			path := filepath.Join(src, "a.log")
			writeFile(t, path, "line\n")
			if err := os.Chmod(path, tt.have); err != nil {
				t.Fatal(err)
			}
			if os.Geteuid() == 0 {
				if err := os.Chown(path, 65534, 65533); err != nil {
					t.Fatal(err)
				}
			}
			mustArchive(t, src, dst, &rotate.ArchiveOptions{FileMode: tt.file, DirMode: tt.dir, Compress: rotate.Gzip})
			to, err := os.Stat(filepath.Join(dst, "a.log.gz"))
			if err != nil {
				t.Fatal(err)
			}
			from, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			owner := func(info fs.FileInfo) [2]uint32 {
				s := info.Sys().(*syscall.Stat_t)
				return [2]uint32{s.Uid, s.Gid}
			}
			if diff := cmp.Diff(owner(from), owner(to)); diff != "" {
				t.Errorf("owner mismatch (-want +got):\n%s", diff)
			}
			got := []string{mode(t, filepath.Join(dst, "a.log.gz")), mode(t, dst), mode(t, filepath.Dir(dst))}
			if diff := cmp.Diff([]string{tt.wantF, tt.wantD, tt.wantD}, got); diff != "" {
				t.Errorf("modes mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

// A pipe in the place of a log file must not make anything wait.
func TestPipesAreLeftAlone(t *testing.T) {
	src, dst := t.TempDir(), t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(src, "pipe.log"), 0o600); err != nil {
		t.Skip(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dst, "a.log"), 0o600); err != nil {
		t.Skip(err)
	}
	aged(t, src, map[string]time.Duration{"a.log": 3 * day})
	if diff := cmp.Diff([]string{"a.log > a-1.log"}, archived(mustArchive(t, src, dst, nil))); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	report, err := rotate.Clean(t.Context(), src, &rotate.CleanOptions{MaxTotalSize: 1, Keep: func(b rotate.Backup) bool {
		if err := errors.Join(os.Remove(b.Path), syscall.Mkfifo(b.Path, 0o600)); err != nil {
			t.Fatal(err)
		}
		return false
	}})
	if err != nil || report.Removed != nil || len(names(t, src)) != 2 {
		t.Errorf("Clean = %v, removed %v", err, report.Removed)
	}
}

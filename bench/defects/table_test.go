//go:build linux

package defects_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// A verdict says whether a product shows a defect.
type verdict struct {
	state byte // one of the constants
	why   string
}

const (
	fails  byte = 'F' // it shows
	holds  byte = 'H' // it does not
	absent byte = 'n' // it cannot be put to this product
)

func shown(format string, args ...any) verdict { return verdict{fails, fmt.Sprintf(format, args...)} }

func sound(format string, args ...any) verdict { return verdict{holds, fmt.Sprintf(format, args...)} }

// unless returns the verdict on a product that should have done as described.
func unless(ok bool, format string, args ...any) verdict {
	if ok {
		return sound(format, args...)
	}
	return shown(format, args...)
}

// A row is a defect and what is known of it.
type row struct {
	id, name string
	// want has a letter for each product: what the verdict must be, or '-' where
	// it is not asked for.
	want  string
	tries int // how often it is tried until it shows; for a race
	try   func(*scene) verdict
}

// A scene is a row that is put to a product.
type scene struct {
	*testing.T
	product
	dir  string // everybody may enter it
	path string // of the log, dir/app.log
}

// TestDefects fails when rotate shows a defect, or when a peer is better or worse
// than it is said to be.
func TestDefects(t *testing.T) {
	all := products()
	known := map[string]verdict{} // by scenario and product: a row of timberjack may be one of lumberjack, too
	var table strings.Builder
	for _, r := range rows() {
		line := []string{r.id + " " + r.name}
		t.Run(strings.ReplaceAll(line[0], "/", " or "), func(t *testing.T) {
			for i, p := range all {
				want := r.want[i]
				if want == '-' {
					line = append(line, "")
					continue
				}
				var got verdict
				t.Run(p.name, func(t *testing.T) { got = r.put(t, p, want, known) })
				line = append(line, text(got))
				if got.state != 0 && got.state != want {
					t.Errorf("%s %s, want %s: %s", p.name, words[got.state], words[want], got.why)
				} else if got.why != "" {
					t.Logf("%s %s: %s", p.name, words[got.state], got.why)
				}
			}
			fmt.Fprintf(&table, "| %s |\n", strings.Join(line, " | "))
		})
	}
	t.Logf("\n%s", table.String())
}

var words = map[byte]string{fails: "fails", holds: "holds", absent: "n.a."}

func text(v verdict) string {
	if v.state == 0 {
		return "skipped"
	}
	return words[v.state]
}

// put returns the verdict of the row on p. If it is to fail, it is given as many
// tries as the row says.
func (r row) put(t *testing.T, p product, want byte, known map[string]verdict) (got verdict) {
	t.Helper()
	key := fmt.Sprintf("%p %s", r.try, p.name)
	if v, ok := known[key]; ok {
		return v
	}
	for range max(r.tries, 1) {
		dir := openDir(t)
		got = r.try(&scene{t, p, dir, filepath.Join(dir, "app.log")})
		if want != fails || got.state != holds {
			break
		}
	}
	known[key] = got
	return got
}

// openDir is t.TempDir, with a directory that other users can enter.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "defects-") //nolint:usetesting // nobody else can enter those
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = os.Chmod(dir, 0o755)
		var err error
		if !until(5*time.Second, func() bool { err = os.RemoveAll(dir); return err == nil }) { // somebody may still be compressing
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// open opens the log, or ends the scene if this product cannot do what is asked.
// It is closed at the end, unless that is done before.
func (s *scene) open(o settings) (f logFile, refused *verdict) {
	s.Helper()
	if o.path == "" {
		o.path = s.path
	}
	f, err := s.product.open(o)
	switch {
	case errors.Is(err, errNoOption):
		return nil, &verdict{absent, err.Error()}
	case err != nil:
		s.Fatalf("open: %v", err)
	}
	s.Cleanup(func() { _ = f.Close() })
	return f, nil
}

// must ends the scene if something fails that has nothing to do with the defect.
func (s *scene) must(errs ...error) {
	s.Helper()
	if err := errors.Join(errs...); err != nil {
		s.Fatal(err)
	}
}

// until waits for a condition and reports whether it came true in time.
func until(limit time.Duration, condition func() bool) bool {
	for end := time.Now().Add(limit); ; {
		if condition() {
			return true
		}
		if time.Now().After(end) {
			return false
		}
		<-time.After(time.Millisecond)
	}
}

// plant writes a file that was there before.
func (s *scene) plant(name string, data []byte) string {
	s.Helper()
	path := filepath.Join(s.dir, name)
	s.must(os.WriteFile(path, data, 0o600))
	return path
}

// write writes a line, which must succeed.
func (s *scene) write(f logFile, text string) {
	s.Helper()
	_, err := f.Write([]byte(text + "\n"))
	s.must(err)
}

// files returns the paths of all files in the directory of the log.
func (s *scene) files() []string {
	s.Helper()
	entries, err := os.ReadDir(s.dir)
	s.must(err)
	var paths []string
	for _, e := range entries {
		if e.Type().IsRegular() {
			paths = append(paths, filepath.Join(s.dir, e.Name()))
		}
	}
	return paths
}

// backups returns the paths of those files that are backups.
func (s *scene) backups() []string {
	s.Helper()
	return slices.DeleteFunc(s.files(), func(path string) bool { return !isBackup(path) })
}

// lines returns the lines of the log and of its backups.
func (s *scene) lines() []string {
	s.Helper()
	var all []string
	for _, path := range s.files() {
		if path != s.path && !isBackup(path) {
			continue
		}
		data, err := read(path)
		if err != nil {
			s.Logf("%s: %v", path, err)
		}
		if text := strings.TrimSuffix(string(data), "\n"); text != "" {
			all = append(all, strings.Split(text, "\n")...)
		}
	}
	return all
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

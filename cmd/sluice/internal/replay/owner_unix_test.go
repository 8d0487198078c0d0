//go:build unix

package replay_test

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/internal/lstest"
)

// What root makes in a spool belongs to the user whose program goes on with it.
func TestOwnerOfASpool(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	const nobody = 65534
	dir := leaveSpool(t, 20)
	for name := range contents(t, dir) {
		if err := os.Chown(filepath.Join(dir, name), nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "position")); err != nil { // it is made again
		t.Fatal(err)
	}
	linked := writeFile(t, t.TempDir(), "file of root", "")
	if err := os.Link(linked, filepath.Join(dir, "linked")); err != nil {
		t.Fatal(err)
	}
	h := httpInput(t, &lstest.HTTPOptions{
		Poison: func(e []byte) bool { return bytes.Contains(e, []byte(`"id":7,`)) }, PoisonStatus: http.StatusBadRequest,
	})
	must(t, cli.No, dir, "--to", "http://"+h.Addr())
	for name := range contents(t, dir) {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if st, ok := info.Sys().(*syscall.Stat_t); !ok || (st.Uid == nobody) == (name == "linked") {
			t.Errorf("%s belongs to %d", name, st.Uid)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "quarantine.json")); err != nil {
		t.Error(err)
	}
}

// A directory that cannot be read is said to be one, whatever it is.
func TestUnreadableSpool(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		t.Skip("root can read everything")
	}
	dir := leaveSpool(t, 5)
	if err := os.Chmod(dir, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })
	if r := must(t, cli.Partial, dir, "--to", "beats://127.0.0.1:1"); !strings.Contains(r.errs, "permission denied") {
		t.Errorf("says %q", r.errs)
	}
}

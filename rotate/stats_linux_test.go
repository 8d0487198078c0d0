package rotate_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/rotate"
)

func TestFreeSpaceFollowsTheDisk(t *testing.T) {
	dir := testlog.TinyDisk(t, "size=1m")
	inBubble(t, func(t *testing.T) {
		f := mustOpen(t, filepath.Join(dir, "app.log"), nil)
		defer mustClose(t, f)
		filler := filepath.Join(dir, "filler")
		check := func(least, most int64) {
			t.Helper()
			if got := f.Stats().FreeSpace; got < least || got > most {
				t.Errorf("FreeSpace = %d, want %d to %d", got, least, most)
			}
		}
		check(900*rotate.KiB, rotate.MiB)
		writeFile(t, filler, strings.Repeat("x", 512<<10))
		mustWrite(t, f, "line\n")
		time.Sleep(1100 * time.Millisecond)
		synctest.Wait()
		check(400*rotate.KiB, 512*rotate.KiB)
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
		mustWrite(t, f, "line\n")
		time.Sleep(1100 * time.Millisecond)
		synctest.Wait()
		check(900*rotate.KiB, rotate.MiB)
	})
}

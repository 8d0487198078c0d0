//go:build unix

package replay_test

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sluicelog/sluice/cmd/sluice/internal/brokertest"
	"github.com/sluicelog/sluice/internal/lstest"
)

// A replay that was stopped for longer than --give-up waits on for a receiver that is slow.
func TestStoppedDoesNotGiveUp(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var came atomic.Bool
	resume := make(chan struct{})
	goOn := sync.OnceFunc(func() { close(resume) })
	defer goOn()
	b := beats(t, &lstest.BeatsOptions{OnEvent: func(int, []byte) {
		came.Store(true)
		<-resume
	}})
	var out strings.Builder
	log := writeFile(t, t.TempDir(), "app.log", numbered(0, 1))
	c := exec.CommandContext(t.Context(), self, log, "--to", "beats://"+b.Addr(), "--no-state", "--give-up", "3s")
	c.Env, c.Stdout, c.Stderr, c.WaitDelay = append(os.Environ(), asCommand+"=1"), &out, &out, 10*time.Second
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	brokertest.Await(t, "the event arrives", came.Load)
	stopped := c.Process.Signal(syscall.SIGSTOP)
	<-time.After(3500 * time.Millisecond)
	continued := c.Process.Signal(syscall.SIGCONT)
	<-time.After(500 * time.Millisecond) // in which it looks
	goOn()
	if err := errors.Join(stopped, continued, c.Wait()); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
}

package replay_test

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/sluicelog/sluice/cmd/sluice/internal/replay"
	"github.com/sluicelog/sluice/internal/lstest"
)

// On a terminal there is a bar while it goes on, and it is gone at the end.
func TestProgressOnATerminal(t *testing.T) {
	t.Parallel()
	screen, tty, err := pty.Open()
	if err != nil {
		t.Skip("no pseudo-terminal: ", err)
	}
	defer screen.Close()
	b := beats(t, nil)
	b.SetAnswer(func(n int) lstest.Answer {
		return lstest.Answer{Delay: 400 * time.Millisecond, Acks: []uint32{uint32(n)}}
	})
	var shown bytes.Buffer
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(&shown, screen) // ends with an error when the other side is closed
	}()
	var out bytes.Buffer
	c := replay.Command()
	c.SetArgs([]string{
		writeFile(t, t.TempDir(), "app.log", numbered(0, 1000)), "--to", "beats://" + b.Addr(), "--batch", "500", "--no-state",
	})
	c.SetOut(&out)
	c.SetErr(tty)
	if err := c.ExecuteContext(t.Context()); err != nil {
		t.Error(err)
	}
	if err := tty.Close(); err != nil {
		t.Error(err)
	}
	<-read
	for _, want := range []string{"acked, ", "/s", "%"} {
		if !strings.Contains(shown.String(), want) {
			t.Errorf("%q is not in %q", want, shown.String())
		}
	}
	if last := shown.String()[strings.LastIndexByte(shown.String(), '\r')+1:]; strings.Contains(last, "acked") {
		t.Errorf("the bar is left: %q", last)
	}
	if !strings.Contains(out.String(), "1,000  acked") {
		t.Errorf("the account is %q", out.String())
	}
}

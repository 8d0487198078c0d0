package replay_test

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/cmd/sluice/internal/brokertest"
	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/cmd/sluice/internal/replay"
	"github.com/sluicelog/sluice/internal/lstest"
)

// Whatever happens to the connections, everything arrives and the account is right.
func TestFaultsOfTheReceiver(t *testing.T) {
	t.Parallel()
	const n = 9000
	tests := map[string]func(b *lstest.Beats, window int32) lstest.Answer{
		"resets before the ack": func(_ *lstest.Beats, window int32) lstest.Answer {
			return lstest.Answer{Reset: window == 2}
		},
		"half an ack": func(_ *lstest.Beats, window int32) lstest.Answer {
			if window == 2 {
				return lstest.Answer{Acks: []uint32{700}, Reset: true}
			}
			return lstest.Answer{}
		},
		"an ack cut in the middle": func(_ *lstest.Beats, window int32) lstest.Answer {
			if window == 1 {
				return lstest.Answer{Acks: []uint32{10}, Cut: 3}
			}
			return lstest.Answer{}
		},
		"slow acks": func(*lstest.Beats, int32) lstest.Answer {
			return lstest.Answer{Delay: 50 * time.Millisecond}
		},
	}
	for name, fault := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var ledger lstest.Ledger
			b := beats(t, &lstest.BeatsOptions{OnEvent: ledger.Receiver(), Forget: true})
			var windows atomic.Int32
			b.SetAnswer(func(events int) lstest.Answer {
				a := fault(b, windows.Add(1))
				if a.Acks == nil && !a.Reset {
					a.Acks = []uint32{uint32(events)}
				}
				return a
			})
			c := account(t, 0, writeFile(t, t.TempDir(), "app.log", numbered(0, n)), "--to", "beats://"+b.Addr(), "--no-state", "-q")
			if c.Sent != n || ledger.Unique() != n || c.Resent < ledger.Duplicates() {
				t.Errorf("%d sent, %d of them again; %d arrived, %d of them twice; want %d", c.Sent, c.Resent, ledger.Unique(), ledger.Duplicates(), n)
			}
		})
	}
}

// What the receiver refuses is counted with its reason and kept, wherever it stands, also as the last event.
func TestRefused(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]int{"first": 0, "in the middle": 50, "last": 99} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := httpInput(t, &lstest.HTTPOptions{
				Poison:       func(e []byte) bool { return bytes.Contains(e, []byte("poison")) },
				PoisonStatus: http.StatusUnprocessableEntity,
			})
			dir := t.TempDir()
			lines := strings.SplitAfter(numbered(0, 100), "\n")
			lines[at] = strings.Replace(lines[at], "request", "poison", 1)
			log, kept := writeFile(t, dir, "app.log", strings.Join(lines, "")), filepath.Join(dir, "kept.json")
			c := account(t, cli.No, log, "--to", "http://"+h.Addr(), "--rejects", kept, "-q")
			if c.Sent != 99 || c.Refused != 1 || h.Count() != 99 {
				t.Errorf("%d sent, %d refused; %d arrived", c.Sent, c.Refused, h.Count())
			}
			if len(c.Reasons) != 1 || c.Reasons[0].Events != 1 || !strings.Contains(c.Reasons[0].Text, "422") {
				t.Errorf("reasons %+v", c.Reasons)
			}
			text, err := os.ReadFile(kept)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Count(text, []byte("\n")) != 1 || !bytes.Contains(text, []byte("poison")) || !bytes.Contains(text, []byte("@timestamp")) {
				t.Errorf("kept %q", text)
			}
			b := beats(t, nil)
			if c := account(t, 0, kept, "--to", "beats://"+b.Addr(), "--no-state"); c.Sent != 1 {
				t.Errorf("what was refused, elsewhere: %+v", c)
			}
			if diff := cmp.Diff(string(text), string(bytes.Join(b.Events(), []byte("\n")))+"\n"); diff != "" {
				t.Errorf("what is an event already does not stay as it is, mismatch (-want +got)\n%s", diff)
			}
			if c := account(t, 0, log, "--to", "http://"+h.Addr(), "--rejects", kept, "-q"); c.Read != 0 {
				t.Errorf("what was refused is sent again: %+v", c)
			}
		})
	}
}

// A receiver that refuses everything is not right, and nothing is done with.
func TestRefusesEverything(t *testing.T) {
	t.Parallel()
	h := httpInput(t, nil)
	h.SetAnswer(func(*http.Request) lstest.HTTPAnswer {
		return lstest.HTTPAnswer{Status: 400, Body: "what?", Refuse: true}
	})
	log := writeFile(t, t.TempDir(), "app.log", numbered(0, 1))
	c := account(t, cli.Partial, log, "--to", "http://"+h.Addr(), "-q")
	if c.End != "gave up" || c.NotSent != 1 || !strings.Contains(c.Reason, "refuses everything") || !strings.Contains(c.Reason, "what?") {
		t.Errorf("account %+v", c)
	}
	h.SetAnswer(nil)
	if c := account(t, 0, log, "--to", "http://"+h.Addr(), "-q"); c.Sent != 1 {
		t.Errorf("the second time %+v", c)
	}
}

// An event that the input fails over is put aside also when there are no others that it takes in between: it is refused,
// and the others are done with. One that is alone says nothing of itself, and stays, as does one that could be kept nowhere.
func TestPoisonAtTheEnd(t *testing.T) {
	t.Parallel()
	poison := func(e []byte) bool { return bytes.Contains(e, []byte("poison")) }
	type run struct {
		result
		good int
		kept string // empty for nowhere
		args []string
	}
	runs := make(chan run)
	var all sync.WaitGroup
	for _, tt := range []struct {
		good int
		kept string
	}{{0, "kept"}, {21, "kept"}, {21, ""}} {
		for _, to := range []string{
			"http://" + httpInput(t, &lstest.HTTPOptions{Poison: poison}).Addr(), "beats://" + beats(t, &lstest.BeatsOptions{Poison: poison}).Addr(),
		} {
			dir := t.TempDir()
			r := run{good: tt.good}
			log := writeFile(t, dir, "app.log", numbered(0, r.good)+strings.Replace(numbered(r.good, 1), "request", "poison", 1))
			r.args = []string{log, "--to", to, "-q", "--json"}
			if tt.kept != "" {
				r.kept = filepath.Join(dir, tt.kept)
				r.args = append(r.args, "--rejects", r.kept)
			}
			all.Go(func() { // all of them wait for the receiver most of the time
				r.result = start(t.Context(), "", r.args...)
				runs <- r
			})
		}
	}
	go func() {
		all.Wait()
		close(runs)
	}()
	for r := range runs {
		code, end, refused := cli.No, "completed", 1
		if r.good == 0 || r.kept == "" {
			code, end, refused = cli.Partial, "gave up", 0
		}
		if c := parse(t, r.result); r.code != code || c.End != end || c.Sent != r.good || c.Refused != refused || c.NotSent != 1-refused {
			t.Errorf("%v: exit code %d, account %+v", r.args, r.code, c)
		}
		if text, _ := os.ReadFile(r.kept); bytes.Count(text, []byte("poison")) != refused {
			t.Errorf("%v: kept %q", r.args, text)
		}
		if refused == 1 {
			if c := parse(t, must(t, 0, r.args...)); c.Read != 0 {
				t.Errorf("%v: the second time %+v", r.args, c)
			}
		}
	}
}

// What was acked is not sent again by the next run although something before the end of the run was not.
func TestGivesUpBehindWhatIsAcked(t *testing.T) {
	t.Parallel()
	h := httpInput(t, &lstest.HTTPOptions{Poison: func(e []byte) bool { return bytes.Contains(e, []byte("poison")) }})
	log := writeFile(t, t.TempDir(), "app.log", numbered(0, 21)+strings.Replace(numbered(21, 1), "request", "poison", 1))
	args := []string{log, "--to", "http://" + h.Addr(), "--give-up", "3s", "-q"}
	if c := account(t, cli.Partial, args...); c.End != "gave up" || c.Sent != 21 || c.NotSent != 1 {
		t.Errorf("account %+v", c)
	}
	if c := account(t, cli.Partial, args...); c.Read != 1 || c.Sent != 0 || c.NotSent != 1 {
		t.Errorf("the second time %+v", c)
	}
}

// A receiver that is away is given up, and another run goes on.
func TestGivesUp(t *testing.T) {
	t.Parallel()
	b := beats(t, nil)
	b.Kill()
	log := writeFile(t, t.TempDir(), "app.log", numbered(0, 10))
	r := must(t, cli.Partial, log, "--to", "beats://"+b.Addr(), "--give-up", "1s")
	for _, want := range []string{"not sent", "gave up: the receiver has taken nothing for [1-9][0-9]*s", "refused", "to go on: replay "} {
		if !regexp.MustCompile(want).MatchString(r.out) {
			t.Errorf("%q is not in\n%s", want, r.out)
		}
	}
	if err := b.Restart(); err != nil {
		t.Fatal(err)
	}
	if c := account(t, 0, log, "--to", "beats://"+b.Addr()); c.Sent != 10 {
		t.Errorf("the second time %+v", c)
	}
}

// A replay that is interrupted anywhere goes on there: all arrives, and nothing twice whose ack came.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	const n, batch = 6000, 200
	for _, after := range []int{1, 199, 200, 1000, 3777, 5999} {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var ledger lstest.Ledger
			count := ledger.Receiver()
			b := beats(t, &lstest.BeatsOptions{Forget: true, OnEvent: func(conn int, e []byte) {
				count(conn, e)
				if ledger.Total() == after {
					cancel()
				}
			}})
			log := writeFile(t, t.TempDir(), "app.log", numbered(0, n))
			args := []string{log, "--to", "beats://" + b.Addr(), "--batch", "200", "--json"}
			first := start(ctx, "", args...)
			c := parse(t, first)
			if first.code != cli.Interrupted && c.Sent < n {
				t.Errorf("exit code %d, %+v, %s", first.code, c, first.errs)
			}
			second := parse(t, must(t, 0, args...))
			if ledger.Unique() != n || ledger.Duplicates() > 0 || c.Sent+second.Sent != n {
				t.Errorf("%d arrived, %d twice; sent %d and then %d, want %d", ledger.Unique(), ledger.Duplicates(), c.Sent, second.Sent, n)
			}
		})
	}
}

// One that is interrupted while no acks come does not wait for ever, and sends what was not acked again.
func TestInterruptedWithoutAcks(t *testing.T) {
	t.Parallel()
	const n = 500
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var ledger lstest.Ledger
	count := ledger.Receiver()
	b := beats(t, &lstest.BeatsOptions{Forget: true, OnEvent: func(conn int, e []byte) {
		count(conn, e)
		if ledger.Total() == 300 {
			cancel()
		}
	}})
	var windows atomic.Int32
	b.SetAnswer(func(events int) lstest.Answer {
		if windows.Add(1) > 2 {
			return lstest.Answer{Delay: time.Minute}
		}
		return lstest.Answer{Acks: []uint32{uint32(events)}}
	})
	log := writeFile(t, t.TempDir(), "app.log", numbered(0, n))
	args := []string{log, "--to", "beats://" + b.Addr(), "--batch", "100", "--json"}
	first := start(ctx, "", args...)
	c := parse(t, first)
	if first.code != cli.Interrupted || c.End != "interrupted" || c.NotSent == 0 {
		t.Errorf("exit code %d, %+v, %s", first.code, c, first.errs)
	}
	b.SetAnswer(nil)
	must(t, 0, args...)
	if ledger.Unique() != n || ledger.Duplicates() > 500 {
		t.Errorf("%d arrived, %d twice; want %d", ledger.Unique(), ledger.Duplicates(), n)
	}
}

func TestRate(t *testing.T) {
	t.Parallel()
	for _, flags := range []string{"--rate=100", "--rate-bytes=20 kB"} {
		t.Run(flags, func(t *testing.T) {
			t.Parallel()
			b := beats(t, nil)
			log := writeFile(t, t.TempDir(), "app.log", numbered(0, 100))
			begin := time.Now()
			account(t, 0, log, "--to", "beats://"+b.Addr(), flags, "--no-state")
			if took := time.Since(begin); took < 500*time.Millisecond || took > 10*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

// Over the other transports everything arrives as well.
func TestTransports(t *testing.T) {
	t.Parallel()
	const n = 3000
	log := writeFile(t, t.TempDir(), "app.log", numbered(0, n))
	t.Run("tcp", func(t *testing.T) {
		t.Parallel()
		s, err := lstest.ListenTCP("127.0.0.1:0", nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Kill)
		r := must(t, 0, log, "--to", "tcp://"+s.Addr(), "--no-state")
		if !strings.Contains(r.out, "taken by the kernel") || strings.Contains(r.out, "  acked") {
			t.Errorf("the account says\n%s", r.out)
		}
		brokertest.Await(t, "all arrive", func() bool { return s.Count() >= n }) // nobody acks
		if s.Count() != n {
			t.Errorf("%d arrived, want %d", s.Count(), n)
		}
	})
	t.Run("unix", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "s@1")
		s, err := lstest.ListenUnix(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Kill)
		account(t, 0, log, "--to", "unix://"+path, "--no-state")
		brokertest.Await(t, "all arrive", func() bool { return s.Count() >= n }) // nobody acks
		if s.Count() != n {
			t.Errorf("%d arrived, want %d", s.Count(), n)
		}
	})
	t.Run("udp", func(t *testing.T) {
		t.Parallel()
		s, err := lstest.ListenUDP("127.0.0.1:0", nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Kill)
		if c := account(t, 0, log, "--to", "udp://"+s.Addr(), "--no-state", "--rate", "10000"); c.Sent != n {
			t.Errorf("sent %d, want %d", c.Sent, n)
		}
	})
	t.Run("http with several connections", func(t *testing.T) {
		t.Parallel()
		h := httpInput(t, &lstest.HTTPOptions{Username: "ann", Password: "s3cret"})
		file := writeFile(t, t.TempDir(), "credentials", "ann:s3cret\n")
		account(t, 0, log, "--to", "http://"+h.Addr(), "--no-state", "--connections", "3", "--batch", "100", "--credentials", file, "--compress", "1")
		if h.Count() != n || h.Connections() < 2 {
			t.Errorf("%d arrived over %d connections, want %d", h.Count(), h.Connections(), n)
		}
	})
}

// Nobody waits for the acks of a receiver that is away.
func TestInterruptedWhileTheReceiverIsAway(t *testing.T) {
	t.Parallel()
	b := beats(t, nil)
	b.Kill()
	log := writeFile(t, t.TempDir(), "app.log", numbered(0, 10))
	code, out, took, err := replay.InterruptRead(t.Context(), log, "--to", "beats://"+b.Addr(), "-q")
	if err != nil || code != cli.Interrupted || took > 5*time.Second || !strings.Contains(out, "10  not sent") { // or it waits for acks
		t.Errorf("exit code %d after %v, %v: %s", code, took, err, out)
	}
}

// A shipper that ends may take longer to say what it has dropped than the replay waits: what nothing is known of comes again.
func TestGaveUpBeforeItIsKnownWhatIsLeft(t *testing.T) {
	t.Parallel()
	const n = 1000
	for name, source := range map[string]func(*testing.T) string{
		"a log file": func(t *testing.T) string { t.Helper(); return writeFile(t, t.TempDir(), "app.log", numbered(0, n)) },
		"a spool":    func(t *testing.T) string { t.Helper(); return leaveSpool(t, n) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr, err := lstest.FreeAddr()
			if err != nil {
				t.Fatal(err)
			}
			args := []string{source(t), "--to", "beats://" + addr, "-q"}
			if err := replay.GiveUpUntold(t.Context(), args...); err != nil {
				t.Fatal(err)
			}
			var ledger lstest.Ledger
			b, err := lstest.ListenBeats(addr, &lstest.BeatsOptions{OnEvent: ledger.Receiver(), Forget: true})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(b.Kill)
			if c := account(t, 0, args...); c.Sent != n || ledger.Unique() != n {
				t.Errorf("%d sent, %d arrived, want %d", c.Sent, ledger.Unique(), n)
			}
		})
	}
}

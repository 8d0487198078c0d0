package replay

import (
	"fmt"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/schollz/progressbar/v3"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/logstash"
)

// lineEvery is how often progress is a line where there is no terminal.
const lineEvery = 10 * time.Second

// A meter shows the progress: a bar on a terminal, and otherwise a line now and then. A nil meter shows nothing.
type meter struct {
	r   *replay
	out *warnings

	bar  *progressbar.ProgressBar // nil where there is no terminal
	next time.Time                // of the next line
	then uint64                   // events that had been acked at the last one
	last time.Time
}

func newMeter(r *replay) *meter {
	if r.o.quiet {
		return nil
	}
	now := time.Now()
	m := &meter{r: r, out: r.warnings, next: now.Add(lineEvery), last: now}
	if cli.IsTerminal(m.out.out) {
		m.bar = progressbar.NewOptions64(-1,
			progressbar.OptionSetWriter(m.out.out),
			progressbar.OptionClearOnFinish(),
			progressbar.OptionSetWidth(20),
			progressbar.OptionShowBytes(true),
			progressbar.OptionUseIECUnits(true),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionSetSpinnerChangeInterval(0), // or a goroutine of the bar reads what others write
		)
	}
	return m
}

// show shows how far it has got.
func (m *meter) show(st logstash.Stats) {
	if m == nil {
		return
	}
	m.out.mu.Lock()
	defer m.out.mu.Unlock()
	now := time.Now()
	perSecond := float64(st.Written-m.then) / now.Sub(m.last).Seconds()
	if m.bar == nil {
		if now.Before(m.next) {
			return
		}
		m.next = now.Add(lineEvery)
	}
	var read, total int64
	for _, s := range m.r.sources {
		n, of := s.progress()
		read += n
		total += of
	}
	word := "acked"
	if !m.r.dest.acks {
		word = "sent"
	}
	what := fmt.Sprintf("%s %s, %s/s", comma(st.Written), word, humanize.Comma(int64(perSecond)))
	if st.DroppedRejected > 0 {
		what += fmt.Sprintf(", %s refused", comma(st.DroppedRejected))
	}
	if m.bar == nil || now.Sub(m.last) >= time.Second {
		m.then, m.last = st.Written, now
	}
	if m.bar == nil {
		fmt.Fprintf(m.out.out, "%s: %s of %s read, %s\n", m.out.who, humanize.IBytes(uint64(read)), humanize.IBytes(uint64(max(total, read))), what)
		return
	}
	m.bar.Describe(what)
	if total > 0 {
		m.bar.ChangeMax64(max(total, read) + 1) // so that it does not end before the last ack
	}
	_ = m.bar.Set64(read) // it is only shown
}

// clear takes the bar off the terminal until it is shown again. The lock of the output must be held.
func (m *meter) clear() {
	if m == nil || m.bar == nil {
		return
	}
	_ = m.bar.Clear() // it is only shown
}

// close takes the bar off the terminal.
func (m *meter) close() {
	if m == nil || m.bar == nil {
		return
	}
	m.out.mu.Lock()
	defer m.out.mu.Unlock()
	_ = m.bar.Finish() // it is only shown
}

package pipeline

import (
	"fmt"
	"os"

	"github.com/mattn/go-isatty"
)

// console looks at where a sink prints.
func (c *checker) console(s *Sink, r *report) {
	if s.Writer != nil {
		r.pass("console", fmt.Sprintf("prints %v to a writer of the program", s.Format))
		return
	}
	file, what := c.stdout, "standard output"
	if s.Stderr {
		file, what = c.stderr, "standard error"
	}
	info, err := file.Stat()
	if err != nil {
		r.fail("console", what+" is closed", "start the program with it open, or log to files only")
		return
	}
	null, nullErr := os.Stat(os.DevNull)
	stream := c.getenv("JOURNAL_STREAM")
	journal := stream != "" && isJournal(info, stream)
	terminal := isatty.IsTerminal(file.Fd()) || isatty.IsCygwinTerminal(file.Fd())
	switch {
	case nullErr == nil && os.SameFile(info, null):
		r.warn("console", what+" is "+os.DevNull+": nobody sees it", "log to a file, or start the program with another "+what)
	case terminal && s.Format != Text:
		r.pass("console", fmt.Sprintf("%s is a terminal, and gets %v; for people there is the format text", what, s.Format))
	case terminal:
		r.pass("console", what+" is a terminal")
	case journal && s.Format == Text:
		r.pass("console", what+" goes to the journal of systemd, which adds its own time; the format json would keep attrs apart")
	case journal:
		r.pass("console", fmt.Sprintf("%s goes to the journal of systemd, as %v", what, s.Format))
	case c.container(c.getenv) && s.Format == Text:
		r.warn("console", what+" is collected from this container, as text for people", "set format to json, which what collects it can read")
	case c.container(c.getenv):
		r.pass("console", fmt.Sprintf("%s is collected from this container, as %v", what, s.Format))
	default:
		r.pass("console", fmt.Sprintf("%s is no terminal, and gets %v", what, s.Format))
	}
}

// inContainer reports whether this looks like a container.
func inContainer(getenv func(string) string) bool {
	if getenv("KUBERNETES_SERVICE_HOST") != "" || getenv("container") != "" {
		return true
	}
	for _, mark := range []string{"/.dockerenv", "/run/.containerenv"} {
		if _, err := os.Stat(mark); err == nil {
			return true
		}
	}
	return false
}

package doctor

import (
	"context"
	"strings"

	"github.com/sluicelog/sluice/pipeline"
)

// status is the answer to a box, and how well one thing is that was looked at.
type status int

const (
	pass status = iota
	hand        // no program can see it
	warn
	fail
)

// String returns the status in a word.
func (s status) String() string { return [...]string{"pass", "by hand", "warn", "fail"}[s] }

// MarshalText returns what String does.
func (s status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// finding is what was found out about one thing.
type finding struct {
	Status status `json:"status"`
	Sink   string `json:"sink,omitempty"`
	What   string `json:"what"`
	Detail string `json:"detail"`
	Do     string `json:"do,omitempty"`
}

// box is one of the guide's, answered.
type box struct {
	Text     string    `json:"text"`
	Status   status    `json:"status"` // the worst of the findings
	Findings []finding `json:"findings"`
}

// list is one of the guide's checklists.
type list struct {
	Name  string `json:"name"` // as for --list
	Title string `json:"title"`
	Boxes []box  `json:"boxes"`
}

// question is a box that is not answered yet.
type question struct {
	text  string
	about []string                                      // the findings of Config.Check that belong to it, by what they begin with
	look  func(x *exam, ctx context.Context, a *answer) // what else there is to see
}

type section struct {
	name, title string
	questions   []question
}

// sections are the lists of the guide.
func sections() []section {
	return []section{
		{"pre", "Pre-Deployment", []question{
			{text: "Log directories created with correct permissions", about: []string{"directory", "file", "spool", "file system"}},
			{text: "Environment variables configured", about: []string{"environment", "configuration file", "user"}},
			{text: "Configuration tested in staging", about: []string{
				"configuration", "levels", "console", "clock", "address", "receiver", "receivers",
				"certificate", "client certificate", "credentials", "key", "broker", "topic", "redis", "sentinel",
			}},
			{text: "Log rotation and retention tested", about: []string{"rotation", "retention"}},
			{text: "Monitoring and alerting configured", about: []string{"monitoring"}},
		}},
		{"post", "Post-Deployment", []question{
			{text: "Log files appearing as expected", look: (*exam).appearing},
			{text: "Log levels appropriate for environment", about: []string{"level"}, look: (*exam).levels},
			{text: "No sensitive data in logs", about: []string{"redaction"}, look: (*exam).secrets},
			{text: "Performance meets requirements", look: (*exam).performance},
			{text: "Monitoring dashboards show data", look: (*exam).monitoring},
		}},
		{"maintenance", "Maintenance", []question{
			{text: "Regular log analysis", look: (*exam).analysis},
			{text: "Cleanup old log files", look: (*exam).cleanup},
			{text: "Monitor disk space usage", about: []string{"space"}, look: (*exam).growth},
			{text: "Review and adjust retention policies", about: []string{"retention"}, look: (*exam).retention},
			{text: "Update logging configuration as needed", look: (*exam).configuration},
		}},
	}
}

// matches reports whether a finding of Config.Check belongs to the question.
func (q *question) matches(f *pipeline.Finding) bool {
	for _, what := range q.about {
		if strings.HasPrefix(f.What+" ", what+" ") {
			return true
		}
	}
	return false
}

// answer collects the findings of a look.
type answer struct {
	findings []finding
}

// add takes texts as they are, but for what does not print. What a log or a peer says must be harmless.
func (a *answer) add(s status, sink, what, detail, do string) {
	a.findings = append(a.findings, finding{s, oneLine(sink), oneLine(what), oneLine(detail), oneLine(do)})
}

func (a *answer) pass(sink, what, detail string)     { a.add(pass, sink, what, detail, "") }
func (a *answer) warn(sink, what, detail, do string) { a.add(warn, sink, what, detail, do) }
func (a *answer) fail(sink, what, detail, do string) { a.add(fail, sink, what, detail, do) }
func (a *answer) hand(what, detail, do string)       { a.add(hand, "", what, detail, do) }

// newBox returns the box with its findings, the worst of which is its status.
func newBox(text string, findings []finding) box {
	if len(findings) == 0 {
		findings = []finding{{pass, "", "configuration", "has nothing that this is about", ""}}
	}
	b := box{Text: text, Findings: findings}
	for _, f := range findings {
		b.Status = max(b.Status, f.Status)
	}
	return b
}

package sluice_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The headings of the two documents that docs/guide.md follows, and the programs for
// what stands below them. Those without a program only group others.
var guideHeadings = []struct{ heading, program string }{
	{"Pre-Deployment Checklist", ""},
	{"1. Configuration Review", "configuration"},
	{"2. Environment Variables", "environment"},
	{"3. Directory Permissions", "permissions"},
	{"Monitoring and Observability", "monitor"},
	{"Log Volume Monitoring", "volume"},
	{"Health Checks", "health"},
	{"Error Rate Monitoring", "errorrate"},
	{"Scaling Considerations", ""},
	{"High-Throughput Applications", "throughput"},
	{"Multi-Process Applications", "multiprocess"},
	{"Containerized Deployments", "container"},
	{"Security Best Practices", ""},
	{"Sensitive Data Protection", "redaction"},
	{"Log File Permissions", "permissions"},
	{"Audit Logging", "audit"},
	{"Maintenance Tasks", ""},
	{"Log Rotation Management", "cleanup"},
	{"Log Analysis Scripts", "analysis"},
	{"Backup and Archiving", "backup"},
	{"Performance Optimization", ""},
	{"Benchmarking Your Setup", "benchmark"},
	{"Memory Usage Monitoring", "memory"},
	{"Troubleshooting Production Issues", ""},
	{"Common Problems", "troubleshooting"},
	{"Emergency Logging", "emergency"},
	{"Deployment Checklist", "checklist"},
	{"Pre-Deployment", ""},
	{"Post-Deployment", ""},
	{"Maintenance", ""},

	{"What is Logstash?", ""},
	{"Deployment Strategies", ""},
	{"1. Logstash Forwarder", "filebeat"},
	{"2. Python Logstash Library", "logstash"},
	{"3. Sending Logs over TCP/UDP", "sockets"},
	{"4. Filebeat and Logstash Combination", "elk"},
	{"Conclusion", ""},
}

// TestDocsGuideHasEveryHeading looks for each heading, in the order of the documents,
// and below it for the link to a program that is there.
func TestDocsGuideHasEveryHeading(t *testing.T) {
	t.Parallel()
	rest := pagesOf(t)["docs/guide.md"]
	for _, want := range guideHeadings {
		at := regexp.MustCompile(`(?m)^#{2,3} ` + regexp.QuoteMeta(want.heading) + `$`).FindStringIndex(rest)
		if at == nil {
			t.Errorf("there is no %q where it belongs", want.heading)
			continue
		}
		rest = rest[at[1]:]
		section := rest
		if next := regexp.MustCompile(`(?m)^#{1,3} `).FindStringIndex(rest); next != nil {
			section = rest[:next[0]]
		}
		if strings.TrimSpace(section) == "" && want.program != "" {
			t.Errorf("nothing stands below %q", want.heading)
		}
		if want.program == "" {
			continue
		}
		if !strings.Contains(section, "](../examples/"+want.program+"/main.go)") {
			t.Errorf("%q does not name the program %s", want.heading, want.program)
		}
		if _, err := os.Stat(filepath.Join("examples", want.program, "main.go")); err != nil {
			t.Errorf("%q: %v", want.heading, err)
		}
	}
}

package doctor_test

import (
	"fmt"
	"testing"

	"github.com/sluicelog/sluice/cmd/sluice/internal/brokertest"
	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/cmd/sluice/internal/doctor"
)

// The brokers of a configuration are asked as the Logstashes are connected to, each for what it is.
func TestBrokers(t *testing.T) {
	k := brokertest.NewKafka(t)
	r := brokertest.NewRedis(t)
	s := brokertest.NewSentinel(t, r)
	r.Do(t, "set", "taken", "x")
	workplace(t, map[string]file{"logging.json": {fmt.Sprintf(`{"sinks":[
		{"name":"one","type":"logstash","addr":"kafka://%[1]s/logs"},
		{"name":"two","type":"logstash","addr":"kafka://%[1]s/other"},
		{"name":"three","type":"logstash","addr":"redis://%[2]s/logstash"},
		{"name":"four","type":"logstash","addr":"redis://%[2]s/taken"},
		{"type":"logstash","addr":"redis://%[3]s,127.0.0.1:1/logstash"},
		{"name":"six","type":"logstash","addr":"kafka+tls://127.0.0.1:1"}
	]}`, k.Addr(), r.Addr(), s.Addr()), 0}})
	out := run(t, &doctor.Machine{}, "--json", "--list", "pre", "logging.json")
	if out.code != cli.No || out.stderr != "" {
		t.Errorf("code %d, %q", out.code, out.stderr)
	}
	box := findings(t, out, "Configuration tested")
	has(t, box, "pass", "configuration: complete, and without contradictions")
	has(t, box, "pass", "receiver "+k.Addr()+": connected in")
	has(t, box, "pass", "topic logs: 1 partition, led by 1 broker that can be reached")
	has(t, box, "fail", "topic other: is not there → create it")
	has(t, box, "pass", "redis "+r.Addr()+": the list logstash has no entry")
	has(t, box, "fail", "redis "+r.Addr()+`: "taken" is no list, but a string`)
	has(t, box, "pass", "sentinel "+s.Addr()+": is a sentinel, which watches orders")
	has(t, box, "fail", "receiver 127.0.0.1:1: nobody listens there")
	for _, f := range box {
		if f.What == "topic other" && f.Sink != "two" || f.What == "sentinel "+s.Addr() && f.Sink != "sinks[4]" {
			t.Errorf("of another sink: %+v", f)
		}
	}

	box = findings(t, run(t, &doctor.Machine{}, "--json", "--offline", "logging.json"), "Configuration tested")
	has(t, box, "by hand", "receiver "+r.Addr()+": not asked: --offline")
	for _, f := range box {
		if f.Status == "fail" || f.What == "topic logs" {
			t.Errorf("offline, %+v", f)
		}
	}
}

// A variable that names a broker is one like any other.
func TestBrokerOfTheEnvironment(t *testing.T) {
	k := brokertest.NewKafka(t)
	workplace(t, nil)
	m := &doctor.Machine{Environ: []string{"LOG_LOGSTASH=kafka://" + k.Addr() + "/logs"}}
	out := run(t, m, "--env", "--json", "--list", "pre")
	has(t, findings(t, out, "Configuration tested"), "pass", "topic logs: 1 partition")
	m.Environ[0] = "LOG_LOGSTASH=kafka://" + k.Addr() + "/a/b"
	if out := run(t, m, "--env", "--json", "--list", "pre"); out.code != cli.No {
		t.Errorf("code %d: %v %s", out.code, out.err, out.stdout)
	}
}

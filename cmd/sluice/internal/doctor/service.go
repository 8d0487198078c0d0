package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/sluicelog/sluice/monitor"
	"github.com/sluicelog/sluice/redact"
)

// mostAnswer is how much of an answer is read.
const mostAnswer = 4 << 20

// monitorURL parses what --monitor is given.
func monitorURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s is no URL: want http://host:port/healthz, or that of the monitor page or the metrics", harmless(text))
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return nil, fmt.Errorf("%s: want a URL that begins with http:// or https:// and names a host", harmless(u.Redacted()))
	}
	return u, nil
}

// monitoring answers what the running service says of itself.
func (x *exam) monitoring(ctx context.Context, a *answer) {
	if len(x.monitor) == 0 {
		detail := "no --monitor was given"
		if x.offline {
			detail = errOffline.Error()
		}
		a.hand("service", detail, "ask the service: run: sluice doctor --monitor http://localhost:8080/healthz")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(x.timeout))
	defer cancel()
	for _, text := range x.monitor {
		u, err := monitorURL(text)
		if err != nil {
			continue // refused before
		}
		if strings.Trim(u.Path, "/") != "" {
			x.ask(ctx, u, false, a)
			continue
		}
		for _, path := range []string{"healthz", "metrics"} {
			x.ask(ctx, u.JoinPath(path), path == "metrics", a)
		}
	}
}

// ask asks one address. What is optional may be missing there.
func (x *exam) ask(ctx context.Context, u *url.URL, optional bool, a *answer) {
	what := harmless(u.Redacted())
	code, kind, body, err := x.get(ctx, u)
	switch {
	case err != nil:
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err
		}
		a.fail("", what, harmless(err.Error()), "see whether the service runs, and serves this address")
	case code == http.StatusNotFound && optional:
		a.hand(what, "there is none", "serve them, if there is a Prometheus: docs/monitor.md")
	case kind == "application/json":
		health(what, code, body, a)
	case code != http.StatusOK:
		a.fail("", what, fmt.Sprintf("answers %d %s", code, http.StatusText(code)), "see what is served there")
	case kind == "text/html" && u.RawQuery == "":
		state := *u
		state.RawQuery = "state"
		x.ask(ctx, &state, false, a)
	case strings.Contains(kind, "openmetrics") || kind == "text/plain":
		metrics(what, body, a)
	default:
		a.fail("", what, "is neither a health check, nor a monitor page, nor metrics, but "+harmless(kind),
			"give the address of /healthz, of the monitor page, or of the metrics")
	}
}

// get returns an answer, whose body is cut where it is too long.
func (x *exam) get(ctx context.Context, u *url.URL) (code int, kind string, body []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return 0, "", nil, err
	}
	resp, err := x.client.Do(req)
	if err != nil {
		return 0, "", nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // it was only read
	body, err = io.ReadAll(io.LimitReader(resp.Body, mostAnswer))
	kind, _, _ = mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return resp.StatusCode, kind, body, err
}

// state is what a health check and a monitor page have in common.
type state struct {
	State   string   `json:"state"`
	Reasons []string `json:"reasons"`
	Sinks   []struct {
		Name    string   `json:"name"`
		State   string   `json:"state"`
		Reasons []string `json:"reasons"`
	} `json:"sinks"`
}

// health reads the answer of a health check, or the state of a monitor page.
func health(what string, code int, body []byte, a *answer) {
	var found struct {
		state
		Health *state          `json:"health"`
		Totals *monitor.Counts `json:"totals"`
	}
	err := json.Unmarshal(body, &found)
	s := &found.state
	if found.Health != nil {
		s = found.Health
	}
	const do = "see the reasons in the service's own log, and on its monitor page"
	switch s.State {
	case "healthy":
		detail := "healthy"
		if found.Totals != nil {
			detail += ", " + counted(int64(min(found.Totals.Total(), math.MaxInt64)), "record", "records") + " so far"
		}
		a.pass("", what, detail)
	case "degraded":
		a.warn("", what, reasons(s), do)
	case "failing":
		a.fail("", what, reasons(s), do)
	default:
		if err != nil {
			a.fail("", what, fmt.Sprintf("answers %d with JSON that is broken: %s", code, harmless(err.Error())), "see what is served there")
			return
		}
		a.fail("", what, fmt.Sprintf("answers %d with JSON that has no state: is that monitor.Handler.HealthHandler?", code), "see what is served there")
	}
}

// reasons says what is not healthy, and why.
func reasons(s *state) string {
	all := s.Reasons
	if len(all) == 0 {
		for _, sink := range s.Sinks {
			for _, r := range sink.Reasons {
				all = append(all, sink.Name+": "+r)
			}
		}
	}
	if len(all) > 5 {
		all = append(all[:5:5], fmt.Sprintf("and %d more", len(all)-5))
	}
	return redact.String(strings.TrimSuffix(s.State+": "+strings.Join(all, "; "), ": "))
}

// metrics reads what Prometheus would.
func metrics(what string, body []byte, a *answer) {
	var records, dropped float64
	found := false
	for line := range strings.Lines(string(body)) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), " ")
		if i := strings.LastIndexByte(line, '}'); i >= 0 { // a label may have a space
			name, value = line[:i+1], strings.TrimSpace(line[i+1:])
		}
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		value, _, _ = strings.Cut(value, " ") // without the time
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			continue
		}
		switch base, _, _ := strings.Cut(name, "{"); {
		case strings.HasSuffix(base, "_records_failed_total"):
		case strings.HasSuffix(base, "_records_total"):
			records, found = records+v, true
		case strings.HasSuffix(base, "_sink_lines_dropped_total"):
			dropped += v
		}
	}
	count := func(v float64) string { return grouped(int64(min(max(v, 0), 1e18))) }
	switch {
	case !found:
		a.fail("", what, "has metrics, and none of package monitor/prom: no …_records_total", "register prom.NewCollector: docs/monitor.md")
	case records == 0:
		a.warn("", what, "has no record yet", "have the service log something")
	case dropped > 0:
		a.warn("", what, count(records)+" records, of which sinks have dropped "+count(dropped), "see which: the metrics have the sink and the reason")
	default:
		a.pass("", what, count(records)+" records so far, none dropped")
	}
}

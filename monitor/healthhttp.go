package monitor

import (
	"encoding/json"
	"net/http"
)

// HealthHandler returns a handler for a path such as /healthz. It answers 200
// while the State is Healthy or Degraded and 503 while it is Failing, with an
// object of JSON that has the State of each sink and the reasons. It has neither
// paths nor addresses of its own, but the text of an error may name them. Do not
// restart a program because its logs fail unless that is what you want: as a
// rule, it is for readiness and alerts.
func (h *Handler) HealthHandler() http.Handler { return http.HandlerFunc(h.serveHealth) }

func (h *Handler) serveHealth(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		header.Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed: use GET or HEAD", http.StatusMethodNotAllowed)
		return
	}
	type sink struct {
		Name    string   `json:"name"`
		State   State    `json:"state"`
		Reasons []string `json:"reasons,omitempty"`
	}
	health := h.Health()
	answer := struct {
		State   State    `json:"state"`
		Reasons []string `json:"reasons,omitempty"`
		Sinks   []sink   `json:"sinks,omitempty"`
	}{State: health.State, Reasons: health.Reasons}
	for i := range health.Sinks {
		s := &health.Sinks[i]
		answer.Sinks = append(answer.Sinks, sink{s.Sink.Name, s.State, s.Reasons})
	}
	body, err := json.Marshal(answer)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	header.Set("Content-Type", "application/json")
	if health.State >= Failing {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	if r.Method == http.MethodGet {
		_, _ = w.Write(append(body, '\n')) // who has gone needs no answer
	}
}
